"""The errors that end a session before its end."""

from __future__ import annotations

from poise.dynamics import NonFiniteError
from poise.errors import PoiseError
from poise.recipes import Recipe
from poise.run_folder import RunFolder
from poise.training.callbacks.doctor import write_non_finite
from poise.training.saver import UnsavedError
from poise.training.state import Position

NON_FINITE = 4
"""The exit status of a run that a value which is not finite has ended."""

UNSAVED = 5
"""The exit status of a run whose end could not be saved."""


def unsaved_error(run: RunFolder, position: Position, error: UnsavedError) -> PoiseError:
    """Say what is there although the end could not be saved."""
    kept = run.checkpoint_steps()
    good = f"the checkpoint of step {kept[-1]} is sound" if kept else "there is no checkpoint yet"
    return PoiseError(
        f"The run '{run.path}' stopped at step {position.step} and could not be saved; {good}",
        code="training.unsaved",
        why=str(error),
        hint=f"free some space, then go on: poise resume {run.path}",
        exit_status=UNSAVED,
    )


def non_finite_error(run: RunFolder, position: Position, recipe: Recipe, error: NonFiniteError) -> PoiseError:
    """Write the reading and the finding, and say what happened and what to do."""
    kept = run.checkpoint_steps()
    good = f"the checkpoint of step {kept[-1]} is sound" if kept else "there is no checkpoint yet"
    finding = write_non_finite(run, position.step, recipe, error.tensor, error.player)
    sentence = finding.sentence.removesuffix(".")
    run.set_status("failed", step=position.step, reason=sentence)
    return PoiseError(
        f"{sentence}, at step {position.step}; nothing of it was saved and {good}",
        code="training.non-finite",
        why="the same settings would bring it up again",
        hint=f"begin anew with lower rates: {finding.remedies[0].command}",
        exit_status=NON_FINITE,
    )
