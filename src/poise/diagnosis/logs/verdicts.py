"""The findings of a log: each rule judges after every part of it, which tells what began and ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from poise.diagnosis.finding import Finding, Measurement
from poise.diagnosis.findings import FINDINGS
from poise.diagnosis.logs.rules import LEAST, LOSSES, RULES, LogRule, Series
from poise.diagnosis.rule import Setting, Verdict
from poise.diagnosis.tracker import confidence
from poise.text import counted

LEAST_METRIC = 3  # The same of a metric, which is a judgement on many samples each time
LOOKS = 24  # Parts of a log after each of which it is judged, so that what began and ended is known, too


@dataclass(frozen=True)
class Diagnosis:
    """What a log tells of a run."""

    measurements: Sequence[Measurement]
    findings: list[Finding]
    unchecked: dict[str, str] = field(default_factory=dict)
    few: str = ""  # Why the log is too short for a verdict; empty if it is not

    @property
    def open(self) -> list[Finding]:
        """The open findings: those without a cause first, of those the gravest."""
        found = [one for one in self.findings if one.status == "open"]
        return sorted(
            found, key=lambda one: (one.because_of != "", one.severity != "trouble", one.first_step)
        )


# What a finding explains in a log, besides what it explains in a run
EXPLAINS: Mapping[str, tuple[str, ...]] = {
    "diverging": ("discriminator-dominates", "generator-dominates", "oscillation", "quality-regressed"),
    "discriminator-dominates": ("not-learning", "quality-regressed", "diverging"),
}


def diagnose(measurements: Sequence[Measurement]) -> Diagnosis:
    """What went wrong in a run, from the measurements of its log.

    Args:
        measurements: As `readings_of` has them.

    Returns:
        The findings, each from the step on from which it was there up to the end, or recovered if it ended;
        why some failures could not be checked; and why the log is too short, if it is.

    Example:
        >>> metric = [*range(50, 20, -1), *range(90, 180, 3)]
        >>> found = diagnose([Measurement(step, metric=value) for step, value in enumerate(metric)])
        >>> found.open[0].sentence
        'The metric is 174, 7.9 times its best of 22.'
    """
    findings: list[Finding] = []
    unchecked: dict[str, str] = {}
    counts = {name: len(Series(measurements).values(name)) for name in (*LOSSES, "metric")}
    for rule in RULES:
        missing = next((name for name in rule.needs if not counts[name]), None)
        if missing is not None:
            unchecked[rule.name] = f"the log has no column of the {missing.replace('_', ' ')}"
            continue
        findings += _spells(rule, measurements)
    for name in FINDINGS:
        if name not in {rule.name for rule in RULES}:
            unchecked[name] = "a log holds no samples"
    return Diagnosis(measurements, _explained(findings), unchecked, _too_few(counts))


def _too_few(counts: Mapping[str, int]) -> str:
    losses, metric = max(counts[name] for name in LOSSES), counts["metric"]
    if losses >= LEAST or metric >= LEAST_METRIC:
        return ""
    count = counted(losses or metric, "reading")
    return f"a verdict needs {LEAST} readings of a loss, or {LEAST_METRIC} of a metric, not {count}"


def _spells(rule: LogRule, measurements: Sequence[Measurement]) -> list[Finding]:
    """The findings of one rule: judged after each part of the log, the spells in which it found something."""
    total = len(measurements)
    every = rule.name == "non-finite"  # which a single reading decides
    ends = (
        range(1, total + 1)
        if every
        else sorted({max(1, total * part // LOOKS) for part in range(1, LOOKS + 1)})
    )
    spells: list[list[tuple[int, int, Verdict]]] = [[]]
    before = 0
    for end in ends:
        series = Series(measurements[:end])
        enough = (
            all(len(series.values(name)) >= min(rule.least, total) for name in rule.needs)
            and end >= rule.least
        )
        verdict = rule.judge(series) if enough else None
        if verdict is None:
            spells.append([])
        else:
            spells[-1].append((before, end - 1, verdict))
        before = end
    found = []
    for spell in filter(None, spells):
        lasts = spell[-1][1] == total - 1
        if lasts or every or len(spell) > LOOKS // 6:
            found.append(_finding(rule.name, spell, measurements, lasts))
    return _merged(found)


def _finding(
    name: str, spell: Sequence[tuple[int, int, Verdict]], measurements: Sequence[Measurement], lasts: bool
) -> Finding:
    verdict = spell[-1][2]
    grave = any(one.level == "trouble" for _, _, one in spell)
    return Finding(
        name=name,
        severity="trouble" if grave else "watch",
        status="open" if lasts else "recovered",
        first_step=measurements[spell[0][0]].step,
        last_step=measurements[spell[-1][1]].step,
        confidence=confidence(verdict.beyond, len(spell)),
        sentence=verdict.sentence,
        evidence=verdict.evidence,
        remedies=Setting().remedies(FINDINGS[name].proposals),
    )


def _merged(found: list[Finding]) -> list[Finding]:
    """Of many spells of one failure, the last, and the first that ended."""
    ended = [one for one in found if one.status == "recovered"]
    lasting = [one for one in found if one.status == "open"]
    return lasting + ended[:1] if lasting else ended[:1]


def _explained(findings: Sequence[Finding]) -> list[Finding]:
    """Findings with the open one that explains each, if there is one."""
    kept: list[Finding] = []
    for one in findings:
        causes = [
            other.name
            for other in kept
            if other.status == one.status == "open"
            and not other.because_of
            and one.name in _explains(other.name)
        ]
        kept.append(replace(one, because_of=causes[0]) if causes else one)
    return kept


def _explains(name: str) -> tuple[str, ...]:
    return EXPLAINS.get(name, ()) + FINDINGS[name].explains
