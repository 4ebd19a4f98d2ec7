"""What a person is shown while a run trains: fixed latents, and fixed conditions where there are any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from poise.data import Dataset
from poise.data.condition import Array, Condition
from poise.randomness import torch_stream
from poise.recipes import Recipe
from poise.training.batches import latents

CELLS = 64
POINTS = 2_000
MOST_CLASSES = 16
COLUMNS = 8


@dataclass(frozen=True)
class Preview:
    """Inputs of the generator that stay the same through a run.

    Attributes:
        latent: `(N, latent_size)`.
        condition: `(N, ...)` as the networks see them; `None` where there are none.
        columns: Images in a row of the picture; `None` for a square.
    """

    latent: Tensor
    condition: Tensor | None = None
    columns: int | None = None


def preview_of(recipe: Recipe, source: Dataset) -> Preview:
    """The same for every sitting of a run: 64 images or 2,000 points, or a row of each class.

    Args:
        recipe: The resolved recipe.
        source: The data, with its conditions.
    """
    count, columns, condition = CELLS if source.kind == "image" else POINTS, None, None
    if source.condition is not None:
        rows = _rows(source.condition, count)
        condition = source.condition.encode(source.condition.gather(rows))
        count = len(rows)
        columns = COLUMNS if source.condition.kind == "label" else None
    latent = latents(count, recipe.latent, torch_stream(recipe.seed, 0, "fixed latents"))
    return Preview(latent, condition, columns)


def _rows(condition: Condition, count: int) -> Array:
    """A stretch of rows of each class, or rows that are spread evenly."""
    if condition.kind != "label":
        return np.linspace(0, len(condition) - 1, min(count, len(condition))).astype(np.int64)
    classes = min(condition.shape[0], MOST_CLASSES)
    each = COLUMNS if count == CELLS else count // classes
    firsts = [int(np.argmax(condition.array == label)) for label in range(classes)]
    return np.repeat(firsts, each)
