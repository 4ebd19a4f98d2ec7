"""`poise diagnose`: what went wrong in a run, or in anybody's log."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, Name, emit, line, output, verb
from poise.errors import PoiseError, unknown_name
from poise.text import counted

if TYPE_CHECKING:
    from rich.console import Console

    from poise.diagnosis import FindingTracker
    from poise.diagnosis.logs import Diagnosis

# What a run or a log is called, with the exit status and the style, the least grave first
STATUSES = {
    "OK": (0, "bold green"),
    "TOO FEW": (6, "bold"),
    "WATCH": (1, "bold yellow"),
    "TROUBLE": (3, "bold red"),
}

app = verb(
    "diagnose",
    ("poise diagnose runs/demo", "a run, even while it trains"),
    ("poise diagnose log.txt", "anybody's log"),
    ("poise diagnose log.csv --columns metric=fid", "name its columns"),
    ("poise diagnose tensorboard --run first", "one of several runs"),
)


@dataclass(frozen=True)
class _Case:
    """A run or a log that was judged."""

    path: Path
    place: str  # What it is, if there are several
    found: FindingTracker | Diagnosis
    columns: dict[str, str] = field(default_factory=dict)
    program: str = ""  # The program that wrote the log, if its format tells
    few: str = ""  # Why a log is too short for a verdict; empty if it is not

    @property
    def status(self) -> str:
        severities = {finding.severity for finding in self.found.open}
        quiet = "TOO FEW" if self.few else "OK"
        return "TROUBLE" if "trouble" in severities else "WATCH" if "watch" in severities else quiet


@app.default
def diagnose(
    target: Path,
    /,
    *,
    columns: Annotated[
        tuple[str, ...], Parameter(metavar="QUANTITY=COLUMN", consume_multiple=True, show_default=False)
    ] = (),
    run: Name = None,
    json: Json = False,
) -> int:
    """Name what went wrong, with evidence and remedies.

    A log is what a program wrote: its console, CSV, JSON, TensorBoard's or
    MLflow's folders, arrays of numpy. Several runs or games get a line each.

    The exit status is 0 if all is well, 1 if there is something to watch,
    3 if there is trouble, and 6 if a log has too few readings to say.

    Args:
        target: A run's folder, or a log, or a folder of logs.
        columns: Which column of a log is the step, generator_loss, discriminator_loss, real_score,
            fake_score, auc, generator_gradient, discriminator_gradient or metric (lower is
            better); the others are guessed.
        run: Which of several runs in one place to look at.
    """
    from poise.run_folder import RunFolder, game_folders

    is_run, many, console = (target / "recipe.json").is_file(), RunFolder(target).is_many, output()
    if (columns or run) and (is_run or many):
        what = f"'{target}' is a run, whose columns are known"
        raise PoiseError(what, code="cli.columns-of-a-run", hint="leave --columns and --run out")
    if is_run or many:
        folders = [one.path for one in game_folders(target)] if many else [target]
        cases = [_Case(folder, folder.name, _of_run(folder)) for folder in folders]
    else:
        cases = _of_log(target, columns, run)
    widest = max(len(case.place) for case in cases)
    for case in cases:
        if json:
            for finding in case.found.findings:
                emit({"event": "finding", **finding.to_json()})
            about = {"target": str(case.path.absolute()), "status": case.status, "columns": case.columns}
            counts = {"readings": len(case.found.measurements), "not_checked": case.found.unchecked}
            log = {name: text for name, text in (("run", case.place), ("program", case.program)) if text}
            emit({"event": "diagnosis", **about, **log, **counts})
        elif len(cases) > 1:
            names = ", ".join(f"{one.name} since step {one.first_step:,}" for one in case.found.open)
            word = (f"{case.status:<7}", STATUSES[case.status][1])
            line(console, f"{case.place:<{widest}}  ", word, f"  {names or case.few}")
        else:
            _print(console, case)
    gravest = max((case.status for case in cases), key=list(STATUSES).index)
    return STATUSES[gravest][0]


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


def _of_log(path: Path, columns: tuple[str, ...], run: str | None) -> list[_Case]:
    from poise.diagnosis.logs import diagnose, read_logs, readings_of

    chosen = {}
    for text in columns:
        quantity, _, column = text.partition("=")
        if not column:
            what = f"'{text}' in --columns names no column"
            raise PoiseError(what, code="cli.bad-column", hint="write it as QUANTITY=COLUMN: metric=fid50k")
        chosen[quantity.strip()] = column.strip()
    logs = read_logs(path)
    if run is not None:
        if run not in logs:
            raise unknown_name("run", run, [name for name in logs if name], where=f"in '{path}'")
        logs = {run: logs[run]}
    cases = []
    for name, log in logs.items():
        games = readings_of(log.rows, chosen or None)
        for game in games:
            place = " ".join(filter(None, (name, game.name if len(games) > 1 else "")))
            found = diagnose(game.measurements)
            cases.append(_Case(path, place, found, dict(game.columns), log.program, found.few))
    return cases


def _print(console: Console, case: _Case) -> None:
    if case.columns:
        named = [] if "step" in case.columns else ["step from the number of the row"]
        named += [f"{name} from '{column}'" for name, column in case.columns.items()]
        program = f" as {case.program} writes it" if case.program else ""
        line(console, (f"read{program}: ", "dim"), ", ".join(named))
    count = counted(len(case.found.measurements), "measurement")
    line(console, (case.status, STATUSES[case.status][1]), f", from {count}")
    if case.few:
        line(console, case.few)
    for finding in [*case.found.open, *(one for one in case.found.findings if one.status != "open")]:
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
    for because in dict.fromkeys(case.found.unchecked.values()):
        names = ", ".join(name for name, why in case.found.unchecked.items() if why == because)
        line(console, (f"not checked, because {because}: {names}", "dim"))
