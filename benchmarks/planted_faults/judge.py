"""Stage two: judge what was recorded, and count."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.planted_faults.cases import Case, cases
from benchmarks.planted_faults.took import Took, took
from poise.diagnosis import FINDINGS, Finding, Measurement, Setting, judged


@dataclass(frozen=True)
class Judged:
    """A run with what the doctor found in it.

    Attributes:
        case: Which.
        record: What was recorded.
        findings: What was found, in the order in which it was.
        named_at: The step at which each finding was opened, by its name.
        alone_at: The step at which each first stood for itself, not explained by another, by its name.
        took: Whether what was planted did anything; `None` in a healthy run.
    """

    case: Case
    record: dict[str, Any]
    findings: tuple[Finding, ...]
    named_at: dict[str, int]
    alone_at: dict[str, int]
    took: Took | None = None

    @property
    def names(self) -> list[str]:
        """The findings' names, each once."""
        return list(dict.fromkeys(one.name for one in self.findings))

    @property
    def troubles(self) -> list[str]:
        """The names of those that were trouble."""
        return list(dict.fromkeys(one.name for one in self.findings if one.severity == "trouble"))

    @property
    def right(self) -> bool:
        """Whether what was planted was named, from its onset on."""
        fault = self.case.fault
        return fault is not None and any(
            one.name == fault.finding and one.last_step >= int(self.record["onset"]) for one in self.findings
        )

    @property
    def first_right(self) -> bool:
        """Whether what was planted was named as a cause, not as the consequence of another finding."""
        return self.right and self.case.fault is not None and self.case.fault.finding in self.alone_at

    @property
    def counted(self) -> list[str]:
        """The names that count: those that stood for themselves, and the one that was planted."""
        planted = self.case.fault.finding if self.case.fault is not None and self.right else ""
        return [name for name in self.names if name in self.alone_at or name == planted]

    @property
    def wrong(self) -> list[str]:
        """Names that are not true of this run; none is true before the onset."""
        fault = self.case.fault
        true = () if fault is None else (fault.finding, *fault.also)
        onset = int(self.record["onset"])
        return [name for name in self.alone_at if name not in true or self.alone_at[name] < onset]

    @property
    def delay(self) -> float | None:
        """Steps from the onset to the naming, as a share of the run."""
        if self.case.fault is None or not self.right:
            return None
        step = self.named_at[self.case.fault.finding]
        return max(0, step - int(self.record["onset"])) / int(self.record["steps"])


def judge_all(out: Path, chosen: Iterable[Case] | None = None) -> list[Judged]:
    """Judge every recorded run anew; milliseconds each.

    Args:
        out: Where records are.
        chosen: Which runs; all where nothing is said.
    """
    found = []
    for case in cases() if chosen is None else chosen:
        place = out / "records" / f"{case.name}.json"
        if place.is_file():
            record = json.loads(place.read_text())
            found.append(replace(judge_one(case, record), took=_took(case, record, out)))
    return found


def _took(case: Case, record: dict[str, Any], out: Path) -> Took | None:
    if case.fault is None:
        return None
    beside = out / "records" / f"{Case(case.base, None, case.seed).name}.json"
    return took(case.fault.finding, record, json.loads(beside.read_text()) if beside.is_file() else None)


def judge_one(case: Case, record: dict[str, Any]) -> Judged:
    """One run's readings through every rule."""
    measurements = [Measurement.from_json(line) for line in record["readings"]]
    named: dict[str, int] = {}
    alone: dict[str, int] = {}
    tracker = judged([], FINDINGS.values(), Setting(steps=record["steps"], recipe=record["recipe"]))
    for measurement in measurements:
        for finding in tracker.add(measurement):
            named.setdefault(finding.name, measurement.step)
            if not finding.because_of:
                alone.setdefault(finding.name, measurement.step)
    return Judged(case, record, tuple(tracker.findings), named, alone)
