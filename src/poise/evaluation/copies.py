"""What may have been copied, and what was: the training data of a run, and its nearest samples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.evaluation.subjects import Progress, Subject, as_measured, own_data
from poise.metrics import Result
from poise.randomness import numpy_stream
from poise.run_folder import RunFolder
from poise.training.held_out import split

MOST_TRAINING = 20_000
"""Training samples that copies are looked for among."""


def training_data(
    subject: Subject, reference: Subject, real: Tensor, seed: int, progress: Progress | None
) -> tuple[Tensor, Tensor | None]:
    """What may have been copied, and reals that were not trained on, if there are any.

    Of a run: its training rows and those that it held out, or the reference where that is other data. Of
    samples: the reference, which is taken for what they were trained on.

    Args:
        subject: What is judged.
        reference: What it is judged against.
        real: What was drawn of the reference, encoded.
        seed: Draws rows.
        progress: Told how far reading has come.

    Returns:
        Both encoded as `real` is.
    """
    assert reference.count is not None
    run = subject.run
    if run is None:
        return reference.encoded(reference.draw(min(MOST_TRAINING, reference.count), seed)), None
    own = reference.is_what_was_trained_on(run)
    try:
        data = reference if own else own_data(run, progress=progress)
    except PoiseError:  # the training data are gone: the reference is all there is
        return reference.encoded(reference.draw(min(MOST_TRAINING, reference.count), seed)), None
    trained, held_out = _trained_and_held_out(data, run)
    if not own:
        return reference.encoded(trained), real
    return reference.encoded(trained), None if held_out is None else reference.encoded(held_out)


def nearest_pairs(result: Result, fake: Tensor, train: Tensor) -> Tensor | None:
    """Each of the nearest fakes before its nearest training image; `None` where they are no images.

    Args:
        result: Of the metric `memorisation`.
        fake: What it was measured of.
        train: What was looked among.
    """
    if fake.dim() != 4:
        return None
    found = result.details["nearest_pairs"]
    return torch.stack([image for _, one, other in found for image in (fake[one], train[other])])


def _trained_and_held_out(data: Subject, run: RunFolder) -> tuple[Tensor, Tensor | None]:
    """The rows that a run was trained on, and those that were kept from it, if any were."""
    assert data.source is not None
    source, recipe, seed = data.source, run.recipe, int(run.recipe.get("seed") or 0)
    rows = split(len(source), float(recipe.get("held_out") or 0.0), seed)
    trained = rows.training
    if len(trained) > MOST_TRAINING:
        trained = np.sort(numpy_stream(seed, 0, "evaluated rows").permutation(trained)[:MOST_TRAINING])
    held_out = as_measured(source, rows.held_out) if len(rows.held_out) else None
    return as_measured(source, trained), held_out
