"""The doctor of any training loop: examines it at checks and tracks what it finds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from poise.diagnosis.budget import OPENING, Budget, Turns
from poise.diagnosis.examination import Examiner, Subject
from poise.diagnosis.finding import Finding, Measurement
from poise.diagnosis.findings import FINDINGS
from poise.diagnosis.parts import PARTS
from poise.diagnosis.reference import Reference
from poise.diagnosis.rule import LATER, Rule, Setting
from poise.diagnosis.tracker import FindingTracker
from poise.diagnosis.trends import progress
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
        self.turns = Turns(Budget() if budget is None else budget)
        self.window = Window(boundary)
        self.tracker = FindingTracker(FINDINGS.values() if rules is None else rules, setting)
        self._examiner = Examiner(reference, PARTS)
        self._reported: dict[tuple[str, int], dict[str, Any]] = {}
        self._warned = False

    @property
    def budget(self) -> Budget:
        """The time that checks may take."""
        return self.turns.budget

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
        return self._is_scheduled(step) and self.turns.has_time(len(self.tracker.measurements))

    def waits(self, step: int) -> bool:
        """Whether a check is due at a step, and there is no time for it yet."""
        return self._is_scheduled(step) and not self.due(step)

    def _is_scheduled(self, step: int) -> bool:
        measurements = self.tracker.measurements
        return self.schedule(step, measurements[-1].step if measurements else None)

    def saving(self, more: float = 0.0) -> float:
        """Seconds of the loop until there is time for the next check and for `more` seconds beside it."""
        return self.turns.saving(len(self.tracker.measurements), more)

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
            parts = self.turns.chosen(
                now, self._examiner, self.tracker, conditioned=subject.swapped is not None
            )
            window = replace(self.window.close(step), observed=observed)
            found = self._examiner.examine(window, subject, parts=parts, count=self.turns.count)
            measurement = Measurement.from_json(found.to_json())
            changed = self._judge(measurement)
            self.turns.note(parts, now, self._examiner, self.tracker, seconds=self.budget.inside)
            return Check(measurement, changed)

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
        self.window, self._examiner = Window(self.window.boundary), Examiner(self._examiner.reference, PARTS)
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
