"""The numbers of a run's metrics: one record for each, their charts and their table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from poise.text import label, number
from poise.web.charts import Chart, Series, Table, finite
from poise.web.facts import Fact, Json, facts


@dataclass(frozen=True)
class Measured:
    """One line of a run's `metrics.jsonl`."""

    step: int
    name: str
    value: float
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    training: float | None = None
    better: str = ""
    by: str = "training"
    protocol: str = ""
    details: Json = field(default_factory=dict)

    @staticmethod
    def from_json(line: Json) -> Measured | None:
        """The record of a line; None if the line has no metric or no step."""
        name, step, value = line.get("metric"), line.get("step"), line.get("value")
        if not isinstance(name, str) or type(step) is not int or not isinstance(value, int | float | None):
            return None
        interval = line.get("interval")
        ends = tuple(map(finite, interval)) if isinstance(interval, list) else ()
        low, high = ends if len(ends) == 2 and None not in ends else (None, None)
        return Measured(
            step,
            name,
            math.nan if value is None else value,
            low,
            high,
            floor=finite(line.get("floor")),
            training=finite(line.get("training")),
            better=str(line.get("better") or ""),
            by=str(line.get("by") or "training"),
            protocol=str(line.get("protocol") or ""),
            details={key: value for key, value in line.items() if key not in _NOT_DETAILS},
        )

    @property
    def interval(self) -> str:
        """The interval in words; empty if there is none."""
        return "" if self.low is None or self.high is None else f"{number(self.low)} to {number(self.high)}"


_NOT_DETAILS = {
    *("step", "metric", "value", "interval", "floor", "training", "better", "by", "protocol"),
    *("seconds", "images_seen"),
}


def measured(lines: Iterable[Json]) -> list[Measured]:
    """The records of all lines of a `metrics.jsonl` that hold a number."""
    return [found for line in lines if (found := Measured.from_json(line)) is not None]


def while_training(numbers: Iterable[Measured]) -> dict[tuple[str, str], list[Measured]]:
    """What was measured while training, by name and protocol, and by step; of two of one step the later."""
    groups: dict[tuple[str, str], dict[int, Measured]] = {}
    for one in numbers:
        if one.by != "evaluate":
            groups.setdefault((one.name, one.protocol), {})[one.step] = one
    return {key: [found[step] for step in sorted(found)] for key, found in groups.items()}


def metric_charts(numbers: Iterable[Measured]) -> tuple[list[Chart], dict[str, Table]]:
    """A chart and a table for each name and protocol that was measured while training."""
    charts: list[Chart] = []
    tables: dict[str, Table] = {}
    for (name, _), points in while_training(numbers).items():
        key = f"metric-{len(charts)}"
        columns = ("step", "value", "low", "high", "floor", "training")
        table = tables[key] = {column: [getattr(point, column) for point in points] for column in columns}
        series = [Series("value", label(name), "metric", low="low", high="high")]
        for column, words in (("floor", "Floor"), ("training", "On training images")):
            if any(value is not None for value in table[column]):
                series.append(Series(column, words, "floor", dashed=True))
        note, protocol = _note(points), _protocol(points[-1])
        charts.append(Chart(label(name), note, key, tuple(series), protocol=protocol))
    return charts, tables


def _note(points: Sequence[Measured]) -> str:
    newest, sound = points[-1], [point for point in points if math.isfinite(point.value)]
    within = f" ({newest.interval})" if newest.interval else ""
    best = ""
    if newest.better in ("lower", "higher") and sound:
        chosen = (min if newest.better == "lower" else max)(sound, key=lambda point: point.value)
        place = f"; best {number(chosen.value)}, at step {chosen.step:,}" if chosen is not newest else ""
        best = f"{newest.better.capitalize()} is better{place}."
    band = "The band covers the games." if "games" in newest.details else "The band is its 95 % interval."
    floor = "The dashed floor is what reals score against other reals."
    memorised = (
        "The dashed line is the same number on training images; the gap between the two is memorisation."
    )
    sentences = [f"Newest {number(newest.value)}{within}, at step {newest.step:,}.", best]
    for column, text in (("low", band), ("floor", floor), ("training", memorised)):
        if any(getattr(point, column) is not None for point in points):
            sentences.append(text)
    return " ".join(filter(None, sentences))


def _protocol(newest: Measured) -> tuple[Fact, ...]:
    details = {key: _short(value) for key, value in newest.details.items()}
    if isinstance(details.get("eigenvalues"), list):
        details["eigenvalues"] = complex_words(details["eigenvalues"])
    return tuple(facts(({"protocol": newest.protocol} if newest.protocol else {}) | details))


def complex_words(pairs: Sequence[Sequence[float]]) -> str:
    """Complex numbers as people write them, from real and imaginary parts; of two conjugates, one.

    Example:
        >>> complex_words([[1.3618, 0.0], [0.0121, 0.6525], [0.0121, -0.6525]])
        '1.362, 0.0121 ± 0.6525i'
    """
    texts = [f"{number(re)} ± {number(abs(im))}i" if im else number(re) for re, im in pairs]
    return ", ".join(dict.fromkeys(texts))


def _short(value: Any) -> Any:
    """A SHA-256 by its first digits; anything else as it is."""
    digest = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return value[:12] if digest else value


def evaluations(numbers: Iterable[Measured]) -> list[Measured]:
    """The numbers of `poise evaluate`, the newest step first; of two of one protocol the later counts."""
    newest: dict[tuple[Any, ...], Measured] = {}
    for one in numbers:
        if one.by == "evaluate":
            key = one.step, one.details.get("measure"), one.name, one.protocol
            newest.pop(key, None)
            newest[key] = one
    return sorted(newest.values(), key=lambda one: -one.step)


def protocol_words(one: Measured) -> str:
    """How a number was measured: how many samples, in which features, against which reals."""
    sides = one.details.get("samples")
    counts = sides.items() if isinstance(sides, Mapping) else ()
    extractor, weights, preparation, reference = (
        str(_short(one.details.get(part) or ""))
        for part in ("extractor", "weights_hash", "preparation", "reference")
    )
    parts = [
        *(f"{count:,} {side.replace('_', '-')}" for side, count in counts if isinstance(count, int)),
        f"{extractor} {weights}".strip(),
        preparation,
        f"reference {reference[:12]}" if reference else "",
    ]
    return " · ".join(filter(None, parts))
