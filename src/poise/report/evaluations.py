"""What was evaluated after training, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from poise.report.columns import Json
from poise.report.measurements import metric_points
from poise.text import label, number

EVALUATED = "evaluate"
"""What a line of the metrics says where it was measured after training."""


@dataclass(frozen=True)
class Row:
    """One number with its protocol, in words."""

    step: str
    name: str
    value: str
    interval: str
    floor: str
    better: str
    protocol: str


def evaluations(lines: Iterable[Json]) -> list[Row]:
    """The numbers of `poise evaluate`, the newest step first; of two of one protocol the later counts.

    Args:
        lines: As the run folder gives them.

    Example:
        >>> line = {"step": 5, "metric": "coverage", "value": 0.5, "by": "evaluate", "interval": [0.4, 0.6]}
        >>> [(row.name, row.value, row.interval) for row in evaluations([line])]
        [('Coverage', '0.5', '0.4 to 0.6')]
    """
    newest: dict[tuple[Any, ...], Json] = {}
    for line in lines:
        if line.get("by") == EVALUATED and isinstance(line.get("step"), int):
            key = line["step"], line.get("measure"), line.get("metric"), line.get("protocol")
            newest.pop(key, None)
            newest[key] = line
    rows = [(line["step"], row) for line in newest.values() if (row := _row(line)) is not None]
    return [row for _, row in sorted(rows, key=lambda pair: -pair[0])]


def _row(line: Json) -> Row | None:
    found = metric_points([line])
    if not found:
        return None
    ((name, (point,)),) = found.items()
    within = "" if point.low is None or point.high is None else f"{number(point.low)} to {number(point.high)}"
    sides = line.get("samples")
    counts = (
        [f"{count:,} {side.replace('_', '-')}" for side, count in sides.items() if isinstance(count, int)]
        if isinstance(sides, Mapping)
        else []
    )
    weights, reference = (str(line.get(part) or "")[:12] for part in ("weights_hash", "reference"))
    told = [
        *counts,
        " ".join(filter(None, (str(line.get("extractor") or ""), weights))),
        str(line.get("preparation") or ""),
        f"reference {reference}" if reference else "",
    ]
    return Row(
        step=f"{point.step:,}",
        name=label(name),
        value=number(point.value),
        interval=within,
        floor="" if point.floor is None else number(point.floor),
        better=str(line.get("better") or ""),
        protocol=" · ".join(filter(None, told)),
    )
