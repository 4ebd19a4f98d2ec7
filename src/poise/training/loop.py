"""The training loop: step, log, call back, save, until the steps are done or a signal asks to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType

from poise.dynamics import NonFiniteError
from poise.recipes.settings import Checkpoints
from poise.run_folder import RunFolder
from poise.training.callbacks.callback import Notify
from poise.training.state import Position, StepEvent, TrainState

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

RETRY_SECONDS = 5.0
"""How long after a write that failed the next try comes."""


def train_loop(state: TrainState, saver: Saver, position: Position, *, stop: StopRequest) -> Position:
    """Train from `position` to the last step, or until a stop is asked for, or until no game is left.

    Raises:
        NonFiniteError: A NaN or an infinity came up; the last good checkpoint is as it was.
        UnsavedError: The end could not be saved.
    """
    recipe, steps = state.recipe, state.recipe.steps or 0
    began = time.monotonic() - position.seconds
    logged_at, logged_images = time.monotonic(), position.images_seen

    def write_line(*, stopped: bool) -> dict[str, object]:
        """One line of history; on an accelerator this waits for the device."""
        nonlocal logged_at, logged_images
        now = time.monotonic()
        position.seconds = now - began
        speed = (position.images_seen - logged_images) / max(now - logged_at, 1e-9)
        logged_at, logged_images = now, position.images_seen
        common = {
            "step": position.step,
            "images_seen": position.images_seen,
            "seconds": round(position.seconds, 3),
            "images_per_second": round(speed, 1),
        }
        # An interval that a stop has cut goes on in the next session, so that its line is the same there.
        return state.write_history(common, saver.write, keep=stopped)

    while position.step < steps:
        # One update.
        position.images_seen += state.step(position)
        position.step += 1
        finished = position.step >= steps
        stop.report()
        last = finished or stop.signal is not None
        regular = position.step % recipe.log_every == 0

        # Games that are not finite end here.
        if not state.check_sound(position.step, waits=regular or last):
            break

        # A line an interval, then everybody who looks.
        line = write_line(stopped=not regular and not finished) if regular or last else None
        requests = state.after_step(StepEvent(position, time.monotonic() - began, line, last), saver.write)
        if "stop" in requests and not last:
            last = True
            if line is None:
                write_line(stopped=True)

        # Save the best, when it is time, and at the end.
        if "keep-best" in requests:
            saver.save(position, best=True)
        if last or "save" in requests or saver.due(position.step):
            position.seconds = time.monotonic() - began
            saved = saver.save(position)
            if last and not saved:
                raise UnsavedError(saver.reason)
        if last:
            break
    return position


class StopRequest:
    """Whether, and by which signal, the run was asked to stop."""

    def __init__(self, notify: Notify) -> None:
        self.signal: int | None = None
        self._notify, self._reported = notify, False

    @property
    def exit_status(self) -> int:
        """The status with which the command leaves: 128 and the signal's number, as shells count; or 0."""
        return 0 if self.signal is None else 128 + self.signal

    def report(self) -> None:
        """Notify the user, once, if the run was asked to stop."""
        if self.signal is None or self._reported:
            return
        # A signal may come in the middle of a write to the stream that this goes to, which Python refuses:
        # the loop tries again after the step.
        with suppress(OSError, RuntimeError):
            self._notify("Stopping after this step and saving; once more leaves at once and saves nothing.")
            self._reported = True


@contextmanager
def stop_on_signals(notify: Notify) -> Iterator[StopRequest]:
    """Turn the signals into a request for as long as the block lasts, and notify the user.

    Outside the main thread, where Python takes no signals, the request stays silent.
    """
    request = StopRequest(notify)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if request.signal is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        request.signal = number
        request.report()

    before = {number: signal.signal(number, ask) for number in WATCHED}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class UnsavedError(Exception):
    """The end of a session could not be saved; the message is the system's reason."""


class Saver:
    """Saves checkpoints when due; a failed write is reported and tried again, never fatal."""

    def __init__(
        self,
        settings: Checkpoints,
        run: RunFolder,
        notify: Notify,
        *,
        state: TrainState,
        saved_step: int = 0,
    ) -> None:
        self.settings, self.run, self.notify = settings, run, notify
        self.state = state
        self.saved_at, self.saved_step = time.monotonic(), saved_step
        self.tried_at, self.failing, self.reason = 0.0, False, ""

    def due(self, step: int) -> bool:
        """Whether a checkpoint is due by steps or by time, or the last try failed."""
        settings = self.settings
        if self.failing:
            return time.monotonic() - self.tried_at >= RETRY_SECONDS
        waited = time.monotonic() - self.saved_at
        by_time = settings.every_seconds and waited >= settings.every_seconds
        by_step = (
            settings.every_steps and step // settings.every_steps > self.saved_step // settings.every_steps
        )
        return bool(by_time or by_step)

    def save(self, position: Position, *, best: bool = False) -> bool:
        """Save the state and the generator; whether they could be written.

        Raises:
            NonFiniteError: A tensor holds a NaN or an infinity; nothing was written.
        """
        culprit = self.state.non_finite()
        if culprit is not None:
            raise NonFiniteError(culprit, "")
        saved = self.write(
            partial(self.state.save, position, best=best), f"the checkpoint of step {position.step}"
        )
        if saved and not best:
            self.saved_at, self.saved_step = time.monotonic(), position.step
        return saved

    def write(self, action: Callable[[], object], what: str) -> bool:
        """Do something that writes; report it if that fails."""
        self.tried_at = time.monotonic()
        try:
            action()
        except OSError as error:
            self.reason = error.strerror or str(error)
            if not self.failing:
                self.notify(
                    f"Could not write {what}: {self.reason}; {newest_saved(self.run)}. "
                    "Training goes on and tries again; free some space."
                )
            self.failing = True
            return False
        if self.failing:
            self.notify(f"Wrote {what}; the disk takes writes again.")
        self.failing = False
        return True


def newest_saved(run: RunFolder) -> str:
    """The newest checkpoint of a run, in words."""
    steps = run.checkpoint_steps()
    return f"the checkpoint of step {steps[-1]} is sound" if steps else "there is no checkpoint yet"
