"""The doctor of any training loop: examines it at checks and tracks what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from poise.diagnosis.budget import Budget
from poise.diagnosis.examination import Examiner, Subject
from poise.diagnosis.finding import Finding, Measurement
from poise.diagnosis.findings import FINDINGS
from poise.diagnosis.reference import Reference
from poise.diagnosis.rule import Rule, Setting
from poise.diagnosis.tracker import FindingTracker
from poise.diagnosis.window import StepStats, Window

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
    ) -> None:
        self.schedule = schedule
        self.budget = Budget() if budget is None else budget
        self.window = Window()
        self.tracker = FindingTracker(FINDINGS.values() if rules is None else rules, setting)
        self._examiner = Examiner(reference)
        self._reported: dict[tuple[str, int], dict[str, Any]] = {}

    @property
    def reference(self) -> Reference | None:
        """Reals to compare with."""
        return self._examiner.reference

    @reference.setter
    def reference(self, reference: Reference | None) -> None:
        self._examiner.reference = reference

    @property
    def status(self) -> Literal["OK", "WATCH", "TROUBLE"]:
        """The gravest of what is open."""
        severities = {one.severity for one in self.tracker.open}
        return "TROUBLE" if "trouble" in severities else "WATCH" if "watch" in severities else "OK"

    def observe(self, step_stats: StepStats) -> None:
        """Add the statistics of one step; nothing is waited for on the device."""
        self.window.add(step_stats)

    def due(self, step: int) -> bool:
        """Whether a check is due at a step and there is time for it."""
        measurements = self.tracker.measurements
        last = measurements[-1].step if measurements else None
        return self.schedule(step, last) and self.budget.affordable()

    def check(self, step: int, subject: Subject) -> Check:
        """Measure and judge; the window begins anew."""
        with self.budget:
            found = self._examiner.examine(self.window.close(step), subject)
            measurement = Measurement.from_json(found.to_json())
            return Check(measurement, self._judge(measurement))

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
        previous = self._examiner.previous
        return {
            **{f"window/{name}": value for name, value in self.window.state().items()},
            **({} if previous is None else {"previous_samples": previous}),
            "measurements": [measurement.to_json() for measurement in self.tracker.measurements],
        }

    def load(self, state: Mapping[str, Any]) -> list[Check]:
        """Go on from what `state` returned; reference, setting and rules stay those of this doctor."""
        checks = self._restart(map(Measurement.from_json, state["measurements"]))
        self._examiner.previous = state.get("previous_samples")
        prefix = "window/"
        self.window.load(
            {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        )
        return checks

    def _restart(self, measurements: Iterable[Measurement]) -> list[Check]:
        self.tracker = FindingTracker(self.tracker.rules, self.tracker.setting)
        self.window, self._examiner = Window(), Examiner(self._examiner.reference)
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
