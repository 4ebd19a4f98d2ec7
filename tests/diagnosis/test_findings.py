"""Every rule: named, sourced, silent on a healthy run, and heard on the reading that it is made for."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from poise.diagnosis import FINDINGS, Finding, FindingTracker, Measurement, Setting, judged
from poise.diagnosis.rule import HEALTHY, Verdict
from poise.diagnosis.trends import Measurements
from poise.recipes import RECIPES

NAMES = [
    "augmentation-leaks",
    "checkerboard", "clipping", "condition-ignored", "data-mismatch", "data-shortcut",
    "discriminator-dominates", "discriminator-overfits", "diverging", "generator-dominates", "latent-ignored",
    "memorisation", "mode-collapse", "mode-hopping", "modes-apart", "no-gradient", "non-finite",
    "not-learning", "oscillation", "quality-regressed", "silence", "whistling",
]  # fmt: skip


SOUND = {"silent": (0.0, 0.0), "clipped": (0.0, 0.0), "every 4": (1.3, 1.0)}
LIKE = {"mean": (0.0, 0.02), "deviation": (1.0, 0.98), "colour": (0.3, 0.3), "repeats": (0.0, 0.0)}


def healthy(count: int = 60) -> list[Measurement]:
    """A run that goes well: nearer and wider from check to check."""
    return [
        Measurement(
            step=10 * place, auc=0.95 - 0.3 * place / count, generator_loss=0.8 + 0.05 * (place % 3),
            discriminator_loss=1.2, generator_gradient=1.0, discriminator_gradient=1.0,
            training_above_held_out=0.52, held_out_gap=0.03, distance=1.2 * math.exp(-place / 12) + 0.01,
            distance_floor=0.001, spread=1 - 0.9 * math.exp(-place / 10), duplicates=0.0,
            cells=(0.25, 0.25, 0.25, 0.25), coverage=1 - 0.9 * math.exp(-place / 10),
            centre=(math.exp(-place / 10), 0.0), movement=0.2, copying=8.0, nearness=1.2, copied=0.0,
            copied_held_out=0.0, probes={"mean": (0.7, 0.5)}, condition_response=0.5,
            condition_followed=0.9, condition_followed_real=0.95, condition_chance=0.1,
            alike=1.0, latent_response=0.6, fake_twins=0.0, latents_differ=1.0, fake_alike=1.0,
            fake_spread=1.0, fake_moved=1.0,
            fake_distance=1.2 * math.exp(-place / 12) + 0.01, generator_moved=1.0, discriminator_moved=1.0,
            loop_reals=LIKE, held_out_apart=0.5, grid=1.0, r_t=0.5,
            leaks={"rotation": (0.0, 0.02, 0.0)}, real_score=1.0, fake_score=-1.0, waves=SOUND,
        )
        for place in range(count)
    ]  # fmt: skip


def turned(name: str) -> list[Measurement]:
    """The same run, with one failure from the middle on; one of the data from the start on."""
    sick: dict[str, dict[str, Any]] = {
        "condition-ignored": {"condition_followed": 0.1},
        "data-shortcut": {"auc": 1.0, "probes": {"border": (1.0, 9.0)}},
        "discriminator-dominates": {"auc": 1.0, "generator_gradient": 1e-4, "distance": 0.6},
        "discriminator-overfits": {"training_above_held_out": 0.9, "held_out_gap": 0.6},
        "generator-dominates": {"auc": 0.4, "distance": 0.9},
        "memorisation": {"copying": -12.0, "nearness": 0.3},
        "mode-collapse": {"spread": 0.01, "coverage": 0.1},
        "non-finite": {"non_finite": "generator's loss"},
        "not-learning": {"movement": 0.0, "distance": 0.7},
        "quality-regressed": {"distance": 0.9},
        "checkerboard": {"grid": 100.0},
        "silence": {"waves": SOUND | {"silent": (0.9, 0.0)}},
        "clipping": {"waves": SOUND | {"clipped": (0.2, 0.0)}},
        "whistling": {"waves": SOUND | {"every 4": (300.0, 1.0)}},
        "augmentation-leaks": {"leaks": {"rotation": (0.9, 0.02, 0.95)}},
        "data-mismatch": {"loop_reals": LIKE | {"mean": (1.0, 0.0)}},
        "latent-ignored": {"latent_response": 0.0},
        "modes-apart": {"distance": 0.6, "fake_distance": 0.05},
        "no-gradient": {"generator_moved": 0.0},
    }
    measurements = healthy()
    for place in range(0 if name == "data-shortcut" else 30, 60):
        changes: dict[str, Any] = dict(sick.get(name, {}))
        if name == "mode-hopping":
            changes = {
                "coverage": 0.2,
                "distance": 0.5,
                "centre": (float(place % 4) - 1.5, 0.0),
                "cells": tuple(float(cell == place % 4) for cell in range(4)),
            }
        if name == "diverging":
            changes = {"generator_loss": 2.0 ** (place - 15)}
        if name == "oscillation":
            changes = {"centre": (1.5 * math.sin(place), 0.0), "distance": 0.5}
        measurements[place] = replace(measurements[place], **changes)
    return measurements


def test_the_failures_that_have_a_name_are_these() -> None:
    assert sorted(FINDINGS) == NAMES


def test_a_healthy_run_is_no_finding() -> None:
    tracker = judged(healthy(), FINDINGS.values())
    assert tracker.findings == []
    assert tracker.unchecked == {}


@pytest.mark.parametrize("gap", [0.25, 1, 3, 6])
@pytest.mark.parametrize("name", sorted({*NAMES} - {"oscillation", "mode-hopping"}))
def test_a_failure_is_named_however_many_checks_there_are(name: str, gap: float) -> None:
    """Ten checks in a run, twenty, sixty, or two hundred and forty: none is named in the healthy half."""
    chosen = spread(turned(name), gap)
    half = 0 if name == "data-shortcut" else len(chosen) // 2
    tracker = copy.deepcopy(after_healthy(half, gap))
    assert tracker.findings == [] and list(tracker.measurements) == chosen[:half]
    named: dict[str, Finding] = {}
    for measurement in chosen[half:]:
        for one in tracker.add(measurement):
            named.setdefault(one.name, one)
    assert name in named
    onset = 0 if name == "data-shortcut" else 3000
    assert all(one.first_step >= onset for one in named.values())


@cache
def after_healthy(count: int, gap: float) -> FindingTracker:
    """What is known after so many checks of the healthy half; tests go on with a copy."""
    tracker = FindingTracker(FINDINGS.values(), Setting(steps=6000))
    for measurement in spread(healthy(), gap)[:count]:
        assert tracker.add(measurement) == []
    return tracker


def spread(whole: list[Measurement], gap: float) -> list[Measurement]:
    """The checks of a run of 6000 steps that lie so far apart."""
    return [
        replace(whole[int(place * gap)], step=int(100 * place * gap), **_moved(whole, place, gap))
        for place in range(int(60 / gap))
    ]


def _moved(whole: list[Measurement], place: int, gap: float) -> dict[str, Any]:
    """Samples move less from one check to the next if checks lie close to each other."""
    moved = whole[int(place * gap)].movement
    return {"movement": None if moved is None else moved * min(1.0, gap)}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mode-collapse", {"spread": 0.0, "alike": 0.0}),
        ("mode-collapse", {"fake_spread": 0.0, "fake_alike": 0.0}),
        ("no-gradient", {"generator_moved": 0.0}),
        ("no-gradient", {"discriminator_moved": 0.0}),
        ("latent-ignored", {"latent_response": 0.001}),
        ("non-finite", {"non_finite": "generator's loss"}),
    ],
)
@pytest.mark.parametrize("onset", [0, 2, 30])
@pytest.mark.parametrize("gap", [30, 100, 700])
def test_what_is_unmistakable_is_named_within_three_checks_and_recovers_only_when_it_is_gone(
    name: str, changes: dict[str, Any], onset: int, gap: int
) -> None:
    tracker = FindingTracker(FINDINGS.values(), Setting(steps=60 * gap))
    for place, measurement in enumerate(healthy()):
        ill = onset <= place < 50
        tracker.add(replace(measurement, step=gap * (place + 1), **(changes if ill else {})))
        if ill and place >= onset + 2:
            assert [one.severity for one in tracker.open if one.name == name] == ["trouble"]
    assert all(one.status == "recovered" for one in tracker.findings if one.name == name)


@pytest.mark.parametrize("name", NAMES)
def test_each_failure_is_named_where_it_begins_and_recovers(name: str) -> None:
    tracker = judged(turned(name), FINDINGS.values(), Setting(steps=600))
    finding = next(one for one in tracker.findings if one.name == name)
    assert finding.status == "open"
    # Data have what only they have from the start on; all else begins in the middle.
    assert (200 if name == "data-shortcut" else 300) <= finding.first_step <= 450
    assert 0.5 <= finding.confidence <= 1
    assert finding.sentence.endswith(".")
    evidence = finding.evidence
    assert set(evidence.measured) == set(evidence.threshold) == set(evidence.healthy) != set()
    again = itertools.chain(turned(name), [replace(one, step=600 + one.step) for one in healthy()[40:]])
    if name not in ("oscillation", "mode-hopping"):  # theirs look back on half of a run
        assert all(
            one.status == "recovered" for one in judged(again, FINDINGS.values(), Setting(steps=600)).findings
        )


@pytest.mark.parametrize("name", ["mode-collapse", "non-finite", "discriminator-dominates"])
def test_the_worst_are_named_within_a_tenth_of_the_run(name: str) -> None:
    tracker, named = FindingTracker(FINDINGS.values(), Setting(steps=600)), None
    for place, measurement in enumerate(turned(name)):
        if any(one.name == name for one in tracker.add(measurement)) and named is None:
            named = place
    assert named is not None
    assert named - 30 <= 6


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_says_what_to_do(name: str) -> None:
    rule = FINDINGS[name]
    assert rule.summary.endswith(".")
    assert rule.source
    assert len(rule.proposals) >= 3
    for recipe in RECIPES.values():
        remedies = Setting(1000, recipe.model_dump(), "digits").remedies(rule.proposals)
        assert remedies
        for remedy in remedies:
            assert remedy.change
            assert remedy.why
            assert remedy.expect
            assert 1 <= remedy.after_steps <= 1000
            assert bool(remedy.command) == bool(remedy.settings)


@pytest.mark.parametrize("name", NAMES)
def test_no_rule_fails_on_readings_that_say_nothing(name: str) -> None:
    tracker = judged([Measurement(step) for step in range(60)], [FINDINGS[name]])
    assert tracker.findings == []
    assert name in tracker.unchecked or name == "non-finite"


@pytest.mark.parametrize("name", ["not-learning", "discriminator-dominates"])
def test_no_generator_is_blamed_for_its_first_steps(name: str) -> None:
    still = replace(turned(name)[40], movement=0.0, distance=0.7, distance_floor=0.0)
    hasty = judged([replace(still, step=step) for step in range(1, 20)], FINDINGS.values())
    assert name not in {one.name for one in hasty.findings}
    later = judged([replace(still, step=10 * step) for step in range(1, 20)], FINDINGS.values())
    assert name in {one.name for one in later.findings}


def told(measurements: list[Measurement], name: str) -> bool:
    """Whether a finding of this name comes up."""
    return name in {one.name for one in judged(measurements, [FINDINGS[name]], Setting(steps=600)).findings}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, True),
        ({"auc": 0.8}, False),  # nobody uses it
        ({"movement": 0.0, "spread": 0.05, "distance": 0.7}, False),  # the generator has not tried
        ({"movement": 0.001, "spread": 0.0004}, True),  # it tries, far from data in another unit
        ({"probes": {"roughness": (1.0, 9.0)}, "spread": 0.1}, False),  # what is blurred is smooth
        ({"probes": {"roughness": (1.0, 9.0)}, "spread": 0.9}, True),
        ({"probes": {"border": (1.0, 1.0)}}, False),  # hardly visible
    ],
)
def test_a_shortcut_is_what_tells_every_fake_whatever_the_generator_does(
    changes: dict[str, Any], wanted: bool
) -> None:
    sick: dict[str, Any] = {
        "auc": 1.0,
        "probes": {"border": (1.0, 9.0)},
        "movement": 0.2,
        "spread": 0.8,
    }
    sick |= changes
    assert told([replace(measurement, **sick) for measurement in healthy()], "data-shortcut") is wanted


@pytest.mark.parametrize(("effect", "wanted"), [(3.5, False), (28.0, True)])
def test_extremes_a_little_beyond_the_data_are_those_of_a_generator_without_tanh(
    effect: float, wanted: bool
) -> None:
    sick: dict[str, Any] = {"auc": 0.98, "probes": {"least": (1.0, effect)}, "spread": 0.9}
    assert told([replace(one, **sick) for one in healthy()], "data-shortcut") is wanted


def test_what_fades_or_comes_later_is_no_shortcut() -> None:
    measurements = [replace(measurement, auc=1.0, spread=0.8) for measurement in healthy()]
    fading = [
        replace(one, probes={"border": (1.0, 30 * 0.9**place)}) for place, one in enumerate(measurements)
    ]
    assert not told(fading, "data-shortcut")
    early = [replace(one, probes={"border": (0.7, 0.5)}) for one in measurements[:30]]
    late = [replace(one, probes={"border": (1.0, 9.0)}) for one in measurements[30:]]
    assert not told([*early, *late], "data-shortcut")


def test_a_discriminator_that_wins_while_samples_come_nearer_does_not_dominate() -> None:
    measurements = [replace(measurement, auc=1.0) for measurement in healthy(30)]
    assert not told(measurements, "discriminator-dominates")
    assert told([replace(one, distance=1.2) for one in measurements], "discriminator-dominates")


def test_a_distance_that_was_measured_long_ago_says_nothing_of_samples_now() -> None:
    measurements = [replace(one, auc=1.0, distance=1.2) for one in healthy(60)]
    first = [replace(one, step=place) for place, one in enumerate(measurements[:3])]
    stale = [*first, *(replace(one, distance=None) for one in measurements[6:])]
    assert not told(stale, "discriminator-dominates")
    assert told([*stale[:-6], *measurements[-6:]], "discriminator-dominates")
    vanished = [replace(one, generator_gradient=1e-4) for one in stale[3:]]
    assert not told([*first, *vanished], "discriminator-dominates")
    assert told([*first, *(replace(one, distance=1.2) for one in vanished)], "discriminator-dominates")


@pytest.mark.parametrize("name", ["modes-apart", "generator-dominates", "mode-collapse"])
@pytest.mark.parametrize(("before", "wanted"), [(2.0, False), (0.6, True)])
def test_samples_that_were_farther_when_they_were_last_looked_at_come_nearer(
    name: str, before: float, wanted: bool
) -> None:
    sick: dict[str, Any] = {
        "modes-apart": {"distance": 0.6, "fake_distance": 0.05},
        "generator-dominates": {"distance": 0.6, "auc": 0.5},
        "mode-collapse": {"distance": 0.6, "coverage": 0.1, "spread": 0.4},
    }
    quiet = replace(healthy()[30], spread=0.4, coverage=0.4)
    places = [0, 1, 2, 3, 42, 44, 46, 48, 50]
    found = [replace(quiet, step=10 * place, **sick[name]) for place in places]
    found[:4] = [replace(one, distance=before, coverage=0.4) for one in found[:4]]
    tracker = FindingTracker(FINDINGS.values(), Setting(steps=600))
    for one in found:
        tracker.add(one)
    assert any(one.name == name for one in tracker.findings) is wanted


def test_a_generator_that_comes_to_a_halt_is_dominated() -> None:
    measurements = [
        replace(one, distance=0.1, auc=1.0 if place > 40 else one.auc) for place, one in enumerate(healthy())
    ]
    halted = [replace(one, movement=0.01 if place > 40 else 0.2) for place, one in enumerate(measurements)]
    assert told(halted, "discriminator-dominates")
    assert not told(measurements[:55], "discriminator-dominates")


def test_samples_that_are_alike_do_not_hop_when_they_change_their_cell() -> None:
    cells = [tuple(float(cell == place % 4) for cell in range(4)) for place in range(60)]
    narrow = [
        replace(one, cells=row, coverage=0.2, distance=0.5) for one, row in zip(healthy(), cells, strict=True)
    ]
    here = [replace(one, centre=(0.01 * (place % 4), 0.0)) for place, one in enumerate(narrow)]
    there = [replace(one, centre=(place % 4 - 1.5, 0.0)) for place, one in enumerate(narrow)]
    assert not told(here, "mode-hopping")
    assert told(there, "mode-hopping")


@pytest.mark.parametrize(
    ("changes", "wanted"), [({}, True), ({"auc": 1.0}, False), ({"distance": 0.05}, False)]
)
def test_players_circle_where_both_win_in_turn_far_from_the_data(
    changes: dict[str, Any], wanted: bool
) -> None:
    # A circle in the plane of which each check sees another point: no coordinate has a period to see.
    sick: dict[str, Any] = {"distance": 0.6} | changes
    circle = [
        replace(one, centre=(1.5 * math.sin(2.4 * place), 1.5 * math.cos(2.4 * place)), **sick)
        for place, one in enumerate(healthy())
    ]
    assert told(circle, "oscillation") is wanted


@pytest.mark.parametrize(("returns", "wanted"), [(3, True), (1, False)])
def test_a_swing_that_is_slower_than_the_span_is_seen_where_it_comes_back(returns: int, wanted: bool) -> None:
    # Twenty checks a round: no sixteen of them hold one. What goes out and comes back once does not circle.
    angles = [2 * math.pi * min(place / 20, returns) for place in range(90)]
    slow = [
        replace(one, centre=(2.5 * math.sin(angle), 2.5 * math.cos(angle)), distance=0.6)
        for one, angle in zip(healthy(90), angles, strict=True)
    ]
    assert told(slow, "oscillation") is wanted


@pytest.mark.parametrize(("every", "wanted"), [(2, True), (4, False)])
def test_looks_of_another_time_of_the_run_show_no_swing(every: int, wanted: bool) -> None:
    circle = [
        replace(one, centre=(1.5 * math.sin(2.4 * place), 1.5 * math.cos(2.4 * place)), distance=0.6)
        for place, one in enumerate(healthy())
    ]
    found = judged(circle[::every], [FINDINGS["oscillation"]], Setting(steps=circle[-1].step)).findings
    assert bool(found) is wanted


def test_a_swing_that_nothing_answers_is_no_oscillation() -> None:
    circle = [
        replace(one, centre=(1.5 * math.sin(2.4 * place), 0.0), distance=0.6, auc=0.5 + 0.03 * (place % 2))
        for place, one in enumerate(healthy())
    ]
    assert not told(circle, "oscillation")
    assert told([replace(one, auc=0.9) for one in circle], "oscillation")


@pytest.mark.parametrize(("spread", "wanted"), [(0.7, True), (0.05, False)])
def test_what_is_spread_out_hops_over_a_shorter_way(spread: float, wanted: bool) -> None:
    hops = [
        replace(
            one, spread=spread, coverage=0.3, distance=0.5, centre=(0.4 * (-1) ** (place // 3), 0.0),
            cells=tuple(float(cell == place // 3 % 4) for cell in range(4)),
        )
        for place, one in enumerate(healthy())
    ]  # fmt: skip
    assert told(hops, "mode-hopping") is wanted


@pytest.mark.parametrize(("ripple", "wanted"), [(0.002, True), (0.03, False)])
def test_a_rise_is_clear_against_what_the_distance_does_anyway(ripple: float, wanted: bool) -> None:
    risen = [
        replace(one, distance=(0.03 if place < 35 else 0.075) + ripple * (place % 2))
        for place, one in enumerate(healthy())
    ]
    assert told(risen, "quality-regressed") is wanted


def test_a_generator_that_rests_from_the_start_is_dominated_within_five_checks() -> None:
    still = [
        replace(one, step=10 * place, auc=1.0, movement=0.0, distance=0.7)
        for place, one in enumerate(healthy(5), start=2)
    ]
    assert told(still, "discriminator-dominates")
    restless = [replace(one, movement=0.8) for one in still]
    assert not told(restless, "discriminator-dominates")


def test_samples_that_rest_between_leaps_do_not_stand_still() -> None:
    rests = [
        replace(one, movement=0.9 if place % 4 == 0 else 0.0, distance=0.7)
        for place, one in enumerate(healthy())
    ]
    assert not told(rests, "not-learning")
    assert told([replace(one, movement=0.0) for one in rests], "not-learning")


@pytest.mark.parametrize("name", ["mode-hopping", "oscillation"])
def test_samples_that_were_just_nearer_than_ever_are_watched_and_not_in_trouble(name: str) -> None:
    """They hop, or go round, at a distance of 0.5: always, or with a look in eight nearer than all before."""
    looks = turned(name)

    def told_as(distance: Callable[[int], float]) -> str:
        found = judged(
            [replace(one, distance=distance(place)) for place, one in enumerate(looks)], FINDINGS.values()
        ).findings
        return next(one.severity for one in found if one.name == name)

    assert told_as(lambda place: 0.5) == "trouble"
    assert told_as(lambda place: 0.45 - 0.003 * place if place % 8 == 0 else 0.5) == "watch"


def test_a_straight_way_is_no_oscillation() -> None:
    away = [replace(one, centre=(0.6 * place, 0.0), distance=0.6) for place, one in enumerate(healthy())]
    assert not told(away, "oscillation")


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"copying": -8.0, "nearness": 0.7}, False),  # blurred samples reach that
        ({"copying": -8.0, "nearness": 0.7, "copied": 0.3}, True),
        ({"copying": -12.0, "nearness": 0.7}, True),
        ({"copying": 2.0, "copied": 0.3}, False),
    ],
)
def test_copies_lie_on_a_training_sample_or_all_hug_the_training_data(
    changes: dict[str, Any], wanted: bool
) -> None:
    assert told([replace(measurement, **changes) for measurement in healthy()], "memorisation") is wanted


def test_a_condition_that_begins_to_be_followed_is_not_ignored() -> None:
    rising = [
        replace(one, condition_followed=0.1, condition_response=0.05 * 1.04**place)
        for place, one in enumerate(healthy())
    ]
    assert not told(rising, "condition-ignored")
    assert told([replace(one, condition_response=0.1) for one in rising], "condition-ignored")


def test_a_slow_start_is_no_collapse() -> None:
    slow = [
        replace(one, spread=0.1 * 1.04**place, coverage=0.2 + 0.006 * place, distance=0.97**place)
        for place, one in enumerate(healthy())
    ]
    assert not told(slow, "mode-collapse")
    level = [replace(one, spread=0.1, coverage=0.2, distance=0.6) for one in slow]
    assert told(level, "mode-collapse")


def test_fresh_weights_that_hardly_answer_to_their_latents_are_given_time() -> None:
    """A response of 0.07 % that grows by an eighth a step is a start; one that stays there is a fault."""
    rule = FINDINGS["latent-ignored"]
    growing = [Measurement(step=step, latent_response=7e-4 * 1.13**step) for step in range(1, 20)]
    staying = [Measurement(step=step, latent_response=7e-4) for step in range(1, 20)]
    for last in range(2, 20):
        assert rule.judge(Measurements.of(growing[:last])) == HEALTHY
    assert rule.judge(Measurements.of(staying[:9])) == HEALTHY
    found = rule.judge(Measurements.of(staying[:12]))
    assert isinstance(found, Verdict) and found.level == "trouble"
