"""The spread over many games: metrics as medians with a band, and a table of the games."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.report.wording import label, number
from poise.run_folder import RunFolder, game_folders, is_many, read_games

BAND = (0.1, 0.9)
"""The share of the games below either edge of a band."""


@dataclass(frozen=True)
class Spread:
    """What a report tells of many games.

    Attributes:
        count: How many.
        names: The metrics that the tables show.
        points: A row for each point of the grid: what was set, how many games, then each metric.
        games: A row for each game: its folder, its seed, what was set, how it stands, then each metric.
        lines: The metrics by step, as medians with an interval, for charts.
        note: How the tables are made.
    """

    count: int
    names: list[str]
    points: list[list[str]]
    games: list[list[str]]
    lines: list[dict[str, Any]]
    note: str


def spread_of(run: RunFolder) -> Spread | None:
    """The spread over the games of a folder; `None` for a single run.

    Args:
        run: The folder above them.
    """
    if not is_many(run.path):
        return None
    rows, runs = read_games(run), game_folders(run.path)
    metrics = [_by_step(one.lines("metrics")) for one in runs]
    settings = [_said(row["settings"]) for row in rows]
    names = list(dict.fromkeys(name for own in metrics for name in own))
    groups = {
        said: [own for own, of in zip(metrics, settings, strict=True) if of == said] for said in settings
    }
    return Spread(
        count=len(rows),
        names=[label(name) for name in names],
        points=[
            [said or "all", str(len(own)), *(_mean(own, name) for name in names)]
            for said, own in groups.items()
        ],
        games=[
            [str(row["run"]), str(row["seed"]), said, one.status, *(_newest(own, name) for name in names)]
            for row, one, said, own in zip(rows, runs, settings, metrics, strict=True)
        ],
        lines=[
            line
            for said, own in groups.items()
            for name in names
            for line in _band(own, f"{name}, {said}" if len(groups) > 1 else name, name)
        ],
        note="Means over the games at the end, with the standard error and the range. "
        f"In the charts: the median, and the band from the {BAND[0]:.0%} to the {BAND[1]:.0%} quantile.",
    )


Metrics = Mapping[str, Mapping[int, Mapping[str, Any]]]


def _by_step(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, Mapping[str, Any]]]:
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for line in lines:
        name, step, value = line.get("metric"), line.get("step"), line.get("value")
        usable = isinstance(value, int | float) and math.isfinite(value)
        if isinstance(name, str) and isinstance(step, int) and usable:
            found.setdefault(name, {})[step] = line
    return found


def _last(own: Metrics, name: str) -> float | None:
    steps = own.get(name)
    return None if not steps else float(steps[max(steps)]["value"])


def _newest(own: Metrics, name: str) -> str:
    value = _last(own, name)
    return "" if value is None else _short(value)


def _mean(group: Sequence[Metrics], name: str) -> str:
    values = [value for own in group if (value := _last(own, name)) is not None]
    if not values:
        return ""
    mean = _short(statistics.fmean(values))
    if len(values) == 1:
        return mean
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean} ± {number(float(f'{error:.2g}'))} ({_short(min(values))} to {_short(max(values))})"


def _short(value: float) -> str:
    return number(float(f"{value:.3g}"))


def _band(group: Sequence[Metrics], shown: str, name: str) -> list[dict[str, Any]]:
    """A line for each step at which every game that is still there was measured."""
    steps = sorted({step for own in group for step in own.get(name, {})})
    lines = []
    for step in steps:
        found = [own[name][step] for own in group if step in own.get(name, {})]
        values = np.array([line["value"] for line in found])
        low, high = np.quantile(values, BAND)
        first = {key: value for key, value in found[0].items() if key not in ("floor", "reference")}
        floors = [line["floor"] for line in found if isinstance(line.get("floor"), int | float)]
        lines.append(
            {
                **first,
                "metric": shown,
                "value": float(np.median(values)),
                "interval": [float(low), float(high)],
                "games": len(found),
                **({"floor": float(np.median(floors))} if floors else {}),
            }
        )
    return lines


def _said(settings: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{path}={value:g}" if isinstance(value, float) else f"{path}={value}"
        for path, value in settings.items()
    )
