"""Which parts of the data the samples fall into: cells of k-means over the data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from poise.diagnosis.signals.features import distances


def cell_centres(rows: Tensor, count: int, *, rounds: int = 20) -> Tensor:
    """Centres of k-means, `(count, d)`; the same for the same rows.

    Lloyd's algorithm from rows each farthest from those before. (scikit-learn's is as good and takes more
    than a second to import, which a short run would notice.)

    Args:
        rows: `(N, d)`.
        count: How many cells, at most N.
        rounds: Rounds of the algorithm.

    Source: Richardson and Weiss 2018, "On GANs and GMMs", section 2: bins for a test of two samples;
        Gonzalez 1985 for the start.
    """
    chosen = [0]
    nearest = distances(rows, rows[:1])[:, 0]
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, distances(rows, rows[chosen[-1:]])[:, 0])
    centres = rows[chosen].clone()
    for _ in range(rounds):
        cells = distances(rows, centres).argmin(1)
        counts = torch.bincount(cells, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, cells, rows)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp_min(1)[:, None], centres)
    return centres


def shares(rows: Tensor, centres: Tensor) -> tuple[float, ...]:
    """The share of rows that fall to each centre, nearest first come."""
    counts = torch.bincount(distances(rows, centres).argmin(1), minlength=len(centres))
    return tuple((counts / max(1, len(rows))).tolist())


def covered(found: Sequence[float], expected: Sequence[float], *, least: float = 0.25) -> float:
    """The share of the data that lies in cells which get at least a quarter of what they should.

    Args:
        found: Shares of the samples by cell.
        expected: Shares of the data by cell.
        least: The share of its due from which a cell counts as covered.

    Example:
        >>> covered([1.0, 0.0], [0.5, 0.5])
        0.5
    """
    return sum(due for share, due in zip(found, expected, strict=True) if share >= least * due)


def moved(first: Sequence[float], second: Sequence[float]) -> float:
    """The total variation between two histograms, from 0 to 1.

    Example:
        >>> moved([1.0, 0.0], [0.0, 1.0]), moved([0.5, 0.5], [0.5, 0.5])
        (1.0, 0.0)
    """
    return sum(abs(one - other) for one, other in zip(first, second, strict=True)) / 2
