"""Whether samples follow the condition that they were asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from poise.diagnosis.signals.features import distances


def response(asked: Tensor, swapped: Tensor) -> float:
    """How far samples move when only their condition is exchanged, over the distance of any two.

    Args:
        asked: `(N, d)`, samples for some conditions.
        swapped: `(N, d)`, samples of the same latents for other conditions.
    """
    moved = float((asked - swapped).norm(dim=1).mean())
    apart = float(distances(asked, asked).sum() / (len(asked) * (len(asked) - 1)))
    return moved / max(apart, 1e-12)


def class_means(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The labels that occur and the mean of the rows of each, `(K,)` and `(K, d)`."""
    names: Tensor = torch.unique(labels)
    return names, torch.stack([rows[labels == name].mean(0) for name in names])


def followed(rows: Tensor, labels: Tensor, names: Tensor, means: Tensor) -> float:
    """The share of rows whose nearest class mean is that of their label."""
    return float((names[distances(rows, means).argmin(1)] == labels).float().mean())
