"""When a checkpoint is due, and how it is written so that a full disk costs nothing that was there."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from poise.dynamics import NonFiniteError
from poise.recipes.settings import Checkpoints
from poise.run_folder import RunFolder
from poise.training.callbacks.callback import Notify
from poise.training.state.train_state import Position, TrainState

RETRY_SECONDS = 5.0
"""How long after a write that failed the next try comes."""


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
