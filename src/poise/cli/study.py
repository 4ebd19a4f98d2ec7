"""`poise study`: which recipe, with which settings, under one budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.verb import Count, Device, Json, Names, Number, emit, facts, line, output, verb
from poise.text import counted, duration, short_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from poise.studies.folder import StudyFolder

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
    recipes: Names = ("lucic/*",),
    space: Annotated[str, Parameter(metavar="NAME|FILE")] = "narrow",
    budget: Annotated[str, Parameter(metavar="IMAGES|TIME")] = "1M-images",
    trials: Number = 50,
    seeds: Number = 10,
    shortlist: Number = 3,
    seed: Number = 0,
    stack: Count = None,
    evaluations: Number = 10,
    criterion: Annotated[str, Parameter(metavar="METRIC")] = "frechet-distance",
    search: Annotated[str, Parameter(metavar="random|optuna")] = "random",
    ladder: Annotated[str | None, Parameter(metavar="ROWS,...,all", show_default=False)] = None,
    stop_early: Annotated[float | None, Parameter(metavar="SHARE", show_default=False)] = None,
    going_on: Annotated[float, Parameter(metavar="SHARE")] = 0.5,
    workers: Number = 1,
    out: Path | None = None,
    device: Device = "auto",
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="PATH=VALUE", show_default=False)
    ] = (),
    dry_run: Annotated[bool, Parameter(show_default=False)] = False,
    json: Json = False,
) -> int:
    """Compare recipes under one budget: random search, then fresh seeds.

    Each trial is a run folder. Ctrl-C saves; the same command goes on, with
    more trials, seeds or recipes it adds these. Any number of processes and
    machines that see the folder may give it at once.

    Args:
        data: As for poise train.
        recipes: Names of recipes, or patterns, in quotes.
        space: What settings are drawn from: narrow, wide, kurach, or a TOML file.
        budget: What each trial may take: 1M-images that the discriminator is shown, or a time, 30m, which
            some timed steps turn into images once.
        trials: Settings of each recipe; the first is its default.
        seeds: Fresh seeds with which the chosen setting of each recipe is trained; these alone are compared.
        shortlist: The best settings of each recipe, of which one is chosen by three fresh seeds of its own.
        seed: Draws the settings and divides the data.
        stack: The most trials trained side by side in a process, where networks agree; by default 20 of small
            networks.
        evaluations: How often a trial is measured, to choose its checkpoint.
        criterion: What trials are ranked by: frechet-distance, or triangle-f1 on triangles.
        search: How settings are drawn: random, or, of one recipe, optuna, which suggests them by earlier
            scores.
        ladder: Search on few rows first, and on more with the best settings: 500,2000,all.
        stop_early: Cut the worse settings of each recipe at this share of the budget, 0.2 or more, and at
            twice as much, and so on.
        going_on: The share of settings that is not cut.
        workers: Processes that train at once.
        out: The study's folder; by default one below studies/.
        device: Where to train.
        settings: A setting of all recipes as path=value; may be given often.
        dry_run: Check and show the plan, and write nothing.
    """
    from poise.cli.verb import at_least
    from poise.recipes import parse_override
    from poise.run_folder import new_run_path
    from poise.studies.folder import StudyFolder
    from poise.studies.preparing import Request, prepare

    at_least(1, workers=workers)
    folder = StudyFolder(out or new_run_path(data, "study", below="studies"))
    changes = dict(parse_override(text) for text in settings)
    asked = Request(
        data=data,
        recipes=recipes,
        space=space,
        budget=budget,
        trials=trials,
        seeds=seeds,
        shortlist=shortlist,
        seed=seed,
        stack=stack,
        evaluations=evaluations,
        device=device,
        settings=changes,
        criterion=criterion,
        search=search,
        ladder=ladder,
        stop_early=stop_early,
        going_on=going_on,
    )
    plan = prepare(asked, folder, dry_run=dry_run)
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
            ("stacks", f"up to {plan.stack} side by side" if plan.stack > 1 else "one trial at a time"),
        ]  # fmt: skip
        facts(output(), [(name, value) for name, value in rows if name != "rungs" or plan.rungs])
    if dry_run:
        if json:
            emit({"event": "plan", **plan.to_json()})
        else:
            line(output(), "This was a dry run: nothing was written. Leave out --dry-run to begin.")
        return 0
    return _finish(folder, workers, json=json)


@app.command
def resume(
    study: Path,
    /,
    *,
    workers: Annotated[int, Parameter(metavar="N")] = 1,
    json: Json = False,
) -> int:
    """Go on with a study; a further worker is the same command.

    Args:
        study: The study's folder.
        workers: Processes that train at once.
    """
    from poise.cli.verb import at_least
    from poise.studies.folder import StudyFolder

    at_least(1, workers=workers)
    return _finish(StudyFolder.open(study), workers, json=json)


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


def _finish(folder: StudyFolder, workers: int, *, json: bool) -> int:
    """Train what is left, with a line of progress now and then, and show the table."""
    from poise.studies.report import write_report
    from poise.studies.running import work, work_together

    watch = _progress(folder, json=json)
    watch()

    def notify(sentence: str) -> None:
        if json:
            emit({"event": "notice", "sentence": sentence})
        else:
            line(output(), (sentence, "dim"))

    if workers == 1:
        exit_status = work(folder, notify, alone=False, on_unit=watch)
    else:
        exit_status = work_together(folder, workers, watch)
    if exit_status:
        if not json:
            again = f"Stopped and saved; go on with: poise study resume {short_path(folder.path)}"
            line(output(), again)
        return exit_status
    path = write_report(folder)
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
    from poise.studies.results import short, table_of

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
