"""Held-out data, by which memorisation can be recognised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from poise.data import Dataset, rejoined
from poise.randomness import numpy_stream
from poise.recipes import Recipe
from poise.training.batches import BatchSampler, Conditions, Indices, Rows
from poise.training.components import run_images

LEAST = 32
"""No rows are held out if they would be fewer than this."""

MOST = 1_000
"""The most rows that are held out."""


@dataclass(frozen=True, eq=False)
class Split:
    """Which rows are trained on, and which are not; both in ascending order.

    Attributes:
        training: Rows that are trained on.
        held_out: Rows that are not.
    """

    training: Indices
    held_out: Indices


def split(count: int, share: float, seed: int) -> Split:
    """Divide the rows of some data; the same for the same seed.

    Args:
        count: Rows there are.
        share: The share to hold out, at most 1,000 rows; none if that is fewer than 32.
        seed: The run's.

    Example:
        >>> len(split(1797, 0.05, 0).held_out), len(split(400, 0.05, 0).held_out)
        (90, 0)
    """
    size = min(MOST, round(share * count))
    order = numpy_stream(seed, 0, "held out").permutation(count)
    size = size if size >= LEAST else 0
    return Split(np.sort(order[size:]), np.sort(order[:size]))


@dataclass(frozen=True, eq=False)
class Chosen:
    """Some rows of some data, as if they were all.

    Args:
        rows: The data.
        chosen: The rows' numbers.
    """

    rows: Rows
    chosen: Indices

    def __len__(self) -> int:
        return len(self.chosen)

    def gather(self, indices: Indices) -> Tensor:
        """The stored values of those rows."""
        return self.rows.gather(self.chosen[indices])


@dataclass(frozen=True, eq=False)
class ChosenConditions:
    """The conditions of some rows, as if they were all.

    Args:
        conditions: Of all rows.
        chosen: The rows' numbers.
    """

    conditions: Conditions
    chosen: Indices
    paired: bool = True

    def __len__(self) -> int:
        return len(self.chosen)

    def gather(self, indices: Indices) -> Tensor:
        """The stored conditions of those rows."""
        return self.conditions.gather(self.chosen[indices])

    def encode(self, stored: Tensor) -> Tensor:
        """The conditions as the networks see them."""
        return self.conditions.encode(stored)


def examined(recipe: Recipe, dataset: Dataset) -> tuple[Dataset, Split]:
    """The data that the doctor examines, and which rows are trained on.

    Args:
        recipe: The resolved recipe.
        dataset: The data; of pairs and domains a part is held out already.
    """
    if dataset.held_out is None:
        return dataset, split(len(dataset), recipe.held_out, recipe.seed)
    whole = rejoined(dataset)
    return whole, Split(np.arange(len(dataset)), np.arange(len(dataset), len(whole)))


def training_batches(recipe: Recipe, dataset: Dataset, device: torch.device, *, drawn: int) -> BatchSampler:
    """Batches of the rows that a run is trained on.

    Args:
        recipe: The resolved recipe.
        dataset: The data, with their conditions.
        device: Where batches are wanted.
        drawn: How many batches came before.
    """
    rows, conditions = split(len(dataset), recipe.held_out, recipe.seed), dataset.condition
    some = len(rows.held_out) > 0
    return BatchSampler(
        Chosen(dataset, rows.training) if some else dataset,
        dataset.transform,
        samples=recipe.batch_size * recipe.packing,
        latent=recipe.latent,
        seed=recipe.seed,
        device=device,
        horizontal_flips=recipe.horizontal_flips,
        jitter=recipe.jitter,
        drawn=drawn,
        run_images=run_images(recipe),
        conditions=ChosenConditions(conditions, rows.training)
        if some and conditions is not None and conditions.paired
        else conditions,
    )
