"""From measurements to findings: when each opens, grows graver, recovers and opens again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from poise.diagnosis.finding import Finding, Measurement
from poise.diagnosis.rule import LATER, Rule, Setting, Unchecked, Verdict
from poise.diagnosis.trends import CLOSE, Measurements

FIRST_STEPS = 24  # Steps in which no rule finds anything, unless it is unmistakable
LEAST = 6  # Measurements in which no rule with so long a warm-up finds anything
LATE = 14  # Spans of a warm-up that is a share of the run, and not the time of the first steps
UNKNOWN = 2.0  # Times as many, if the length of the run is not known
LOOKS = 3  # Measurements that are enough for a spell, as long as they lie over its spans


@dataclass
class _Spell:
    """Measurements in a row that agree."""

    looks: int = 0
    step: int = 0  # The first one's
    begun: float = 0.0  # Its progress, in spans
    end: float = 0.0  # That of the last

    def add(self, step: int, now: float) -> None:
        """One more."""
        if not self.looks:
            self.step, self.begun = step, now
        self.looks, self.end = self.looks + 1, now

    def clear(self) -> None:
        """It is over."""
        self.looks = 0

    def lasts(self, spans: int) -> bool:
        """Whether it has gone on for so many spans, with as many measurements or three."""
        return self.looks >= min(spans, LOOKS) and self.end - self.begun >= spans - 1 - CLOSE


@dataclass
class _Track:
    """The state of one rule."""

    uneasy: _Spell
    grave: _Spell
    healthy: _Spell
    finding: Finding | None = None
    explains: tuple[str, ...] = ()  # What follows from the finding
    given: bool = False  # Whether the loop gives it, so that nothing explains it


class FindingTracker:
    """The findings of a run as its measurements come in; `rules` has causes before what they explain."""

    def __init__(self, rules: Iterable[Rule], setting: Setting | None = None) -> None:
        self.rules, self.setting = tuple(rules), setting or Setting()
        self.measurements = Measurements(steps=self.setting.steps, pace=self.setting.pace)
        self.findings: list[Finding] = []
        self.unchecked: dict[str, str] = {}
        self._tracks = {rule.name: _Track(_Spell(), _Spell(), _Spell()) for rule in self.rules}

    def add(self, measurement: Measurement) -> list[Finding]:
        """Judge one more measurement."""
        self.measurements.append(measurement)
        before = {rule.name: self._tracks[rule.name].finding for rule in self.rules}
        for rule in self.rules:
            verdict = rule.verdict(self.measurements)
            if isinstance(verdict, Unchecked):
                if verdict.because != LATER:
                    self.unchecked.setdefault(rule.name, verdict.because)
                continue
            self.unchecked.pop(rule.name, None)
            self._note(rule, self._tracks[rule.name], verdict)
        self._explain(before)
        return [found for rule in self.rules if (found := self._changed(rule.name, before[rule.name]))]

    @property
    def open(self) -> list[Finding]:
        """The open findings: those without a cause first, of those the gravest."""
        found = [one for one in self.findings if one.status == "open"]
        return sorted(
            found, key=lambda one: (one.because_of != "", one.severity != "trouble", one.first_step)
        )

    @property
    def suspected(self) -> frozenset[str]:
        """Quantities that rules need which found something at their last look, and do not say so yet."""
        return frozenset(
            name
            for rule in self.rules
            if (track := self._tracks[rule.name]).uneasy.looks and track.finding is None
            for name in rule.needs
        )

    def _explain(self, before: Mapping[str, Finding | None]) -> None:
        """Set which finding explains each open one; of two that explain each other, the first.

        What has no cause explains before what has one itself. What the loop gives has none.
        """
        explains = {name: track.explains for name, track in self._tracks.items()}
        tracks = {rule.name: track for rule in self.rules if (track := self._tracks[rule.name]).finding}
        causes = {name: track.finding.because_of for name, track in tracks.items() if track.finding}
        arrived = [name for name in causes if before[name] is None or causes[name] not in ("", *causes)]
        settled = [name for name in causes if name not in arrived]
        for name in arrived:
            causes[name] = ""
            explaining = [one for one in settled if name in explains[one] and name not in _chain(one, causes)]
            if explaining and not tracks[name].given:
                causes[name] = next((one for one in explaining if not causes[one]), explaining[0])
            else:
                causes |= {
                    one: name
                    for one in settled
                    if not causes[one] and one in explains[name] and not tracks[one].given
                }
            settled.append(name)
        for name, track in tracks.items():
            if track.finding and track.finding.because_of != causes[name]:
                explained = replace(track.finding, because_of=causes[name])
                self._put(track.finding, explained)
                track.finding = explained

    def _changed(self, name: str, before: Finding | None) -> Finding | None:
        """A rule's finding if it changed: opened, graver, explained by another, or recovered."""
        now = self._tracks[name].finding
        if now is None:
            return None if before is None else self._last(name)
        same = before is not None and (before.severity, before.because_of) == (now.severity, now.because_of)
        return None if same else now

    def _note(self, rule: Rule, track: _Track, verdict: Verdict) -> None:
        step, now = self.measurements[-1].step, self.measurements.now
        early = not verdict.sure and rule.warm_up > 0 and self._is_early(rule.warm_up)
        if verdict.level == "healthy" or early:
            track.healthy.add(step, now)
            if now - track.uneasy.end >= CLOSE:  # a slip between two checks close to each other is none
                track.uneasy.clear()
                track.grave.clear()
            if track.finding is not None and track.healthy.lasts(rule.recovered_after):
                self._put(track.finding, replace(track.finding, status="recovered"))
                track.finding = None
            return
        track.healthy.clear()
        track.uneasy.add(step, now)
        if verdict.level == "trouble":
            track.grave.add(step, now)
        else:
            track.grave.clear()
        grave = verdict.level == "trouble" and (verdict.sure or track.grave.lasts(rule.trouble_after))
        opens = grave or verdict.sure or track.uneasy.lasts(rule.watch_after)
        if track.finding is not None or opens:
            self._open_or_update(rule, track, verdict, grave=grave)

    def _is_early(self, warm_up: int) -> bool:
        """Whether too little of a run is known: a share of it, steps, or checks."""
        last = self.measurements[-1]
        few = len(self.measurements) <= min(warm_up, LEAST) or (last.observed or last.step) < FIRST_STEPS
        # What is late in a run cannot be told from what is early if its length is not known.
        doubt = UNKNOWN if warm_up >= LATE and not self.measurements.steps else 1.0
        return few or self.measurements.now < doubt * warm_up + CLOSE

    def _open_or_update(self, rule: Rule, track: _Track, verdict: Verdict, *, grave: bool) -> None:
        old, step = track.finding, self.measurements[-1].step
        was_grave = old is not None and old.severity == "trouble"
        new = Finding(
            name=rule.name,
            severity="trouble" if grave or was_grave else "watch",
            status="open",
            first_step=track.uneasy.step if old is None else old.first_step,
            last_step=step,
            confidence=min(confidence(verdict.beyond, track.uneasy.looks), verdict.certainty),
            sentence=verdict.sentence,
            evidence=verdict.evidence,
            remedies=old.remedies if old is not None else self.setting.remedies(rule.proposals),
            because_of="" if old is None else old.because_of,
        )
        if old is None:
            self.findings.append(new)
        else:
            if was_grave and verdict.level != "trouble":
                # A finding that is trouble keeps the numbers that made it so.
                new = replace(new, sentence=old.sentence, evidence=old.evidence, confidence=old.confidence)
            self._put(old, new)
        track.finding = new
        track.explains = rule.explains if verdict.explains is None else verdict.explains
        track.given = verdict.given

    def _put(self, old: Finding, new: Finding) -> None:
        index = next(index for index, one in enumerate(self.findings) if one is old)
        self.findings[index] = new

    def _last(self, name: str) -> Finding:
        return next(one for one in reversed(self.findings) if one.name == name)


def _chain(name: str, causes: Mapping[str, str]) -> list[str]:
    """A finding, its cause, the cause of that and so on."""
    chain = [name]
    while causes.get(chain[-1]):
        chain.append(causes[chain[-1]])
    return chain


def judged(
    measurements: Iterable[Measurement], rules: Iterable[Rule], setting: Setting | None = None
) -> FindingTracker:
    """The findings of a run from its measurements.

    A run of unknown length is as long as its measurements: they are all there is.
    """
    found = list(measurements)
    if (setting is None or setting.steps is None) and found:
        setting = replace(setting or Setting(), steps=max(found[-1].observed or found[-1].step, 1))
    tracker = FindingTracker(rules, setting)
    for measurement in found:
        tracker.add(measurement)
    return tracker


def confidence(beyond: float, looks: int) -> float:
    """From 0.5 at the threshold, found just now, towards 1 far beyond it or found often."""
    doubt = 0.5 * math.exp(-0.15 * looks - 0.8 * math.log(max(1.0, min(beyond, 100.0))))
    return 1 - doubt
