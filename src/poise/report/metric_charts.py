"""A chart for each metric that was measured while training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poise.report.chart import Chart, Line
from poise.report.columns import Json, Table
from poise.report.measurements import MetricPoint, metric_name, metric_points
from poise.report.wording import Fact, facts
from poise.text import label, number


def metric_charts(lines: Sequence[Json]) -> tuple[list[Chart], dict[str, Table]]:
    """A chart and a table for each metric that was measured while training, with how it was measured.

    Args:
        lines: As for `metric_points`.
    """
    charts: list[Chart] = []
    tables: dict[str, Table] = {}
    for of_one in _of_one_protocol(lines):
        ((name, points),) = metric_points(of_one).items()
        place = len(charts)
        table: Table = {
            "step": [point.step for point in points],
            "value": [point.value for point in points],
            "low": [point.low for point in points],
            "high": [point.high for point in points],
            "floor": [point.floor for point in points],
            "training": [point.training for point in points],
        }
        last = of_one[-1]
        drawn = [Line("value", label(name), "metric", low="low", high="high")]
        if any(value is not None for value in table["floor"]):
            drawn.append(Line("floor", "Floor", "floor", dashed=True))
        if any(value is not None for value in table["training"]):
            drawn.append(Line("training", "On what is trained on", "floor", dashed=True))
        tables[f"metric-{place}"] = table
        charts.append(
            Chart(
                label(name),
                _metric_note(points, str(last.get("better", "")), many="games" in last),
                f"metric-{place}",
                tuple(drawn),
                protocol=tuple(_protocol(last)),
            )
        )
    return charts, tables


def _of_one_protocol(lines: Sequence[Json]) -> list[list[Json]]:
    """The lines that make one curve each: of one name and one protocol, and measured while training."""
    groups: dict[tuple[str, str], list[Json]] = {}
    for line in lines:
        if line.get("by") != "evaluate" and metric_points([line]):
            groups.setdefault((metric_name(line), str(line.get("protocol", ""))), []).append(line)
    return list(groups.values())


def _metric_note(points: Sequence[MetricPoint], better: str, *, many: bool) -> str:
    newest = points[-1]
    within = (
        f" ({number(newest.low)} to {number(newest.high)})"
        if newest.low is not None and newest.high is not None
        else ""
    )
    said = [f"Newest {number(newest.value)}{within}, of step {newest.step:,}."]
    if better in ("lower", "higher"):
        best = (min if better == "lower" else max)(points, key=lambda point: point.value)
        said.append(f"{better.capitalize()} is better; best {number(best.value)}, of step {best.step:,}.")
    if any(point.low is not None for point in points):
        said.append("The band is that of the games." if many else "The band is its interval.")
    if any(point.floor is not None for point in points):
        said.append("The dashed floor is what reals score against reals.")
    if any(point.training is not None for point in points):
        said.append(
            "The dashed line is the same on images that are trained on; the gap is learning by heart."
        )
    return " ".join(said)


def _protocol(line: Json) -> list[Fact]:
    shown = {
        "step",
        "metric",
        "name",
        "value",
        "interval",
        "floor",
        "better",
        "seconds",
        "images_seen",
        "by",
        "training",
    }
    told = {key: _short(value) for key, value in line.items() if key not in shown}
    if isinstance(told.get("eigenvalues"), list):
        told["eigenvalues"] = complex_words(told["eigenvalues"])
    return facts(told)


def complex_words(pairs: Sequence[Sequence[float]]) -> str:
    """Complex numbers as people write them; of two that mirror each other, one.

    Args:
        pairs: Their real and imaginary parts.

    Example:
        >>> complex_words([[1.3618, 0.0], [0.0121, 0.6525], [0.0121, -0.6525]])
        '1.362, 0.0121 ± 0.6525i'
    """
    said = [
        f"{number(real)} ± {number(abs(turning))}i" if turning else number(real) for real, turning in pairs
    ]
    return ", ".join(dict.fromkeys(said))


def _short(value: Any) -> Any:
    """A SHA-256 by its first digits; anything else as it is."""
    known = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return value[:12] if known else value
