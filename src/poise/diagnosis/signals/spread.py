"""How different samples are from one another, from the distances of all pairs."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_distance(pairs: Tensor) -> float:
    """The mean distance of two different samples.

    Args:
        pairs: `(N, N)` distances, N at least 2.

    Example:
        >>> mean_distance(torch.tensor([[0.0, 2.0], [2.0, 0.0]]))
        2.0
    """
    count = len(pairs)
    return float((pairs.sum() - pairs.diagonal().sum()) / (count * (count - 1)))


def nearest_others(pairs: Tensor) -> Tensor:
    """The distance of each sample to its nearest other, `(N,)`."""
    return pairs.clone().fill_diagonal_(torch.inf).amin(1)


def duplicates(pairs: Tensor, closeness: float) -> float:
    """The share of samples with another nearer than `closeness`.

    The birthday test made continuous: among a few hundred of many, hardly any two are alike.

    Args:
        pairs: `(N, N)` distances.
        closeness: Up to which distance two are the same.

    Source: Arora and Zhang 2018, "Do GANs learn the distribution?", section 2.
    """
    return float((nearest_others(pairs) < closeness).float().mean())
