"""Images moved and scaled a little, by chance: more images out of few."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from poise.recipes.settings import Jitter


def draw_jitter(count: int, side: int, settings: Jitter, generator: torch.Generator) -> Tensor:
    """Where each of some images is to be looked at; their shorter side has `side` pixels.

    Returns:
        `(count, 3)`: what the image is enlarged by, and how far its middle goes to the right and down, in
        whole pixels.

    Example:
        >>> draw_jitter(2, 32, Jitter(), torch.Generator()).tolist()
        [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]

    Source: Isola et al. 2017, appendix 6.2.
    """
    farthest = round(settings.shift * side)
    device = generator.device
    exponent = torch.rand((count, 1), generator=generator, device=device) * 2 - 1
    shifts = torch.randint(-farthest, farthest + 1, (count, 2), generator=generator, device=device)
    return torch.cat([(1 + settings.scale) ** exponent, shifts.float()], 1)


def shifted(images: Tensor, shifts: Tensor, mirrored: Tensor | None = None) -> Tensor:
    """Images moved by whole pixels, some mirrored before; what comes in from outside repeats the edge.

    Both in one look-up of pixels: a third of the time that mirroring first and moving then would take. Shifts
    are `(N, 2)`, to the right and down; `mirrored` is `(N, 1)`, booleans. The channels come last in memory.

    Example:
        >>> line = torch.arange(4.0).expand(1, 1, 4, 4)
        >>> shifted(line, torch.tensor([[1, 0]]))[0, 0, 0].tolist()
        [0.0, 0.0, 1.0, 2.0]
        >>> shifted(line, torch.tensor([[1, 0]]), torch.tensor([[True]]))[0, 0, 0].tolist()
        [3.0, 3.0, 2.0, 1.0]
    """
    (count, channels, height, width), device = images.shape, images.device
    right, down = shifts[:, :1].long(), shifts[:, 1:].long()
    columns = (torch.arange(width, device=device) - right).clamp(0, width - 1)
    if mirrored is not None:
        columns = torch.where(mirrored, width - 1 - columns, columns)
    rows = (torch.arange(height, device=device) - down).clamp(0, height - 1)
    rows = rows + torch.arange(0, count * height, height, device=device)[:, None]
    places = rows[:, :, None] * width + columns[:, None, :]
    pixels = images.permute(0, 2, 3, 1).reshape(-1, channels).index_select(0, places.flatten())
    return pixels.reshape(count, height, width, channels).permute(0, 3, 1, 2)


def jittered(images: Tensor, places: Tensor) -> Tensor:
    """Images scaled about their middle and moved, linear between pixels; the edge is repeated outside.

    Places are `(N, 3)`, as `draw_jitter` gives them.

    Example:
        >>> line = torch.arange(4.0).expand(1, 1, 4, 4)
        >>> jittered(line, torch.tensor([[1.0, 1.0, 0.0]]))[0, 0, 0].tolist()
        [0.0, 0.0, 1.0, 2.0]
    """
    height, width = images.shape[-2:]
    shrunk = 1 / places[:, 0]
    zero = torch.zeros_like(shrunk)
    across = torch.stack([shrunk, zero, -2 * places[:, 1] / width * shrunk], 1)
    down = torch.stack([zero, shrunk, -2 * places[:, 2] / height * shrunk], 1)
    grid = affine_grid(torch.stack([across, down], 1), list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)
