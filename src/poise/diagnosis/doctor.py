"""The doctor of any training loop: examines it at checks and tracks what it finds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from poise.diagnosis.examination import OWN, SAMPLED, Examiner
from poise.diagnosis.finding import Finding, Measurement
from poise.diagnosis.findings import FINDINGS
from poise.diagnosis.look import FEW, Subject
from poise.diagnosis.parts import PARTS
from poise.diagnosis.reference import MOST_PROBED, Reference
from poise.diagnosis.rule import LATER, Rule, Setting, part_of
from poise.diagnosis.tracker import FindingTracker
from poise.diagnosis.trends import CLOSE, progress
from poise.diagnosis.undisturbed import Budget
from poise.diagnosis.window import StepStats, Window

Status = Literal["OK", "WATCH", "TROUBLE"]
BlindStatus = Literal["OK", "WATCH", "TROUBLE", "BLIND"]
# Findings that need nothing but what any loop has; if most of them cannot be checked, the doctor is blind
CORE = (
    "mode-collapse",
    "not-learning",
    "data-shortcut",
    "discriminator-dominates",
    "generator-dominates",
    "mode-hopping",
    "oscillation",
    "quality-regressed",
)
LOOKS = 3  # Checks after which a doctor is blind if it sees nothing
# Parts of a check that cost next to nothing and are measured whenever there is one
BASE = ("weights", "drawn", "handed", "loop")
# The others, with the spans after which each is due again; all are due at each check that can afford them
DUE: Mapping[str, float] = {
    "samples": 1.0,
    "latents": 2.0,
    "conditions": 2.0,
    "statistics": 3.0,
    "held out": 3.0,
    "grid": 4.0,
    "waves": 4.0,
    "layouts": 4.0,
    "augmentation": 6.0,
    "copies": 4.0,
}
URGENT = "latents"  # A generator that does not answer to its latents is to be named within three checks
STOOD_FOR = 4.0  # The same of samples that the loop's fakes stand for
OPENING = 3  # Checks that come at once, in which what is unmistakable can be named
AMPLE = 0.7  # Share of a span's time below which a check of every part is cheap
# Parts that cost more with more samples
SCALING = ("sampling", "samples", "statistics", "copies", "held out")
LIGHT = 0.25  # Share of the allowance for checks of the base alone; the rest is saved for the other parts
TOGETHER = 3  # Other parts that time is saved for, since the base and sampling serve all of a check
LONG = 3.0  # Times its own interval that a part has waited, from which cheaper ones wait for it
# What gives each part of a check its input, most useful first
INPUTS = {
    "distance": "fake= (the fakes of the step), or generator= and latent=, and real=",
    "auc": "real_scores= and fake_scores=, the score of each sample",
    "movement": "generator= and latent=",
    "held_out_gap": "discriminator=, and held_out= for the monitor",
}

# From a step and that of the last check (`None` before the first) to whether a check is due by steps
Schedule = Callable[[int, int | None], bool]


class Check(NamedTuple):
    """What a check gave: the measurement, and the findings that it opened, changed or closed."""

    measurement: Measurement
    changed: list[Finding]


class Doctor:
    """Examines one training: call `observe` at every step, and `check` when `due`.

    It owns the statistics of the steps since the last check, the reference that samples are compared with,
    the findings, and the time that checks may take. What it returns is to be written by its caller. Findings
    are judged from measurements rounded as `Measurement.to_json` has them, so those that are read from
    disk give the same findings.

    Args:
        schedule: When a check is due by steps.
        setting: What is known of the run; remedies are made for it.
        reference: Reals to compare with; it may be set later, as `reference`.
        budget: The time that checks may take; several doctors may share one.
        rules: What is looked for.
        boundary: The score between real and fake, if the loss has one.

    Example:
        >>> import torch
        >>> doctor = Doctor(lambda step, last: step % 10 == 0)
        >>> doctor.observe(StepStats(generator_loss=torch.tensor(0.5)))
        >>> doctor.due(10), doctor.check(10, Subject()).measurement.generator_loss
        (True, 0.5)
    """

    def __init__(
        self,
        schedule: Schedule,
        setting: Setting | None = None,
        *,
        reference: Reference | None = None,
        budget: Budget | None = None,
        rules: Iterable[Rule] | None = None,
        boundary: float | None = None,
    ) -> None:
        self.schedule = schedule
        self.budget = Budget() if budget is None else budget
        self.window = Window(boundary)
        self.tracker = FindingTracker(FINDINGS.values() if rules is None else rules, setting)
        self._examiner = Examiner(reference)
        self._reported: dict[tuple[str, int], dict[str, Any]] = {}
        self._measured: dict[str, float] = {}  # The progress at which each part was last measured
        self._count, self._warned, self._conditioned = MOST_PROBED, False, False
        self._light, self._next = (
            0.0,
            0.0,
        )  # Seconds of checks of the base alone, and of the part that is next

    @property
    def reference(self) -> Reference | None:
        """Reals to compare with."""
        return self._examiner.reference

    @reference.setter
    def reference(self, reference: Reference | None) -> None:
        self._examiner.reference = reference
        self.budget.free = True

    @property
    def status(self) -> Status:
        """The gravest of what is open."""
        severities = {one.severity for one in self.tracker.open}
        return "TROUBLE" if "trouble" in severities else "WATCH" if "watch" in severities else "OK"

    @property
    def blind(self) -> bool:
        """Whether most of what any loop can be examined for could not be, after some checks."""
        unchecked = sum(name in self.tracker.unchecked for name in CORE)
        return len(self.tracker.measurements) >= LOOKS and unchecked >= len(CORE) // 2

    @property
    def status_or_blind(self) -> BlindStatus:
        """The gravest of what is open; `BLIND` if nothing is and most cannot be seen."""
        return "BLIND" if self.status != "TROUBLE" and self.blind else self.status

    @property
    def hand_over(self) -> list[str]:
        """What was missing at the last check, as the arguments that would give it."""
        if not self.tracker.measurements:
            return []
        last = self.tracker.measurements[-1]
        lacks = {name for name, why in last.missing.items() if why != LATER}
        lacks |= {"movement"} if last.movement is None and "distance" in lacks else set()
        return [words for name, words in INPUTS.items() if name in lacks]

    def warn_if_blind(self) -> None:
        """Warn once, in a sentence that names what to hand over."""
        if self._warned or not self.blind:
            return
        self._warned = True
        reasons = "; ".join(
            dict.fromkeys(self.tracker.unchecked[name] for name in CORE if name in self.tracker.unchecked)
        )
        warnings.warn(
            f"Poise's doctor is blind to most failures ({reasons}). Hand over {'; '.join(self.hand_over)}.",
            stacklevel=4,
        )

    def observe(self, step_stats: StepStats) -> None:
        """Add the statistics of one step; nothing is waited for on the device."""
        self.window.add(step_stats)

    def due(self, step: int) -> bool:
        """Whether a check is due at a step and there is time for it."""
        if not self._is_scheduled(step):
            return False
        if len(self.tracker.measurements) < OPENING or self.budget.most_share >= 1:
            return True
        if not self.budget.affordable():
            return False
        return self._light <= LIGHT * self.budget.allowed or self._next <= self.budget.left()

    def waits(self, step: int) -> bool:
        """Whether a check is due at a step, and there is no time for it yet."""
        return self._is_scheduled(step) and not self.due(step)

    def _is_scheduled(self, step: int) -> bool:
        measurements = self.tracker.measurements
        return self.schedule(step, measurements[-1].step if measurements else None)

    def saving(self, more: float = 0.0) -> float:
        """Seconds of the loop until there is time for the next check and for `more` seconds beside it."""
        if len(self.tracker.measurements) < OPENING or self.budget.most_share >= 1:
            return 0.0
        spent = self.budget.spent + more
        return self.budget.until(max(spent, min(self._light / LIGHT, spent + self._next)))

    def check(self, step: int, subject: Subject, *, observed: int | None = None) -> Check:
        """Measure what there is time for, and judge; the window begins again.

        Args:
            step: The step.
            subject: What is examined.
            observed: How many steps were observed, if the step does not tell.
        """
        with self.budget:
            self.budget.free |= len(self.tracker.measurements) < OPENING
            now = progress(observed or step, self.tracker.setting.steps, self.tracker.setting.pace)
            began = self.budget.left()
            self._conditioned = subject.swapped is not None
            parts = self._affordable(now)
            window = replace(self.window.close(step), observed=observed)
            found = self._examiner.examine(window, subject, parts=parts, count=self._count)
            self._measured |= dict.fromkeys(parts, now)
            measurement = Measurement.from_json(found.to_json())
            changed = self._judge(measurement)
            if set(parts) <= set(BASE):
                self._light += max(began - self.budget.left(), 0.0)
            self._next = self._cost_of_next(now)
            return Check(measurement, changed)

    def _affordable(self, now: float) -> tuple[str, ...]:
        """The parts that are measured at this check, and in `_count` how many samples.

        Beside the base, parts come in turn, the one that has waited longest first. Those that are new fit the
        reference, so that they come one at a time.
        """
        budget = self.budget
        if budget.most_share >= 1:
            return tuple(PARTS)
        if len(self.tracker.measurements) < OPENING:
            self._count = FEW
            return (*BASE, "samples", "latents", "layouts")
        spans = max(now - self._measured.get("weights", 0.0), 1.0)
        share = budget.most_share * budget.elapsed / max(now, 1.0)  # Seconds that a span allows
        if sum(self._cost(part, MOST_PROBED) for part in ("sampling", *PARTS)) < AMPLE * share * spans:
            self._count = MOST_PROBED
            return tuple(part for part in PARTS if part in self._measured) + self._new()[:1]
        enough = (n for n in (MOST_PROBED, 128) if self._cost("sampling", n) < 0.4 * share)
        self._count = next(enough, FEW)
        chosen, left = list(BASE), budget.left() - sum(map(self._cost, BASE))
        waits = self._waits(now)
        for part in waits:
            needs_sampling = part in self._sampled and not self._sampled & set(chosen)
            cost = self._cost(part) + (self._cost("sampling") if needs_sampling else 0.0)
            second = part in self._new() and not set(chosen).isdisjoint(self._new())
            if waits[part] < 1 - CLOSE / DUE[part] or second:
                continue
            if cost <= left:
                chosen.append(part)
                left -= cost
            elif waits[part] > LONG:
                break
        return tuple(chosen)

    @property
    def _sampled(self) -> frozenset[str]:
        """Parts for which the generator is called: those for which the loop's fakes do not stand."""
        parts = OWN if self._examiner.stood_for else SAMPLED
        return parts if self._conditioned else parts - {"conditions"}

    def _waits(self, now: float) -> dict[str, float]:
        """How long each part has waited, over the time after which it is due; the longest first.

        What shows an unmistakable failure goes before all others once it is due, and after it what a rule
        suspects: that is due again after a span.
        """
        due = dict(DUE, samples=STOOD_FOR) if self._examiner.stood_for else dict(DUE)
        noted = {part.quantity for part in PARTS.values()}
        names = {name if name in noted else part_of(name) for name in self.tracker.suspected}
        suspected = {part for part in due if PARTS[part].quantity in names}
        due |= dict.fromkeys(suspected, 1.0)
        waits = {part: (now - self._measured.get(part, 0.0)) / spans for part, spans in due.items()}

        def turn(part: str) -> tuple[bool, bool, float]:
            late = waits[part] >= 1
            return not (part == URGENT and late), not (part in suspected and late), -waits[part]

        return {part: waits[part] for part in sorted(waits, key=turn)}

    def _cost_of_next(self, now: float) -> float:
        """Seconds of a check of the base and the parts that have waited longest."""
        parts = tuple(self._waits(now))[:TOGETHER]
        return sum(map(self._cost, (*BASE, *parts))) + self._cost("sampling") * bool(
            self._sampled & set(parts)
        )

    def _cost(self, part: str, count: int = 0) -> float:
        """Seconds that a part will take with so many samples; of one that is new, what samples take."""
        seconds = self._examiner.seconds
        known = seconds.get(part, seconds.get("sampling", 0.0) + seconds.get("samples", 0.0))
        return known * ((count or self._count) / self._examiner.count) ** 0.7 if part in SCALING else known

    def _new(self) -> tuple[str, ...]:
        """Parts that were never measured."""
        return tuple(part for part in PARTS if part not in self._measured)

    def unreported(self) -> list[Finding]:
        """Findings that have changed since a check returned them, as open ones do that last; for the end."""
        changed = [one for one in self.tracker.findings if self._reported.get(_key(one)) != one.to_json()]
        self._report(changed)
        return changed

    def replay(self, measurements: Iterable[Measurement]) -> list[Check]:
        """Judge measurements of an earlier session, oldest first."""
        return [Check(measurement, self._judge(measurement)) for measurement in measurements]

    def rewind(self, step: int) -> None:
        """Forget what was measured at a step and after it: the training goes on from before."""
        self._restart([one for one in self.tracker.measurements if one.step < step])

    def state(self) -> dict[str, Any]:
        """What later checks depend on: tensors, and values that JSON takes.

        A doctor that loads it gives the measurements and findings of one that was never interrupted. The
        budget is not part of it: each session has its own clock.
        """
        return {
            **{f"window/{name}": value for name, value in self.window.state().items()},
            **self._examiner.state(),
            "measurements": [measurement.to_json() for measurement in self.tracker.measurements],
        }

    def load(self, state: Mapping[str, Any]) -> list[Check]:
        """Go on from what `state` returned; reference, setting and rules stay those of this doctor."""
        checks = self._restart(map(Measurement.from_json, state["measurements"]))
        self._examiner.load(state)
        prefix = "window/"
        self.window.load(
            {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        )
        return checks

    def _restart(self, measurements: Iterable[Measurement]) -> list[Check]:
        self.tracker = FindingTracker(self.tracker.rules, self.tracker.setting)
        self.window, self._examiner = Window(self.window.boundary), Examiner(self._examiner.reference)
        self._reported.clear()
        return self.replay(measurements)

    def _judge(self, measurement: Measurement) -> list[Finding]:
        changed = self.tracker.add(measurement)
        self._report(changed)
        return changed

    def _report(self, findings: Iterable[Finding]) -> None:
        self._reported |= {_key(finding): finding.to_json() for finding in findings}


def _key(finding: Finding) -> tuple[str, int]:
    return finding.name, finding.first_step


def at_multiples(every: int) -> Schedule:
    """A check at each multiple of some steps."""
    return lambda step, last: step % every == 0
