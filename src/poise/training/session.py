"""One sitting of training: begin a run, or go on with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from poise.data import Dataset
from poise.dynamics import NonFiniteError
from poise.run_folder import RunFolder, refuse_existing
from poise.training.callback import Callback, Notify
from poise.training.components import Components
from poise.training.describe import describe_generator
from poise.training.doctor import Doctor, Mode
from poise.training.eigenvalues import EigenvalueWatch
from poise.training.environment import environment_record
from poise.training.fatal import non_finite_error, unsaved_error
from poise.training.held_out import examined, training_feed
from poise.training.loop import train_loop
from poise.training.planning import Experiment
from poise.training.recorded_data import data_record
from poise.training.resuming import Resumption, reopened
from poise.training.saver import UnsavedError
from poise.training.state import Position
from poise.training.stop import stop_on_signals
from poise.training.watching import watchers


@dataclass(frozen=True)
class Outcome:
    """How a sitting ended.

    Attributes:
        run: The run.
        status: `"finished"` or `"interrupted"`.
        position: Where it stands.
        exit_status: The status for the command: 0, 130 after Ctrl-C, 143 after SIGTERM.
    """

    run: RunFolder
    status: Literal["finished", "interrupted"]
    position: Position
    exit_status: int


def begin(
    planned: Experiment,
    out: Path | str,
    *,
    callbacks: Sequence[Callback] = (),
    notify: Notify,
    command: list[str] | None = None,
    doctor: Mode = "suggest",
) -> Outcome:
    """Make the run folder and train.

    Args:
        planned: What to do.
        out: The folder to make.
        callbacks: What watches besides the pictures.
        notify: Tells a person one sentence.
        command: The command line, for the record.
        doctor: Whether the doctor watches; to have it apply remedies, see `training.remedies`.

    Raises:
        PoiseError: The folder is taken or cannot be written, or a value came up that is not finite.
    """
    refuse_existing(Path(out))
    recipe, source = planned.recipe, planned.source
    run = RunFolder.create(
        out,
        recipe=recipe.model_dump(),
        environment=environment_record(planned.components.device, seed=recipe.seed, command=command),
        data=data_record(source, planned.origin),
    )
    with run.locked():
        return sit(planned.components, source, run, Position(), callbacks, notify, doctor=doctor)


def resume(
    asked: Resumption, *, callbacks: Sequence[Callback] = (), notify: Notify, doctor: Mode = "suggest"
) -> Outcome:
    """Go on with a run from its newest sound checkpoint, or extend a finished one.

    Args:
        asked: Which run, and how it goes on.
        callbacks: What watches besides the pictures.
        notify: Tells a person one sentence.
        doctor: Whether the doctor watches; to have it apply remedies, see `training.remedies`.

    Raises:
        PoiseError: There is no run, another process trains it, its data have changed, or its steps are done.
    """
    run = RunFolder.open(asked.path)
    with run.locked():
        planned, position = reopened(run, asked, notify)
        return sit(planned.components, planned.source, run, position, callbacks, notify, doctor=doctor)


def sit(
    components: Components,
    source: Dataset,
    run: RunFolder,
    position: Position,
    callbacks: Sequence[Callback],
    notify: Notify,
    *,
    doctor: Mode,
) -> Outcome:
    """Train from where the assembly stands till the end, a stop, or a failure; the run must be locked.

    Args:
        components: What is trained.
        source: The data.
        run: Where to.
        position: Where it stands.
        callbacks: What watches besides the pictures.
        notify: Tells a person one sentence.
        doctor: What the doctor does; `apply` only stops the run where there is trouble.

    Raises:
        PoiseError: A value came up that is not finite, or the end could not be saved.
    """
    recipe = components.recipe
    sampler = training_feed(recipe, source, components.device, drawn=position.drawn)
    watching: list[Callback] = [
        *watchers(components, source, notify),
        *([EigenvalueWatch(recipe, source, notify)] if recipe.eigenvalues_every is not None else []),
        *(
            []
            if doctor == "off"
            else [Doctor(recipe, *examined(recipe, source), notify, stops=doctor == "apply")]
        ),
        *callbacks,
    ]
    run.set_status("running", step=position.step)
    if position.step >= (recipe.steps or 0):  # it was killed before its generator was written
        run.save_generator(*describe_generator(components, run, position))
    with torch.random.fork_rng(), stop_on_signals(notify) as stop:
        try:
            end = train_loop(components, sampler, run, position, callbacks=watching, stop=stop, notify=notify)
        except NonFiniteError as error:
            raise non_finite_error(run, position, recipe, error) from None
        except UnsavedError as error:
            raise unsaved_error(run, position, error) from None
        except BaseException:
            run.set_status("interrupted", step=position.step)
            raise
    status: Literal["finished", "interrupted"] = (
        "finished" if end.step >= (recipe.steps or 0) else "interrupted"
    )
    run.set_status(status, step=end.step)
    return Outcome(run, status, end, stop.exit_status if status == "interrupted" else 0)
