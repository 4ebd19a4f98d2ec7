"""What follows from something else, or from chance or fresh weights, is not told as a fault of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from poise.diagnosis import FINDINGS, Measurement, Setting, judged
from poise.diagnosis.appearance import grid_of
from poise.diagnosis.distances import distances, mean_distance
from poise.diagnosis.findings.quality import PEAK
from poise.diagnosis.findings.variety import AT_THE_DATA
from poise.diagnosis.reference import Reference


def run(count: int = 60, **values: Any) -> list[Measurement]:
    """A check every span; each value is a number, or a function of the check's place."""
    return [
        Measurement(
            step=100 * place,
            **{name: value(place) if callable(value) else value for name, value in values.items()},
        )
        for place in range(count)
    ]


def found(measurements: list[Measurement], steps: int = 6000) -> dict[str, tuple[str, str, str]]:
    tracker = judged(measurements, FINDINGS.values(), Setting(steps=steps))
    return {one.name: (one.status, one.severity, one.because_of) for one in tracker.findings}


@pytest.mark.parametrize("moved_once", [False, True])
def test_a_player_that_waits_for_no_turn_stays_named_when_the_other_pauses(moved_once: bool) -> None:
    looks = run(
        generator_moved=lambda place: float(moved_once and place < 10),
        discriminator_moved=lambda place: float(place not in (20, 30)),
    )
    names = judged(looks, FINDINGS.values(), Setting(steps=6000)).findings
    assert [(one.name, one.status) for one in names] == [("no-gradient", "open")]


def test_one_real_again_and_again_is_at_the_distance_up_to_which_samples_are_at_the_data() -> None:
    """2 E|x - y| - 0 - E|y - y'| over E|y - y'| is 1 in the mean over the reals, but for their own zeros."""
    known = Reference(torch.randn(200, 6, generator=torch.Generator().manual_seed(0)))
    same = [known.training[place].expand(20, -1) for place in range(200)]
    far = [known.distance_to(rows, distances(rows, rows)) for rows in same]
    assert mean_distance(distances(same[0], same[0])) == pytest.approx(0, abs=1e-3)
    assert sum(far) / len(far) == pytest.approx(2 * 199 / 200 - AT_THE_DATA, abs=1e-3)


@pytest.mark.parametrize(("far", "named"), [(2.5, False), (0.3, True)])
def test_a_spread_that_fresh_weights_fling_about_was_never_had(far: float, named: bool) -> None:
    looks = run(
        24,
        distance=lambda place: far if place < 6 else 0.6,
        spread=lambda place: 0.8 if place < 6 else 0.2,
        coverage=0.3,
    )
    assert ("mode-collapse" in found(looks)) == named


@pytest.mark.parametrize(
    ("spread", "distance", "named"), [(0.8, 0.2, True), (0.05, 0.2, False), (0.8, 2.0, False)]
)
def test_a_grid_is_told_of_samples_that_differ_and_have_not_run_away(
    spread: float, distance: float, named: bool
) -> None:
    looks = run(spread=spread, grid=300.0, distance=lambda place: distance if place else 1.0)
    assert ("checkerboard" in found(looks)) == named


def test_the_spectrum_of_one_picture_has_peaks_by_chance_and_that_of_many_has_none() -> None:
    stream = torch.Generator().manual_seed(0)
    pictures = [torch.randn(64, 1, 8, 8, generator=stream) for _ in range(100)]
    alone = sum((grid_of(some[:1].expand(64, -1, -1, -1)) or 0.0) > PEAK for some in pictures)
    together = sum((grid_of(some) or 0.0) > PEAK for some in pictures)
    assert alone > 2  # eight in a hundred
    assert together == 0


def test_samples_unlike_the_fakes_that_a_loop_turns_grey_follow_from_that() -> None:
    grey = {"colour of fakes": (0.0, 0.3), "mean": (0.0, 0.0), "deviation": (1.0, 1.0)}
    looks = run(loop_reals=grey, distance=0.6, fake_distance=0.1, spread=0.9, movement=0.3)
    names = found(looks)
    assert names["data-mismatch"][2] == ""
    assert names["modes-apart"][2] == "data-mismatch"


def test_samples_that_both_the_distance_and_the_discriminator_find_worse_are_named() -> None:
    """From 0.01 to 0.06 with a ripple of 0.02, no clear rise by itself: the discriminator is asked."""

    def worse(place: int) -> float:
        return (0.055 if place >= 30 else 0.012) + (0.01 if place % 2 else -0.01)

    def tells(place: int) -> float:
        return 0.98 if place >= 30 else 0.7

    assert found(run(distance=worse, spread=0.8, auc=tells))["quality-regressed"][1] == "watch"
    assert found(run(distance=worse, spread=0.8, auc=0.7)) == {}
    assert found(run(distance=worse, spread=0.8, auc=0.98)) == {}  # it has always told them
    assert found(run(distance=0.012, spread=0.8, auc=tells)) == {}


@pytest.mark.parametrize(("every", "named"), [(1, True), (14, False)])
def test_samples_that_were_seldom_looked_at_have_not_halted_when_they_are_looked_at_often(
    every: int, named: bool
) -> None:
    """They went 0.6 from one look to the next: in one span, or in fourteen, as slowly as later on."""

    def moves(place: int) -> float | None:
        return 0.05 if place >= 40 else 0.6 if place % every == 0 else None

    looks = run(auc=lambda place: 0.7 if place < 40 else 0.999, distance=0.9, spread=1.0, movement=moves)
    assert ("discriminator-dominates" in found(looks[:48])) == named


def wins(place: int) -> float:
    """The AUC of a discriminator that tells every fake from the tenth check on."""
    return 0.8 if place < 10 else 1.0


@pytest.mark.parametrize(
    ("gradient", "cause"), [(0.0, "discriminator-dominates"), (None, "")], ids=["dies away", "is cut"]
)
def test_a_gradient_that_dies_away_while_the_discriminator_wins_follows_from_that(
    gradient: float | None, cause: str
) -> None:
    """One that is cut leaves no gradient on the weights at all, and follows from nothing."""
    looks = run(
        auc=wins,
        distance=1.0,
        spread=0.9,
        movement=lambda place: 0.3 if place < 12 else 0.0,
        generator_gradient=lambda place: 1.0 if place < 12 else 0.01 if place < 30 else gradient,
        generator_moved=lambda place: float(place < 30),
        discriminator_moved=1.0,
    )
    names = found(looks)
    assert names["discriminator-dominates"][0] == "open"
    assert names["no-gradient"] == ("open", "trouble", cause)


def test_a_generator_that_never_moved_is_no_consequence_of_the_discriminator_that_wins() -> None:
    looks = run(auc=1.0, distance=1.0, spread=0.9, movement=0.0, discriminator_moved=1.0)
    moved = [replace(one, generator_moved=0.0 if one.step >= 1000 else None) for one in looks]
    names = found(moved)
    assert names["no-gradient"][2] == ""
    assert names["discriminator-dominates"][2] != ""
