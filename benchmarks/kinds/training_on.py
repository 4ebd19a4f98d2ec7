"""Trainings in pieces: each call of a benchmark goes on with its run for some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import poise
from poise.training import Request, StepContext

Stop = Callable[[StepContext], Request | None]


def trained_on(
    out: Path, seconds: float, begin: Callable[[Stop], object], steps: int | None = None
) -> poise.Run:
    """The run in a folder, trained for so many seconds of the processor more, from its first step on.

    Args:
        out: The folder of the run.
        seconds: How long; 0 for not at all.
        begin: Begins the run with a callback, if there is none yet.
        steps: Of the whole run, if it goes on; `None` for those that it has.
    """
    began: list[float] = []

    def enough(context: StepContext) -> Request | None:
        began.append(time.process_time())
        return "stop" if began[-1] - began[0] > seconds else None

    if seconds and (out / "recipe.json").exists():
        poise.resume(out, steps=steps, callbacks=[enough])
    elif seconds:
        begin(enough)
    return poise.open_run(out)
