"""`poise diagnose`: what went wrong in a run, or in anybody's log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.console import emit, line, output
from poise.cli.verb import Json, verb
from poise.errors import PoiseError
from poise.text import counted

if TYPE_CHECKING:
    from rich.console import Console

    from poise.diagnosis import FindingTracker

STATUSES = {"OK": (0, "bold green"), "WATCH": (1, "bold yellow"), "TROUBLE": (3, "bold red")}
"""What a run or a log is called, with the exit status and the style."""

app = verb(
    "diagnose",
    ("poise diagnose runs/demo", "a run, even while it trains"),
    ("poise diagnose log.csv", "anybody's log"),
    ("poise diagnose log.csv --columns metric=fid", "name its columns"),
)


@app.default
def diagnose(
    target: Path,
    /,
    *,
    columns: Annotated[
        tuple[str, ...], Parameter(metavar="QUANTITY=COLUMN", consume_multiple=True, show_default=False)
    ] = (),
    json: Json = False,
) -> int:
    """Say by name what went wrong, with evidence and remedies.

    Many games get a line each. The exit status is 0 if all is well, 1 if
    there is something to watch, 3 if there is trouble.

    Args:
        target: A run's folder, or a log.
        columns: Which column of a log is the step, generator_loss, discriminator_loss, real_score,
            fake_score, auc, generator_gradient, discriminator_gradient or metric (lower is
            better); the others are guessed.
    """
    from poise.run_folder import game_folders, is_many

    is_run, many, console = (target / "recipe.json").is_file(), is_many(target), output()
    if columns and is_run:
        what = f"'{target}' is a run, whose columns are known"
        raise PoiseError(what, code="cli.columns-of-a-run", hint="leave --columns out")
    used: dict[str, str] = {}
    if is_run or many:
        folders = [run.path for run in game_folders(target)] if many else [target]
        found = {folder: _of_run(folder) for folder in folders}
    else:
        tracker, used = _of_log(target, columns)
        found = {target: tracker}
    widest = max(len(place.name) for place in found)
    for place, tracker in found.items():
        status = _status(tracker)
        if json:
            for finding in tracker.findings:
                emit({"event": "finding", **finding.to_json()})
            about = {"target": str(place.absolute()), "status": status, "columns": used}
            counts = {"readings": len(tracker.measurements), "not_checked": tracker.unchecked}
            emit({"event": "diagnosis", **about, **counts})
        elif many:
            names = ", ".join(f"{one.name} since step {one.first_step:,}" for one in tracker.open)
            line(console, f"{place.name:<{widest}}  ", (f"{status:<7}", STATUSES[status][1]), f"  {names}")
        else:
            _print(console, tracker, used)
    return max(STATUSES[_status(tracker)][0] for tracker in found.values())


def _of_run(path: Path) -> FindingTracker:
    from poise.diagnosis import FINDINGS, Measurement, judged
    from poise.recipes import saved_recipe
    from poise.run_folder import RunFolder
    from poise.training.callbacks.doctor import setting_of

    run = RunFolder.open(path)
    lines = run.lines("readings")
    if not lines:
        what = f"The run '{path}' holds no readings"
        hint = f"look at its history alone: poise diagnose {path}/history.jsonl"
        raise PoiseError(what, code="cli.no-readings", why="no doctor watched it", hint=hint)
    measurements = [Measurement.from_json(line) for line in lines]
    return judged(measurements, FINDINGS.values(), setting_of(run, saved_recipe(run.recipe)))


def _of_log(path: Path, columns: tuple[str, ...]) -> tuple[FindingTracker, dict[str, str]]:
    from poise.diagnosis import FINDINGS, judged
    from poise.diagnosis.logs import measurements_of, read_log

    chosen = {}
    for text in columns:
        quantity, _, column = text.partition("=")
        if not column:
            what = f"'{text}' in --columns names no column"
            raise PoiseError(what, code="cli.bad-column", hint="write it as QUANTITY=COLUMN: metric=fid50k")
        chosen[quantity.strip()] = column.strip()
    measurements, used = measurements_of(read_log(path), chosen or None)
    return judged(measurements, FINDINGS.values()), used


def _status(tracker: FindingTracker) -> str:
    severities = {finding.severity for finding in tracker.open}
    return "TROUBLE" if "trouble" in severities else "WATCH" if "watch" in severities else "OK"


def _print(console: Console, tracker: FindingTracker, used: dict[str, str]) -> None:
    if used:
        named = [] if "step" in used else ["step from the number of the row"]
        named += [f"{name} from '{column}'" for name, column in used.items()]
        line(console, ("read: ", "dim"), ", ".join(named))
    status = _status(tracker)
    line(
        console, (status, STATUSES[status][1]), f", from {counted(len(tracker.measurements), 'measurement')}"
    )
    for finding in [*tracker.open, *(one for one in tracker.findings if one.status != "open")]:
        line(console, str(finding))
        evidence = finding.evidence
        for quantity, value in evidence.measured.items():
            limit, usual = (side.get(quantity, "-") for side in (evidence.threshold, evidence.healthy))
            line(console, f"  {quantity}: {value} (begins at {limit}; healthy: {usual})")
        for index, remedy in enumerate(finding.remedies if finding.status == "open" else (), start=1):
            line(console, (f"  {index}. ", "dim"), f"{remedy.change}, since {remedy.why}")
            if remedy.command:
                line(console, ("     ", ""), (remedy.command, "cyan"))
            line(console, f"     expect within {remedy.after_steps:,} steps: {remedy.expect}")
    for because in dict.fromkeys(tracker.unchecked.values()):
        names = ", ".join(name for name, why in tracker.unchecked.items() if why == because)
        line(console, (f"not checked, because {because}: {names}", "dim"))
