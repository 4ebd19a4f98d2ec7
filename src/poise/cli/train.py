"""`poise train`: from data to a run."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from poise.cli.data_options import DataOptions
from poise.cli.verb import (
    Count,
    Device,
    DoctorMode,
    FitName,
    Json,
    Name,
    Size,
    Switch,
    at_least,
    emit,
    line,
    output,
    verb,
)

if TYPE_CHECKING:
    pass

app = verb(
    "train",
    ("poise train digits", "handwritten digits"),
    ("poise train my-photos --resolution 64", "a folder of images"),
    ("poise train ring --recipe wasserstein-gp", "points, another recipe"),
    ("poise train digits --set loss=hinge --set packing=2", "your own settings"),
    ("poise train my-photos --recipe conditional", "sub-folders are classes"),
    ("poise train ring --seeds 40", "forty seeds side by side"),
    ("poise train --pairs line colour", "images from images"),
    ("poise train --domains horses zebras", "the same without pairs"),
    ("poise train my-photos --dry-run", "check, write nothing"),
)


@app.default
def train(
    data: str | None = None,
    /,
    *,
    recipe: Name = None,
    named: DataOptions = DataOptions(),  # noqa: B008 - frozen
    out: Path | None = None,
    steps: Count = None,
    budget: Annotated[str | None, Parameter(metavar="TIME")] = None,
    seed: Count = None,
    resolution: Size = None,
    fit: FitName = None,
    batch_size: Count = None,
    private: Annotated[str | None, Parameter(metavar="epsilon=3,delta=1e-5")] = None,
    start_from: Annotated[Path | None, Parameter(name="--from", metavar="RUN")] = None,
    device: Device = "auto",
    precision: Annotated[
        Literal["float32", "bf16", "auto"] | None, Parameter(metavar="NAME", show_choices=False)
    ] = None,
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="PATH=VALUE", show_default=False)
    ] = (),
    seeds: Count = None,
    grid: Annotated[tuple[str, ...], Parameter(metavar="PATH=VALUE,VALUE", show_default=False)] = (),
    doctor: DoctorMode = "suggest",
    dry_run: Switch = False,
    json: Json = False,
) -> int:
    """Train a GAN on your data, into a new run folder.

    Ctrl-C saves and stops; poise resume goes on as if never interrupted.
    A run that is there already is never written over.

    Args:
        data: A folder or zip of images, a .npy or .npz array, or digits, ring, grid, spiral or triangles.
        recipe: By default what suits the data, for pairs pix2pix, for domains cyclegan; see poise recipes.
        out: The run's folder; by default a new one below runs/.
        steps: How many steps; by default as many as suit the data.
        budget: As many steps as end within this time, 30m or 2h; some are timed before.
        seed: All randomness is derived from it.
        resolution: The size images are brought to: pixels a side, or width and height, as 64x48.
        fit: What becomes of other proportions: crop the middle, by default; pad with white; or stretch.
        batch_size: Samples in a batch.
        private: Differential privacy of a table's rows; the run folder says what it covers.
        start_from: Begin with the weights of a run, checkpoint or generator, where names and shapes agree.
        device: Where to train.
        precision: float32, the default; bf16 multiplies in bfloat16; auto takes bf16 if the hardware has it.
        settings: A setting as path=value, as poise recipes NAME lists them; may be given often.
        seeds: Train so many games side by side, from the seed upwards; only small networks gain by it.
        grid: With --seeds: train every combination of such values; may be given often.
        dry_run: Check and show everything, and write nothing.
    """
    from poise.cli.events import Notice, unit_of
    from poise.cli.progress import view_for
    from poise.cli.recipes import settings_table
    from poise.cli.session import Reporter, finish, prepare, report_of_a_failure
    from poise.recipes import asked_for, parse_override

    at_least(1, seeds=seeds)
    named = replace(named, data=data)
    named.check()
    flags = {
        "steps": steps,
        "seed": seed,
        "resolution": resolution,
        "fit": fit,
        "batch_size": batch_size,
        "precision": precision,
        "private": private,
    }
    changes: dict[str, Any] = dict(parse_override(text) for text in settings)
    changes |= {name: value for name, value in flags.items() if value is not None}
    with warnings.catch_warnings(record=True) as old_names:
        warnings.simplefilter("always", FutureWarning)
        chosen = asked_for(recipe or named.recipe, changes)
    view = view_for(json=json)
    for sentence in dict.fromkeys(str(one.message) for one in old_names):
        view.report(Notice(f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}."))
    start, begin = prepare(
        view,
        named,
        chosen,
        device=device,
        out=out,
        doctor=doctor,
        seeds=seeds,
        grid=grid,
        budget=None if budget is None else time_span(budget, steps),
        start_from=start_from,
    )
    if not dry_run:
        reporter = Reporter(view, remedies=doctor != "watch", unit=unit_of(start.data))
        view.report(start)
        with report_of_a_failure(start.run, reporter), view.training(start.recipe.steps or 0):
            outcome = begin(reporter)
        return finish(outcome, reporter)
    if json:
        plan = {"recipe": start.recipe.model_dump(), "data": dict(start.data)}
        emit({"event": "plan", **start.to_json(), **plan})
        return 0
    console = output()
    start.print(console)
    if start.taken is not None:
        Notice(start.taken.sentence).print(console)
    console.print()
    console.print(settings_table(start.recipe))
    console.print()
    line(console, "This was a dry run: nothing was written. Leave out --dry-run to train.")
    return 0


def time_span(budget: str, steps: int | None) -> float:
    """The seconds of a budget.

    Raises:
        PoiseError: It is no time span, or the steps are given, too.
    """
    from poise.errors import PoiseError
    from poise.text import seconds_of

    seconds = seconds_of(budget)
    if not seconds:
        what = f"'{budget}' is no time span"
        raise PoiseError(what, code="cli.budget-unread", hint="write --budget 30m, 2h, 1h30m or 90s")
    if steps is not None:
        what = "A run has either steps or a budget"
        raise PoiseError(what, code="cli.budget-with-steps", hint="leave --steps or --budget out")
    return seconds
