"""What the loop itself hands over: faint latents, sources that are not followed, reals laid out otherwise."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from poise.diagnosis import FINDINGS, Measurement, Monitor, Setting, judged
from poise.diagnosis.appearance import layouts_of
from poise.diagnosis.budget import BASE, Budget
from poise.diagnosis.distances import cell_centres, dependence, distances
from poise.diagnosis.doctor import Doctor
from poise.diagnosis.examination import Subject
from poise.diagnosis.parts import PARTS
from poise.diagnosis.rule import Rule, Verdict


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def names(monitor: Monitor) -> list[str]:
    return [one.name for one in monitor.findings if one.status == "open" and not one.because_of]


def open_after(measurements: list[Measurement], steps: int | None = None) -> dict[str, str]:
    """Names of the findings that are open at the end, with their cause."""
    tracker = judged(measurements, FINDINGS.values(), Setting(steps=steps))
    return {one.name: one.because_of for one in tracker.open}


def test_distances_that_follow_each_other_correlate() -> None:
    rows = drawn(0, 40, 6)
    assert dependence(rows, 3 * rows + 1) == pytest.approx(1.0)
    assert abs(dependence(rows, drawn(1, 40, 6))) < 0.2
    assert dependence(rows, torch.ones(40, 2)) == 0.0


def test_changes_of_layout_keep_the_shape_and_undo_themselves() -> None:
    pictures = drawn(0, 5, 3, 8, 8)
    found = layouts_of(pictures)
    assert len(found) == 5 and torch.equal(found[""], pictures)
    for name, changed in found.items():
        assert changed.shape == pictures.shape
        assert torch.allclose(layouts_of(changed)[name], pictures, atol=1e-6)
    assert set(layouts_of(drawn(0, 5, 7))) == {""}, "rows have no layout"


def test_centres_of_cells_stay_where_they_are() -> None:
    rows = drawn(0, 300, 3)
    centres = cell_centres(rows, 6, rounds=200)
    cells = distances(rows, centres).argmin(1)
    means = torch.stack([rows[cells == cell].mean(0) for cell in range(6)])
    assert torch.allclose(centres, means, atol=1e-5)


def coloured(seed: int, count: int) -> Tensor:
    """Pictures that are redder than blue and lighter above than below."""
    shades = torch.linspace(1, -1, 8)[:, None] + torch.tensor([0.8, 0.0, -0.8])[:, None, None]
    return 0.4 * (shades + 0.5 * drawn(seed, count, 3, 8, 8))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda real: real.flip(1), "channel"),
        (lambda real: real.flip(-2), "up and down"),
        (lambda real: real.transpose(-1, -2), "height and width"),
        (lambda real: real, ""),
        (lambda real: real.flip(-1), ""),  # mirroring is a common augmentation, and looks alike here
    ],
)
def test_reals_that_are_laid_out_otherwise_are_named_with_what_is_exchanged(change: Any, words: str) -> None:
    monitor = Monitor(coloured(0, 400), every=1, most_share=1.0)
    for step in range(40):
        monitor.observe(step, real=change(coloured(step + 1, 64)), fake=coloured(step + 900, 64))
    found = [one for one in monitor.findings if one.name == "data-mismatch"]
    assert bool(found) == bool(words)
    assert not words or words in found[0].sentence


@pytest.mark.parametrize(
    ("size", "grey", "named"), [(0.1, True, True), (0.1, False, False), (0.0, True, False)]
)
def test_channels_that_are_equal_in_samples_which_hardly_differ_were_made_so(
    size: float, grey: bool, named: bool
) -> None:
    """Samples that are all one are grey, too, if they are white; what is wrong with them has other names."""
    monitor = Monitor(coloured(0, 400), every=1, most_share=1.0)
    for step in range(30):
        made = 1 - size * (1 - coloured(step + 900, 64))
        made = made.mean(1, keepdim=True).expand_as(made) if grey else made
        monitor.observe(step, real=coloured(step + 1, 64), fake=made)
    assert any("grey" in one.sentence for one in monitor.findings) == named


def test_latents_that_are_lost_beside_the_biases_are_named_at_once() -> None:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    for scale, named in ((1e-3, True), (1.0, False)):
        monitor = Monitor(drawn(0, 200, 4), every=1, most_share=1.0)
        for step in range(3):
            latent = scale * drawn(step + 1, 32, 8)
            monitor.observe(step, generator=generator, latent=latent, fake=generator(latent).detach())
        assert ("latent-ignored" in names(monitor)) == named


def test_translations_that_do_not_follow_their_sources_are_named_within_three_checks() -> None:
    for followed in (False, True):
        monitor = Monitor(drawn(0, 200, 1, 8, 8), every=1, most_share=1.0)
        for step in range(3):
            source = drawn(step + 1, 16, 1, 8, 8)
            fake = -source if followed else drawn(step + 500, 16, 1, 8, 8)
            monitor.observe(step, latent=source, fake=fake)
        assert ("latent-ignored" in names(monitor)) == (not followed)


def test_fakes_alone_show_a_generator_that_never_moves() -> None:
    for moves in (False, True):
        monitor = Monitor(drawn(0, 300, 4), every=10, most_share=1.0)
        for step in range(60):
            monitor.observe(step, fake=drawn(step + 1, 64, 4) + 2 + moves * 0.05 * step)
        assert ("not-learning" in names(monitor)) == (not moves)


def test_fakes_are_compared_on_one_scale_once_the_data_are_known() -> None:
    """Reals of the loop are gathered first, and everything is divided by their deviation after that."""
    monitor = Monitor(every=2, most_share=1.0)
    for step in range(60):
        monitor.observe(step, fake=drawn(step + 1, 32, 4) + 2, real=100 * drawn(step + 900, 32, 4))
    assert "not-learning" in names(monitor)


def run(count: int = 60, **values: Any) -> list[Measurement]:
    """Checks of a run in which each value is a number, or a function of the check's number."""
    return [
        Measurement(
            step=10 * place,
            **{name: value(place) if callable(value) else value for name, value in values.items()},
        )
        for place in range(count)
    ]


def test_steps_that_are_lost_in_rounding_have_ended_the_training() -> None:
    ended = run(generator_moved=lambda place: 1.0 if place < 20 else 0.02, discriminator_moved=1.0)
    assert "no-gradient" in open_after(ended)
    sparse = run(generator_moved=0.02, discriminator_moved=1.0)
    assert "no-gradient" not in open_after(sparse), "most of its weights have never changed"


def test_an_average_that_lags_or_is_better_is_no_fault() -> None:
    near: float = 0.1
    far: dict[str, Any] = {"movement": 0.1, "spread": 1.0, "coverage": 1.0}
    assert "modes-apart" in open_after(run(distance=0.8, fake_distance=near, **far))
    assert "modes-apart" not in open_after(run(distance=near, fake_distance=0.8, **far))
    catches_up = run(distance=lambda place: 2.5 * 0.96**place, fake_distance=near, **far)
    assert "modes-apart" not in open_after(catches_up)


def test_both_victories_show_in_the_losses_alone() -> None:
    helped = run(
        generator_loss=lambda place: 0.7 * 0.8**place, discriminator_loss=lambda place: 0.7 * 0.8**place
    )
    assert "discriminator-dominates" in open_after(helped)
    fooled = run(
        generator_loss=lambda place: 0.63 - 0.007 * place,
        discriminator_loss=lambda place: 0.7 + 0.007 * place,
    )
    assert "generator-dominates" in open_after(fooled)
    healthy = run(
        generator_loss=lambda place: 0.75 + 0.05 * (place % 3),
        discriminator_loss=lambda place: 0.65 + 0.01 * (place % 2),
    )
    assert not {"discriminator-dominates", "generator-dominates"} & set(open_after(healthy))
    wasserstein = run(
        generator_loss=lambda place: 0.3 - 0.02 * place, discriminator_loss=lambda place: -0.001 * place
    )
    assert not {"discriminator-dominates", "generator-dominates"} & set(open_after(wasserstein))


def test_a_condition_without_any_answer_is_named_at_once_and_chance_is_no_start() -> None:
    given: dict[str, Any] = {
        "condition_followed": 0.1,
        "condition_followed_real": 0.9,
        "condition_chance": 0.1,
        "spread": 1.0,
    }
    assert "condition-ignored" in open_after(run(3, condition_response=0.0, **given), steps=600)
    moves = run(condition_response=lambda place: 0.6 + 0.006 * place, **given)
    assert "condition-ignored" in open_after(moves, steps=600), "samples move, but not as they are asked to"
    learns = given | {"condition_followed": lambda place: 0.1 + 0.012 * place}
    assert "condition-ignored" not in open_after(run(condition_response=0.6, **learns), steps=600)


def test_samples_that_run_away_explain_what_follows() -> None:
    fled = run(
        distance=lambda place: 0.5 * 1.2**place, spread=1.0, coverage=0.1, auc=1.0, movement=0.0,
        generator_moved=lambda place: float(place < 40), discriminator_moved=1.0,
    )  # fmt: skip
    found = open_after(fled)
    assert found["diverging"] == ""
    assert found["no-gradient"] == "diverging"


def test_a_collapse_of_a_generator_that_used_its_latents_is_no_ignored_latent() -> None:
    collapsed = run(
        latent_response=lambda place: 0.6 if place < 30 else 0.0,
        spread=lambda place: 0.9 if place < 30 else 0.01,
        coverage=lambda place: 0.9 if place < 30 else 0.05,
        alike=lambda place: 1.0 if place < 30 else 0.001,
        distance=0.5,
    )
    found = open_after(collapsed)
    assert found["mode-collapse"] == "" and "latent-ignored" not in found
    never = [replace(one, latent_response=0.0) for one in collapsed]
    assert "latent-ignored" in open_after(never)


def test_what_is_late_is_later_if_the_length_of_a_run_is_not_known() -> None:
    worse = run(distance=lambda place: 0.1 if place < 10 else 0.9, spread=1.0, coverage=1.0)
    rules = [FINDINGS["quality-regressed"]]
    first = {}
    for steps in (600, None):
        doctor = Doctor(lambda step, last: True, Setting(steps=steps), rules=rules)
        doctor.replay(worse)
        first[steps] = doctor.tracker.findings[0].first_step
    assert first[600] < first[None]


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_parts_of_a_check_come_as_there_is_time_for_them() -> None:
    clock = Clock()
    doctor = Doctor(lambda step, last: True, Setting(steps=600), budget=Budget(0.03, clock))
    subject = Subject(handed=drawn(0, 32, 2))
    for step in range(3):
        missing = doctor.check(step, subject).measurement.missing
        assert PARTS["copies"].quantity in missing and "later" in missing[PARTS["copies"].quantity]
    doctor._examiner.seconds.update(dict.fromkeys(("sampling", *PARTS), 1.0))
    doctor.budget.advance = 0.0
    chosen = partial(doctor.turns.chosen, 40.0, doctor._examiner, doctor.tracker)
    assert set(chosen()) == set(BASE), "no time has passed"
    clock.now += 10_000.0
    assert set(chosen()) > set(BASE), "all have waited, and there is time"


def test_what_a_rule_suspects_goes_before_what_has_waited_longer() -> None:
    verdict = Verdict("trouble", "Odd.")
    rule = Rule("odd", "", lambda _: verdict, (), "", 0, 9, 9, needs=("grid",))
    for rules, first in (((rule,), "grid"), ((), "copies")):
        doctor = Doctor(lambda step, last: True, Setting(steps=600), rules=rules)
        doctor.replay([Measurement(step, grid=1.0) for step in (380, 390)])
        doctor.turns.measured = dict.fromkeys(PARTS, 39.0) | {"copies": 20.0}
        assert next(iter(doctor.turns.waits(40.5, doctor._examiner, doctor.tracker))) == first
