"""What a run's own data say of a picture: the log-odds of their classes or tags, by a small classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from poise.data import Dataset, data_of, open_data
from poise.errors import PoiseError
from poise.metrics.features import small_classifier
from poise.recipes import saved_recipe

if TYPE_CHECKING:
    from poise.generator.generator import Generator

MOST_ROWS = 4000  # Rows of the data that a classifier is trained on
MOST_LABELS = 12
LEAST_RIGHT = 0.6  # Accuracy below which a classifier's opinion is no truth


@dataclass(frozen=True)
class Labels:
    """Labels of pictures.

    Attributes:
        names: The classes or tags.
        log_odds: From pictures `(N, C, H, W)` in [-1, 1] to `(N, labels)`.
        accuracy: The accuracy on pictures that were not trained on, of each label.
    """

    names: tuple[str, ...]
    log_odds: Callable[[Tensor], Tensor]
    accuracy: tuple[float, ...]


def labels_of_run(
    generator: Generator, *, cache: Path | None = None, on_epoch: Callable[[float], None] | None = None
) -> Labels | None:
    """The labels of a run's data; `None` if there are none, or if the generator takes them itself.

    Args:
        generator: The generator.
        cache: A folder for the classifier.
        on_epoch: Called with the share of the classifier's training that is done.

    Raises:
        PoiseError: The data are no longer where they were.
    """
    if generator.run is None or generator.condition is not None or not generator.kind.pictorial:
        return None
    origin = generator.run.data.get("origin") or {}
    data = data_of(origin)
    if data is None:
        return None
    recipe = saved_recipe(generator.run.recipe)
    _, height, width = generator.shape
    dataset = open_data(
        data, resolution=(height, width), fit=recipe.fit, channels=generator.shape[0], refuse_above=1
    )
    return labels_of(dataset, cache=cache, on_epoch=on_epoch)


def labels_of(
    dataset: Dataset, *, cache: Path | None = None, on_epoch: Callable[[float], None] | None = None
) -> Labels | None:
    """The labels of a data set of pictures; `None` if it has none."""
    if dataset.labels is None:
        return None
    step = max(1, -(-len(dataset) // MOST_ROWS))
    rows = np.arange(0, len(dataset), step)
    numbers = torch.from_numpy(np.asarray(dataset.labels)[rows].astype(np.int64))
    if len(rows) < 20 or len(torch.unique(numbers)) < 2:
        return None
    images = dataset.transform.encode(dataset.gather(rows))
    classifier = small_classifier(images, numbers, value_range="-1..1", cache=cache, on_epoch=on_epoch)
    assert classifier.probabilities is not None
    if classifier.accuracy < LEAST_RIGHT:
        what = f"The classes of '{dataset.name}' are not told apart, so that there are no directions of them"
        why = f"a small classifier names {classifier.accuracy:.0%} of held-out pictures rightly"
        raise PoiseError(
            what, code="generator.labels-not-learnt", why=why, hint="leave labels out: --no-labels"
        )
    probabilities, count = classifier.probabilities, classifier.classes
    names = dataset.label_names or tuple(str(number) for number in range(count))

    def log_odds(pictures: Tensor) -> Tensor:
        shares = probabilities(pictures.float()).double().clamp(1e-6, 1 - 1e-6)
        return (shares / (1 - shares)).log()

    # Directions are counted, too, so that a class that is called '7' needs a word before it
    called = tuple(f"class {name}" if name.isdigit() else name for name in names[:count])
    return Labels(called, log_odds, (classifier.accuracy,) * count)
