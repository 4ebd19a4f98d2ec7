"""What an image shows at a glance: where which colours lie, how much of each, and how its edges run."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from poise.metrics.features.extractor import FunctionExtractor
from poise.metrics.features.pixels import NO_WEIGHTS

GRID, LEVELS, DIRECTIONS = 8, 4, 8
WEIGHTS = (0.2, 3.0, 3.0)
"""Of places, colours and edges; ours, so that none of them drowns the others."""


def colours_and_shapes() -> FunctionExtractor:
    """Untrained features that tell things from each other better than random filters do.

    Three parts side by side: the image at 8x8 pixels; the root of the share of pixels in each cell of colour
    space, four levels to a channel; and the root of how much edge runs in each of eight directions within
    each cell of an 8x8 grid, over the image's whole (Dalal and Triggs 2005, without their blocks).

    Example:
        >>> colours_and_shapes()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 768])
    """
    return FunctionExtractor(
        "colours-and-shapes",
        _features,
        takes="-1..1",
        preparation=f"grid {GRID}, {LEVELS} levels, {DIRECTIONS} directions",
        weights_hash=NO_WEIGHTS,
    )


def _features(images: Tensor) -> Tensor:
    """Images `(N, C, H, W)` in [-1, 1] to `(N, d)`; d is 512 and 64 for each channel, and 4 to its power."""
    places = functional.adaptive_avg_pool2d(images, GRID).flatten(1)
    parts = [places, _colours(images), _edges(images.mean(1))]
    return torch.cat([weight * part for weight, part in zip(WEIGHTS, parts, strict=True)], 1)


def _colours(images: Tensor) -> Tensor:
    """The root of the share of pixels of each colour: `(N, LEVELS ** C)`."""
    count, channels = images.shape[:2]
    levels = ((images + 1) * (LEVELS / 2)).floor().clamp(0, LEVELS - 1).long()
    code = torch.zeros_like(levels[:, 0])
    for channel in range(channels):
        code = code * LEVELS + levels[:, channel]
    shares = torch.zeros(count, LEVELS**channels, device=images.device)
    flat = code.flatten(1)
    ones = torch.ones_like(flat, dtype=shares.dtype)
    return (shares.scatter_add_(1, flat, ones) / flat.shape[1]).sqrt()


def _edges(grey: Tensor) -> Tensor:
    """The root of the share of edge in each cell and direction: `(N, DIRECTIONS * GRID * GRID)`."""
    down, right = torch.gradient(grey, dim=(1, 2))
    strength = torch.hypot(down, right)
    angle = torch.remainder(torch.atan2(down, right), torch.pi) * (DIRECTIONS / torch.pi)
    direction = angle.floor().clamp(max=DIRECTIONS - 1).long()
    planes = functional.one_hot(direction, DIRECTIONS).permute(0, 3, 1, 2) * strength[:, None]
    cells = functional.adaptive_avg_pool2d(planes.to(grey.dtype), GRID).flatten(1)
    whole = torch.linalg.vector_norm(cells, dim=1, keepdim=True).clamp(min=1e-6)
    edges: Tensor = (cells / whole).sqrt()
    return edges
