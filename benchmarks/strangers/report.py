"""The lines of a set as a table: what was named, what was named wrongly, how soon, and at what cost."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from scipy.stats import binom

from benchmarks.strangers.case import Case
from benchmarks.strangers.quality import sound
from poise.metrics.intervals import share_interval

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """A case with what was said of it."""

    case: Case
    line: Line

    @property
    def naming(self) -> Line | None:
        """The first event of a right name from the onset on, or one that was open then."""
        open_before: dict[str, Line] = {}
        for event in self.line["named"]:
            if event["name"] not in self.case.names:
                continue
            if event["step"] >= self.case.onset:
                if event["status"] == "open":
                    return dict(event)
                open_before.pop(event["name"], None)
            elif event["status"] == "open":
                open_before[event["name"]] = event
            else:
                open_before.pop(event["name"], None)
        return next(iter(open_before.values()), None)

    @property
    def counts(self) -> bool:
        """Whether it is what it was written down as: a healthy loop is sound, and a fault took effect."""
        course = [
            (step, math.inf if far is None else far, near or 0.0) for step, far, near in self.line["quality"]
        ]
        if not self.case.fault:
            return sound(course)
        return not (self.case.by_result and sound(course))

    @property
    def steps_to_name(self) -> int | None:
        """Steps from the onset."""
        return None if self.naming is None else max(0, self.naming["step"] - self.case.onset)

    @property
    def checks_to_name(self) -> int | None:
        """Checks from the onset, that which named it included."""
        if self.naming is None:
            return None
        return int(max(1, self.naming["check"] - self.line["checks_before_onset"]))

    @property
    def causes(self) -> list[str]:
        """Names that were told without a cause, each once."""
        return list(dict.fromkeys(one["name"] for one in self.line["named"] if not one["because_of"]))

    @property
    def wrong(self) -> list[str]:
        """Causes that are not true of the run; nothing is true before the onset."""
        early = {
            one["name"]
            for one in self.line["named"]
            if one["step"] < self.case.onset and not one["because_of"]
        }
        return [name for name in self.causes if name not in self.case.true or name in early]

    @property
    def trouble(self) -> list[str]:
        """Names that were told as trouble."""
        return list(dict.fromkeys(one["name"] for one in self.line["named"] if one["severity"] == "trouble"))

    @property
    def ever(self) -> str:
        """The gravest status of the whole run."""
        seen = {status for _, status in self.line["statuses"]}
        return next((one for one in ("TROUBLE", "WATCH", "BLIND") if one in seen), "OK")


def judged(cases: Iterable[Case], lines: Mapping[str, Line]) -> list[Judged]:
    """The cases that were played."""
    return [Judged(case, lines[case.name]) for case in cases if case.name in lines]


def report(played: Sequence[Judged], of: int) -> str:
    """All tables."""
    if not played:
        return "Nothing was played."
    faulty = [one for one in played if one.case.fault]
    healthy = [one for one in played if not one.case.fault]
    minutes = sum(one.line["seconds_cpu"] for one in played) / 60
    parts = [
        f"Played: {len(played)} of {of} cases, {len(faulty)} with a fault and {len(healthy)} healthy, "
        f"{len({one.case.style for one in played})} styles; {minutes:.0f} minutes of a core.",
        _rates(faulty, healthy),
        _grouped("style", played, lambda one: one.case.style),
        _grouped("fault", faulty, lambda one: one.case.fault),
        _listed(faulty, healthy),
    ]
    return "\n\n".join(part for part in parts if part)


def _rates(faulty: Sequence[Judged], healthy: Sequence[Judged]) -> str:
    healthy = [one for one in healthy if one.counts]
    named = [one for one in faulty if one.naming is not None]
    causes = sum(len(one.causes) for one in (*faulty, *healthy))
    wrong = sum(len(one.wrong) for one in (*faulty, *healthy))
    sure = [one for one in faulty if one.case.unmistakable]
    soon = [one for one in sure if (one.checks_to_name or 99) <= 3]
    everything = [*faulty, *healthy]
    took = [one for one in faulty if one.counts]
    rows = [
        ("recall: faults that were named", _share(len(named), len(faulty))),
        ("recall of those that took effect", _share(sum(one.naming is not None for one in took), len(took))),
        ("precision: names without a cause that are true", _share(causes - wrong, causes)),
        (
            "healthy loops that were TROUBLE at some time",
            _share(sum(one.ever == "TROUBLE" for one in healthy), len(healthy)),
        ),
        (
            "healthy loops with any finding, `watch` included",
            _share(sum(bool(one.line["named"]) for one in healthy), len(healthy)),
        ),
        ("unmistakable faults named within three checks", _share(len(soon), len(sure))),
        ("steps from the onset to the name, median", _median([one.steps_to_name for one in named])),
        ("checks from the onset to the name, median", _median([one.checks_to_name for one in named])),
        (
            "checks in the first 2,000 steps, median and least",
            _median_least([one.line["checks_in_2000"] for one in everything if one.case.steps >= 2_000]),
        ),
        (
            "share of processor time in the Monitor, median and most",
            _shares([one.line["share_cpu"] for one in everything]),
        ),
        (
            "the same without making it and the dearest check",
            _shares([one.line["share_cpu_without_first"] for one in everything]),
        ),
    ]
    return "\n".join(["| what | figure |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _grouped(title: str, played: Sequence[Judged], key: Any) -> str:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in played:
        groups[key(one)].append(one)
    lines = [
        f"| {title} | faults | named | wrong names | healthy | TROUBLE | steps to name | share of time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in sorted(groups):
        faulty = [one for one in groups[name] if one.case.fault]
        healthy = [one for one in groups[name] if not one.case.fault]
        named = [one for one in faulty if one.naming is not None]
        steps = _median([one.steps_to_name for one in named])
        lines.append(
            f"| {name} | {len(faulty)} | {len(named)} | {sum(len(one.wrong) for one in groups[name])} "
            f"| {len(healthy)} | {sum(one.ever == 'TROUBLE' for one in healthy)} | {steps} "
            f"| {100 * median(one.line['share_cpu'] for one in groups[name]):.1f} % |"
        )
    return "\n".join(lines)


def _listed(faulty: Sequence[Judged], healthy: Sequence[Judged]) -> str:
    missed = [
        f"{one.case.name} (named: {', '.join(one.causes) or 'nothing'}; {one.line['status']})"
        for one in faulty
        if one.naming is None
    ]
    late = [
        f"{one.case.name} ({one.checks_to_name})"
        for one in faulty
        if one.case.unmistakable and (one.checks_to_name or 0) > 3
    ]
    wrong = [f"{one.case.name} ({', '.join(one.wrong)})" for one in (*faulty, *healthy) if one.wrong]
    idle = [one.case.name for one in faulty if not one.counts]
    unsound = [one.case.name for one in healthy if not one.counts]
    blind = [one.case.name for one in (*faulty, *healthy) if one.line["status"] == "BLIND"]
    broken = [one.case.name for one in (*faulty, *healthy) if one.line["error"]]
    rows = (
        ("Faults that did not take effect", idle),
        ("Meant to be healthy and not sound, so not counted as healthy", unsound),
        ("Missed", missed),
        ("Unmistakable and later than three checks", late),
        ("Named wrongly", wrong),
        ("BLIND at the end", blind),
        ("Loops that ended in an error", broken),
    )
    return "\n\n".join(f"{title}: {', '.join(names)}." for title, names in rows if names)


def _share(count: int, of: int) -> str:
    """A share with its 95 % interval, after Wilson."""
    if not of:
        return f"{count} of {of}"
    low, high = share_interval(count, of)
    return f"{count} of {of}, {count / of:.2f} ({low:.2f} to {high:.2f})"


def _median(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):.0f}" if known else ""


def _median_least(values: Sequence[int]) -> str:
    return f"{median(values):.0f}, {min(values)}" if values else ""


def _shares(values: Sequence[float]) -> str:
    """The median with its 95 % interval from order statistics, and the greatest."""
    found = sorted(values)
    below = int(binom.ppf(0.025, len(found), 0.5))
    low, high = found[max(below - 1, 0)], found[min(len(found) - below, len(found) - 1)]
    return f"{100 * median(found):.1f} % ({100 * low:.1f} to {100 * high:.1f}), {100 * found[-1]:.1f} %"
