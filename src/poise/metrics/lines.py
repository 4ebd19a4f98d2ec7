"""Results as lines of a run's record: one for each of its numbers, with which way that is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from poise.metrics.result import Result, as_interval, as_number
from poise.metrics.table import METRICS

By = Literal["training", "evaluate"]
# The fields of a result that all of its lines repeat
SHARED = (
    "samples",
    "settings",
    "extractor",
    "weights_hash",
    "preparation",
    "reference",
    "interval_method",
    "floor_method",
)


def better_side(measure: str, name: str) -> str:
    """Which way a number of a metric is better: `lower`, `higher`, or an empty text."""
    lower = METRICS[measure].lower_is_better if measure in METRICS else None
    side = lower.get(name) if isinstance(lower, Mapping) else lower
    return "" if side is None else "lower" if side else "higher"


def lines_of(result: Result, *, step: int, by: By) -> list[dict[str, Any]]:
    """A result as lines, one for each of its numbers."""
    plain = result.to_json()
    shared = {"by": by, "measure": result.metric, "protocol": result.protocol_digest}
    shared |= {part: plain[part] for part in SHARED}
    lines = []
    for name, value in result.values.items():
        number = name if isinstance(result.value, Mapping) else _plain_name(result.metric)
        line: dict[str, Any] = {"step": step, "metric": number, "value": value}
        if name in result.intervals:
            line["interval"] = list(result.intervals[name])
        if name in result.floors:
            line["floor"] = result.floors[name]
        better = better_side(result.metric, name)
        lines.append(line | ({"better": better} if better else {}) | shared)
    return lines


def results_of(lines: Iterable[Mapping[str, Any]]) -> list[tuple[int, By, Result]]:
    """The results that lines hold, oldest first, each with its step and who measured it."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for line in lines:
        if all(part in line for part in ("step", "metric", "value", "by", "measure", "protocol", *SHARED)):
            key = line["step"], line["by"], line["measure"], line["protocol"]
            groups[key] = [*(old for old in groups.get(key, []) if old["metric"] != line["metric"]), line]
    return [(step, by, _result(measure, found)) for (step, by, measure, _), found in groups.items()]


def _result(measure: str, lines: list[Mapping[str, Any]]) -> Result:
    values = {line["metric"]: as_number(line["value"]) for line in lines}
    intervals = {line["metric"]: as_interval(line["interval"]) for line in lines if "interval" in line}
    floors = {line["metric"]: as_number(line["floor"]) for line in lines if "floor" in line}
    shared = {part: lines[0][part] for part in SHARED}
    name = _plain_name(measure)
    if [*values] == [name]:
        return Result(measure, values[name], intervals.get(name), floor=floors.get(name), **shared)
    return Result(measure, values, intervals or None, floor=floors or None, **shared)


def _plain_name(metric: str) -> str:
    return metric.replace("-", "_")
