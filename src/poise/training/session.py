"""One session of training: begin a run, or go on with one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from poise.data import Dataset
from poise.dynamics import NonFiniteError
from poise.run_folder import Checkpoint, RunFolder, refuse_existing
from poise.training.callbacks import Callback, CallbackContext, Notify, callbacks_of
from poise.training.callbacks.callback import DoctorMode
from poise.training.components import Components
from poise.training.describe import describe_generator
from poise.training.ending import non_finite_error, stop_on_signals, unsaved_error
from poise.training.engine import own_streams
from poise.training.environment import environment_record
from poise.training.loop import train_loop
from poise.training.planning import Experiment
from poise.training.recorded_data import data_record
from poise.training.resuming import Resumption, reopen
from poise.training.saver import Saver, UnsavedError
from poise.training.state import Position, TrainState
from poise.training.state.single import SingleState

Status = Literal["running", "finished", "interrupted"]


@dataclass(frozen=True)
class Outcome:
    """How a session ended.

    Attributes:
        run: The run.
        status: `"finished"` or `"interrupted"`.
        position: The position of the run.
        exit_status: The status for the command: 0, 130 after Ctrl-C, 143 after SIGTERM.
    """

    run: RunFolder
    status: Literal["finished", "interrupted"]
    position: Position
    exit_status: int


def begin(
    experiment: Experiment,
    out: Path | str,
    *,
    callbacks: Sequence[Callback] = (),
    notify: Notify,
    command: list[str] | None = None,
    doctor: DoctorMode = "suggest",
) -> Outcome:
    """Make the run folder and train.

    Args:
        experiment: What to do.
        out: The folder to make.
        callbacks: Callbacks besides those of the recipe.
        notify: Called with a sentence for the user.
        command: The command line, for the record.
        doctor: What the doctor does; to have it apply remedies, see `training.remedies`.

    Raises:
        PoiseError: The folder is taken or cannot be written, or a value came up that is not finite.
    """
    refuse_existing(Path(out))
    recipe = experiment.recipe
    run = RunFolder.create(
        out,
        recipe=recipe.model_dump(),
        environment=environment_record(experiment.components.device, seed=recipe.seed, command=command),
        data=data_record(experiment.dataset, experiment.origin),
    )
    with run.locked():
        return train(experiment.components, experiment.dataset, run, None, callbacks, notify, doctor=doctor)


def resume(
    asked: Resumption,
    *,
    callbacks: Sequence[Callback] = (),
    notify: Notify,
    doctor: DoctorMode = "suggest",
) -> Outcome:
    """Continue a run from its newest sound checkpoint, or extend a finished one.

    Args:
        asked: Which run, and how it goes on.
        callbacks: Callbacks besides those of the recipe.
        notify: Called with a sentence for the user.
        doctor: What the doctor does; to have it apply remedies, see `training.remedies`.

    Raises:
        PoiseError: There is no run, another process trains it, its data have changed, or its steps are done.
    """
    run = RunFolder.open(asked.path)
    with run.locked():
        experiment, checkpoint = reopen(run, asked, notify)
        return train(
            experiment.components, experiment.dataset, run, checkpoint, callbacks, notify, doctor=doctor
        )


def train(
    components: Components,
    dataset: Dataset,
    run: RunFolder,
    start: Checkpoint | Position | None,
    callbacks: Sequence[Callback],
    notify: Notify,
    *,
    doctor: DoctorMode,
) -> Outcome:
    """Train to the end, a stop, or a failure; the run must be locked.

    Args:
        components: What is trained.
        dataset: The data.
        run: Where to.
        start: Where to go on from: a checkpoint of this run, or the position of the components.
        callbacks: Callbacks besides those of the recipe.
        notify: Called with a sentence for the user.
        doctor: What the doctor does; `apply` only stops the run if there is trouble.

    Raises:
        PoiseError: A value came up that is not finite, or the end could not be saved.
    """
    named = callbacks_of(CallbackContext(components, dataset, run, notify, doctor))
    drawn = start.drawn if isinstance(start, Position) else 0
    state = SingleState(components, dataset, run, named, callbacks, drawn=drawn)
    position = state.unpack(start) if isinstance(start, Checkpoint) else start or Position()
    steps = components.recipe.steps or 0
    if position.step >= steps:  # the process ended before the generator was written
        run.save_generator(*describe_generator(components, run, position))
    end, stop_status = run_session(state, run, position, notify, status=run_status(run))
    finished = end.step >= steps
    return Outcome(run, "finished" if finished else "interrupted", end, 0 if finished else stop_status)


def run_status(run: RunFolder) -> Callable[[Status, int], None]:
    """Writes the status of one run."""
    return lambda word, step: run.set_status(word, step=step)


def run_session(
    state: TrainState,
    run: RunFolder,
    position: Position,
    notify: Notify,
    *,
    status: Callable[[Status, int], None],
    at_end: Callable[[Position], None] | None = None,
) -> tuple[Position, int]:
    """The frame of every session: status, signals, random streams, and what ends it before its end.

    Args:
        state: What is trained.
        run: The folder of its checkpoints.
        position: The position of the run.
        notify: Called with a sentence for the user.
        status: Writes the status of all folders.
        at_end: Writes what is left to write when the loop has ended.

    Returns:
        Where it stands afterwards, and the exit status of a signal; 0 if there was none.

    Raises:
        PoiseError: A value came up that is not finite, or the end could not be saved.
    """
    recipe, device = state.recipe, state.device
    saver = Saver(recipe.checkpoints, run, notify, state=state, saved_step=position.step)
    status("running", position.step)
    with own_streams(device), stop_on_signals(notify) as stop:
        try:
            end = train_loop(state, saver, position, stop=stop)
        except NonFiniteError as error:
            raise non_finite_error(run, position, recipe, error) from None
        except UnsavedError as error:
            raise unsaved_error(run, position, error) from None
        except BaseException:
            status("interrupted", position.step)
            raise
        if at_end is not None:
            at_end(end)
        status("finished" if end.step >= (recipe.steps or 0) else "interrupted", end.step)
    return end, stop.exit_status
