"""Stage two: judge what was recorded, and count."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.planted_faults.cases import Case, cases
from poise.diagnosis import FINDINGS, Finding, Reading, Setting, judged


@dataclass(frozen=True)
class Judged:
    """A run with what the doctor found in it.

    Attributes:
        case: Which.
        record: What was recorded.
        findings: What was found, in the order in which it was.
        named_at: The step at which each finding was opened, by its name.
        alone_at: The step at which each first stood for itself, not explained by another, by its name.
    """

    case: Case
    record: dict[str, Any]
    findings: tuple[Finding, ...]
    named_at: dict[str, int]
    alone_at: dict[str, int]

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
            found.append(judge_one(case, json.loads(place.read_text())))
    return found


def judge_one(case: Case, record: dict[str, Any]) -> Judged:
    """One run's readings through every rule."""
    readings = [Reading.from_json(line) for line in record["readings"]]
    named: dict[str, int] = {}
    alone: dict[str, int] = {}
    course = judged([], FINDINGS.values(), Setting(steps=record["steps"], recipe=record["recipe"]))
    for reading in readings:
        for finding in course.add(reading):
            named.setdefault(finding.name, reading.step)
            if not finding.because_of:
                alone.setdefault(finding.name, reading.step)
    return Judged(case, record, tuple(course.findings), named, alone)


def table(runs: Sequence[Judged]) -> str:
    """Recall and precision of each finding, as a Markdown table."""
    lines = [
        "| finding | runs with it | named | recall | named in all | wrong | precision | median delay |",
        "|---|---|---|---|---|---|---|---|",
    ]
    totals = [0, 0, 0, 0]
    for name in FINDINGS:
        planted = [run for run in runs if run.case.fault and run.case.fault.finding == name]
        named = sum(run.right for run in planted)
        everywhere = sum(name in run.counted for run in runs)
        wrong = sum(name in run.wrong for run in runs)
        delays = [run.delay for run in planted if run.delay is not None]
        totals = [a + b for a, b in zip(totals, (len(planted), named, everywhere, wrong), strict=True)]
        lines.append(_row(name, len(planted), named, everywhere, wrong, delays))
    lines.append(
        _row(
            "all",
            totals[0],
            totals[1],
            totals[2],
            totals[3],
            [run.delay for run in runs if run.delay is not None],
        )
    )
    return "\n".join(lines)


def _row(name: str, planted: int, named: int, everywhere: int, wrong: int, delays: Sequence[float]) -> str:
    recall = f"{named / planted:.2f}" if planted else "–"
    precision = f"{1 - wrong / everywhere:.2f}" if everywhere else "–"
    delay = f"{statistics.median(delays):.0%}".replace("%", " %") if delays else "–"
    linked = f"[{name}]({name}.md)" if name in FINDINGS else name
    return f"| {linked} | {planted} | {named} | {recall} | {everywhere} | {wrong} | {precision} | {delay} |"


def confusion(runs: Sequence[Judged]) -> str:
    """What was planted against what was named, as a Markdown table: runs of each kind by finding."""
    names = list(FINDINGS)
    lines = ["| planted | runs | " + " | ".join(names) + " | nothing |", "|---" * (len(names) + 3) + "|"]
    for kind in dict.fromkeys(run.case.kind for run in runs):
        of_kind = [run for run in runs if run.case.kind == kind]
        cells = [sum(name in run.names for run in of_kind) or "" for name in names]
        nothing = sum(not run.names for run in of_kind) or ""
        fault = of_kind[0].case.fault
        shown = [f"**{cell}**" if fault and name == fault.finding and cell else str(cell)
                 for name, cell in zip(names, cells, strict=True)]  # fmt: skip
        lines.append(f"| {kind} | {len(of_kind)} | " + " | ".join(shown) + f" | {nothing} |")
    return "\n".join(lines)


def report(runs: Sequence[Judged]) -> str:
    """The page: how it was measured, then what came out, the part that was kept out of calibration apart."""
    parts = {
        "Kept out of calibration": [run for run in runs if run.case.kept_out],
        "Used for calibration": [run for run in runs if not run.case.kept_out],
    }
    lines = [
        "# The doctor's error rates on planted faults",
        "",
        "Written by `python -m benchmarks.planted_faults judge` from runs that `record` plays: small",
        "networks, a few hundred steps, on digits, mixtures in the plane, triangles at 16x16 and OpenMoji",
        "at 32x32. Each fault is planted in the recipe, in the data or by a hand that meddles while it",
        "trains,",
        "and has the one name that it should be given; findings that are true of it, too, count neither for",
        "nor against. A finding counts from `watch` on. The delay is from onset to naming, as a share of the",
        "run.",
        "",
        "Each finding has a page with pictures of it, its thresholds and its remedies, to which the first",
        "table links. [What `--doctor apply` makes of such runs](rescues.md) is measured apart.",
        "",
        f"Recorded: {len(runs)} of {len(cases())} runs. Kept out of calibration are, of six findings,",
        "one kind of fault whole, and of all other kinds and of the healthy games every run of seed 2.",
    ]
    for title, part in parts.items():
        healthy = [run for run in part if run.case.fault is None]
        alarmed = [run.case.name for run in healthy if run.names]
        grave = [run.case.name for run in healthy if run.troubles]
        lines += ["", f"## {title}", ""]
        faulty = len(part) - len(healthy)
        lines.append(
            f"{faulty} runs with a fault, {len(healthy)} healthy ones: of the healthy {len(alarmed)}"
        )
        lines += [f"with a finding, {len(grave)} with `trouble`.", "", table(part), "", confusion(part)]
    return "\n".join(lines)
