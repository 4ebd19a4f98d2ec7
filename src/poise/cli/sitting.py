"""One sitting as the command line runs it: train with somebody told, write the report, say what there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli.failure import BROKEN_PIPE, FAILED
from poise.cli.named_data import NamedData
from poise.cli.view import Beginning, Ending, View
from poise.cli.watch import Watch
from poise.cli.wording import command, shown
from poise.errors import PoiseError
from poise.run_folder import RunFolder, makes, refuse_existing

if TYPE_CHECKING:
    import torch

    from poise.recipes import Recipe
    from poise.training import Experiment, Outcome
    from poise.training.doctor import Mode


@dataclass(frozen=True)
class Prepared:
    """A run that has been checked and not begun.

    Attributes:
        plan: Data, recipe and networks.
        beginning: What to tell of it.
    """

    plan: Experiment
    beginning: Beginning


def prepare(view: View, data: NamedData, recipe: Recipe, *, device: str, out: Path | None) -> Prepared:
    """Check everything that can be checked before a run; nothing is written.

    Args:
        view: Who is told while the data are read.
        data: What a person named.
        recipe: The recipe, with their changes.
        device: The name of the device.
        out: The run's folder; a new one below `runs/` where none is given.

    Raises:
        PoiseError: Something does not fit.
    """
    if out is not None:  # before the data are read, which may take long
        refuse_existing(out)
    with view.opening(data.name) as measurement:
        from poise.networks import describe
        from poise.run import new_run_path
        from poise.training import pick_device, plan
        from poise.training.recorded_data import data_record

        planned = plan(data.to_open(), recipe, pick_device(device), progress=measurement)
    folder = new_run_path(planned.source.name, recipe.name) if out is None else out
    refuse_existing(folder)
    sizes = {player: describe(module)["parameters"] for player, module in planned.components.modules.items()}
    beginning = Beginning(
        run=folder,
        data=data_record(planned.source, planned.origin),
        recipe=planned.recipe,
        device=device_words(planned.components.device),
        parameters={player: sizes[player] for player in ("generator", "discriminator")},
    )
    return Prepared(planned, beginning)


def begin_prepared(prepared: Prepared, view: View, *, doctor: Mode = "suggest") -> int:
    """Train a new run.

    Args:
        prepared: What to train.
        view: Who is told.
        doctor: What the doctor does.

    Returns:
        The exit status.
    """
    from poise.training import begin
    from poise.training.remedies import begin_with_remedies

    watch, beginning = Watch(view, remedies=doctor != "watch"), prepared.beginning
    view.start(beginning)
    with _reporting_failure(beginning.run, view), view.training(beginning.recipe.steps or 0):
        if doctor == "apply":
            outcome = begin_with_remedies(prepared.plan, beginning.run, callbacks=[watch], notify=view.notice)
        else:
            outcome = begin(
                prepared.plan, beginning.run, callbacks=[watch], notify=view.notice, doctor=doctor
            )
    return _end(outcome, view, watch)


def go_on(
    path: Path,
    view: View,
    *,
    steps: int | None = None,
    device: str = "auto",
    accept_changed_data: bool = False,
    doctor: Mode = "suggest",
) -> int:
    """Go on with a run, or extend a finished one.

    Args:
        path: The run's folder.
        view: Who is told.
        steps: The new number of steps.
        device: The name of the device.
        accept_changed_data: Go on although the data have changed.
        doctor: What the doctor does.

    Returns:
        The exit status.
    """
    run = RunFolder.open(path)  # what is no run is refused before torch is there
    from poise.recipes import Recipe

    recipe = Recipe.model_validate(run.recipe)
    if steps is not None:
        recipe = recipe.model_copy(update={"steps": steps})
    name = str(run.data.get("name", ""))
    with _reporting_failure(path, view), ExitStack() as stack:
        measurement = stack.enter_context(view.opening(name))
        from poise.training import Resumption, pick_device, resume
        from poise.training.remedies import resume_with_remedies

        where = pick_device(device)

        def first(step: int) -> None:
            stack.close()
            view.start(Beginning(run.path, run.data, recipe, device_words(where), step=step))
            stack.enter_context(view.training(recipe.steps or 0))

        # Told only at the first step: till then it may turn out that there is nothing to go on with.
        found = len(run.lines("findings"))
        watch = Watch(view, found=found, first=first, remedies=doctor != "watch")
        asked = Resumption(
            path, where, steps=steps, accept_changed_data=accept_changed_data, progress=measurement
        )
        sit = resume_with_remedies if doctor == "apply" else partial(resume, doctor=doctor)
        outcome = sit(asked, callbacks=[watch], notify=view.notice)
    return _end(outcome, view, watch)


def ending(run: RunFolder, *, report: Path | None) -> Ending:
    """How a run stands on disk.

    Args:
        run: The run.
        report: Its report, where there is one.
    """
    said, lines, pictures = run.read_json("status"), run.lines("history"), run.samples()
    newest: dict[str, Any] = lines[-1] if lines else {}
    generator = run.path / "generator"
    return Ending(
        run=run.path,
        status=run.status,
        step=int(newest.get("step", said.get("step", 0))),
        images_seen=int(newest.get("images_seen", 0)),
        seconds=float(newest.get("seconds", 0.0)),
        report=report,
        samples=pictures[-1][1] if pictures else None,
        generator=generator if generator.is_dir() else None,
        makes=makes(run.data),
    )


def device_words(device: torch.device) -> str:
    """Where it trains: the card's name, or how many threads.

    Args:
        device: The device.
    """
    import torch

    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return f"{device}, {threads} {'thread' if threads == 1 else 'threads'}"


def _end(outcome: Outcome, view: View, watch: Watch) -> int:
    view.end(ending(outcome.run, report=reported(outcome.run, view)))
    return BROKEN_PIPE if watch.teller.unread else outcome.exit_status


@contextmanager
def _reporting_failure(path: Path, view: View) -> Iterator[None]:
    """Where training itself fails, write the report of what there is: it shows how the numbers came there."""
    try:
        yield
    except PoiseError as error:
        report = reported(RunFolder(path), view) if error.exit_status == FAILED else None
        if report is not None:
            view.notice(f"What there is of the run, up to where it failed: {shown(report)}")
        raise


def reported(run: RunFolder, view: View) -> Path | None:
    """Write the report; where it cannot be written, say so and give `None`."""
    from poise.web import write_report

    try:
        return write_report(run.path)
    except PoiseError as error:
        view.notice(error.sentence)
    except Exception as error:  # a fault of ours in the report is no reason to hide that the run is whole
        what = f"The report could not be written ({type(error).__name__}: {error})"
        view.notice(f"{what}; the run is whole, and {command('poise', 'report', run.path)} tries again.")
    return None
