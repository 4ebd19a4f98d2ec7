"""What a row of numbers does over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def swing(values: Sequence[float]) -> tuple[float, float]:
    """The share of a row's variance in its strongest period, and that period in places.

    The row's straight trend is taken out first. White noise of N values has a share near 2 ln(N / 2) / N; a
    sine has 1. Periods that fit less than twice into the row are trends, and are not looked at.

    Args:
        values: Finite numbers, at least 8.

    Returns:
        Share, from 0 to 1, and period; `(0, 0)` for a row that does not move.

    Example:
        >>> share, period = swing([math.sin(2 * math.pi * place / 8) for place in range(32)])
        >>> round(share, 2), period
        (0.97, 8.0)

    Source: Fisher 1929, "Tests of significance in harmonic analysis": the greatest ordinate over their sum.
    """
    row = np.asarray(values, dtype=np.float64)
    count = len(row)
    if count < 8:
        return 0.0, 0.0
    places = np.arange(count) - (count - 1) / 2
    row = row - row.mean()
    row = row - places * (places @ row) / (places @ places)
    power = np.abs(np.fft.rfft(row)) ** 2
    if count % 2 == 0:
        power[-1] /= 2
    power[0] = 0.0
    total = float(power.sum())
    if total <= 1e-12 * count * max(1.0, float(np.square(values).mean())):
        return 0.0, 0.0
    power[1] = 0.0
    peak = int(power.argmax())
    # A period seldom fits whole into the row: its neighbours hold the rest of it.
    near = float(power[max(2, peak - 1) : peak + 2].sum())
    return float(near / total), float(count / peak)


def turns(values: Sequence[float], *, least: float = 0.7) -> int:
    """How often a row goes from one side of its mean to the other, by 0.7 of its deviation at least on each.

    Example:
        >>> turns([0.0, 1.0, 0.0, 1.0, 0.0]), turns([0.0, 0.0, 1.0, 1.0])
        (4, 1)
    """
    row = np.asarray(values, dtype=np.float64)
    row = row - row.mean()
    deviation = float(row.std())
    sides = [value > 0 for value in row if abs(value) >= least * deviation] if deviation > 0 else []
    return sum(bool(one != other) for one, other in pairwise(sides))


def together(first: Sequence[float], second: Sequence[float]) -> float:
    """The correlation of two rows, -1 for opposite phases; 0 where one does not move.

    Example:
        >>> together([0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0])
        -1.0
    """
    one, other = (np.asarray(row, dtype=np.float64) - np.mean(row) for row in (first, second))
    size = math.sqrt(float(one @ one) * float(other @ other))
    return round(float(one @ other) / size, 12) if size > 1e-12 else 0.0
