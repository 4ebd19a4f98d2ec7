"""What a short loop can afford: steps that are passed over, fakes that stand for samples, few clear looks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from poise.diagnosis import FINDINGS, FindingTracker, Measurement, Monitor, Setting, judged
from poise.diagnosis.budget import REPAYS, Budget
from poise.diagnosis.distances import distances, nearest_training
from poise.diagnosis.examination import Examiner, Subject
from poise.diagnosis.parts import PARTS
from poise.diagnosis.reals import Reals
from poise.diagnosis.reference import Reference
from poise.diagnosis.window import StepStats


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def named(measurements: list[Measurement], steps: int) -> dict[str, int]:
    """The step at which each finding was first told."""
    tracker = FindingTracker(FINDINGS.values(), Setting(steps=steps))
    found: dict[str, int] = {}
    for measurement in measurements:
        for one in tracker.add(measurement):
            found.setdefault(one.name, measurement.step)
    return found


def run(places: list[int], **changes: Any) -> list[Measurement]:
    """A quiet run with checks at some places of sixty, a hundred steps each."""
    quiet = Measurement(
        0, auc=0.8, distance=0.2, spread=1.0, coverage=1.0, cells=(0.5, 0.5), centre=(0.0,), movement=0.3
    )
    return [replace(quiet, step=100 * place, **changes) for place in places]


def test_nearest_neighbours_are_the_two_least_distances() -> None:
    rows, training = drawn(0, 20, 5), drawn(1, 70, 5)
    found, least = nearest_training(rows, training), distances(rows, training).sort(1).values
    assert torch.equal(found.first, least[:, 0]) and torch.equal(found.second, least[:, 1])


@pytest.mark.parametrize("advance", [0.0, 0.2, 5.0])
@pytest.mark.parametrize("wanted", [0.0, 0.1, 3.0])
def test_a_budget_says_when_there_will_be_time(advance: float, wanted: float) -> None:
    now = [0.0]
    budget = Budget(0.03, clock=lambda: now[0])
    budget.advance = advance
    now[0] = 1.0
    wait = budget.until(wanted)
    now[0] += wait
    assert budget.allowed >= wanted - 1e-9
    if wait:
        now[0] -= 0.1
        assert budget.allowed < wanted
    assert REPAYS <= 1 and Budget(1.0).until(wanted) == 0.0


def test_steps_for_whose_check_there_is_no_time_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = Monitor(real=drawn(0, 200, 4), steps=6000, most_share=0.03)
    noted: list[StepStats] = []
    monkeypatch.setattr(monitor._doctor, "observe", noted.append)
    monkeypatch.setattr(monitor._doctor, "saving", lambda: 1e9 * (len(monitor.measurements) >= 3))
    for step in range(1500):
        monitor.observe(step, fake=drawn(step, 32, 4), loss_generator=torch.tensor(0.7))
    assert len(monitor.measurements) >= 3
    assert 0 < len(noted) < 400


def test_a_nan_in_steps_that_are_passed_over_is_named_at_once() -> None:
    monitor = Monitor(real=drawn(0, 200, 4), steps=60_000)
    for step in range(3500):
        loss = torch.tensor(0.7 if step < 3200 else torch.nan)
        monitor.observe(step, fake=drawn(step, 32, 4), loss_generator=loss)
    found = next(one for one in monitor.findings if one.name == "non-finite")
    assert found.first_step == 3200


def subject(fake: Tensor, handed: Tensor) -> Subject:
    return Subject(sample=lambda count: fake[:count], fixed=True, handed=handed)


def test_fakes_of_the_loop_stand_for_samples_that_were_like_them() -> None:
    reals, window = drawn(0, 400, 4), Measurement(10)
    for shift, stands in ((0.0, True), (1.5, False)):
        examiner = Examiner(Reference(reals), PARTS)
        one = subject(drawn(1, 64, 4) + 0.5, drawn(2, 64, 4) + 0.5 + shift)
        before = examiner.examine(window, one, parts=("handed",))
        assert before.distance is None, "they were not compared yet"
        both = examiner.examine(window, one, parts=("samples", "handed"))
        after = examiner.examine(window, one, parts=("handed",))
        assert after.movement is None and after.fake_distance == both.fake_distance
        assert (after.distance == after.fake_distance and sum(after.cells) == pytest.approx(1)) is stands
        assert (after.coverage is not None) is stands


def test_few_fakes_of_the_loop_do_not_stand_for_samples() -> None:
    examiner = Examiner(Reference(drawn(0, 400, 4)), PARTS)
    one = subject(drawn(1, 64, 4), drawn(2, 16, 4))
    examiner.examine(Measurement(10), one, parts=("samples", "handed"))
    assert examiner.examine(Measurement(20), one, parts=("handed",)).distance is None


COPIES = {"copying": -19.0, "copied": 0.9, "copied_held_out": 0.0, "nearness": 0.1, "held_out_count": 90}


@pytest.mark.parametrize(("name", "changes"), [("memorisation", COPIES), ("checkerboard", {"grid": 300.0})])
def test_what_one_look_cannot_mistake_is_named_at_once(name: str, changes: dict[str, Any]) -> None:
    before = run([0, 1, 2, 30], copying=10.0, copied=0.0, copied_held_out=0.0, nearness=1.5, grid=1.0)
    assert named(before, 6000) == {}
    assert named(before + run([40], **changes), 6000) == {name: 4000}
    unclear = {
        "copying": -5.0, "copied": 0.15, "copied_held_out": 0.0, "nearness": 0.8, "grid": 20.0
    }  # fmt: skip
    assert named(before + run([40, 41], **unclear), 6000) == {}


def test_a_point_that_comes_nearer_is_a_collapse_after_two_thirds_of_a_run() -> None:
    found = [
        replace(one, distance=2.5 * 0.96 ** (one.step / 100), spread=0.04 + 0.005 * (place % 2))
        for place, one in enumerate(run(list(range(60)), coverage=0.1))
    ]
    assert named(found, 6000)["mode-collapse"] >= 4000
    wider = [replace(one, spread=0.01 * 1.08 ** (one.step / 100)) for one in found]
    assert "mode-collapse" not in named(wider, 6000), "it spreads out"


def test_reals_that_are_noisier_in_the_loop_are_named_once_the_samples_are() -> None:
    noisy = run(list(range(20)), loop_spread=1.4)
    assert named(noisy, 2000) == {}, "noise on what is scored is a remedy"
    assert "data-mismatch" in named([replace(one, spread=1.35) for one in noisy], 2000)
    alike = [replace(one, spread=1.35, loop_spread=1.03) for one in noisy]
    assert "data-mismatch" not in {one.name for one in judged(alike, FINDINGS.values()).findings}


def test_how_far_the_reals_of_the_loop_are_apart_is_measured() -> None:
    reals = drawn(0, 400, 6)
    monitor = Monitor(real=reals, every=1, most_share=1.0)
    for step in range(5):
        noise = 0.8 * drawn(step + 50, 64, 6)
        monitor.observe(step, real=reals[64 * step : 64 * step + 64] + noise, fake=drawn(step + 9, 64, 6))
    assert monitor.measurements[2].loop_spread == pytest.approx((1 + 0.8**2) ** 0.5, rel=0.08)


@pytest.mark.parametrize("part", ["grid", "statistics", "copies"])
def test_no_samples_are_made_for_what_fakes_that_stand_for_them_show(part: str) -> None:
    reals, asked = drawn(0, 400, 1, 8, 8), []

    def sample(count: int) -> Tensor:
        asked.append(count)
        return drawn(1, count, 1, 8, 8)

    examiner = Examiner(Reference(reals, held_out=drawn(3, 60, 1, 8, 8)), PARTS)
    one = Subject(sample=sample, fixed=True, handed=drawn(2, 64, 1, 8, 8))
    examiner.examine(Measurement(10), one, parts=("samples", "handed"))
    asked.clear()
    found = examiner.examine(Measurement(20), one, parts=("handed", part))
    assert not asked and {"grid": found.grid, "statistics": found.probes, "copies": found.copying}[part]
    examiner.examine(Measurement(30), one, parts=("handed", "samples", part))
    assert len(asked) == 1


@pytest.mark.parametrize("change", [lambda reals: reals, lambda reals: reals.permute(0, 2, 3, 1)])
def test_what_checks_need_of_the_reals_is_worked_out_before_the_loop(
    change: Callable[[Tensor], Tensor],
) -> None:
    reals, held_out = drawn(0, 300, 3, 8, 8).clamp(-1, 1), drawn(1, 60, 3, 8, 8).clamp(-1, 1)
    monitor = Monitor(real=change(reals), held_out=change(held_out), every=1, most_share=1.0)
    for step in range(4):
        monitor.observe(step, real=reals[:64], fake=drawn(step + 9, 64, 3, 8, 8).clamp(-1, 1))
    given, wanted = monitor._doctor.reference, Reference(reals, held_out)
    assert given is not None and torch.equal(given.real, reals)
    assert torch.equal(given.centres, wanted.centres) and given.floor == wanted.floor
    assert given.unseen_copied == wanted.unseen_copied and monitor.not_used == {}


def test_a_grid_that_stays_while_samples_come_nearer_is_not_that_of_the_first_weights() -> None:
    def seen(peak: Callable[[int], float], far: Callable[[int], float]) -> dict[str, int]:
        checks = run(list(range(28)))
        return named(
            [replace(one, grid=peak(n), distance=far(n)) for n, one in enumerate(checks)], steps=6000
        )

    def nears(place: int) -> float:
        return 0.7 * 0.9**place + 0.01

    assert seen(lambda _: 40.0, nears)["checkerboard"] < 2200
    assert "checkerboard" not in seen(lambda place: 300 * 0.8**place, nears), "it fades"
    assert "checkerboard" not in seen(lambda _: 40.0, lambda _: 0.7), "the weights are the first ones still"


def test_a_discriminator_that_guesses_beside_samples_far_narrower_than_reals_is_fooled() -> None:
    def seen(places: int = 40, **changes: Any) -> set[str]:
        blind = {"auc": 0.52, "spread": 0.35, "coverage": 0.2, **changes}
        checks = [
            replace(one, distance=0.1 + 0.9 * 0.9**n)  # they come nearer all the same
            for n, one in enumerate(run(list(range(places)), distance_floor=0.002, **blind))
        ]
        return set(named(checks, 6000))

    assert "generator-dominates" in seen()
    assert "generator-dominates" not in seen(auc=0.62), "it sees something"
    assert "generator-dominates" not in seen(auc=0.3), "it is led astray, or scores the other way round"
    assert "generator-dominates" not in seen(spread=0.7), "samples are as wide as many are on their way"
    assert "generator-dominates" not in seen(coverage=0.6)
    assert "generator-dominates" not in seen(places=18), "a run may begin so"


def test_a_discriminator_that_guesses_and_gives_no_gradient_is_fooled() -> None:
    def seen(gradient: Callable[[int], float], **changes: Any) -> set[str]:
        checks = run(list(range(60)), **{"auc": 0.48, "distance": 0.1, "distance_floor": 0.002, **changes})
        return set(
            named([replace(one, generator_gradient=gradient(n)) for n, one in enumerate(checks)], 6000)
        )

    def vanishes(place: int) -> float:
        return 0.8**place

    def seen_while_nearing(gradient: Callable[[int], float]) -> set[str]:
        checks = run(list(range(60)), auc=0.48, distance_floor=0.002)
        nearing = [replace(one, distance=2 * 0.95**n) for n, one in enumerate(checks)]
        return set(
            named([replace(one, generator_gradient=gradient(n)) for n, one in enumerate(nearing)], 6000)
        )

    assert "generator-dominates" in seen(vanishes)
    assert "generator-dominates" not in seen_while_nearing(vanishes), "a game near its end pushes little"
    assert "generator-dominates" not in seen(lambda _: 1.0), "it is still pushed"
    assert "generator-dominates" not in seen(vanishes, distance=0.005), "it has arrived"
    assert "generator-dominates" not in seen(vanishes, auc=0.7), "the discriminator sees something"


def test_a_generator_that_lost_for_half_of_the_run_and_covers_nothing_is_dominated() -> None:
    def seen(**changes: Any) -> bool:
        checks = run(list(range(60)), auc=1.0, generator_gradient=1.0, **changes)
        nearer = [replace(one, distance=2 * 0.94**n) for n, one in enumerate(checks)]
        return "discriminator-dominates" in named(nearer, 6000)

    assert seen(coverage=0.1, spread=0.2)
    assert not seen(coverage=0.8, spread=0.9), "it loses, and learns"


@pytest.mark.parametrize(("slips", "wanted"), [(5, True), (2, False)])
def test_a_discriminator_that_slips_now_and_then_has_won_all_the_same(slips: int, wanted: bool) -> None:
    found = [
        replace(one, auc=0.9 if place % slips == 0 else 1.0, distance=2 * 0.96**place)
        for place, one in enumerate(run(list(range(60)), coverage=0.1, spread=0.2, generator_gradient=1.0))
    ]
    assert ("discriminator-dominates" in named(found, 6000)) is wanted
    assert "discriminator-dominates" not in named(found[:25], 6000), "it may simply begin slowly"


def test_labels_that_are_not_followed_by_samples_near_the_data_are_named_before_the_run_is_late() -> None:
    def first(**changes: Any) -> int | None:
        given = {
            "condition_response": 0.2, "condition_followed": 0.1, "condition_followed_real": 0.9,
            "condition_chance": 0.1, "distance": 0.04,
        }  # fmt: skip
        return named(run(list(range(0, 60, 3)), **(given | changes)), 6000).get("condition-ignored")

    early, late = first(), first(distance=0.5)
    assert early is not None and late is not None and early < 3500 and late >= 4000
    assert first(condition_followed=0.85) is None


@pytest.mark.parametrize(("far", "named_there"), [(0.8, True), (0.05, False)])
def test_fakes_that_begin_near_the_data_and_look_as_at_first_do_not_tell_that_nothing_moves(
    far: float, named_there: bool
) -> None:
    quiet = [
        Measurement(10 * place, distance=far, fake_distance=far, fake_travelled=0.5, auc=0.8)
        for place in range(6)
    ]
    assert ("not-learning" in named(quiet, 600)) == named_there


def test_noting_steps_does_not_spend_what_is_saved_for_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    now, notes = [0.0], [0]

    def takes(seconds: float, do: Callable[..., Any]) -> Callable[..., Any]:
        def done(*given: Any, **named: Any) -> Any:
            now[0] += seconds
            return do(*given, **named)

        return done

    def noted(*given: Any) -> StepStats:
        notes[0] += 1
        now[0] += 60e-6  # as much as half of three per cent of a step
        return StepStats(*given)

    for module in ("monitor", "examination"):
        clock = SimpleNamespace(perf_counter=lambda: now[0])
        monkeypatch.setattr(f"poise.diagnosis.{module}.time", clock)
    monkeypatch.setattr("poise.diagnosis.monitor.StepStats", noted)
    monkeypatch.setattr(Examiner, "examine", takes(5e-3, Examiner.examine))
    monitor = Monitor(real=drawn(0, 64, 2), steps=1200)
    monitor._doctor.turns.budget = Budget(0.03, clock=lambda: now[0])
    for step in range(1200):
        now[0] += 4e-3
        monitor.observe(step, fake=drawn(step, 64, 2), latent=drawn(step + 1, 64, 2))
    checks = len(monitor.measurements)
    spent = monitor._doctor.budget.spent + monitor._doctor.budget.advance
    assert spent <= 0.035 * now[0]
    assert notes[0] < 12 * checks  # eight before each check, and those in which latents are gathered
    gaps = [later.step - one.step for one, later in pairwise(monitor.measurements[3:])]
    assert checks >= 25 and max(gaps) <= 130, gaps


def test_what_a_monitor_works_out_when_it_is_made_is_paid_back_like_its_first_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]

    def reads(*given: Any) -> Reals:
        now[0] += 0.25
        return Reals(*given)

    monkeypatch.setattr("poise.diagnosis.monitor.time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr("poise.diagnosis.monitor.Reals", reads)
    budget = Monitor(real=drawn(0, 64, 2))._doctor.budget
    assert budget.advance == 0.25
    assert budget.until(0.03) == pytest.approx(0.06 / 0.03, abs=0.1)  # half of the allowance goes to it


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_weights_that_are_not_finite_are_seen_without_samples(player: str) -> None:
    networks = {name: torch.nn.Linear(2, 2) for name in ("generator", "discriminator")}
    subject = Subject(generator=networks["generator"], discriminator=networks["discriminator"])
    examiner = Examiner(None, PARTS)
    assert examiner.examine(Measurement(0), subject, parts=("weights",)).non_finite is None
    with torch.no_grad():
        networks[player].weight[1, 1] = math.nan
    assert examiner.examine(Measurement(1), subject, parts=("weights",)).non_finite == f"{player}'s weights"
