"""Many games in one report: metrics as medians with a band, and a table of the games."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poise.run_folder import RunFolder, game_folders, is_many, read_games
from poise.text import label, number
from poise.web.charts import AXES, HIGH, LOW, Table
from poise.web.history import history_table
from poise.web.metrics import Measured, measured
from poise.web.wording import findings_of, problems

BAND = (0.1, 0.9)
"""The share of the games below each edge of a band."""

OF_ONE_GAME = {"reference", "interval_method"}
"""What a number says of one game alone."""

SHARED = {*AXES, "games", "images_per_second"}
"""Columns of the history that say nothing of a single game."""

Metrics = Mapping[str, Mapping[int, Measured]]
"""The numbers of one game by name and step."""


@dataclass(frozen=True)
class OpenFinding:
    """A finding that is open in some of many games: its title, the folders of these games, of how many."""

    title: str
    games: tuple[str, ...]
    of: int


@dataclass(frozen=True)
class Spread:
    """What a report shows of many games."""

    count: int
    names: list[str]
    points: list[list[str]]
    games: list[list[str]]
    numbers: list[Measured]
    findings: list[OpenFinding]
    verdict: str
    bands: Table
    note: str


@dataclass(frozen=True)
class Reached:
    """What many games reached by one metric: `worst` is that of `run`, the least if no side is better."""

    metric: str
    median: float
    worst: float
    run: str
    games: int


def reached(run: RunFolder) -> list[Reached]:
    """What the games of a folder reached, a row for each metric; games that stopped earlier are left out."""
    own = {one.path.name: _numbers(one) for one in game_folders(run.path)}
    found = []
    for metric in _names(own.values()):
        newest = max(step for numbers in own.values() for step in numbers.get(metric, {}))
        ends = {
            name: numbers[metric][newest]
            for name, numbers in own.items()
            if newest in numbers.get(metric, {})
        }
        sign = -1 if any(one.better == "lower" for one in ends.values()) else 1
        worst = min(ends, key=lambda name: sign * ends[name].value)
        median = statistics.median(one.value for one in ends.values())
        found.append(Reached(metric, median, ends[worst].value, worst, len(ends)))
    return found


def spread_of(run: RunFolder, history: Table) -> Spread | None:
    """The spread over the games of a folder, whose own history has medians; `None` for a single run."""
    if not is_many(run.path):
        return None
    rows, runs = read_games(run), game_folders(run.path)
    metrics = [_numbers(one) for one in runs]
    settings = [_settings(row["settings"]) for row in rows]
    names = _names(metrics)
    open_in = [_open(one) for one in runs]
    groups = {
        words: [own for own, of in zip(metrics, settings, strict=True) if of == words] for words in settings
    }
    troubled = f"Findings are open in {sum(map(bool, open_in))} of {len(open_in)} games."
    return Spread(
        count=len(rows),
        names=[label(name) for name in names],
        points=[
            [words or "all", str(len(own)), *(_mean(own, name) for name in names)]
            for words, own in groups.items()
        ],
        games=[
            [
                str(row["run"]),
                str(row["seed"]),
                words,
                one.status,
                ", ".join(found),
                *("" if (value := _newest(own, name)) is None else _short(value) for name in names),
            ]
            for row, one, words, found, own in zip(rows, runs, settings, open_in, metrics, strict=True)
        ],
        numbers=[
            number
            for words, own in groups.items()
            for name in names
            for number in _medians(own, name, f"{name}, {words}" if len(groups) > 1 else name)
        ],
        findings=_by_finding({one.path.name: found for one, found in zip(runs, open_in, strict=True)}),
        verdict=troubled if any(open_in) else "No findings are open in any game.",
        bands=_bands(history, [history_table(one.lines("history")) for one in runs]),
        note="The table shows the mean over the games at the end, its standard error and the range. "
        f"The charts show the median, and a band from the {100 * BAND[0]:.0f} % "
        f"to the {100 * BAND[1]:.0f} % quantile.",
    )


def open_findings(run: RunFolder) -> list[OpenFinding]:
    """Each finding that is open in some of many games, the most frequent first."""
    return _by_finding({one.path.name: _open(one) for one in game_folders(run.path)})


def _open(run: RunFolder) -> list[str]:
    """The problems that a game ended with, the most severe first."""
    return list(dict.fromkeys(label(one.name) for one in problems(findings_of(run.lines("findings")))))


def _by_finding(games: Mapping[str, Sequence[str]]) -> list[OpenFinding]:
    titles = dict.fromkeys(title for found in games.values() for title in found)
    where = {title: tuple(name for name, found in games.items() if title in found) for title in titles}
    often = sorted(where, key=lambda title: -len(where[title]))
    return [OpenFinding(title, where[title], len(games)) for title in often]


def _numbers(run: RunFolder) -> dict[str, dict[int, Measured]]:
    """What was measured while training; `poise evaluate` has protocols of its own."""
    found: dict[str, dict[int, Measured]] = {}
    for one in measured(run.lines("metrics")):
        if one.by != "evaluate" and math.isfinite(one.value):
            found.setdefault(one.name, {})[one.step] = one
    return found


def _names(games: Any) -> list[str]:
    return list(dict.fromkeys(name for own in games for name in own))


def _newest(own: Metrics, name: str) -> float | None:
    steps = own.get(name)
    return None if not steps else float(steps[max(steps)].value)


def _mean(group: Sequence[Metrics], name: str) -> str:
    values = [value for own in group if (value := _newest(own, name)) is not None]
    if not values:
        return ""
    mean = _short(statistics.fmean(values))
    if len(values) == 1:
        return mean
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean} ± {number(float(f'{error:.2g}'))} ({_short(min(values))} to {_short(max(values))})"


def _short(value: float) -> str:
    return number(float(f"{value:.3g}"))


def _medians(group: Sequence[Metrics], name: str, shown: str) -> list[Measured]:
    """The median at each step at which a game was measured, with its band, under the name that is shown."""
    medians = []
    for step in sorted({step for own in group for step in own.get(name, {})}):
        found = [own[name][step] for own in group if step in own.get(name, {})]
        values = np.array([one.value for one in found])
        low, high = np.quantile(values, BAND)
        floors = [one.floor for one in found if one.floor is not None]
        details = {key: value for key, value in found[0].details.items() if key not in OF_ONE_GAME}
        medians.append(
            replace(
                found[0],
                name=shown,
                value=float(np.median(values)),
                low=float(low),
                high=float(high),
                floor=float(np.median(floors)) if floors else None,
                details={**details, "games": len(found)},
            )
        )
    return medians


def _bands(history: Table, games: Sequence[Table]) -> Table:
    """The edges of each column's band, `None` at steps at which fewer than two games have a number."""
    rows = [{step: row for row, step in enumerate(own["step"])} for own in games]
    bands: Table = {}
    for name in [name for name in history if name not in SHARED]:
        low, high = bands.setdefault(LOW + name, []), bands.setdefault(HIGH + name, [])
        columns = [own.get(name) for own in games]
        for step in history["step"]:
            found = [
                column[row[step]]
                for column, row in zip(columns, rows, strict=True)
                if column is not None and step in row
            ]
            values = [value for value in found if value is not None and math.isfinite(value)]
            edges = np.quantile(values, BAND).tolist() if len(values) > 1 else (None, None)
            low.append(edges[0])
            high.append(edges[1])
    return bands


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{path}={value:g}" if isinstance(value, float) else f"{path}={value}"
        for path, value in settings.items()
    )
