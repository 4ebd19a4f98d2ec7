"""Which rows of some data a run is trained on, and which it holds out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.data import Dataset, rejoined
from poise.randomness import numpy_stream
from poise.recipes import Recipe

SHARE = 0.05
"""The share that is held out, if the data decide and a share of them is enough."""

LEAST = 32
"""If a share of the rows is fewer than this, none are held out."""

FEW = 8
"""Of few rows so many are held out at least; in ranks, that is enough to see what is unmistakable."""

FEWEST = 10 * FEW
"""Of fewer rows than this, which are all needed for training, none are held out."""

MOST = 1_000
"""The most rows that are held out."""

Indices = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class Split:
    """Which rows are trained on, and which are not; both in ascending order."""

    training: Indices
    held_out: Indices


def split(count: int, held_out: float | None, seed: int) -> Split:
    """Divide the rows of some data; the same for the same seed.

    Of a share at most 1,000 rows are held out, and none if that is fewer than 32. A whole number is taken as
    it is, if half of the rows are left. `None` takes what suits so many rows.

    Example:
        >>> [len(split(count, 0.05, 0).held_out) for count in (1797, 400)]
        [90, 0]
        >>> [len(split(count, None, 0).held_out) for count in (1797, 400, 90, 50)]
        [90, 20, 8, 0]
    """
    asked = held_out_of(count) if held_out is None else held_out
    size = min(asked, count // 2) if isinstance(asked, int) else min(MOST, round(asked * count))
    size = size if isinstance(asked, int) or size >= LEAST else 0
    order = numpy_stream(seed, 0, "held out").permutation(count)
    return Split(np.sort(order[size:]), np.sort(order[:size]))


def held_out_of(count: int) -> int | float:
    """What is held out of so many rows if nobody says: a share, or of few a number of them.

    Example:
        >>> held_out_of(10_000), held_out_of(200), held_out_of(90), held_out_of(50)
        (0.05, 10, 8, 0)
    """
    if count < FEWEST:
        return 0
    size = round(SHARE * count)
    return SHARE if size >= LEAST else max(FEW, size)


def with_held_out(recipe: Recipe, dataset: Dataset) -> Recipe:
    """The recipe with what is held out; nothing of data of which a part is held out already."""
    if dataset.held_out is not None:
        return recipe.model_copy(update={"held_out": 0.0})
    if recipe.held_out is not None:
        return recipe
    return recipe.model_copy(update={"held_out": held_out_of(len(dataset))})


def examined(recipe: Recipe, dataset: Dataset) -> tuple[Dataset, Split]:
    """The data that the doctor examines, and which rows are trained on."""
    if dataset.held_out is None:  # of pairs and domains a part is held out already
        return dataset, split(len(dataset), recipe.held_out, recipe.seed)
    whole = rejoined(dataset)
    return whole, Split(np.arange(len(dataset)), np.arange(len(dataset), len(whole)))
