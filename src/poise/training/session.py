"""One session of training: begin a run, or go on with one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from poise.data import Dataset
from poise.dynamics import NonFiniteError
from poise.errors import PoiseError
from poise.randomness import streams_kept
from poise.recipes import Recipe
from poise.run_folder import Checkpoint, RunFolder, refuse_existing
from poise.training.callbacks import Callback, CallbackContext, Notify, callbacks_of
from poise.training.callbacks.callback import DoctorMode
from poise.training.callbacks.doctor import write_non_finite
from poise.training.components import Components
from poise.training.fitting import fitted
from poise.training.loop import Saver, UnsavedError, newest_saved, stop_on_signals, train_loop
from poise.training.planning import Experiment
from poise.training.private import check_doctor, check_start
from poise.training.records import data_record, describe_generator, environment_record
from poise.training.resuming import Resumption, reopen
from poise.training.single import SingleState
from poise.training.state import Position, TrainState, pack
from poise.training.transfer import check_frozen

Status = Literal["running", "finished", "interrupted"]

NON_FINITE = 4
"""The exit status of a run that a value which is not finite has ended."""

UNSAVED = 5
"""The exit status of a run whose end could not be saved."""


@dataclass(frozen=True)
class Outcome:
    """How a session ended."""

    run: RunFolder
    status: Literal["finished", "interrupted"]
    position: Position
    exit_status: int  # For the command: 0, 130 after Ctrl-C, 143 after SIGTERM


def begin(
    experiment: Experiment,
    out: Path | str,
    *,
    callbacks: Sequence[Callback] = (),
    notify: Notify,
    doctor: DoctorMode = "suggest",
) -> Outcome:
    """Make the run folder and train, with callbacks besides those of the recipe.

    To have the doctor apply remedies, see `training.remedies`.

    Raises:
        PoiseError: The folder is taken or cannot be written, or a value came up that is not finite.
    """
    refuse_existing(Path(out))
    check_frozen(experiment.recipe, experiment.taken)
    check_start(experiment.recipe, experiment.taken)
    check_doctor(experiment.recipe, doctor)
    recipe, dataset, taken = experiment.recipe, experiment.dataset, experiment.taken
    for sentence in (*experiment.notices, *([] if taken is None else [taken.sentence])):
        notify(sentence)
    dataset = replace(dataset, notices=(*dataset.notices, *experiment.notices))
    components = experiment.components
    environment = environment_record(components.device, seed=recipe.seed)
    run = RunFolder.create(
        out,
        recipe=recipe.model_dump(),
        environment=environment if taken is None else {**environment, "from": taken.to_json()},
        data=data_record(dataset, experiment.origin),
    )
    if dataset.secret is not None:
        run.write_secret(dataset.secret)
    with run.locked():
        told = [] if taken is not None else fitted(components, experiment.dataset)
        for sentence in told:
            notify(sentence)
        if taken is not None or told:  # a session that ends before its first checkpoint goes on from these
            run.save_checkpoint(pack(components, Position()), keep=recipe.checkpoints.keep)
        return train(components, experiment.dataset, run, None, callbacks, notify, doctor=doctor)


def resume(
    asked: Resumption,
    *,
    callbacks: Sequence[Callback] = (),
    notify: Notify,
    doctor: DoctorMode = "suggest",
) -> Outcome:
    """Continue a run from its newest sound checkpoint, or extend a finished one.

    Raises:
        PoiseError: There is no run, another process trains it, its data have changed, or its steps are done.
    """
    run = RunFolder.open(asked.path)
    with run.locked():
        experiment, checkpoint = reopen(run, asked, notify)
        check_doctor(experiment.recipe, doctor)
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

    It goes on from a checkpoint of this run, or from the position of the components. A doctor that applies
    remedies only stops the run if there is trouble.
    """
    named = callbacks_of(CallbackContext(components, dataset, run, notify, doctor))
    drawn = start.drawn if isinstance(start, Position) else 0
    state = SingleState(components, dataset, run, named, callbacks, drawn=drawn)
    position = state.unpack(start) if isinstance(start, Checkpoint) else start or Position()
    steps = components.recipe.steps or 0
    if position.step >= steps:  # the process ended before the generator was written
        run.save_generator(*describe_generator(components, run, position))
    end, stop_status = run_session(
        state, run, position, notify, status=lambda word, step: run.set_status(word, step=step)
    )
    finished = end.step >= steps
    return Outcome(run, "finished" if finished else "interrupted", end, 0 if finished else stop_status)


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

    `status` writes the status of all folders, and `at_end` what is left to write when the loop has ended.

    Returns:
        Where it stands afterwards, and the exit status of a signal; 0 if there was none.

    Raises:
        PoiseError: A value came up that is not finite, or the end could not be saved.
    """
    recipe = state.recipe
    saver = Saver(recipe.checkpoints, run, notify, state=state, saved_step=position.step)
    status("running", position.step)
    with streams_kept(), stop_on_signals(notify) as stop:
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


def unsaved_error(run: RunFolder, position: Position, error: UnsavedError) -> PoiseError:
    """The error for an end that could not be saved; it names the newest checkpoint."""
    return PoiseError(
        f"The run '{run.path}' stopped at step {position.step} and could not be saved; {newest_saved(run)}",
        code="training.unsaved",
        why=str(error),
        hint=f"free some space, then go on: poise resume {run.path}",
        exit_status=UNSAVED,
    )


def non_finite_error(run: RunFolder, position: Position, recipe: Recipe, error: NonFiniteError) -> PoiseError:
    """Write the measurement and the finding; the error says what happened and what to do."""
    finding = write_non_finite(run, position.step, recipe, error.tensor, error.player)
    sentence = finding.sentence.removesuffix(".")
    run.set_status("failed", step=position.step, reason=sentence)
    return PoiseError(
        f"{sentence}, at step {position.step}; nothing of it was saved and {newest_saved(run)}",
        code="training.non-finite",
        why="the same settings would bring it up again",
        hint=f"begin again with lower learning rates: {finding.remedies[0].command}",
        exit_status=NON_FINITE,
    )
