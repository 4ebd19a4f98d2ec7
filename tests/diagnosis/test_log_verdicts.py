"""What went wrong by losses and metrics alone: planted failures, healthy series, and how long they must
be."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from poise.diagnosis import FINDINGS
from poise.diagnosis.finding import Measurement
from poise.diagnosis.logs import Diagnosis, diagnose
from poise.diagnosis.logs.rules import RULES

COUNT = 120
LINE = np.arange(COUNT)


def noise(size: float, seed: int = 0) -> np.ndarray:
    return size * np.random.default_rng(seed).normal(size=COUNT)


def of_losses(discriminator: Sequence[float], generator: Sequence[float]) -> Diagnosis:
    pairs = enumerate(zip(discriminator, generator, strict=True))
    return diagnose(
        [Measurement(10 * step, discriminator_loss=d, generator_loss=g) for step, (d, g) in pairs]
    )


def of_metric(values: Sequence[float]) -> Diagnosis:
    return diagnose([Measurement(1000 * step, metric=float(value)) for step, value in enumerate(values)])


def named(found: Diagnosis) -> dict[str, str]:
    return {one.name: one.severity for one in found.open}


GROWTH = np.exp(LINE / 20)
FAILURES: dict[str, tuple[str, str, np.ndarray, np.ndarray]] = {
    "a discriminator wins in the course": (
        "discriminator-dominates", "watch", 1.3 * 0.95**LINE + 1e-4, 1 + 0.1 * LINE + np.abs(noise(0.3)),
    ),
    "it has won from the first reading": (
        "discriminator-dominates", "watch", np.abs(noise(1e-4)), 11 + noise(1.0),
    ),
    "least squares: its loss is nothing, the generator's one": (
        "discriminator-dominates", "watch", np.abs(noise(1e-3)), 1 + noise(0.02),
    ),
    "hardly a sample is taken for real": (
        "discriminator-dominates", "watch", 0.1 + np.abs(noise(0.05)), 12 + noise(2.0),
    ),
    "the generator's loss is nothing while the discriminator's is large": (
        "generator-dominates", "watch", 14 + noise(1.0), np.abs(noise(1e-4)),
    ),
    "the generator's sinks while the discriminator's grows": (
        "generator-dominates", "watch", 0.7 + LINE / 60 + noise(0.05), 2 * np.exp(-LINE / 30) + 0.02,
    ),
    "both losses are nothing": ("not-learning", "watch", np.abs(noise(1e-4)), 0.01 + np.abs(noise(0.002))),
    "a flat line": ("not-learning", "watch", 1 + noise(0.1), np.full(COUNT, 16.118)),
    "one half to everything": ("not-learning", "watch", 1.3863 + noise(2e-3), 0.6931 + noise(2e-3)),
    "a critic whose loss grows without end": ("diverging", "trouble", -GROWTH, 0.3 * GROWTH),
    "losses against each other in one period": (
        "oscillation", "watch",
        1 - 0.5 * np.sin(LINE / 2) + noise(0.05), 1 + 0.5 * np.sin(LINE / 2) + noise(0.05, 1),
    ),
    "slowly": (
        "oscillation", "watch",
        1 - 0.5 * np.sin(LINE / 6) + noise(0.05), 1 + 0.5 * np.sin(LINE / 6) + noise(0.05, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_named_by_the_losses_alone(case: str) -> None:
    name, severity, discriminator, generator = FAILURES[case]
    found = named(of_losses(discriminator.tolist(), generator.tolist()))
    assert found.pop(name) == severity
    assert "trouble" not in found.values() or severity == "trouble"


HEALTHY: dict[str, Callable[[int], tuple[np.ndarray, np.ndarray]]] = {
    "minimax": lambda seed: (1.1 + noise(0.12, seed), 1.3 + noise(0.3, seed + 50)),
    "strong discriminator": lambda seed: (
        0.45 + np.abs(noise(0.1, seed)),
        2.5 + LINE / 80 + noise(0.4, seed + 50),
    ),
    "least squares": lambda seed: (0.22 + noise(0.04, seed), 0.38 + noise(0.08, seed + 50)),
    "hinge": lambda seed: (1.4 + noise(0.2, seed), 0.3 + noise(0.4, seed + 50)),
    "Wasserstein": lambda seed: (
        -1.6 * np.exp(-LINE / 60) + noise(0.02, seed),
        0.6 + np.cumsum(noise(0.3, seed + 50)),
    ),
    "gradient penalty": lambda seed: (
        -800 * np.exp(-LINE / 15) - 5 + noise(1.0, seed),
        np.cumsum(noise(2.0, seed + 50)),
    ),
    "StyleGAN2": lambda seed: (0.9 - LINE / 600 + noise(0.1, seed), 1 + LINE / 130 + noise(0.2, seed + 50)),
    "swings without a period": lambda seed: (
        1 - 0.2 * np.cumsum(noise(0.2, seed)) / 4,
        1.3 + 0.2 * np.cumsum(noise(0.2, seed)) / 4,
    ),
}


@pytest.mark.parametrize("kind", HEALTHY)
def test_nothing_is_found_in_healthy_losses(kind: str) -> None:
    found = [named(of_losses(*(row.tolist() for row in HEALTHY[kind](seed)))) for seed in range(5)]
    assert found == [{}] * 5


def test_a_metric_past_its_best_is_a_regression_and_one_at_its_floor_is_not() -> None:
    falls = [100 / (1 + step) + 10 for step in range(30)]
    assert named(of_metric(falls)) == {}
    assert named(of_metric([*falls, *(13 + 2 * step for step in range(30))])) == {
        "quality-regressed": "trouble"
    }
    assert named(of_metric(10 + 200 * np.exp(-LINE / 20) + np.abs(noise(0.8)))) == {}


def test_a_metric_that_creeps_from_its_best_by_half_over_most_of_the_run() -> None:
    creeps = np.concatenate(
        [60 * np.exp(-np.arange(20) / 4) + 10, 10 * (1 + 0.6 * np.arange(100) / 100)]
    ) + noise(0.1)
    found = of_metric(creeps)
    assert named(found) == {"quality-regressed": "watch"}
    assert found.open[0].first_step > 80_000


def test_a_metric_that_goes_up_and_down_is_an_oscillation() -> None:
    waves = 30 * np.exp(0.5 * np.sin(LINE / 5)) + np.abs(noise(0.5))
    assert named(of_metric(waves))["oscillation"] == "watch"


def test_a_nan_is_named_with_its_column_and_step_and_is_over_if_numbers_follow() -> None:
    readings = [Measurement(step, generator_loss=1 + step % 3) for step in range(40)]
    readings[25] = Measurement(25, non_finite="column 'G loss'")
    (finding,) = diagnose(readings).findings
    assert (finding.name, finding.status, finding.first_step) == ("non-finite", "recovered", 25)
    assert "column 'G loss'" in finding.sentence
    (finding,) = diagnose(readings[:26]).open
    assert finding.severity == "trouble"


def test_a_run_that_came_back_is_recovered() -> None:
    fid = [100 / (1 + step) + 10 for step in range(40)]
    found = of_metric([*fid, *(40.0 + 5 * step for step in range(20)), *fid[-20:]])
    assert found.open == []
    assert [(one.name, one.status) for one in found.findings] == [("quality-regressed", "recovered")]


def test_too_few_readings_are_no_verdict_unless_they_are_unmistakable() -> None:
    few = of_losses([1.1, 1.0, 1.2, 1.1, 0.9], [1.3, 1.2, 1.1, 1.4, 1.2])
    assert few.few.endswith("not 5 readings") and not few.findings
    assert of_losses([1.1] * 8, [1.3, 1.2, 1.1, 1.4, 1.2, 1.3, 1.5, 1.1]).few == ""
    assert of_metric([300.0, 100.0]).few and not of_metric([300.0, 100.0, 40.0]).few
    assert named(of_losses([14.9, 14.7, 9.3, 14.8, 15.3], [2e-5, 2e-4, 3e-3, 3e-5, 6e-5])) == {
        "generator-dominates": "watch"
    }
    assert named(diagnose([Measurement(0, non_finite="column 'g_loss'")])) == {"non-finite": "trouble"}


def test_one_players_loss_alone_is_judged_as_far_as_it_goes() -> None:
    found = diagnose([Measurement(step, generator_loss=1.0 + step % 5) for step in range(40)])
    assert not found.findings
    assert found.unchecked["discriminator-dominates"] == "the log has no column of the discriminator loss"
    grows = diagnose([Measurement(step, generator_loss=math.exp(step / 6)) for step in range(40)])
    assert named(grows) == {"diverging": "trouble"}


def test_what_follows_from_another_finding_is_told_as_that() -> None:
    found = of_losses(np.abs(noise(1e-4)).tolist(), [16.118] * COUNT)
    assert [(one.name, one.because_of) for one in found.open] == [
        ("discriminator-dominates", ""), ("not-learning", "discriminator-dominates"),
    ]  # fmt: skip


def test_the_rules_name_findings_of_the_doctor() -> None:
    assert {rule.name for rule in RULES} <= set(FINDINGS)


def test_a_step_at_which_it_began() -> None:
    discriminator = [*(0.9 + 0.1 * (step % 3) for step in range(60)), *([1e-4] * 60)]
    generator = [*(1.2 + 0.2 * (step % 4) for step in range(60)), *(9.0 + step % 3 for step in range(60))]
    finding = of_losses(discriminator, generator).open[0]
    assert finding.name == "discriminator-dominates"
    assert 600 <= finding.first_step <= 800 and finding.last_step == 1190


def slow(place: float, count: int) -> float:
    """A swing that fits into a log not quite twice."""
    return math.sin(2 * math.pi * 1.9 * place / count)


@pytest.mark.parametrize("count", [40, 400])
def test_a_metric_or_a_score_that_swings_slowly_is_named(count: int) -> None:
    noise = random.Random(0)
    by_metric = [
        Measurement(
            10 * place, metric=40 * math.exp(0.45 * slow(place, count) + 0.05 * noise.gauss(0, 1))
            * (1 + 8 * math.exp(-20 * place / count)),
        )
        for place in range(count)
    ]  # fmt: skip
    by_score = [
        Measurement(10 * place, real_score=1.0, fake_score=slow(1.5 * place, count) + 0.1 * noise.gauss(0, 1))
        for place in range(count)
    ]
    for measurements, word in ((by_metric, "metric"), (by_score, "score of fakes")):
        (found,) = [one for one in diagnose(measurements).open if one.name == "oscillation"]
        assert word in found.sentence and found.severity == "watch"


@pytest.mark.parametrize("count", [40, 400])
def test_a_metric_that_settles_or_gains_while_it_swings_is_no_oscillation(count: int) -> None:
    noise = random.Random(0)
    settles = [20 + 200 * math.exp(-8 * place / count) + noise.gauss(0, 1) for place in range(count)]
    gains = [60 * math.exp(0.35 * slow(place, count) - 1.5 * place / count) for place in range(count)]
    drifts = [-3 * place / count + 0.2 * noise.gauss(0, 1) for place in range(count)]
    for column, name in ((settles, "metric"), (gains, "metric"), (drifts, "fake_score")):
        readings: list[dict[str, Any]] = [{name: value} for value in column]
        found = diagnose([Measurement(place, **reading) for place, reading in enumerate(readings)])
        assert "oscillation" not in {one.name for one in found.findings}
