"""Values that remedies set and trends of measurements."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from poise.diagnosis.distances import coverage
from poise.diagnosis.finding import Measurement
from poise.diagnosis.findings import settings
from poise.diagnosis.inputs import only_samples
from poise.diagnosis.trends import blind, crossings, gains

RATES = {"generator": {"learning_rate": 1e-6}, "discriminator": {"learning_rate": 4e-4}}
USUAL_RATES = dict.fromkeys([f"optimisers.{player}.learning_rate" for player in RATES])
WGAN_GP = {"regularisers": {"wgan-gp": {"weight": 1.0, "every": 1}}}
STEPS = {"dynamics": {"name": "alternating", "generator_steps": 8}}
MINIMAX = {"loss": {"name": "minimax"}, "dynamics": {"discriminator_steps": 4}}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (
            settings.rates_times({"optimisers": {"generator": {"learning_rate": 0.002}}}, 0.5, "generator"),
            {"optimisers.generator.learning_rate": 0.001},
        ),
        (
            settings.levelled({"optimisers": RATES}, "generator"),
            {"optimisers.generator.learning_rate": 4e-4},
        ),
        (settings.levelled({"optimisers": RATES}, "discriminator"), None),
        (settings.steps_of_players({"dynamics": {"name": "consensus"}}, 3), None),
        (settings.steps_of_players(STEPS | {"dynamics": {"discriminator_steps": 1}}, 3),
         {"dynamics.discriminator_steps": 3}),
        (settings.single_steps(STEPS, "generator"), {"dynamics.generator_steps": 1}),
        (settings.width_times({"generator": {"width": 64}}, "generator", 0.5), {"generator.width": 32}),
        (settings.width_times({"generator": {}}, "generator", 0.5), None),
        (
            settings.smoother(WGAN_GP, heavy=True),
            {"regularisers.wgan-gp.weight": 10.0, "regularisers.wgan-gp.every": 1},
        ),
        (
            settings.smoother({"regularisers": {}, "resolution": 8}, heavy=True),
            {"regularisers.r1.weight": 3.0, "regularisers.r1.every": 1},
        ),
        (
            settings.steady(MINIMAX),
            {"loss": "non-saturating", "dynamics.discriminator_steps": 1, "regularisers.r1.weight": 0.03,
             "regularisers.r1.every": 1},
        ),
        (
            settings.smoother({"loss": {"name": "relativistic-pairing"}, "regularisers": {}}),
            {"regularisers.r1.every": 1, "regularisers.r2.every": 1},
        ),
        (settings.usual_rates({"optimisers": RATES}), USUAL_RATES),
        (settings.deepened_and_calm({"discriminator": {"depth": 2}}), None),
        (
            settings.deepened_and_calm(
                WGAN_GP
                | {"discriminator": {"depth": 0}, "optimisers": {"generator": {"learning_rate": 2e-3}}}
            ),
            {"discriminator.depth": 3, "regularisers.wgan-gp.weight": 10.0, "regularisers.wgan-gp.every": 1,
             "optimisers.generator.beta1": 0.0, "optimisers.discriminator.beta1": 0.0,
             "optimisers.generator.learning_rate": 4e-4},
        ),
        (settings.usual_rates({}), USUAL_RATES),
        (settings.usual_rates({"optimisers": {"generator": {"learning_rate": 3e-5}}}), None),
        (settings.mirrored({"resolution": 32}), {"horizontal_flips": True}),
        (settings.mirrored({"resolution": None}), None),
    ],
)  # fmt: skip
def test_what_remedies_set(found: dict[str, Any] | None, wanted: dict[str, Any] | None) -> None:
    assert found == wanted


def test_nearer_than_ever_or_not() -> None:
    assert gains([Measurement(step, distance=1 / (1 + step)) for step in range(20)])
    back = 5 * [1.0] + 5 * [5.0] + 5 * [3.0]
    assert not gains([Measurement(step, distance=far) for step, far in enumerate(back)])


def test_a_discriminator_that_tells_nothing() -> None:
    assert blind([Measurement(step, auc=0.5) for step in range(9)], 8)
    assert not blind([Measurement(step, auc=0.6) for step in range(9)], 8)


def test_crossings_of_the_mean() -> None:
    assert crossings([0.0, 1.0, 0.0, 1.0, 0.0]) == 4
    assert crossings([0.0, 0.0, 1.0, 1.0]) == 1
    assert crossings([math.pi] * 4) == 0


def test_samples_of_a_tuple_and_covered_cells() -> None:
    assert only_samples((torch.zeros(2, 3), "styles")).shape == (2, 3)
    assert coverage([1.0, 0.0], [0.5, 0.5]) == 0.5
