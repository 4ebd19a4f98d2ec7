"""Ends a run whose samples have become one and the same: no step brings them back, and each costs time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.diagnosis.distances import distances, likeness
from poise.training.callbacks.callback import CallbackContext, CallbackRow, Request, StepContext
from poise.training.callbacks.quality import LEAST, Yardstick

CHECKS = 20
"""Checks in a run."""

FROM = 0.25
"""Before this share of a run, samples that are alike may still be on their way."""

SAMPLES = 64

IDENTICAL = 0.003
"""Mean distance of two samples over their own size, below which they are identical; as the doctor has it."""

IN_A_ROW = 2

ENDED = "ended"
"""The file of a run that was ended: at which step, and why."""


class CollapseWatch:
    """Looks at samples of the averaged generator twenty times in a run.

    Which steps are looked at follows from the recipe and not, like the doctor's checks, from the clock: a
    run that is resumed ends at the same step as one that was never interrupted.
    """

    def __init__(self, context: CallbackContext) -> None:
        self.every = max(1, (context.recipe.steps or 0) // CHECKS)
        self.first = FROM * (context.recipe.steps or 0)
        self.yardstick = Yardstick(context.dataset, context.recipe)
        self.in_a_row = 0

    def __call__(self, context: StepContext) -> Request | None:
        """End the run at the second check in a row at which all samples are the same."""
        if self.in_a_row >= IN_A_ROW:
            return "stop"
        if context.step % self.every or context.step < self.first:
            return None
        rows = self.yardstick.fakes(context.components, SAMPLES).flatten(1).float().cpu()
        alike = likeness(rows, distances(rows, rows)) < IDENTICAL
        self.in_a_row = self.in_a_row + 1 if alike else 0
        if self.in_a_row < IN_A_ROW:
            return None
        ended = {
            "finding": "mode-collapse",
            "step": context.step,
            "images_seen": context.images_seen,
            "seconds": context.seconds,
            "why": f"all samples were one and the same from step {context.step - self.every:,} on",
        }
        context.run.write_json(ENDED, ended)
        return "stop"

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        return {"in_a_row": self.in_a_row}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.in_a_row = int(state.get("in_a_row", 0))


def _make(context: CallbackContext) -> CollapseWatch | None:
    if context.has_targets or len(context.dataset) < LEAST:
        return None
    return CollapseWatch(context)


END_AT_COLLAPSE = CallbackRow(
    "end-at-collapse", _make, "Ends the run if all samples have become one and the same."
)
"""Off unless it is asked for: trials of a study have it on."""
