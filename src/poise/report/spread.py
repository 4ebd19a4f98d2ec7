"""The spread over many games: metrics as medians with a band, and a table of the games."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.report.columns import AXES, HIGH, LOW, Table, history_table
from poise.report.evaluations import EVALUATED
from poise.report.findings import cards
from poise.run_folder import RunFolder, game_folders, is_many, read_games
from poise.text import label, number

BAND = (0.1, 0.9)
"""The share of the games below either edge of a band."""

OF_ONE_GAME = {"floor", "reference", "interval_method"}
"""What the line of a metric says of one game alone."""

SHARED = {*AXES, "games", "images_per_second"}
"""Columns of the history that say nothing of a single game."""


@dataclass(frozen=True)
class Spread:
    """What a report tells of many games.

    Attributes:
        count: How many.
        names: The metrics that the tables show.
        points: A row for each point of the grid: what was set, how many games, then each metric.
        games: A row for each game: its folder, its seed, what was set, how it stands, what is open, each
            metric.
        lines: The metrics by step, as medians with an interval, for charts.
        findings: A row for each finding that is open in some game: its name, in how many, in which.
        verdict: The findings in a sentence.
        bands: For each column of the history, the edges of its band over all games, at the same steps.
        note: How the tables are made.
    """

    count: int
    names: list[str]
    points: list[list[str]]
    games: list[list[str]]
    lines: list[dict[str, Any]]
    findings: list[list[str]]
    verdict: str
    bands: Table
    note: str


@dataclass(frozen=True)
class Reached:
    """What many games came to by one metric, by the newest measurement of each.

    Attributes:
        metric: Its name.
        median: Over the games.
        worst: That of the worst game; of a metric without a better side, the least.
        run: The folder of that game.
        games: How many were measured.
    """

    metric: str
    median: float
    worst: float
    run: str
    games: int


def reached(run: RunFolder) -> list[Reached]:
    """What the games of a folder came to, a row for each metric; those that were lost before are left out.

    Args:
        run: The folder above them.
    """
    measured = {one.path.name: _by_step(one.lines("metrics")) for one in game_folders(run.path)}
    found = []
    for metric in dict.fromkeys(name for own in measured.values() for name in own):
        newest = max(step for own in measured.values() for step in own.get(metric, {}))
        ends = {name: own[metric][newest] for name, own in measured.items() if newest in own.get(metric, {})}
        values = {name: float(line["value"]) for name, line in ends.items()}
        lower = any(line.get("better") == "lower" for line in ends.values())
        worst = (max if lower else min)(values, key=values.__getitem__)
        found.append(Reached(metric, statistics.median(values.values()), values[worst], worst, len(values)))
    return found


def spread_of(run: RunFolder, history: Table) -> Spread | None:
    """The spread over the games of a folder; `None` for a single run.

    Args:
        run: The folder above them.
        history: The columns of its history, medians over the games.
    """
    if not is_many(run.path):
        return None
    rows, runs = read_games(run), game_folders(run.path)
    metrics = [_by_step(one.lines("metrics")) for one in runs]
    settings = [_said(row["settings"]) for row in rows]
    names = list(dict.fromkeys(name for own in metrics for name in own))
    open_in = [_open(one) for one in runs]
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
            [
                str(row["run"]),
                str(row["seed"]),
                said,
                one.status,
                ", ".join(found),
                *(_newest(own, name) for name in names),
            ]
            for row, one, said, found, own in zip(rows, runs, settings, open_in, metrics, strict=True)
        ],
        lines=[
            line
            for said, own in groups.items()
            for name in names
            for line in _band(own, f"{name}, {said}" if len(groups) > 1 else name, name)
        ],
        findings=_by_finding({one.path.name: found for one, found in zip(runs, open_in, strict=True)}),
        verdict=_verdict(open_in),
        bands=_bands(history, [history_table(one.lines("history")) for one in runs]),
        note="Means over the games at the end, with the standard error and the range. "
        f"In the charts: the median, and the band from the {BAND[0]:.0%} to the {BAND[1]:.0%} quantile.",
    )


def open_findings(run: RunFolder) -> list[list[str]]:
    """Each finding that is open in some of many games: its name in words, in how many, in which.

    Args:
        run: The folder above the games.
    """
    return _by_finding({one.path.name: _open(one) for one in game_folders(run.path)})


def _open(run: RunFolder) -> list[str]:
    """The findings that a game ended with, the gravest first; what is only good to know is left out."""
    found = [card for card in cards(run.lines("findings")) if not card.recovered and card.severity != "info"]
    return list(dict.fromkeys(card.title for card in found))


def _by_finding(games: Mapping[str, Sequence[str]]) -> list[list[str]]:
    where: dict[str, list[str]] = {}
    for name, found in games.items():
        for title in found:
            where.setdefault(title, []).append(name)
    often = sorted(where, key=lambda title: -len(where[title]))
    return [[title, f"{len(where[title])} of {len(games)}", ", ".join(where[title])] for title in often]


def _verdict(open_in: Sequence[Sequence[str]]) -> str:
    troubled = sum(bool(found) for found in open_in)
    if not troubled:
        return "No findings are open in any game."
    return f"Findings are open in {troubled} of {len(open_in)} games."


Metrics = Mapping[str, Mapping[int, Mapping[str, Any]]]


def _by_step(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, Mapping[str, Any]]]:
    """What was measured while training, by metric and step; `poise evaluate` has protocols of its own."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for line in lines:
        name, step, value = line.get("metric"), line.get("step"), line.get("value")
        usable = isinstance(value, int | float) and math.isfinite(value)
        if isinstance(name, str) and isinstance(step, int) and usable and line.get("by") != EVALUATED:
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
        first = {key: value for key, value in found[0].items() if key not in OF_ONE_GAME}
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


def _bands(history: Table, games: Sequence[Table]) -> Table:
    """The edges of each column's band, `None` at steps of which fewer than two games have a number."""
    rows = [{step: row for row, step in enumerate(own["step"])} for own in games]
    bands: Table = {}
    for name in history.keys() - SHARED:
        low, high = bands.setdefault(LOW + name, []), bands.setdefault(HIGH + name, [])
        for step in history["step"]:
            found = [own.get(name, []) for own in games]
            values = [
                value
                for column, row in zip(found, rows, strict=True)
                if step in row and column and (value := column[row[step]]) is not None
            ]
            edges = np.quantile(values, BAND).tolist() if len(values) > 1 else [None, None]
            low.append(edges[0])
            high.append(edges[1])
    return bands


def _said(settings: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{path}={value:g}" if isinstance(value, float) else f"{path}={value}"
        for path, value in settings.items()
    )
