"""Overfitting and copies with few data: how many held-out samples are enough, and how sure that makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from poise.diagnosis import FINDINGS, Finding, Measurement, Monitor, Setting, judged
from poise.diagnosis.distances import copying_score, nearest_other_training, nearest_training
from poise.diagnosis.examination import Examiner, Subject
from poise.diagnosis.findings.generalisation import certainty
from poise.diagnosis.parts import PARTS
from poise.diagnosis.reference import Reference
from poise.diagnosis.window import roc_auc
from poise.recipes import RECIPES

OVERFITS, COPIES = FINDINGS["discriminator-overfits"], FINDINGS["memorisation"]


def run(**values: Any) -> list[Measurement]:
    return [replace(Measurement(10 * place), **values) for place in range(60)]


@pytest.mark.parametrize(
    ("held_out", "ahead", "wanted"),
    [
        (8, 1.0, "trouble"),
        (8, 0.75, ""),
        (8, 0.6, ""),
        (32, 0.75, "watch"),
        (500, 0.7, "watch"),
        (500, 0.6, ""),
    ],
)
def test_few_held_out_samples_must_differ_by_more_than_chance(
    held_out: int, ahead: float, wanted: str
) -> None:
    counts = {"training_count": 10 * held_out, "held_out_count": held_out}
    found = judged(run(training_above_held_out=ahead, held_out_gap=0.6, **counts), [OVERFITS]).findings
    assert [one.severity for one in found] == ([wanted] if wanted else [])
    if found:
        assert found[0].confidence <= certainty(held_out)
        assert (f"{held_out} held-out samples" in found[0].sentence) == (held_out < 32)


@pytest.mark.parametrize("held_out", [8, 32])
def test_chance_alone_crosses_the_threshold_about_once_in_a_thousand_times(held_out: int) -> None:
    """Scores of one law on either side, drawn two thousand times; three standard errors leave 0.13 %."""
    stream = torch.Generator().manual_seed(0)
    least = 0.5 + 3 * ((128 + held_out + 1) / (12 * 128 * held_out)) ** 0.5
    crossed = 0
    for _ in range(2_000):
        training, others = (torch.randn(count, generator=stream) for count in (128, held_out))
        area = roc_auc(training, others)
        assert area is not None
        crossed += area > least
    assert crossed <= 12
    counts = {"training_count": 128, "held_out_count": held_out, "held_out_gap": 0.6}
    for ahead, named in ((least - 0.01, False), (least + 0.01, True)):
        assert bool(judged(run(training_above_held_out=ahead, **counts), [OVERFITS]).findings) == named


@pytest.mark.parametrize(("ahead", "distance", "level"), [
    (0.7, 0.05, "watch"), (0.7, 0.005, ""), (0.9, 0.005, "trouble"),
])  # fmt: skip
def test_what_is_known_by_heart_is_not_told_of_samples_at_the_data_unless_it_is_nearly_all(
    ahead: float, distance: float, level: str
) -> None:
    measured = run(training_above_held_out=ahead, held_out_gap=0.4, distance=distance, held_out_count=85)
    found = judged(measured, [OVERFITS]).findings
    assert [one.severity for one in found] == ([level] if level else [])


def test_eight_held_out_samples_are_measured_and_seven_are_not() -> None:
    stream = torch.Generator().manual_seed(0)
    real, fake = torch.randn(80, 1, 8, 8, generator=stream), torch.randn(64, 1, 8, 8, generator=stream)
    for count, measured in ((8, True), (7, False)):
        held_out = torch.randn(count, 1, 8, 8, generator=stream)
        subject = Subject(
            sample=lambda wanted: fake[:wanted], score=lambda samples, side: samples.flatten(1).mean(1)
        )
        found = Examiner(Reference(real, held_out), PARTS).examine(Measurement(1), subject)
        assert (found.training_count, found.held_out_count) == (80, count)
        assert (found.training_above_held_out is not None) == measured


def test_copies_of_few_data_are_as_sure_as_the_held_out_samples_allow() -> None:
    copies = {"copying": -6.0, "copied": 0.9, "copied_held_out": 0.0, "nearness": 0.1}
    for held_out in (8, 90):
        (found,) = judged(run(**copies, held_out_count=held_out), [COPIES]).findings
        assert found.confidence <= 1 - 1 / (held_out + 2)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, True),
        ({"r_t": 0.6}, False),  # what ADA holds it at
        ({"auc": 0.8}, False),
        ({"training_count": 5_000}, False),  # so many are not known by heart for that alone
    ],
)
def test_too_few_to_hold_any_out_are_judged_by_r_t_and_with_doubt(
    changes: dict[str, Any], named: bool
) -> None:
    values = {"r_t": 0.97, "auc": 0.99, "training_count": 50, "held_out_count": 0, **changes}
    tracker = judged(run(**values, missing={"held_out_gap": "no data are held out"}), [OVERFITS])
    assert bool(tracker.findings) == named
    if named:
        (found,) = tracker.findings
        assert (found.severity, found.confidence) == ("watch", 0.6)


def test_a_loss_without_a_boundary_says_why_it_is_not_checked() -> None:
    values = {"auc": 0.99, "training_count": 50, "held_out_count": 0}
    tracker = judged(run(**values, missing={"held_out_gap": "no data are held out"}), [OVERFITS])
    assert tracker.unchecked == {"discriminator-overfits": "no data are held out"}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"steps": 25_000}, "augmentations.ada"),
        ({"steps": 2_500}, "augmentations.diffaugment"),
        ({"steps": 25_000, "augmentations": {"ada": {}}}, None),
        ({"steps": 25_000, "resolution": None}, None),
        ({"steps": 25_000, "game": {"name": "paired-translation"}}, None),
    ],
)
def test_the_first_remedy_is_the_augmentation_that_suits_the_length(
    changes: dict[str, Any], wanted: str | None
) -> None:
    recipe = {**RECIPES["non-saturating"].model_dump(), "resolution": 32, **changes}
    for rule in (OVERFITS, COPIES):
        made = [path for one in Setting(1, recipe).remedies(rule.proposals) for path in one.settings]
        assert [path for path in made if path.startswith("augmentations.")] == ([wanted] if wanted else [])
    if wanted:
        first = Setting(1, recipe).remedies(OVERFITS.proposals)[0]
        assert first.settings == {wanted: {}} and f"{wanted}={{}}" in first.command


def test_a_training_sample_that_is_left_out_lies_as_far_from_the_others_as_unseen_ones() -> None:
    """Distances within one set and from another one of the same law differ by chance alone."""
    rows = torch.randn(600, 5, generator=torch.Generator().manual_seed(0))
    within, across = nearest_other_training(rows[:300], 200), nearest_training(rows[300:500], rows[:300])
    pairs = torch.cdist(rows[:200].double(), rows[:300].double()).sort(1).values[:, 1:3]
    assert torch.allclose(torch.stack([within.first, within.second], 1).double(), pairs, atol=1e-5)
    assert abs(copying_score(within, across)) < 3


@pytest.mark.parametrize("count", [12, 60])
def test_copies_of_few_samples_of_which_none_are_held_out_are_named(count: int) -> None:
    stream = torch.Generator().manual_seed(count)
    real = torch.randn(count, 40, generator=stream)

    def named(make: Callable[[int], Tensor]) -> list[Finding]:
        monitor = Monitor(real=real, steps=60, every=3, most_share=1.0)
        for step in range(60):
            monitor.observe(step, fake=make(64), loss_generator=torch.tensor(0.7))
        return [one for one in monitor.findings if one.name == "memorisation"]

    def copies(wanted: int) -> Tensor:
        chosen = real[torch.randint(count, (wanted,), generator=stream)]
        return chosen + 0.05 * torch.randn(chosen.shape, generator=stream)

    assert named(lambda wanted: torch.randn(wanted, 40, generator=stream)) == []
    (found,) = named(copies)
    assert found.status == "open" and "these lie to each other" in found.sentence
    assert found.confidence <= 1 - 1 / (count + 2)


def test_samples_that_occur_twice_are_no_evidence_of_copies() -> None:
    stream = torch.Generator().manual_seed(0)
    real = torch.randn(40, 40, generator=stream).repeat(2, 1)
    monitor = Monitor(real=real, steps=60, every=3, most_share=1.0)
    for step in range(60):
        monitor.observe(step, fake=real[torch.randint(80, (64,), generator=stream)])
    assert "memorisation" not in {one.name for one in monitor.findings}


def test_a_run_is_not_told_to_mend_a_loop() -> None:
    proposals = FINDINGS["data-mismatch"].proposals
    of_a_loop, of_a_run = (Setting(1, recipe).remedies(proposals) for recipe in ({}, {"name": "series"}))
    assert len(of_a_loop) == len(proposals) > len(of_a_run) == 1
    assert of_a_run[0].change == proposals[-1].change
