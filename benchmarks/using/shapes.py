"""A made data set whose factors are known: one disc on grey, of any position, size and hue; and its judge.

The judge measures the factors of a picture from its pixels alone, so that an edit's effect on each of them is
a number and no opinion.
"""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

SIDE = 32
FACTORS = ("left-right", "up-down", "size", "hue")
GREY = 0.35


def discs(count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images `(count, 3, 32, 32)` of bytes and their factors `(count, 4)`, each uniform in [-1, 1]."""
    factors = np.random.default_rng(seed).uniform(-1, 1, (count, len(FACTORS)))
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    images = np.empty((count, 3, SIDE, SIDE), np.uint8)
    for number, (across, down, size, hue) in enumerate(factors):
        x, y, radius = SIDE / 2 + 6 * across, SIDE / 2 + 6 * down, 6 + 2.5 * size
        inside = np.clip(radius - np.hypot(columns - x, rows - y) + 0.5, 0, 1)
        # From red over green to blue
        colour = np.array(colorsys.hsv_to_rgb(0.33 + 0.33 * hue, 0.9, 0.95))
        picture = GREY + inside * (colour[:, None, None] - GREY)
        images[number] = np.round(255 * picture)
    return images, factors


def measured(images: Tensor) -> Tensor:
    """The factors `(N, 4)` of images `(N, 3, 32, 32)` in [-1, 1], in the units of `discs`."""
    shown = (images.double().clamp(-1, 1) + 1) / 2
    apart = (shown - GREY).abs().amax(1)
    mass = (apart / apart.flatten(1).amax(1).clamp(min=1e-6)[:, None, None]).clamp(0, 1)
    total = mass.sum((1, 2)).clamp(min=1e-6)
    places = torch.arange(SIDE, dtype=torch.float64) + 0.5
    across, down = (mass.sum(1) @ places) / total, (mass.sum(2) @ places) / total
    radius = (total / torch.pi).sqrt()
    colour = (shown * mass[:, None]).sum((2, 3)) / total[:, None]
    red, green, blue = colour.unbind(1)
    # The hue between red and blue, by the angle in the plane of colours
    angle = torch.atan2(3**0.5 * (green - blue), 2 * red - green - blue)
    hue = torch.remainder(angle / (2 * torch.pi) + 0.17, 1.0) - 0.17
    return torch.stack(
        [(across - SIDE / 2) / 6, (down - SIDE / 2) / 6, (radius - 6) / 2.5, (hue - 0.33) / 0.33], 1
    )


def write_discs(path: Path, count: int = 4000) -> Path:
    """The data set as a `.npy` file, if it is not there."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, discs(count)[0])
    return path
