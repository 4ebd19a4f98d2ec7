"""Whether a planted fault took: told by what it did, and by nothing that the doctor reads.

A fault that does nothing is no failure, and nobody can be asked to name it. Whether it did something is
decided by four measures that were written down before the round in which they were first used was played:

- what harms the result: the last Fréchet distance of the run's own evaluation against that of the healthy
  run of the same game and seed at the same step;
- a discriminator that overfits: its scores of all rows that were shown against all that were not, at the end;
- values that are not finite: the weights at the end, or that the training refused to go on;
- copies, shortcuts and conditions that are passed over: they are there by construction.

The doctor reads an energy distance of a few hundred samples in other features, and ranks of scores at its
checks; it knows no healthy run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WORSE = 1.5
"""Times the healthy run's Fréchet distance from which a run was harmed: what a rescue is measured by, too."""

MEDIUM = 0.5
"""Deviations between the scores of shown and of unseen rows that are a medium effect (Cohen 1988)."""

BY_CONSTRUCTION = ("memorisation", "data-shortcut", "condition-ignored")

METRIC = "frechet_distance"

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Took:
    """What a planted fault did.

    Attributes:
        yes: Whether it did anything; `None` where it was not measured.
        because: By what.
    """

    yes: bool | None
    because: str


def took(finding: str, record: Record, sibling: Record | None) -> Took:
    """Whether a planted fault took.

    Args:
        finding: What it should be called.
        record: Of the run.
        sibling: Of the healthy run of the same game and seed; `None` where there is none.

    Example:
        >>> healthy = {"metrics": [{"step": 9, "metric": METRIC, "value": 1.0, "floor": 0.1}]}
        >>> ill = {"metrics": [{"step": 9, "metric": METRIC, "value": 3.0, "floor": 0.1}]}
        >>> took("mode-collapse", ill, healthy)
        Took(yes=True, because='3 against 1')
        >>> took("mode-collapse", healthy, healthy).yes
        False
    """
    if finding in BY_CONSTRUCTION:
        return Took(True, "by construction")
    stopped, end = record.get("stopped"), record.get("end")
    if finding == "non-finite":
        if end is None:
            return Took(None, "not measured")
        spoiled = bool(stopped) or not end["finite"]
        return Took(spoiled, "weights that are not finite" if spoiled else "all weights are finite")
    if finding == "discriminator-overfits":
        if end is None or end["known_by_heart"] is None:
            return Took(None, "not measured")
        apart = float(end["known_by_heart"])
        return Took(apart >= MEDIUM, f"scores {apart:.2f} deviations apart")
    return _harmed(record, sibling)


def _harmed(record: Record, sibling: Record | None) -> Took:
    mine, others = _distances(record), _distances({} if sibling is None else sibling)
    if not others:
        return Took(None, "no healthy run to compare with")
    if record.get("stopped") or not mine or not math.isfinite(mine[max(mine)][0]):
        return Took(True, "the training did not go on")
    last = max(mine)
    value, floor = mine[last]
    healthy, _ = others[min(others, key=lambda step: abs(step - last))]
    # What lies within the distance of reals to reals is chance.
    harmed = value > WORSE * healthy and value > healthy + floor
    return Took(harmed, f"{value:.3g} against {healthy:.3g}")


def _distances(record: Record) -> dict[int, tuple[float, float]]:
    """Fréchet distance and its floor, by step."""
    return {
        int(line["step"]): (math.inf if line["value"] is None else float(line["value"]), float(line["floor"]))
        for line in record.get("metrics", ())
        if line.get("metric") == METRIC
    }
