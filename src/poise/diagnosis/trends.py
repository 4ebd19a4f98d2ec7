"""The measurements of a run so far with the progress that it had made at each, and what a quantity did."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np

from poise.diagnosis.finding import Measurement

SPANS = 60  # Spans in a run: progress, and every stretch of it that a rule looks back on, is counted in them
PACE = 10  # Steps of the first spans of a run whose length is not known
EVEN = 40  # Spans after which those of such a run grow: each is then a fortieth of the steps so far
TELLS_NOTHING = 0.05  # Difference of the AUC from a half below which the discriminator tells nothing
CLOSE = 0.5  # Spans by which a measurement may be early or late


def progress(step: float, steps: int | None = None, pace: int = PACE) -> float:
    """How many spans a run has behind it: sixtieths of it if its length is known.

    If it is not, a span is ten steps at first and later a fortieth of the steps so far: what counts as long
    grows with the run.

    Args:
        step: The step.
        steps: How many steps the run will make.
        pace: Steps of the first spans if that is not known.

    Example:
        >>> progress(500, steps=1000), progress(50), round(progress(4000))
        (30.0, 5.0, 132)
    """
    if steps:
        return SPANS * step / steps
    spans = step / pace
    return spans if spans <= EVEN else EVEN * (1 + math.log(spans / EVEN))


class Measurements(Sequence[Measurement]):
    """The measurements of a run so far, oldest first, with the progress at each.

    Rules look back over spans of the run, never over a number of measurements: these are as many as the loop
    has time for.

    Args:
        found: Measurements.
        steps: How many steps the run will make; `None` if that is not known.
        pace: Steps of its first spans if that is not known.

    Example:
        >>> found = Measurements([Measurement(step, spread=0.5) for step in (0, 100, 400)], steps=600)
        >>> found.now, len(found.last(35, least=1))
        (40.0, 2)
    """

    def __init__(
        self, found: Iterable[Measurement] = (), *, steps: int | None = None, pace: int = PACE
    ) -> None:
        self.steps, self.pace = steps, pace
        self.times: list[float] = []  # The progress at each, in spans
        self._found: list[Measurement] = []
        self._columns: dict[str, tuple[list[float], list[float]]] = {}
        self._rolled: dict[tuple[str, float, int], list[float]] = {}
        for measurement in found:
            self.append(measurement)

    @staticmethod
    def of(found: Sequence[Measurement]) -> Measurements:
        """Measurements as they are, or a plain sequence of them as those of a run of unknown length."""
        return found if isinstance(found, Measurements) else Measurements(found)

    def append(self, measurement: Measurement) -> None:
        """Add one more."""
        self.times.append(progress(measurement.observed or measurement.step, self.steps, self.pace))
        self._found.append(measurement)
        for name in self._columns:
            self._extend(name, len(self._found) - 1)

    @property
    def now(self) -> float:
        """The progress at the last one, in spans."""
        return self.times[-1] if self.times else 0.0

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self._found)

    @overload
    def __getitem__(self, index: int) -> Measurement: ...
    @overload
    def __getitem__(self, index: slice) -> Measurements: ...
    def __getitem__(self, index: int | slice) -> Measurement | Measurements:
        if isinstance(index, int):
            return self._found[index]
        part = Measurements(steps=self.steps, pace=self.pace)
        part._found, part.times = self._found[index], self.times[index]
        return part

    def last(self, spans: float, least: int = 3) -> Measurements:
        """Those of the last spans; further ones, too, if there are fewer than `least`."""
        begin = bisect_right(self.times, self.now - spans + CLOSE)
        return self[max(0, min(begin, len(self) - least)) :]

    def thinned(self, gap: float = 0.75) -> Measurements:
        """Those that lie at least so many spans apart, counted from the last one back."""
        chosen: list[int] = []
        for index in range(len(self) - 1, -1, -1):
            if not chosen or self.times[chosen[-1]] - self.times[index] >= gap:
                chosen.append(index)
        part = Measurements(steps=self.steps, pace=self.pace)
        part._found = [self._found[index] for index in reversed(chosen)]
        part.times = [self.times[index] for index in reversed(chosen)]
        return part

    def column(self, name: str) -> tuple[list[float], list[float]]:
        """The progress at each measurement that has a quantity, and its values.

        Movement is a way from one measurement to the next: if less than a span lies between, it is that of a
        whole span at the same speed.
        """
        if name not in self._columns:
            self._columns[name] = ([], [])
            for index in range(len(self._found)):
                self._extend(name, index)
        return self._columns[name]

    def rolled(self, name: str, spans: float, least: int) -> list[float]:
        """The median of a quantity over some spans up to each measurement of it, from `least` values on."""
        times, column = self.column(name)
        found = self._rolled.setdefault((name, spans, least), [])
        for place in range(max(0, min(least, len(column)) - 1) + len(found), len(column)):
            begin = bisect_right(times, times[place] - spans + CLOSE)
            found.append(statistics.median(column[max(0, min(begin, place + 1 - least)) : place + 1]))
        return found[:]

    def _extend(self, name: str, index: int) -> None:
        value = getattr(self._found[index], name)
        if value is None:
            return
        times, values = self._columns[name]
        if name == "movement" and index:
            value = value / min(1.0, max(self.times[index] - self.times[index - 1], 0.05))
        times.append(self.times[index])
        values.append(value)


def values(
    measurements: Sequence[Measurement], name: str, spans: float | None = None, least: int = 3
) -> list[float]:
    """A quantity's values, oldest first: all, or those of the last spans but at least so many."""
    found = Measurements.of(measurements)
    times, column = found.column(name)
    if spans is None:
        return column[:]
    begin = bisect_right(times, found.now - spans + CLOSE)
    return column[max(0, min(begin, len(column) - least)) :]


def median(measurements: Sequence[Measurement], name: str, first: float, last: float) -> float | None:
    """The median of a quantity between `first` and `last` spans ago; `None` if there is none.

    If nothing was measured between, it is the value before, as long as that is not twice as old.
    """
    found = Measurements.of(measurements)
    times, column = found.column(name)
    begin = bisect_left(times, found.now - first - CLOSE)
    end = bisect_right(times, found.now - last + CLOSE)
    if begin < end:
        return statistics.median(column[begin:end])
    near = begin and found.now - times[begin - 1] <= 2 * max(first, 1.0)
    return column[begin - 1] if near else None


def came_from(measurements: Sequence[Measurement], name: str, first: float, last: float) -> float | None:
    """The median of a quantity between `first` and `last` spans ago, or else the value before, however old.

    It is what a quantity has come from. That nothing was measured then does not say that nothing changed.
    """
    found = Measurements.of(measurements)
    known = median(found, name, first, last)
    times, column = found.column(name)
    end = bisect_right(times, found.now - last + CLOSE)
    return column[end - 1] if known is None and end else known


def rolling(measurements: Sequence[Measurement], name: str, spans: float, least: int = 3) -> list[float]:
    """The median of a quantity over some spans up to each measurement of it, from `least` values on."""
    return Measurements.of(measurements).rolled(name, spans, least)


def best(measurements: Sequence[Measurement], name: str) -> float | None:
    """The greatest value that a quantity had at two measurements of three in a row."""
    found = values(measurements, name)
    triples = zip(found, found[1:], found[2:], strict=False)
    return max((sorted(three)[1] for three in triples), default=max(found, default=None))


def gains(measurements: Sequence[Measurement]) -> bool:
    """Whether samples are about as near to the data as they have ever been, in medians of five spans."""
    medians = rolling(measurements, "distance", 5)
    return not medians or medians[-1] <= 1.1 * min(medians)


def improves(measurements: Sequence[Measurement], spans: float) -> bool:
    """Whether samples were nearer to the data at some look of the last spans than at any look before."""
    every, lately = values(measurements, "distance"), values(measurements, "distance", spans, least=1)
    before = every[: len(every) - len(lately)]
    return bool(lately and before) and min(lately) < min(before)


def blind(measurements: Sequence[Measurement], last: float) -> bool:
    """Whether the discriminator tells nothing, either way: the generator has nothing to learn from."""
    areas = values(measurements, "auc", last)
    return bool(areas) and statistics.median(abs(one - 0.5) for one in areas) < TELLS_NOTHING


def deviation(row: Sequence[float]) -> float:
    """The standard deviation of a series."""
    mean = math.fsum(row) / len(row)
    return math.sqrt(math.fsum((one - mean) ** 2 for one in row) / len(row))


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
