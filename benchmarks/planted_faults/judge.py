"""Stage two: judge what was recorded, and decide whether each planted fault took effect.

A fault that does nothing is no failure, and no doctor can name it. Whether it did something is decided by
nothing that the doctor measures, in four ways that were written down before they were first used: by the last
Fréchet distance of the run's own evaluation against that of the healthy run of the same game and seed; by the
scores of all rows that were shown against those of all others, if the discriminator should overfit; by
weights that are not finite, or a training that stopped; by construction (copies, shortcuts, conditions).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.planted_faults.faults import Case, cases
from poise.diagnosis import FINDINGS, Finding, FindingTracker, Measurement, Setting

WORSE = 1.5
"""Times the healthy run's Fréchet distance from which a run was harmed; rescues are measured by it, too."""

MEDIUM = 0.5
"""Deviations between the scores of shown and of other rows that are a medium effect (Cohen 1988)."""

BY_CONSTRUCTION = ("memorisation", "data-shortcut", "condition-ignored")

METRIC = "frechet_distance"

Record = Mapping[str, Any]


class Took(NamedTuple):
    """Whether a planted fault took effect, `None` if that was not measured, and by what."""

    yes: bool | None
    because: str


def took(finding: str, record: Record, healthy: Record | None) -> Took:
    """Whether a planted fault took effect, by the records of its run and of the healthy one beside it."""
    if finding in BY_CONSTRUCTION:
        return Took(True, "by construction")
    stopped, end = record.get("stopped"), record.get("end")
    if finding in ("non-finite", "discriminator-overfits"):
        measured = None if end is None else end["finite" if finding == "non-finite" else "known_by_heart"]
        return _at_the_end(finding, measured, stopped=bool(stopped))
    mine, others = _distances(record), _distances(healthy or {})
    if not others:
        return Took(None, "no healthy run to compare with")
    if stopped or not mine or not math.isfinite(mine[max(mine)][0]):
        return Took(True, "the training did not go on")
    last = max(mine)
    value, floor = mine[last]
    beside, _ = others[min(others, key=lambda step: abs(step - last))]
    # What lies within the distance of reals to reals is chance.
    return Took(value > WORSE * beside and value > beside + floor, f"{value:.3g} against {beside:.3g}")


def _at_the_end(finding: str, measured: float | None, *, stopped: bool) -> Took:
    if measured is None:
        return Took(None, "not measured")
    if finding == "discriminator-overfits":
        return Took(measured >= MEDIUM, f"scores {measured:.2f} deviations apart")
    spoiled = stopped or not measured
    return Took(spoiled, "weights that are not finite" if spoiled else "all weights are finite")


def _distances(record: Record) -> dict[int, tuple[float, float]]:
    """Fréchet distance and its floor, by step."""
    return {
        int(line["step"]): (math.inf if line["value"] is None else float(line["value"]), float(line["floor"]))
        for line in record.get("metrics", ())
        if line.get("metric") == METRIC
    }


@dataclass(frozen=True)
class Judged:
    """A run with what the doctor found in it."""

    case: Case
    record: Record
    findings: tuple[Finding, ...]
    named_at: Mapping[str, int]  # the step at which each finding opened
    alone_at: Mapping[str, int]  # the step at which each first had no cause
    took: Took | None = None  # of the planted fault

    @property
    def planted(self) -> str:
        """The finding that was planted; empty in a healthy run."""
        return "" if self.case.fault is None else self.case.fault.finding

    @property
    def right(self) -> bool:
        """Whether the planted finding was named, from its onset on."""
        onset = int(self.record["onset"])
        return any(one.name == self.planted and one.last_step >= onset for one in self.findings)

    @property
    def counted(self) -> list[str]:
        """The names that count: those without a cause, and the planted one."""
        names = dict.fromkeys(one.name for one in self.findings)
        return [name for name in names if name in self.alone_at or (self.right and name == self.planted)]

    @property
    def wrong(self) -> list[str]:
        """Names that are not true of this run; none is true before the onset."""
        true = set() if self.case.fault is None else self.case.fault.true
        onset = int(self.record["onset"])
        return [name for name, step in self.alone_at.items() if name not in true or step < onset]

    @property
    def delay(self) -> float | None:
        """Steps from the onset to the naming, as a share of the run."""
        if not self.right:
            return None
        return max(0, self.named_at[self.planted] - int(self.record["onset"])) / int(self.record["steps"])


def judge_all(out: Path) -> list[Judged]:
    """Judge every recorded run anew; milliseconds each."""
    return [judge_one(case, out) for case in cases() if _record(case, out) is not None]


def judge_one(case: Case, out: Path) -> Judged:
    """One run's measurements through every rule."""
    record, healthy = (_record(one, out) for one in (case, Case(case.base, None, case.seed)))
    assert record is not None
    named: dict[str, int] = {}
    alone: dict[str, int] = {}
    tracker = FindingTracker(FINDINGS.values(), Setting(steps=record["steps"], recipe=record["recipe"]))
    for line in record["readings"]:
        for finding in tracker.add(Measurement.from_json(line)):
            named.setdefault(finding.name, line["step"])
            if not finding.because_of:
                alone.setdefault(finding.name, line["step"])
    effect = None if case.fault is None else took(case.fault.finding, record, healthy)
    return Judged(case, record, tuple(tracker.findings), named, alone, effect)


def _record(case: Case, out: Path) -> Record | None:
    file = out / "records" / f"{case.name}.json"
    return dict(json.loads(file.read_text())) if file.is_file() else None
