"""Whether samples lie nearer to the training data than unseen data do."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from poise.diagnosis.signals.features import distances


class Nearest(NamedTuple):
    """Distances of each row to the two nearest of the training data, `(N,)` each."""

    first: Tensor
    second: Tensor


def nearest_training(rows: Tensor, training: Tensor) -> Nearest:
    """The two nearest of the training data, which must hold two at least."""
    found = distances(rows, training).topk(2, dim=1, largest=False).values
    return Nearest(found[:, 0], found[:, 1])


def copying_score(fakes: Nearest, held_out: Nearest) -> float:
    """Standard errors by which fakes are farther from the training data than held-out reals; C_T.

    Well below 0: fakes are nearer to training data than new data are, so they are copies.

    Args:
        fakes: Of the samples.
        held_out: Of reals that were not trained on.

    Source: Meehan, Chaudhuri and Dasgupta 2020, section 3.1, over one cell: the z-score of Mann-Whitney's U.
    """
    n, m = len(held_out.first), len(fakes.first)
    order = held_out.first.sort().values
    below = torch.searchsorted(order, fakes.first.contiguous(), right=False)
    not_above = torch.searchsorted(order, fakes.first.contiguous(), right=True)
    statistic = float((below + not_above).double().sum() / 2)
    return (statistic - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def copied_share(rows: Nearest, *, share: float = 1 / 3) -> float:
    """The share of rows that are three times as near to one training sample as to any other.

    A blurred or an average sample is about as near to several; a copy is near to one.

    Source: Yoon et al. 2023, "Diffusion probabilistic models generalize when they fail to memorize",
        section 3.
    """
    return float((rows.first < share * rows.second).float().mean())
