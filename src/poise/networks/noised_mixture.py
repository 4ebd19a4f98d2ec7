"""A mixture of products that is fitted to rows of which none may be known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

ROUNDS = 10
"""Rounds of fitting; each looks at all rows once."""

PIECE = 2_048
"""Rows at once."""

CLEAR = 0.5
"""In deviations of the noise, what is taken off each count, so that noise alone leaves little."""


@torch.no_grad()
def noised_mixture(
    rows: Tensor, sizes: Sequence[int], count: int, *, noise: float, stream: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Fit a mixture by expectation and maximisation on noised counts.

    In each round a row adds to the counts of all components what it belongs to them, 1 together, times one
    cell of each column: a norm of at most the root of the number of columns.

    Args:
        rows: `(N, numbers)`: a one-hot choice for each column.
        sizes: The cells of each column.
        count: How many components.
        noise: The deviation of the noise of all rounds together, in what one row changes.
        stream: Draws the noise, and where components begin.

    Returns:
        The weights of the components `(count,)`, their shares of each cell `(count, numbers)`, and those of
        the whole table `(numbers,)`.

    Source: Park, Foulds, Chaudhuri and Welling 2017 (DP-EM), with Gaussian noise of one budget.
    """
    deviation = noise * math.sqrt(ROUNDS * len(sizes))

    def noised(counts: Tensor) -> Tensor:
        drawn = torch.from_numpy(stream.normal(0.0, deviation, tuple(counts.shape))).to(counts)
        return counts + drawn

    whole = _shares(noised(rows.sum(0, keepdim=True)), deviation, sizes)[0]
    weights = torch.full((count,), 1 / count, device=rows.device)
    shares = 0.5 * whole + 0.5 * _independent_rows(whole, count, sizes, stream)
    for _ in range(ROUNDS - 1):
        counts = torch.zeros_like(shares)
        for piece in rows.split(PIECE):
            belongs = (piece @ shares.log().T + weights.log()).softmax(1)
            counts += belongs.T @ piece
        counts = noised(counts)
        taken = torch.stack([part.sum(1) for part in counts.split(list(sizes), 1)]).mean(0).clamp_min(1.0)
        weights = taken / taken.sum()
        shares = _shares(counts, deviation, sizes, whole)
    return weights, shares, whole


def _shares(counts: Tensor, deviation: float, sizes: Sequence[int], whole: Tensor | None = None) -> Tensor:
    """The shares of each column's cells; what noise may have made is left to the shares of the whole."""
    clear = (counts - CLEAR * deviation).clamp_min(0.0)
    prior = torch.ones_like(counts) if whole is None else whole * deviation
    parts = (clear + prior + 1e-3).split(list(sizes), 1)
    return torch.cat([part / part.sum(1, keepdim=True) for part in parts], 1)


def _independent_rows(whole: Tensor, count: int, sizes: Sequence[int], stream: np.random.Generator) -> Tensor:
    """Rows of independent columns, near which components begin."""
    made = []
    for part in whole.split(list(sizes)):
        probabilities = part.double().cpu().numpy()
        chosen = stream.choice(len(part), size=count, p=probabilities / probabilities.sum())
        made.append(torch.eye(len(part), device=whole.device)[torch.from_numpy(chosen)])
    return torch.cat(made, 1)
