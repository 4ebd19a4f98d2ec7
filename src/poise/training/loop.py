"""The training loop: step, log, call back, save, until the steps are done or a stop is requested."""

from __future__ import annotations

import time

from poise.training.ending import StopRequest
from poise.training.saver import Saver, UnsavedError
from poise.training.state.train_state import Position, StepEvent, TrainState


def train_loop(state: TrainState, saver: Saver, position: Position, *, stop: StopRequest) -> Position:
    """Train from `position` to the last step, or until a stop is asked for, or until no game is left.

    Args:
        state: What is trained: one game, or many.
        saver: When and how it is saved.
        position: The position of the run.
        stop: Read after each step.

    Returns:
        Where it stands afterwards.

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
