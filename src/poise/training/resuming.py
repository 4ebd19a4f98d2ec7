"""What one run and many games at once have in common when they go on."""

from __future__ import annotations

from poise.run_folder import Restored, RunFolder
from poise.training.observer import Say


def newest_checkpoint(run: RunFolder, say: Say) -> Restored:
    """The newest sound checkpoint; a person is told of those that were put aside."""
    restored = run.restore()
    for name, reason in restored.quarantined:
        say(f"The checkpoint {name} is damaged ({reason}); it was moved to {run.path / 'quarantine'}.")
    return restored


def is_done(run: RunFolder, step: int, asked: int) -> bool:
    """Whether nothing is left to do for a run whose newest checkpoint is of a step.

    One that was killed after its last checkpoint has its steps, and lacks what comes after them.
    """
    return step > asked or (step == asked and run.status == "finished")


def forget_beyond(run: RunFolder, step: int) -> None:
    """Drop what was logged and pictured beyond a step; it will be made again."""
    for name in ("history", "readings", "findings", "metrics"):
        run.forget_after(name, step)
    for at, path in run.samples():
        if at > step:
            path.unlink(missing_ok=True)
