"""The doctor that every loop shares: its share of the time, and a state from which it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from poise.diagnosis import Doctor, Finding, FindingTracker, Measurement, Setting
from poise.diagnosis.budget import BASE, DEAR, OPENING, OPENS, SCALING, Budget, Turns
from poise.diagnosis.doctor import at_multiples
from poise.diagnosis.examination import Subject
from poise.diagnosis.parts import PARTS
from poise.diagnosis.reference import MOST_PROBED, Reference
from poise.diagnosis.trends import SPANS
from poise.diagnosis.window import STEPS, StepStats, Window

REALS = torch.randn(256, 2, generator=torch.Generator().manual_seed(0))
END = 130


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_check_is_an_advance_that_half_of_the_share_pays_back() -> None:
    clock = Clock()
    budget = Budget(0.1, clock)
    assert budget.affordable()
    with budget:
        clock.now += 50.0
    assert budget.affordable()
    with budget:
        clock.now += 2.0
    clock.now += 37.9  # 2 of half of 3.99 seconds
    assert not budget.affordable()
    clock.now += 0.2
    assert budget.affordable()
    clock.now += 1960.0  # the whole share, less the advance, is more than half of it
    assert budget.left() == pytest.approx(200.01 - 50 - 2)


def test_seconds_outside_checks_are_an_advance_before_the_first_and_spent_after_it() -> None:
    clock = Clock()
    budget = Budget(0.1, clock)
    budget.charge(2.0)
    with budget:
        clock.now += 1.0
    budget.charge(0.5)
    assert (budget.advance, budget.spent) == (3.0, 0.5)


def test_a_check_within_a_check_counts_once() -> None:
    clock = Clock()
    shared = Budget(0.5, clock)
    for _ in range(2):
        with shared:
            for _ in range(3):
                with shared:
                    clock.now += 1.0
    assert shared.spent == 3.0  # of the second; the first is an advance


def doctor(every: int = 3) -> Doctor:
    return Doctor(
        at_multiples(every),
        Setting(steps=180),
        reference=Reference(REALS, drawn(1, 64, 2)),
        budget=Budget(1e9),
    )


def step_stats(step: int) -> StepStats:
    """Scores of changing size; the generator's gradient is not there at each step."""
    return StepStats(
        real_scores=drawn(step, 8 + step % 3) + 1,
        fake_scores=drawn(1000 + step, 8),
        discriminator_loss=drawn(2000 + step).double(),
        generator_loss=drawn(3000 + step) if step % 5 else None,
        generator_gradient=drawn(4000 + step).abs() if step % 2 else None,
    )


def subject(step: int) -> Subject:
    """Samples that collapse in the middle and come back."""
    width = 0.001 if 60 < step < 100 else 1.0
    return Subject(
        lambda count: (width * drawn(5, 128, 2) + 0.001 * step)[:count],
        fixed=True,
        score=lambda x, _: x[:, 0],
    )


def lines(one: Doctor, steps: range) -> Iterator[tuple[str, str]]:
    for step in steps:
        one.observe(step_stats(step))
        if one.due(step):
            measurement, changed = one.check(step, subject(step))
            yield "readings", json.dumps(measurement.to_json())
            yield from (("findings", json.dumps(finding.to_json())) for finding in changed)
    if steps.stop == END:
        yield from (("findings", json.dumps(finding.to_json())) for finding in one.unreported())


@cache
def whole() -> list[tuple[str, str]]:
    """What a doctor that never stopped writes."""
    return list(lines(doctor(), range(1, END)))


def through_a_checkpoint(state: dict[str, Any]) -> dict[str, Any]:
    """Tensors as bytes, the rest as JSON."""
    return {
        name: value.clone() if isinstance(value, torch.Tensor) else json.loads(json.dumps(value))
        for name, value in state.items()
    }


@dataclass(frozen=True)
class Stop:
    """What a doctor had written, its state, what it knew."""

    written: list[tuple[str, str]]
    state: dict[str, Any]
    measurements: list[Measurement]
    findings: list[Finding]


@cache
def stops() -> dict[int, Stop]:
    """A doctor that might have stopped after any step."""
    one, written, found = doctor(), list[tuple[str, str]](), dict[int, Stop]()
    for step in range(1, END - 1):
        written += lines(one, range(step, step + 1))
        state, known = through_a_checkpoint(one.state()), one.tracker
        found[step] = Stop(written[:], state, list(known.measurements), known.findings[:])
    return found


@settings(max_examples=12)
@given(some.integers(1, END - 2))
def test_measurements_and_findings_after_a_resume_are_those_of_a_run_that_never_stopped(cut: int) -> None:
    assert any(kind == "findings" and "mode-collapse" in line for kind, line in whole())
    first, second = stops()[cut], doctor()
    checks = second.load(first.state)
    assert [check.measurement for check in checks] == first.measurements
    assert second.tracker.findings == first.findings
    assert first.written + list(lines(second, range(cut + 1, END))) == whole()


@settings(max_examples=30)
@given(some.integers(0, 2 * STEPS))
def test_a_window_comes_back_from_its_state(count: int) -> None:
    window, again = Window(), Window()
    for step in range(count):
        window.add(step_stats(step))
    again.load(through_a_checkpoint(window.state()))
    assert len(again) == len(window) == min(count, STEPS)
    assert again.close() == window.close()


def test_statistics_of_several_games_are_taken_apart() -> None:
    both = StepStats(
        real_scores=torch.tensor([[1.0, 2.0], [3.0, 4.0]]), generator_loss=torch.tensor([5.0, 6.0])
    )
    second = both.at(1)
    assert second.real_scores is not None and second.real_scores.tolist() == [3.0, 4.0]
    assert second.generator_loss == torch.tensor(6.0)
    assert second.fake_scores is None


def test_findings_are_judged_from_what_is_written() -> None:
    one = doctor(1)
    list(lines(one, range(1, 60)))
    again = [Measurement.from_json(json.loads(json.dumps(m.to_json()))) for m in one.tracker.measurements]
    assert again == list(one.tracker.measurements)


def test_a_rewound_doctor_is_one_that_never_went_on() -> None:
    one, other = doctor(), doctor()
    list(lines(one, range(1, 100)))
    one.rewind(50)
    list(lines(other, range(1, 50)))
    assert list(one.tracker.measurements) == list(other.tracker.measurements)
    assert one.tracker.findings == other.tracker.findings
    assert len(one.window) == 0


COSTS = {name: 0.02 * part.first for name, part in PARTS.items()} | {"sampling": 0.02, "samples": 0.02}
COSTS |= dict.fromkeys(BASE, 0.002)


class Examined:
    """An examiner whose parts cost what they cost, on a clock that it sets on."""

    stood_for = True

    def __init__(self, clock: Clock) -> None:
        self.clock, self.parts = clock, PARTS
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.took = 0.0

    def sampled(self, *, conditioned: bool) -> frozenset[str]:
        return frozenset({"samples"})

    def examine(self, parts: Sequence[str], count: int) -> None:
        called = (*parts, *(("sampling",) if "samples" in parts else ()))
        fewer = (count / MOST_PROBED) ** 0.7
        took = {part: COSTS[part] * (fewer if part in SCALING else 1) for part in called}
        self.seconds |= took
        self.counts |= dict.fromkeys(called, count)
        self.took = sum(took.values())
        self.clock.now += self.took


@pytest.mark.parametrize("step", [0.002, 0.02])
def test_no_check_begins_that_would_take_more_than_is_allowed(step: float) -> None:
    clock = Clock()
    budget = Budget(clock=clock)
    examiner, tracker, turns = Examined(clock), FindingTracker([]), Turns(budget)
    beside, beyond, dear = 0.003, list[float](), list[str]()
    for place in range(20_000):
        clock.now += step
        if not turns.has_time(len(tracker.measurements)):
            continue
        with budget:
            budget.free |= len(tracker.measurements) < OPENING
            now = SPANS * place / 20_000
            parts = turns.chosen(now, examiner, tracker)  # type: ignore[arg-type]  # a stand-in with costs
            examiner.examine(parts, turns.count)
            clock.now += beside
            tracker.add(Measurement(place))
            turns.note(parts, now, examiner, tracker, seconds=budget.inside)  # type: ignore[arg-type]  # as above
        beyond.append(budget.spent - budget.allowed)
        others = set(parts) - {*BASE, *OPENS}
        dear += [part for part in others if COSTS[part] > DEAR * budget.allowed]
    assert max(beyond[OPENING:]) <= 1e-9 < len(beyond) / 20
    assert not dear
    assert ("augmentation" in turns.measured) is (step > 0.01)
