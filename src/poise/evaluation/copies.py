"""The training data of a run, and the samples that lie nearest to them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.evaluation.subjects import Progress, Subject, as_measured, own_data
from poise.metrics import Result
from poise.randomness import numpy_stream
from poise.training.held_out import split

MOST_TRAINING = 20_000
"""The most training samples that copies are searched among."""


def training_data(
    subject: Subject, reference: Subject, real: Tensor, seed: int, progress: Progress | None
) -> tuple[Tensor, Tensor | None]:
    """The samples that may have been copied, and reals that were not trained on, if there are any.

    For a run these are its training rows, and the rows that it held out; or the reference, if that is other
    data. For samples it is the reference, which is assumed to be what they were trained on. Both are encoded
    as `real`, which was drawn of the reference.
    """
    assert reference.count is not None
    run = subject.run
    own = run is not None and reference.is_what_was_trained_on(run)
    data = reference if own else None
    if run is not None and not own:
        try:
            data = own_data(run, progress=progress)
        except PoiseError:  # the training data are gone, and only the reference is left
            data = None
    if run is None or data is None or data.dataset is None:
        return reference.encoded(reference.draw(min(MOST_TRAINING, reference.count), seed)), None
    of_run = int(run.recipe.get("seed") or 0)
    rows = split(len(data.dataset), float(run.recipe.get("held_out") or 0.0), of_run)
    trained = rows.training
    if len(trained) > MOST_TRAINING:
        trained = np.sort(numpy_stream(of_run, 0, "evaluated rows").permutation(trained)[:MOST_TRAINING])
    learned = reference.encoded(as_measured(data.dataset, trained))
    if not own:
        return learned, real
    if not len(rows.held_out):
        return learned, None
    return learned, reference.encoded(as_measured(data.dataset, rows.held_out))


def nearest_pairs(result: Result, fake: Tensor, train: Tensor) -> Tensor | None:
    """Each of the nearest fakes before its nearest training image; `None` if they are not images."""
    if fake.dim() != 4:
        return None
    found = result.details["nearest_pairs"]
    return torch.stack([image for _, one, other in found for image in (fake[one], train[other])])
