"""`poise diagnose`: what went wrong in a run, or in anybody's log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, verb

if TYPE_CHECKING:
    from rich.console import Console

    from poise.diagnosis import FindingTracker

OK, WATCH, TROUBLE = 0, 1, 3
NAMES = {OK: "OK", WATCH: "WATCH", TROUBLE: "TROUBLE"}
STYLES = {OK: "bold green", WATCH: "bold yellow", TROUBLE: "bold red"}

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
    from poise.cli.console import line, output
    from poise.errors import PoiseError
    from poise.run_folder import game_folders, is_many

    is_run = (target / "recipe.json").is_file()
    if columns and is_run:
        what = f"'{target}' is a run, whose columns are known"
        raise PoiseError(what, code="cli.columns-of-a-run", hint="leave --columns out")
    if not is_many(target):
        tracker, used = (_of_run(target), {}) if is_run else _of_log(target, columns)
        if json:
            _emit(target, tracker, used)
        else:
            _print(output(), tracker, used)
        return _status(tracker)
    console, folders = output(), [run.path for run in game_folders(target)]
    trackers = [_of_run(folder) for folder in folders]
    widest = max(len(folder.name) for folder in folders)
    for folder, tracker in zip(folders, trackers, strict=True):
        status = _status(tracker)
        if json:
            _emit(folder, tracker, {})
        else:
            found = ", ".join(f"{one.name} since step {one.first_step:,}" for one in tracker.open)
            word = (f"{NAMES[status]:<7}", STYLES[status])
            line(console, f"{folder.name:<{widest}}  ", word, f"  {found}")
    return max(map(_status, trackers))


def _of_run(path: Path) -> FindingTracker:
    from poise.diagnosis import FINDINGS, Measurement, judged
    from poise.errors import PoiseError
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
    from poise.errors import PoiseError

    chosen = {}
    for text in columns:
        quantity, _, column = text.partition("=")
        if not column:
            what = f"'{text}' in --columns names no column"
            raise PoiseError(what, code="cli.bad-column", hint="write it as QUANTITY=COLUMN: metric=fid50k")
        chosen[quantity.strip()] = column.strip()
    measurements, used = measurements_of(read_log(path), chosen or None)
    return judged(measurements, FINDINGS.values()), used


def _status(tracker: FindingTracker) -> int:
    severities = {finding.severity for finding in tracker.open}
    return TROUBLE if "trouble" in severities else WATCH if "watch" in severities else OK


def _emit(target: Path, tracker: FindingTracker, used: dict[str, str]) -> None:
    from poise.cli.console import emit

    for finding in tracker.findings:
        emit({"event": "finding", **finding.to_json()})
    emit(
        {
            "event": "diagnosis",
            "target": str(target.absolute()),
            "status": NAMES[_status(tracker)],
            "readings": len(tracker.measurements),
            "columns": used,
            "not_checked": tracker.unchecked,
        }
    )


def _print(console: Console, tracker: FindingTracker, used: dict[str, str]) -> None:
    from poise.cli.console import line
    from poise.text import counted

    if used:
        named = [] if "step" in used else ["step from the number of the row"]
        named += [f"{name} from '{column}'" for name, column in used.items()]
        line(console, ("read: ", "dim"), ", ".join(named))
    status = _status(tracker)
    count = counted(len(tracker.measurements), "measurement")
    line(console, (NAMES[status], STYLES[status]), f", from {count}")
    for finding in [*tracker.open, *(one for one in tracker.findings if one.status != "open")]:
        line(console, str(finding))
        evidence = finding.evidence.to_json()
        for quantity, value in evidence["measured"].items():
            limit, usual = (evidence[side].get(quantity, "-") for side in ("threshold", "healthy"))
            line(console, f"  {quantity}: {value} (begins at {limit}; healthy: {usual})")
        for index, remedy in enumerate(finding.remedies if finding.status == "open" else (), start=1):
            line(console, (f"  {index}. ", "dim"), f"{remedy.change}, since {remedy.why}")
            if remedy.command:
                line(console, ("     ", ""), (remedy.command, "cyan"))
            line(console, f"     expect within {remedy.after_steps:,} steps: {remedy.expect}")
    for because in dict.fromkeys(tracker.unchecked.values()):
        names = ", ".join(name for name, why in tracker.unchecked.items() if why == because)
        line(console, (f"not checked, because {because}: {names}", "dim"))
