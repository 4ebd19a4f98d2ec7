"""`poise diagnose`: what went wrong in a run, or in anybody's log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, verb

if TYPE_CHECKING:
    from poise.diagnosis import FindingTracker

HEALTHY, WATCH, TROUBLE = 0, 1, 3

app = verb(
    "diagnose",
    ("poise diagnose runs/demo", "a run, training still or not"),
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

    Of many games, a line for each. The exit status is 0 where all is well, 1
    for something to watch, 3 for trouble.

    Args:
        target: A run's folder, or a log.
        columns: Which column of a log is the step, generator_loss, discriminator_loss, real_score,
            fake_score, auc, generator_gradient, discriminator_gradient or metric (lower is
            better); the others are guessed.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.errors import PoiseError
    from poise.run_folder import is_many

    is_run = (target / "recipe.json").is_file()
    if columns and is_run:
        raise PoiseError(f"'{target}' is a run, whose columns are known", hint="leave --columns out")
    if is_many(target):
        return _of_many(target, json=json)
    tracker, used = _of_run(target) if is_run else _of_log(target, columns)
    status = _status(tracker)
    if json:
        _emit(target, tracker, used)
    else:
        _tell(tracker, used, status)
    return status


def _of_many(path: Path, *, json: bool) -> int:
    """A line for each of many games; the status is that of the worst."""
    from poise.cli.console import line, output
    from poise.run_folder import game_folders

    console, worst = output(), HEALTHY
    runs = game_folders(path)
    widest = max(len(run.path.name) for run in runs)
    for run in runs:
        tracker, _ = _of_run(run.path)
        status = _status(tracker)
        worst = max(worst, status)
        if json:
            _emit(run.path, tracker, {})
            continue
        found = ", ".join(f"{one.name} since step {one.first_step:,}" for one in tracker.open)
        line(console, f"{run.path.name:<{widest}}  ", (f"{_WORDS[status]:<7}", _STYLES[status]), f"  {found}")
    return worst


def _emit(target: Path, tracker: FindingTracker, used: dict[str, str]) -> None:
    from poise.cli.console import emit

    for finding in tracker.findings:
        emit({"event": "finding", **finding.to_json()})
    told = {"status": _WORDS[_status(tracker)], "readings": len(tracker.measurements), "columns": used}
    place = str(target.absolute())
    emit({"event": "diagnosis", "target": place, **told, "not_checked": tracker.unchecked})


_WORDS = {HEALTHY: "OK", WATCH: "WATCH", TROUBLE: "TROUBLE"}
_STYLES = {HEALTHY: "bold green", WATCH: "bold yellow", TROUBLE: "bold red"}


def _of_run(path: Path) -> tuple[FindingTracker, dict[str, str]]:
    from poise.diagnosis import FINDINGS, Measurement, judged
    from poise.errors import PoiseError
    from poise.recipes import saved_recipe
    from poise.run_folder import RunFolder
    from poise.training.doctor import setting_of

    run = RunFolder.open(path)
    lines = run.lines("readings")
    if not lines:
        raise PoiseError(
            f"The run '{path}' holds no readings",
            why="no doctor watched it",
            hint=f"look at its history alone: poise diagnose {path}/history.jsonl",
        )
    setting = setting_of(run, saved_recipe(run.recipe))
    return judged([Measurement.from_json(line) for line in lines], FINDINGS.values(), setting), {}


def _of_log(path: Path, columns: tuple[str, ...]) -> tuple[FindingTracker, dict[str, str]]:
    from poise.diagnosis import FINDINGS, judged
    from poise.diagnosis.logs import measurements_of, read_log

    chosen = dict(map(_named_column, columns))
    measurements, used = measurements_of(read_log(path), chosen or None)
    return judged(measurements, FINDINGS.values()), used


def _named_column(text: str) -> tuple[str, str]:
    from poise.errors import PoiseError

    quantity, equals, column = text.partition("=")
    if not equals or not column:
        raise PoiseError(
            f"'{text}' in --columns names no column", hint="write it as QUANTITY=COLUMN: metric=fid50k"
        )
    return quantity.strip(), column.strip()


def _status(tracker: FindingTracker) -> int:
    severities = {finding.severity for finding in tracker.open}
    return TROUBLE if "trouble" in severities else WATCH if "watch" in severities else HEALTHY


def _tell(tracker: FindingTracker, used: dict[str, str], status: int) -> None:
    from poise.cli.console import line, output
    from poise.cli.wording import counted

    console = output()
    if used:
        sources = [f"{name} from '{column}'" for name, column in used.items()]
        numbered = [] if "step" in used else ["step from the number of the row"]
        line(console, ("read: ", "dim"), ", ".join([*numbered, *sources]))
    line(
        console,
        (_WORDS[status], _STYLES[status]),
        f", from {counted(len(tracker.measurements), 'measurement')}",
    )
    for finding in [*tracker.open, *(one for one in tracker.findings if one.status != "open")]:
        line(console, str(finding))
        measured = finding.evidence.to_json()
        for quantity, value in measured["measured"].items():
            limit, usual = (measured[side].get(quantity, "-") for side in ("threshold", "healthy"))
            line(console, ("  ", ""), f"{quantity}: {value} (begins at {limit}; healthy: {usual})")
        for place, remedy in enumerate(finding.remedies if finding.status == "open" else (), start=1):
            line(console, (f"  {place}. ", "dim"), f"{remedy.change}, since {remedy.why}")
            if remedy.command:
                line(console, ("     ", ""), (remedy.command, "cyan"))
            line(console, ("     ", ""), f"expect within {remedy.after_steps:,} steps: {remedy.expect}")
    for because in dict.fromkeys(tracker.unchecked.values()):
        names = ", ".join(name for name, why in tracker.unchecked.items() if why == because)
        line(console, (f"not checked, because {because}: {names}", "dim"))
