"""How good a loop's samples are, by nothing that the doctor computes: they say whether a run was healthy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

COMPONENTS = 16
FAR, SPARSE, WORSE, CHANCE = 0.45, 0.3, 1.5, 0.05
"""Greatest distance, least coverage, most times the lowest distance, and what is chance beside that."""


class Quality(NamedTuple):
    """Of some hundred samples."""

    frechet: float  # Squared Fréchet distance on principal components, over the variance of held-out reals
    coverage: float  # Share of held-out reals with a fake nearer than their own fifth neighbour


def sound(course: Sequence[tuple[int, float, float]]) -> bool:
    """Whether a run was healthy, by its distance and coverage over time."""
    _, distance, coverage = course[-1]
    lowest = min(one[1] for one in course)
    kept = distance <= max(WORSE * lowest, lowest + CHANCE)
    return kept and distance <= FAR and coverage >= SPARSE


class Judge:
    """Principal components of the training rows, and held-out rows in them."""

    def __init__(self, train: Tensor, held_out: Tensor) -> None:
        rows = train.flatten(1)[:3_000].double()
        self.mean = rows.mean(0)
        count = min(COMPONENTS, rows.shape[1])
        self.axes = torch.linalg.svd(rows - self.mean, full_matrices=False).Vh[:count].T
        self.held_out = self._rows(held_out)[:600]
        self.train = self._rows(train)[:3_000]
        among = torch.cdist(self.held_out, self.held_out)
        self.radius = among.kthvalue(min(6, len(among)), dim=1).values
        self.floor = self.of(
            train[torch.randperm(len(train), generator=torch.Generator().manual_seed(2))[:600]]
        )

    def _rows(self, samples: Tensor) -> Tensor:
        rows: Tensor = (samples.flatten(1).double() - self.mean) @ self.axes
        return rows

    def of(self, fake: Tensor) -> Quality:
        """Measure; infinite and 0 where the samples are not finite."""
        rows = self._rows(fake)
        if not bool(rows.isfinite().all()):
            return Quality(float("inf"), 0.0)
        distance = frechet(rows.numpy(), self.train.numpy()) / float(self.train.var(0).sum())
        near = torch.cdist(self.held_out, rows).min(1).values
        return Quality(distance, float((near <= self.radius).double().mean()))


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Between the Gaussians of two sets of rows."""
    one, other = np.cov(a.T), np.cov(b.T)
    root = np.sqrt(np.clip(np.linalg.eigvals(one @ other).real, 0, None)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(one) + np.trace(other) - 2 * root)
