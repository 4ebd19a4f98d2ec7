"""Fixed latents and conditions for the pictures of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from poise.data import Array, Condition, Dataset, kind_of
from poise.randomness import torch_stream
from poise.recipes import Recipe
from poise.training.batches import latents

MOST_CLASSES = 16
COLUMNS = 8


@dataclass(frozen=True)
class Preview:
    """Inputs of the generator that stay the same through a run.

    Attributes:
        latent: `(N, latent_size)`.
        condition: `(N, ...)` as the networks see them; `None` if there are none.
        columns: Images in a row of the picture; `None` for a square.
    """

    latent: Tensor
    condition: Tensor | None = None
    columns: int | None = None


def make_preview(recipe: Recipe, dataset: Dataset) -> Preview:
    """The same for every session of a run: as many samples as its kind shows, or a row of each class.

    Args:
        recipe: The resolved recipe.
        dataset: The data, with its conditions.
    """
    kind, columns, condition = kind_of(dataset), None, None
    count = kind.preview
    if dataset.condition is not None:
        rows = _rows(dataset.condition, count, COLUMNS if kind.gridded else None)
        condition = dataset.condition.encode(dataset.condition.gather(rows))
        count = len(rows)
        columns = COLUMNS if dataset.condition.of_classes else None
    latent = latents(count, recipe.latent, torch_stream(recipe.seed, 0, "fixed latents"))
    return Preview(latent, condition, columns)


def _rows(condition: Condition, count: int, each: int | None) -> Array:
    """A stretch of rows of each class, or rows that are spread evenly."""
    if not condition.of_classes:
        return np.linspace(0, len(condition) - 1, min(count, len(condition))).astype(np.int64)
    classes = min(condition.shape[0], MOST_CLASSES)
    firsts = [int(np.argmax(condition.array == label)) for label in range(classes)]
    return np.repeat(firsts, each or count // classes)
