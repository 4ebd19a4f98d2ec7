"""What a quantity did over the measurements so far, and what a series of numbers does over time."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from poise.diagnosis.finding import Measurement

TELLS_NOTHING = 0.05  # Difference of the AUC from a half below which the discriminator tells nothing


def values(measurements: Sequence[Measurement], name: str, last: int | None = None) -> list[float]:
    """A quantity's values, oldest first; missing ones are left out."""
    chosen = measurements if last is None else measurements[-last:]
    return [value for one in chosen if (value := getattr(one, name)) is not None]


def median(measurements: Sequence[Measurement], name: str, first: int, last: int) -> float | None:
    """The median of a quantity between `first` and `last` measurements ago; `None` if there is none."""
    found = values(measurements[max(0, len(measurements) - 1 - first) : len(measurements) - last], name)
    return statistics.median(found) if found else None


def best(measurements: Sequence[Measurement], name: str) -> float | None:
    """The greatest value that a quantity had at two measurements of three in a row."""
    found = values(measurements, name)
    triples = zip(found, found[1:], found[2:], strict=False)
    return max((sorted(three)[1] for three in triples), default=max(found, default=None))


def gains(measurements: Sequence[Measurement]) -> bool:
    """Whether samples are about as near to the data as they have ever been, in medians of five checks."""
    found = values(measurements, "distance")
    medians = [statistics.median(found[place : place + 5]) for place in range(max(1, len(found) - 4))]
    return not found or medians[-1] <= 1.1 * min(medians)


def blind(measurements: Sequence[Measurement], last: int) -> bool:
    """Whether the discriminator tells nothing, either way: the generator has nothing to learn from."""
    areas = values(measurements, "auc", last)
    return bool(areas) and statistics.median(abs(one - 0.5) for one in areas) < TELLS_NOTHING


def dominant_period(values: Sequence[float]) -> tuple[float, float]:
    """The share of a series' variance in its strongest period, and that period in steps of the series.

    The linear trend is taken out first. White noise of N values has a share near 2 ln(N / 2) / N; a sine has
    1. Periods that fit less than twice into the series are trends, and are left out.

    Source: Fisher 1929, "Tests of significance in harmonic analysis": the greatest ordinate over their sum.
    """
    row = np.asarray(values, dtype=np.float64)
    count = len(row)
    if count < 8:
        return 0.0, 0.0
    times = np.arange(count) - (count - 1) / 2
    row = row - row.mean()
    row = row - times * (times @ row) / (times @ times)
    power = np.abs(np.fft.rfft(row)) ** 2
    if count % 2 == 0:
        power[-1] /= 2
    power[0] = 0.0
    total = float(power.sum())
    if total <= 1e-12 * count * max(1.0, float(np.square(values).mean())):
        return 0.0, 0.0
    power[1] = 0.0
    peak = int(power.argmax())
    # A period seldom fits wholly into the series: its neighbours hold the rest of it.
    near = float(power[max(2, peak - 1) : peak + 2].sum())
    return float(near / total), float(count / peak)


def crossings(values: Sequence[float], *, least: float = 0.7) -> int:
    """How often a series crosses its mean, by 0.7 of its standard deviation at least on each side."""
    row = np.asarray(values, dtype=np.float64)
    row = row - row.mean()
    deviation = float(row.std())
    sides = [value > 0 for value in row if abs(value) >= least * deviation] if deviation > 0 else []
    return sum(bool(one != other) for one, other in pairwise(sides))


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """The correlation of two series, -1 for opposite phases; 0 if one does not move."""
    one, other = (np.asarray(row, dtype=np.float64) - np.mean(row) for row in (first, second))
    size = math.sqrt(float(one @ one) * float(other @ other))
    return round(float(one @ other) / size, 12) if size > 1e-12 else 0.0
