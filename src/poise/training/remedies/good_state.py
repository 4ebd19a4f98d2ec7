"""The last good state of a run in trouble: where a branch begins."""

from __future__ import annotations

import statistics
from typing import Literal

from poise.errors import PoiseError
from poise.run_folder import Checkpoint, RunFolder

LEARNED = 0.5
"""Of the distance at the first check: a state farther from the data has learned too little to keep."""

LOOKED_AT = 4
"""Readings at either end of whose distances the median is taken."""


def last_good(run: RunFolder, before: int) -> Checkpoint | None:
    """The newest sound checkpoint of a step before the trouble; the best one counts, too.

    Args:
        run: The run in trouble.
        before: Where the trouble begins.

    Returns:
        The checkpoint; `None` if there is none, or its samples were hardly nearer to the data than those
        of the first check: there is nothing to keep of it then, and fresh weights do better.
    """
    numbered = [step for step in reversed(run.checkpoint_steps()) if step < before]
    sound = next((one for step in numbered if (one := _sound(run, step)) is not None), None)
    found = [one for one in (sound, _sound(run, "best")) if one is not None and one.step < before]
    newest = max(found, key=lambda one: one.step, default=None)
    return newest if newest is not None and _has_learned(run, newest.step) else None


def _sound(run: RunFolder, which: int | Literal["best"]) -> Checkpoint | None:
    """A checkpoint, if it exists and agrees with its manifest."""
    try:
        return run.load_checkpoint(which)
    except PoiseError:
        return None


def _has_learned(run: RunFolder, step: int) -> bool:
    """Whether the distance that the doctor read came down to half by a step; too few readings say nothing."""
    distances = [
        float(line["distance"])
        for line in run.lines("readings")
        if line["step"] <= step and "distance" in line
    ]
    if len(distances) < 2 * LOOKED_AT:
        return True
    first, last = (statistics.median(part) for part in (distances[:LOOKED_AT], distances[-LOOKED_AT:]))
    return last <= LEARNED * first
