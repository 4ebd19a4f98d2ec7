"""Runs side by side, under one protocol."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from poise.errors import PoiseError
from poise.evaluation.evaluating import evaluate, metric_named, metrics_for
from poise.evaluation.recording import recorded
from poise.evaluation.subjects import Notify, OpenRun, Progress, Which, folder_of, is_run
from poise.metrics import METRICS, Result, compare
from poise.metrics.lines import better_side
from poise.metrics.result import Interval, plain
from poise.metrics.table import metrics_that_need
from poise.run_folder import RunFolder

Verdict = Literal["best", "within", "beyond", ""]
VERDICTS: Mapping[bool | None, Verdict] = {True: "beyond", False: "within", None: ""}


@dataclass(frozen=True)
class Cell:
    """One run's number."""

    value: float
    interval: Interval | None  # Its 95 % interval, if there is one
    # "best"; "within" chance of the best; "beyond" it; empty if neither side is better or there is no
    # interval
    verdict: Verdict


@dataclass(frozen=True)
class Row:
    """One number of all runs."""

    name: str
    measure: str  # Of the metric
    better: str  # "lower", "higher", or empty
    floor: float | None  # The value of reals, if it is known
    cells: tuple[Cell, ...]  # One for each run, in their order


@dataclass(frozen=True)
class Compared:
    """Runs side by side."""

    names: tuple[str, ...]  # Of the runs, in their order
    rows: tuple[Row, ...]  # A row for each number
    results: tuple[tuple[Result, ...], ...]  # Of each run
    stored: bool  # Whether they were measured before
    notices: tuple[str, ...] = ()  # What the user should know


def compare_runs(
    runs: Sequence[Any],
    *,
    against: Any = None,
    metrics: Sequence[str] | None = None,
    features: Any = None,
    samples: int | None = None,
    seed: int | None = None,
    checkpoint: Which = "newest",
    device: str = "auto",
    progress: Progress | None = None,
    telling: Notify | None = None,
) -> Compared:
    """Measure runs under one protocol, and find out which differences are beyond chance.

    If the folders of all runs hold results of `evaluate` under one protocol, these are used. If not, all runs
    are measured again, and the results are stored in each.

    `runs` are two or more runs, or their folders, and `against` is by default the data that all were trained
    on; the other arguments are those of `evaluate`.

    Raises:
        PoiseError: There are fewer than two, one is not a run, they were trained on different data and
            `against` is not given, or whatever `evaluate` refuses.
    """
    names, folders = _names(runs), [_folder(run) for run in runs]
    chosen = list(dict.fromkeys(metric_named(name) for name in metrics or ()))
    own = _against_own_rows(folders)
    again = checkpoint != "newest" or any(one is not None for one in (against, features, samples, seed))
    if against is None:
        against = _common_data(names, folders)
        chosen = chosen or list(metrics_for(folders[0].data))
    stored = None if again else _stored(folders, chosen, own)
    if stored is not None:
        return Compared(names, tuple(rows_of(stored, own)), tuple(map(tuple, stored)), stored=True)
    found = [
        evaluate(
            run,
            against,
            metrics=chosen or None,
            features=features,
            samples=samples,
            seed=seed or 0,
            checkpoint=checkpoint,
            device=device,
            progress=progress,
            telling=None if telling is None else partial(_with_name, telling, name),
        )
        for name, run in zip(names, runs, strict=True)
    ]
    results = tuple(one.results for one in found)
    notices = tuple(dict.fromkeys(notice for one in found for notice in one.notices))
    return Compared(names, tuple(rows_of(results, own)), results, stored=False, notices=notices)


def rows_of(results: Sequence[Sequence[Result]], own: Sequence[str] | None = None) -> Iterable[Row]:
    """A row for each number of results of the same metrics, run by run.

    For the metrics `own`, by default those that need the training data, each run has rows of its own.
    """
    own = metrics_that_need("train") if own is None else own
    for of_metric in zip(*([_as_compared(one, own) for one in of_run] for of_run in results), strict=True):
        for other in of_metric[1:]:
            compare(of_metric[0], other)
        for name in of_metric[0].values:
            yield _row(name, of_metric)


def _as_compared(result: Result, own: Sequence[str]) -> Result:
    """The result without the rows that it is measured against, if each run has its own."""
    return replace(result, reference="") if result.metric in own else result


def _against_own_rows(runs: Sequence[RunFolder]) -> tuple[str, ...]:
    """The metrics that measure each run against rows that its seed has chosen: those of the training data;
    for translations, which are measured on held-out images, all of them.
    """
    return tuple(METRICS) if any(map(_translates, runs)) else metrics_that_need("train")


def _translates(run: RunFolder) -> bool:
    return run.data.get("summary", {}).get("origin") in ("pairs", "domains")


def _row(name: str, results: Sequence[Result]) -> Row:
    measure = results[0].metric
    better = better_side(measure, name)
    values = [result.values[name] for result in results]
    best = None
    if better and not any(math.isnan(value) for value in values):
        best = values.index((min if better == "lower" else max)(values))
    cells = []
    for place, result in enumerate(results):
        verdict: Verdict = ""
        if best is not None:
            beyond = compare(results[best], result).beyond[name]
            verdict = "best" if place == best else VERDICTS[beyond]
        cells.append(Cell(result.values[name], result.intervals.get(name), verdict))
    return Row(name, measure, better, results[0].floors.get(name), tuple(cells))


def _stored(
    folders: Sequence[RunFolder], chosen: Sequence[str], own: Sequence[str]
) -> list[list[Result]] | None:
    """For each run the newest results of the chosen metrics, if all runs have them under one protocol."""
    found = (recorded(run, int(run.load_generator()[1].get("step", 0))) for run in folders)
    stored = [
        {_as_compared(result, own).protocol_digest: result for result in of_run.values()} for of_run in found
    ]
    common = [digest for digest in stored[0] if all(digest in other for other in stored[1:])]
    by_metric = {stored[0][digest].metric: digest for digest in common}
    if any(name not in by_metric for name in chosen):
        return None
    return [[results[by_metric[name]] for name in chosen] for results in stored]


def _common_data(names: Sequence[str], folders: Sequence[RunFolder]) -> str | None:
    """The built-in set that each run drew from its own seed; `None` if all were trained on the same data."""
    first, *rest = (run.data for run in folders)
    if all(record.get("fingerprint") == first.get("fingerprint") for record in rest):
        return None
    built_in = all(record["origin"]["kind"] == "built-in" for record in (first, *rest))
    if built_in and all(record["name"] == first["name"] for record in rest):
        return str(first["name"])
    name, other = next(
        (name, record)
        for name, record in zip(names[1:], rest, strict=True)
        if record.get("fingerprint") != first.get("fingerprint")
    )
    raise PoiseError(
        f"'{names[0]}' was trained on '{first.get('name')}' and '{name}' on '{other.get('name')}', "
        "which are different data",
        code="evaluation.different-data",
        why="distances to different data say nothing about which run is better",
        hint="compare runs of the same pairs or domains"
        if any(map(_translates, folders))
        else "name what to measure all of them against: --against DATA",
    )


def _folder(run: Any) -> RunFolder:
    if not is_run(run):
        named = str(run) if isinstance(run, str | Path) else type(run).__name__
        raise PoiseError(
            f"'{named}' is not a run",
            code="evaluation.not-a-run",
            hint="name folders that poise train made; for samples: poise evaluate SAMPLES --against DATA",
        )
    return folder_of(run)


def _names(runs: Sequence[Any]) -> tuple[str, ...]:
    """The name of each: that of its folder, if these differ, else its path."""
    if len(runs) < 2:
        raise PoiseError("One run cannot be compared", code="evaluation.one-run", hint="name two or more")
    paths = [str(run.path if isinstance(run, OpenRun | RunFolder) else run) for run in runs]
    short = [Path(path).name or path for path in paths]
    named = short if len(set(short)) == len(short) else paths
    twice = [name for name in named if named.count(name) > 1]
    if twice:
        raise PoiseError(
            f"The run '{twice[0]}' is named twice", code="evaluation.run-twice", hint="name different runs"
        )
    return tuple(named)


def _with_name(telling: Notify, name: str, words: str) -> None:
    telling(f"{name}: {words}")


def to_json(compared: Compared) -> list[Mapping[str, Any]]:
    """A row each, as plain JSON values."""
    return [
        {
            "metric": row.name,
            "measure": row.measure,
            "better": row.better or None,
            "floor": plain(row.floor),
            "runs": {
                name: {
                    "value": plain(cell.value),
                    "interval": plain(cell.interval),
                    "verdict": cell.verdict or None,
                }
                for name, cell in zip(compared.names, row.cells, strict=True)
            },
        }
        for row in compared.rows
    ]
