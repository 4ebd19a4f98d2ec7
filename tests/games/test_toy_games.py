"""Bilinear game, constant curl, and anybody's own two costs: rates in closed form, verdicts, no NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from poise.errors import PoiseError
from poise.games import TOYS, TwoCosts, judge, two_costs_trial
from poise.games.lab import FAR
from poise.games.rounds import play_toy

TURNING = TwoCosts(first=lambda x, y: x * y, second=lambda x, y: -x * y)


@pytest.mark.parametrize(
    ("dynamics", "rate", "squared"),
    [
        ("simultaneous", 0.1, 1 + 0.1**2),
        ("alternating", 0.1, 1.0),
        ("extragradient", 0.6, (1 - 0.6**2) ** 2 + 0.6**2),
        ("consensus", 0.1, (1 - 0.1 * 10) ** 2 + 0.1**2),
        ("symplectic-gradient-adjustment", 0.1, (1 - 0.1) ** 2 + 0.1**2),
    ],
)
def test_rates_on_the_turning_field(dynamics: str, rate: float, squared: float) -> None:
    (row,) = judge(two_costs_trial(TURNING, dynamics, rate=rate), (2.0, 0.5), 60)
    assert row.spectral_radius == pytest.approx(math.sqrt(squared), abs=1e-7)
    distances = np.hypot(*row.path.T)
    if dynamics != "alternating":  # all others multiply every point's distance by the same number
        above = distances[:-1] > 1e-9
        assert distances[1:][above] / distances[:-1][above] == pytest.approx(math.sqrt(squared), abs=1e-6)


@pytest.mark.parametrize("dynamics", ["optimistic", "extrapolation-from-the-past"])
def test_rates_with_a_past(dynamics: str) -> None:
    """The roots of z^2 - (1 - 2 i h) z - i h, from w' = w - 2 h F(w) + h F(w before) with F = -i w."""
    for rate in (0.1, 0.3):
        (row,) = judge(two_costs_trial(TURNING, dynamics, rate=rate), (2.0, 0.5), 300)
        roots = np.roots([1, -(1 - 2j * rate), -1j * rate])
        assert row.spectral_radius == pytest.approx(np.abs(roots).max(), abs=1e-6)
        assert row.observed_rate == pytest.approx(row.spectral_radius, rel=1e-3)


def test_bilinear_verdicts() -> None:
    verdicts = {row.method: row.verdict for _, row in play_toy(TOYS["bilinear"])}
    assert {name for name, verdict in verdicts.items() if verdict == "circles"} == {
        "simultaneous",
        "alternating",
    }
    assert "diverges" not in verdicts.values() and len(verdicts) == 6


def test_curl_verdicts() -> None:
    rows = {row.method: row for _, row in play_toy(TOYS["curl"])}
    assert {name for name, row in rows.items() if row.verdict == "circles"} == {"simultaneous", "alternating"}
    assert rows["consensus"].final_distance < 1e-6


def test_what_diverges_is_shown_as_diverging() -> None:
    exploding = TwoCosts(first=lambda x, y: -torch.exp(x * x) * x, second=lambda x, y: -(y**4))
    for dynamics in ("simultaneous", "consensus", "optimistic"):
        (row,) = judge(two_costs_trial(exploding, dynamics, rate=0.5), (1.0, 1.0), 50)
        assert row.verdict == "diverges" and np.isfinite(row.path).all()
        assert 10 < row.final_distance <= FAR * 1.001


@pytest.mark.parametrize(
    ("cost", "sentence"),
    [
        (lambda x, y: 3.0, "The cost of y is no tensor of the shape of x and y, because .* float"),
        (lambda x, y: x.outer(y), r"of shape \(2, 2\)"),
        (lambda x, y: np.sin(x), "The cost of y cannot be computed, because RuntimeError"),
        (lambda x, y: (x * y).detach(), "The cost of y does not depend on y"),
        (lambda x, y: x * x, "The cost of y does not depend on y"),
    ],
)
def test_a_cost_that_cannot_be_played_is_refused_by_its_player(cost: Any, sentence: str) -> None:
    with pytest.raises(PoiseError, match=sentence):
        two_costs_trial(TwoCosts(first=lambda x, y: x * y, second=cost))


def test_a_game_that_leaves_where_its_costs_are_defined_diverges_without_eigenvalues() -> None:
    game = TwoCosts(first=lambda x, y: torch.log(x), second=lambda x, y: -x * y)
    (row,) = judge(two_costs_trial(game, rate=0.2), (1.0, 1.0), 50)
    assert row.verdict == "diverges" and np.isfinite(row.path).all()
    assert row.eigenvalues is None
