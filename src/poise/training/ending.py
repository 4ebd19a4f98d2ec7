"""What ends a session before its end: a signal, a value that is not finite, a disk that cannot be written."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from poise.dynamics import NonFiniteError
from poise.errors import PoiseError
from poise.recipes import Recipe
from poise.run_folder import RunFolder
from poise.training.callbacks.doctor import write_non_finite
from poise.training.saver import UnsavedError, newest_saved
from poise.training.state import Position

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Whether, and by which signal, the run was asked to stop."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def exit_status(self) -> int:
        """The status with which the command leaves: 128 and the signal's number, as shells count; or 0."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stop_on_signals(notify: Callable[[str], None]) -> Iterator[StopRequest]:
    """Turn the signals into a request for as long as the block lasts.

    Outside the main thread, where Python takes no signals, the request stays silent.

    Args:
        notify: Called at once, since a step may take long.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if request.signal is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        request.signal = number
        # A signal may come in the middle of a write to the stream that this goes to, which Python refuses.
        with suppress(OSError, RuntimeError):
            notify("Stopping after this step and saving; once more leaves at once and saves nothing.")

    before = {number: signal.signal(number, ask) for number in WATCHED}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


NON_FINITE = 4
"""The exit status of a run that a value which is not finite has ended."""

UNSAVED = 5
"""The exit status of a run whose end could not be saved."""


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
        hint=f"begin anew with lower rates: {finding.remedies[0].command}",
        exit_status=NON_FINITE,
    )
