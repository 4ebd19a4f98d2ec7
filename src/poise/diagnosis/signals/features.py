"""From samples of any shape to rows that distances are taken between."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 8
WIDEST = 512


def features_of(samples: Tensor) -> Tensor:
    """Rows of at most some hundred numbers, on the CPU: images averaged to 8 x 8, all else laid flat.

    What is wider than 512 numbers is projected on 256 fixed random directions, which keeps distances within
    some percent (Johnson and Lindenstrauss 1984).

    Args:
        samples: `(N, ...)`; images as `(N, C, H, W)`. Half precision is widened.

    Returns:
        `(N, d)` float32 on the CPU.

    Example:
        >>> features_of(torch.zeros(4, 3, 32, 32)).shape, features_of(torch.zeros(4, 2)).shape
        (torch.Size([4, 192]), torch.Size([4, 2]))
    """
    samples = samples.detach()
    samples = samples.float() if samples.dtype in (torch.half, torch.bfloat16) else samples
    if samples.dim() == 4 and min(samples.shape[-2:]) > 1:
        height, width = (min(SIDE, side) for side in samples.shape[-2:])
        samples = adaptive_avg_pool2d(samples, (height, width))
    rows = samples.reshape(len(samples), -1).to("cpu", torch.float32)
    if rows.shape[1] <= WIDEST:
        return rows
    directions = torch.randn(rows.shape[1], WIDEST // 2, generator=torch.Generator().manual_seed(0))
    projected: Tensor = rows @ directions / (WIDEST // 2) ** 0.5
    return projected


def distances(first: Tensor, second: Tensor) -> Tensor:
    """Euclidean distances of all pairs, `(n, m)`.

    In float64, so that what the products round off is far below any distance that matters.

    Args:
        first: `(n, d)`.
        second: `(m, d)`.
    """
    pairs: Tensor = torch.cdist(first.double(), second.double(), compute_mode="use_mm_for_euclid_dist")
    return pairs.float()
