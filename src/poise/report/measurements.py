"""The measurements of each metric, as the lines of a run tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from poise.report.columns import Json, finite


@dataclass(frozen=True)
class MetricPoint:
    """One measurement of a metric; what the line did not say is None."""

    step: int
    value: float
    low: float | None
    high: float | None
    floor: float | None
    training: float | None = None


def metric_points(lines: Iterable[Json]) -> dict[str, list[MetricPoint]]:
    """The measurements of each metric, by step.

    Args:
        lines: As the run folder gives them: `{"step", "metric", "value", "interval", "floor", ...}`. What
            has no name, no step or no number is passed over.

    Example:
        >>> metric_points([{"step": 5, "metric": "frechet", "value": 2.0, "interval": [1.5, 2.5]}])
        {'frechet': [MetricPoint(step=5, value=2.0, low=1.5, high=2.5, floor=None, training=None)]}
    """
    found: dict[str, dict[int, MetricPoint]] = {}
    for line in lines:
        name, step, value = metric_name(line), line.get("step"), finite(line.get("value"))
        if name and isinstance(step, int) and value is not None:
            low, high = _interval(line.get("interval"))
            floor = line.get("floor")
            level = finite(floor.get("value") if isinstance(floor, Mapping) else floor)
            found.setdefault(name, {})[step] = MetricPoint(
                step, value, low, high, level, finite(line.get("training"))
            )
    return {name: [points[step] for step in sorted(points)] for name, points in found.items()}


def metric_name(line: Json) -> str:
    """The name of a line's metric; empty where it says none."""
    name = line.get("metric", line.get("name"))
    return name if isinstance(name, str) else ""


def _interval(value: Any) -> tuple[float | None, float | None]:
    if isinstance(value, Mapping):
        value = [value.get("low"), value.get("high")]
    if isinstance(value, list | tuple) and len(value) == 2:
        low, high = map(finite, value)
        if low is not None and high is not None:
            return low, high
    return None, None
