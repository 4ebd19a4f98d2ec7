"""Bilinear game, constant curl, and anybody's own two costs: rates in closed form, verdicts, no NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from poise.errors import PoiseError
from poise.toys import TOYS, TwoCosts, judge, run_toy, two_costs_trial
from poise.toys.lab import FAR

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
    verdicts = {row.method: row.verdict for _, row in run_toy(TOYS["bilinear"])}
    assert {name for name, verdict in verdicts.items() if verdict == "circles"} == {
        "simultaneous",
        "alternating",
    }
    assert "diverges" not in verdicts.values() and len(verdicts) == 6


def test_curl_verdicts() -> None:
    rows = {row.method: row for _, row in run_toy(TOYS["curl"])}
    assert {name for name, row in rows.items() if row.verdict == "circles"} == {"simultaneous", "alternating"}
    assert rows["consensus"].final_distance < 1e-6


def test_what_diverges_is_shown_as_diverging() -> None:
    exploding = TwoCosts(first=lambda x, y: -torch.exp(x * x) * x, second=lambda x, y: -(y**4))
    for dynamics in ("simultaneous", "consensus", "optimistic"):
        (row,) = judge(two_costs_trial(exploding, dynamics, rate=0.5), (1.0, 1.0), 50)
        assert row.verdict == "diverges" and np.isfinite(row.path).all()
        assert 10 < row.final_distance <= FAR * 1.001


@pytest.mark.parametrize(
    ("cost", "code"),
    [
        (lambda x, y: 3.0, "toys.cost-shape"),
        (lambda x, y: x.outer(y), "toys.cost-shape"),
        (lambda x, y: np.sin(x), "toys.cost-fails"),
        (lambda x, y: (x * y).detach(), "toys.cost-constant"),
        (lambda x, y: x * x, "toys.cost-constant"),
    ],
)
def test_a_cost_that_cannot_be_used_is_refused_by_its_player(cost: Any, code: str) -> None:
    with pytest.raises(PoiseError) as caught:
        two_costs_trial(TwoCosts(first=lambda x, y: x * y, second=cost))
    assert caught.value.code == code and "The cost of y" in caught.value.what


def test_a_dynamics_that_needs_data_is_refused() -> None:
    with pytest.raises(PoiseError) as caught:
        two_costs_trial(TURNING, "alternating-by-epoch")
    assert caught.value.code == "toys.needs-data"


def test_unrolled_updates_by_hand() -> None:
    """After its own update, x is unrolled to x - k h y; the slope of -(x - k h y) y by y is 2 k h y - x."""
    rate, ahead = 0.1, 5
    (row,) = judge(two_costs_trial(TURNING, "unrolled", rate=rate, unrolled_steps=ahead), (1.0, 1.5), 20)
    x, y = 1.0, 1.5
    for point in row.path[1:]:
        x -= rate * y
        y -= rate * (2 * ahead * rate * y - x)
        assert point == pytest.approx((x, y), rel=1e-9)


def test_a_game_that_leaves_where_its_costs_are_defined_diverges_without_eigenvalues() -> None:
    game = TwoCosts(first=lambda x, y: torch.log(x), second=lambda x, y: -x * y)
    (row,) = judge(two_costs_trial(game, rate=0.2), (1.0, 1.0), 50)
    assert row.verdict == "diverges" and np.isfinite(row.path).all()
    assert row.eigenvalues is None
