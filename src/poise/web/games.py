"""Many games in one report: metrics as medians with a band, and a table of the games."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poise.run_folder import RunFolder, game_folders, read_games
from poise.text import label, number
from poise.web.charts import AXES, HIGH, LOW, Table, history_table
from poise.web.metrics import Measured, measured
from poise.web.summary import findings_of, problems

BAND = (0.1, 0.9)  # The share of the games below each edge of a band
OF_ONE_GAME = {"reference", "interval_method"}  # What a number says of one game alone
SHARED = {*AXES, "games", "images_per_second"}  # Columns of the history that say nothing of a single game
NOTE = (
    "The table shows the mean over the games at the end, its standard error and the range. The charts show "
    f"the median, and a band from the {100 * BAND[0]:.0f} % to the {100 * BAND[1]:.0f} % quantile."
)

Metrics = Mapping[str, Mapping[int, Measured]]  # The numbers of one game by name and step


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
    note: str = NOTE


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
    games = {one.path.name: _numbers(one) for one in game_folders(run.path)}
    found = []
    for metric in _names(games.values()):
        newest = max(step for own in games.values() for step in own.get(metric, {}))
        ends = {name: own[metric][newest] for name, own in games.items() if newest in own.get(metric, {})}
        sign = -1 if any(one.better == "lower" for one in ends.values()) else 1
        worst = min(ends, key=lambda name: sign * ends[name].value)
        median = statistics.median(one.value for one in ends.values())
        found.append(Reached(metric, median, ends[worst].value, worst, len(ends)))
    return found


def open_findings(run: RunFolder) -> list[OpenFinding]:
    """Each finding that is open in some of many games, the most frequent first."""
    games = {one.path.name: _open(one) for one in game_folders(run.path)}
    titles = dict.fromkeys(title for found in games.values() for title in found)
    where = {title: tuple(name for name, found in games.items() if title in found) for title in titles}
    often = sorted(where, key=lambda title: -len(where[title]))
    return [OpenFinding(title, where[title], len(games)) for title in often]


def spread_of(run: RunFolder, history: Table) -> Spread:
    """The spread over the games of a folder, whose own history has medians."""
    rows, runs = read_games(run), game_folders(run.path)
    metrics = [_numbers(one) for one in runs]
    names = _names(metrics)
    settings = [_settings(row["settings"]) for row in rows]
    groups: dict[str, list[Metrics]] = {}
    for words, own in zip(settings, metrics, strict=True):
        groups.setdefault(words, []).append(own)
    games, numbers = [], []
    for row, one, words, own in zip(rows, runs, settings, metrics, strict=True):
        ends = (_newest(own, name) for name in names)
        about = str(row["run"]), str(row["seed"]), words, one.status, ", ".join(_open(one))
        games.append([*about, *("" if end is None else _short(end) for end in ends)])
    for words, group in groups.items():
        for name in names:
            numbers += _medians(group, name, f"{name}, {words}" if len(groups) > 1 else name)
    troubled = sum(bool(_open(one)) for one in runs)
    return Spread(
        count=len(rows),
        names=[label(name) for name in names],
        points=[
            [words or "all", str(len(group)), *(_mean(group, name) for name in names)]
            for words, group in groups.items()
        ],
        games=games,
        numbers=numbers,
        findings=open_findings(run),
        verdict=f"Findings are open in {troubled} of {len(runs)} games."
        if troubled
        else "No findings are open in any game.",
        bands=_bands(history, [history_table(one.lines("history")) for one in runs]),
    )


def _open(run: RunFolder) -> list[str]:
    """The problems that a game ended with, the most severe first."""
    return list(dict.fromkeys(label(one.name) for one in problems(findings_of(run.lines("findings")))))


def _numbers(run: RunFolder) -> dict[str, dict[int, Measured]]:
    """What was measured while training; `poise evaluate` has protocols of its own."""
    found: dict[str, dict[int, Measured]] = {}
    for one in measured(run.lines("metrics")):
        if one.by != "evaluate" and math.isfinite(one.value):
            found.setdefault(one.name, {})[one.step] = one
    return found


def _names(games: Iterable[Metrics]) -> list[str]:
    return list(dict.fromkeys(name for own in games for name in own))


def _newest(own: Metrics, name: str) -> float | None:
    steps = own.get(name)
    return float(steps[max(steps)].value) if steps else None


def _mean(group: Sequence[Metrics], name: str) -> str:
    values = [value for own in group if (value := _newest(own, name)) is not None]
    if len(values) < 2:
        return _short(values[0]) if values else ""
    error = number(float(f"{statistics.stdev(values) / math.sqrt(len(values)):.2g}"))
    return f"{_short(statistics.fmean(values))} ± {error} ({_short(min(values))} to {_short(max(values))})"


def _short(value: float) -> str:
    return number(float(f"{value:.3g}"))


def _medians(group: Sequence[Metrics], name: str, shown: str) -> list[Measured]:
    """The median at each step at which a game was measured, with its band, under the name that is shown."""
    medians = []
    for step in sorted({step for own in group for step in own.get(name, {})}):
        found = [own[name][step] for own in group if step in own.get(name, {})]
        low, median, high = map(float, np.quantile([one.value for one in found], (BAND[0], 0.5, BAND[1])))
        floors = [one.floor for one in found if one.floor is not None]
        floor = statistics.median(floors) if floors else None
        details = {key: value for key, value in found[0].details.items() if key not in OF_ONE_GAME}
        details["games"] = len(found)
        one = replace(found[0], name=shown, value=median, low=low, high=high, floor=floor, details=details)
        medians.append(one)
    return medians


def _bands(history: Table, games: Sequence[Table]) -> Table:
    """The edges of each column's band, `None` at steps at which fewer than two games have a number."""
    rows = [{step: row for row, step in enumerate(own["step"])} for own in games]
    bands: Table = {}
    for name in [name for name in history if name not in SHARED]:
        low, high = bands.setdefault(LOW + name, []), bands.setdefault(HIGH + name, [])
        present = [(own[name], row) for own, row in zip(games, rows, strict=True) if name in own]
        for step in history["step"]:
            found = [column[row[step]] for column, row in present if step in row]
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
