"""A pool of images made earlier, so that a discriminator is not judged by the newest alone."""

from __future__ import annotations

import torch
from torch import Tensor


def drawn_from_pool(
    pool: Tensor, filled: Tensor, fresh: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """What the discriminator is shown, and the pool afterwards.

    While there is room for whole batches, fresh images are shown and kept. From then on each image is, by the
    toss of a coin, shown itself and not kept, or shown as one of the pool, whose place it takes.

    Args:
        pool: `(size, ...)`.
        filled: How many of its places are taken, a whole number on the same device.
        fresh: Images just made, `(N, ...)`, without a graph.
        generator: The randomness.

    Returns:
        Images `(N, ...)` and the pool, a tensor of its own; if a batch is larger than the pool, the fresh
        images and the pool as it was.

    Example:
        >>> pool, filled, stream = torch.zeros(4, 1), torch.tensor(0), torch.Generator().manual_seed(0)
        >>> images, pool = drawn_from_pool(pool, filled, torch.tensor([[1.0], [2.0]]), stream)
        >>> images.tolist(), pool.tolist()
        ([[1.0], [2.0]], [[1.0], [2.0], [0.0], [0.0]])

    Source: Shrivastava et al. 2017, section 2.3; Zhu et al. 2017, section 4.
    """
    count = len(fresh)
    room = room_for(len(pool), count)
    if not room:
        return fresh, pool
    device = fresh.device
    coins = torch.rand(count, generator=generator, device=device) < 0.5
    anywhere = torch.randperm(room, generator=generator, device=device)[:count]
    filling = filled < room
    places = torch.where(filling, filled + torch.arange(count, device=device), anywhere)
    places = places.clamp(max=room - 1)
    old = pool[places]
    wide = (count,) + (1,) * (fresh.dim() - 1)
    swapped = (coins & ~filling).reshape(wide)
    kept = torch.where((filling | coins).reshape(wide), fresh, old)
    return torch.where(swapped, old, fresh), pool.index_copy(0, places, kept)


def room_for(size: int, count: int) -> int:
    """The places of a pool that whole batches fill.

    Example:
        >>> room_for(50, 1), room_for(50, 16), room_for(50, 64)
        (50, 48, 0)
    """
    return size - size % count
