"""The power of samples on a grid at each wave number."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["NEGLIGIBLE", "radial_power"]

NEGLIGIBLE = 1e-10  # Share of the greatest power below which a wave number holds rounding errors


def radial_power(fields: Tensor) -> Tensor:
    """The mean power of each wave number, `(N, C, K)`, K half of the longest axis.

    Wave number k holds all frequencies whose length, in cycles over the longest axis, rounds to k; 0, the
    mean of a sample, is left out. Samples that do not repeat at their borders have the borders' power, too.

    Args:
        fields: `(N, C, *axes)` of one to three axes.

    Example:
        >>> wave = torch.cos(torch.arange(8) * torch.pi / 2)  # two cycles, at the frequencies 2 and -2
        >>> radial_power(wave[None, None])[0, 0].round(decimals=3)
        tensor([0.0000, 0.2500, 0.0000, 0.0000])
    """
    axes = tuple(range(2, fields.dim()))
    lengths = fields.shape[2:]
    longest = max(lengths)
    power = torch.fft.fftn(fields, dim=axes).abs().square() / math.prod(lengths) ** 2
    parts = [
        torch.fft.fftfreq(length, dtype=torch.float64, device=fields.device) * longest for length in lengths
    ]
    squares = sum(part.square() for part in torch.meshgrid(*parts, indexing="ij"))
    assert isinstance(squares, Tensor)
    number = squares.sqrt().round().long().flatten()
    most = longest // 2
    # What belongs to no wave number has a place of its own, so that no card waits for how many these are.
    place = torch.where((number >= 1) & (number <= most), number - 1, most)
    flat = power.flatten(2)
    sums = flat.new_zeros(*flat.shape[:2], most + 1).index_add(2, place, flat)
    counts = flat.new_zeros(most + 1).index_add(0, place, torch.ones_like(place, dtype=flat.dtype))
    mean: Tensor = sums[..., :most] / counts[:most].clamp(min=1)
    return mean
