"""Many games at once on the command line: `poise train --seeds`, and `poise resume` of such a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from poise.cli.failure import BROKEN_PIPE
from poise.cli.named_data import NamedData
from poise.cli.sitting import device_words, reported
from poise.cli.view import Beginning, Ending, View
from poise.cli.watch import Teller
from poise.errors import PoiseError
from poise.run_folder import RunFolder, read_games, refuse_existing

if TYPE_CHECKING:
    from poise.recipes import Recipe
    from poise.training.doctor import Mode
    from poise.training.many import ManyMoment, ManyOutcome


def train_many(
    view: View,
    data: NamedData,
    recipe: Recipe,
    *,
    seeds: int | None,
    grid: Sequence[str],
    device: str,
    out: Path | None,
    dry_run: bool,
    as_json: bool,
    doctor: Mode = "suggest",
) -> int:
    """Train many new games.

    Args:
        view: Who is told.
        data: What a person named.
        recipe: What the games have in common.
        seeds: How many seeds.
        grid: What varies besides, as typed.
        device: The name of the device.
        out: The folder above the games; a new one below `runs/` where none is given.
        dry_run: Whether to show the plan and write nothing.
        as_json: Whether a program reads.
        doctor: What the doctor does; remedies are not tried in many games at once.

    Returns:
        The exit status.
    """
    if seeds is None:
        raise PoiseError("A grid is trained with seeds", hint="add --seeds 1 or more")
    if seeds < 1:
        raise PoiseError(f"The number of seeds cannot be {seeds}", hint="give --seeds 2 or more")
    if out is not None:
        refuse_existing(out)
    with view.opening(data.name) as measurement:
        from poise.run import new_run_path
        from poise.training import pick_device
        from poise.training.many import begin_many, parse_axis, plan_many
        from poise.training.recorded_data import data_record

        axes = dict(parse_axis(text) for text in grid)
        planned = plan_many(
            data.to_open(), recipe, pick_device(device), seeds=seeds, grid=axes, progress=measurement
        )
    folder = new_run_path(planned.sources[0].name, f"{recipe.name}/seeds") if out is None else out
    refuse_existing(folder)
    beginning = Beginning(
        run=folder,
        data=data_record(planned.sources[0], planned.origin),
        recipe=planned.games[0].recipe,
        device=device_words(planned.device),
        parameters={player: planned.parameters[player] for player in ("generator", "discriminator")},
        games=len(planned.games),
        grid=axes,
    )
    if dry_run:
        from poise.cli.dry_run import show

        return show(beginning, as_json=as_json)
    teller = Teller(view)
    view.start(beginning)
    with view.training(beginning.recipe.steps or 0):
        outcome = begin_many(
            planned, folder, watch=_telling(teller), notify=view.notice, doctor=doctor != "off"
        )
    return _end(outcome, view, teller)


def refuse_remedies(doctor: str) -> None:
    """Many games are not branched."""
    if doctor == "apply":
        raise PoiseError(
            "The doctor applies remedies to one run, not to many games at once",
            why="each game would need branches of its own",
            hint="leave --doctor apply out, or train that seed alone: --seed N --doctor apply",
        )


def go_on_many(path: Path, view: View, *, steps: int | None, device: str, accept_changed_data: bool) -> int:
    """Go on with many games, or extend them.

    Args:
        path: The folder above them.
        view: Who is told.
        steps: The new number of steps.
        device: The name of the device.
        accept_changed_data: Go on although the data have changed.

    Returns:
        The exit status.
    """
    parent = RunFolder.open(path)
    from poise.recipes import saved_recipe

    recipe, count = saved_recipe(parent.recipe), len(read_games(parent))
    if steps is not None:
        recipe = recipe.model_copy(update={"steps": steps})
    with ExitStack() as stack:
        measurement = stack.enter_context(view.opening(str(parent.data.get("name", ""))))
        from poise.training import Resumption, pick_device
        from poise.training.many import resume_many

        where = pick_device(device)

        def first(step: int) -> None:
            stack.close()
            view.start(
                Beginning(parent.path, parent.data, recipe, device_words(where), step=step, games=count)
            )
            stack.enter_context(view.training(recipe.steps or 0))

        teller = Teller(view, first)
        asked = Resumption(
            path, where, steps=steps, accept_changed_data=accept_changed_data, progress=measurement
        )
        outcome = resume_many(asked, watch=_telling(teller), notify=view.notice)
    return _end(outcome, view, teller)


def _telling(teller: Teller) -> Callable[[ManyMoment], str | None]:
    """What tells a view how many games go on: the medians over them."""
    doctor = ""

    def watch(context: ManyMoment) -> str | None:
        nonlocal doctor
        doctor = context.doctor or doctor
        if not teller.due(context):
            return None
        seen = context.images_seen * context.playing
        return teller.tell(context, steps=context.steps, images_seen=seen, doctor=doctor)

    return watch


def _end(outcome: ManyOutcome, view: View, teller: Teller) -> int:
    from poise.web.games import open_findings, reached

    position = outcome.position
    view.end(
        Ending(
            run=outcome.parent.path,
            status=outcome.status,
            step=position.step,
            images_seen=position.images_seen,
            seconds=position.seconds,
            report=reported(outcome.parent, view),
            samples=None,
            generator=None,
            reached=reached(outcome.parent),
            open_findings=open_findings(outcome.parent),
        )
    )
    return BROKEN_PIPE if teller.unread else outcome.exit_status
