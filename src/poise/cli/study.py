"""`poise study`: which recipe, with which settings, under one budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from poise.cli.study_options import StudyOptions, WorkforceOptions
from poise.cli.verb import Json, Switch, emit, facts, line, output, verb
from poise.text import counted, duration, short_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from poise.studies.finishing import Workforce
    from poise.studies.folder import StudyFolder
    from poise.studies.plan import Plan

app = verb(
    "study",
    ("poise study digits --recipes 'lucic/*'", "seven losses under one budget"),
    ("poise study my-photos --budget 30m --workers 2", "two processes"),
    ("poise study digits --trials 100 --out STUDY", "more trials, or go on"),
)


@app.default
def study(
    data: str,
    /,
    *,
    asked: StudyOptions = StudyOptions(),  # noqa: B008 - frozen
    by: WorkforceOptions = WorkforceOptions(),  # noqa: B008 - frozen
    out: Path | None = None,
    dry_run: Switch = False,
    json: Json = False,
) -> int:
    """Compare recipes under one budget: random search, then fresh seeds.

    Each trial is a run folder. Ctrl-C saves; the same command goes on, with
    more trials, seeds or recipes it adds these. Any number of processes and
    machines that see the folder may give it at once.

    Args:
        data: As for poise train.
        out: The study's folder; by default one below studies/.
        dry_run: Check and show the plan, and write nothing.
    """
    from poise.run_folder import new_run_path
    from poise.studies.conclusions import too_few_seeds
    from poise.studies.folder import StudyFolder
    from poise.studies.pairs import seeds_that_tell
    from poise.studies.preparing import prepare

    workforce = by.workforce()
    folder = StudyFolder(out or new_run_path(data, "study", below="studies"))
    plan = prepare(asked.request(data), folder, dry_run=dry_run)
    if not json:
        rows = [
            ("study", short_path(folder.path)),
            ("recipes", ", ".join(plan.recipes)),
            ("space", f"{plan.space.name}: {plan.space.summary}"),
            ("trials", f"{counted(plan.trials, 'setting')} a recipe, {plan.budget.images:,} images each"
                + (f" ({plan.budget.measured})" if plan.budget.measured else "")),
            ("rows", f"{plan.choosing:,} choose a checkpoint, {plan.scoring:,} score it; the others train"),
            ("rungs", ", then ".join(
                f"{count} settings on {rung.words}"
                for count, rung in zip(plan.counts(), plan.ladder, strict=True)
            )),
            ("runs", _runs(plan)),
            ("stacks", f"up to {plan.stack} side by side" if plan.stack > 1 else "one trial at a time"),
        ]  # fmt: skip
        facts(output(), [(name, value) for name, value in rows if name != "rungs" or plan.rungs])
        if 0 < plan.seeds < (least := seeds_that_tell(len(plan.recipes))) and len(plan.recipes) > 1:
            line(output(), too_few_seeds(plan.seeds, len(plan.recipes), least))
    if dry_run:
        if json:
            emit({"event": "plan", **plan.to_json()})
        else:
            _print_time(plan)
            line(output(), "This was a dry run: nothing was written. Leave out --dry-run to begin.")
        return 0
    return _finish(folder, workforce, json=json)


def _runs(plan: Plan) -> str:
    """How many runs there will be, and what for."""
    from poise.studies.progress import images_of, runs_of

    found = runs_of(plan)
    what = {
        "search": f"{found['search']:,} of the search",
        "screening": f"{found['screening']:,} of the best settings with fresh seeds",
        "confirmation": f"{found['confirmation']:,} that are compared",
    }
    parts = [what[stage] for stage, count in found.items() if count]
    return f"{sum(found.values()):,}: {', '.join(parts)}; {images_of(plan):,} images in all"


def _print_time(plan: Plan) -> None:
    """What all of it takes, if that can be timed."""
    from poise.studies.preparing import expected_seconds
    from poise.studies.trials import sets_of

    seconds = expected_seconds(plan, sets_of(plan))
    if seconds is not None:
        facts(output(), [("takes", f"about {duration(seconds)} of one process, by some timed steps of each")])


@app.command
def resume(
    study: Path,
    /,
    *,
    by: WorkforceOptions = WorkforceOptions(),  # noqa: B008 - frozen
    json: Json = False,
) -> int:
    """Go on with a study; a further worker is the same command.

    Args:
        study: The study's folder.
    """
    from poise.studies.folder import StudyFolder

    return _finish(StudyFolder.open(study), by.workforce(), json=json)


@app.command
def report(study: Path, /, *, json: Json = False) -> int:
    """Write the report of a study again: one HTML file.

    Args:
        study: The study's folder.
    """
    from poise.studies.folder import StudyFolder
    from poise.studies.report import write_report

    path = write_report(StudyFolder.open(study))
    if json:
        emit({"event": "report", "study": str(study.absolute()), "report": str(path.absolute())})
    else:
        line(output(), "wrote ", (short_path(path), "cyan"))
    return 0


@app.command
def status(study: Path, /, *, json: Json = False) -> int:
    """How far a study is, and its table as far as it goes.

    Args:
        study: The study's folder.
    """
    from dataclasses import asdict

    from poise.studies.folder import StudyFolder
    from poise.studies.progress import standing

    folder = StudyFolder.open(study)
    found = standing(folder)
    claims = folder.claimants()
    if json:
        from poise.studies.results import table_of

        table = table_of(folder.plan, folder.results()).to_json()
        emit({"event": "status", **asdict(found), "workers": claims, "table": table})
        return 0
    console = output()
    facts(console, [
        ("stage", found.stage),
        ("runs", f"{found.done:,} of {found.planned:,} done, {found.failed:,} without a score"),
        ("workers", ", ".join(claims) or "none"),
    ])  # fmt: skip
    _print_table(folder)
    return 0


def _finish(folder: StudyFolder, by: Workforce, *, json: bool) -> int:
    """Train what is left, with a line of progress now and then, and show the table."""
    from poise.studies.finishing import finish

    watch = _progress(folder, json=json)
    watch()

    def notify(sentence: str) -> None:
        if json:
            emit({"event": "notice", "sentence": sentence})
        else:
            line(output(), (sentence, "dim"))

    exit_status = finish(folder, by, notify, watch)
    if exit_status:
        if not json:
            again = f"Stopped and saved; go on with: poise study resume {short_path(folder.path)}"
            line(output(), again)
        return exit_status
    path = folder.report
    if json:
        from poise.studies.results import table_of

        table = table_of(folder.plan, folder.results()).to_json()
        emit({"event": "end", "study": str(folder.path.absolute()), "report": str(path.absolute()), **table})
        return 0
    _print_table(folder)
    line(output(), "report: ", (short_path(path), "cyan"))
    return 0


def _progress(folder: StudyFolder, *, json: bool) -> Callable[[], None]:
    """Reports how far a study is whenever a run is done."""
    import time
    from dataclasses import asdict

    from poise.studies.progress import standing

    began, first, last = time.monotonic(), standing(folder).images, -1

    def report() -> None:
        nonlocal last
        if folder.count() == last:
            return
        last = folder.count()
        found = standing(folder)
        pace = (found.images - first) / max(time.monotonic() - began, 1e-9)
        left = found.images_left / pace if pace else None
        if json:
            emit({"event": "progress", **asdict(found), "seconds_left": left})
            return
        failed = f", {found.failed} without a score" if found.failed else ""
        remaining = "" if left is None or not found.images_left else f"; about {duration(left)} left"
        line(output(), f"{found.stage}: {found.done:,} of {found.planned:,} runs done{failed}{remaining}")

    return report


def _print_table(folder: StudyFolder) -> None:
    from rich.text import Text

    from poise.cli.verb import panel, table
    from poise.studies.conclusions import short
    from poise.studies.results import table_of

    found, console = table_of(folder.plan, folder.results()), output()
    if not console.is_terminal:
        for text in str(found).split("\n"):
            line(console, text)
        return
    made = table("", "median", "95 % interval", "failed", "default", "best of search")
    for row in found.rows:
        spread = "-" if row.interval is None else " to ".join(map(short, row.interval))
        made.add_row(
            Text(row.recipe, "cyan"),
            Text(short(row.median), "bold"),
            spread,
            f"{row.failed}/{row.trials}",
            short(row.default),
            short(row.searched),
        )
    said = [Text(sentence) for sentence in found.advice]
    ranked = [Text(one.sentence) for one in found.rungs]
    panel(console, Text("study", "bold"), made, Text(), Text(found.protocol, "dim"), Text(), *ranked, *said)
