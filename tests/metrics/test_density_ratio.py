"""Density ratios against closed forms of normal distributions, and what must hold for any two samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics import density_ratio
from poise.metrics.calibration import calibrated, isotonic, platt
from poise.metrics.ratio import bounds_of


def normal(count: int, size: int = 1, *, seed: int, mean: float = 0.0, deviation: float = 1.0) -> Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, generator=stream, dtype=torch.float64) * deviation + mean


def log_ratio_of_normals(x: Tensor, mean: float, deviation: float) -> Tensor:
    """Of N(mean, deviation) over N(0, 1)."""
    return x.square() / 2 - ((x - mean) / deviation).square() / 2 - math.log(deviation)


def test_normals_of_equal_variance() -> None:
    p, q, x = normal(2000, 4, seed=0, mean=0.5), normal(2000, 4, seed=1), normal(500, 4, seed=2)
    ratio = density_ratio(p, q, form="linear")
    true = (0.5 * x - 0.125).sum(1)
    assert np.abs(ratio.log_ratio(x) - true.numpy()).mean() < 0.15
    assert np.corrcoef(ratio.log_ratio(x), true.numpy())[0, 1] > 0.98


def test_normals_of_unequal_variance_need_squares() -> None:
    p, q, x = normal(3000, seed=0, mean=0.5, deviation=0.7), normal(3000, seed=1), normal(500, seed=2)
    true = log_ratio_of_normals(x[:, 0], 0.5, 0.7).numpy()
    ratio = density_ratio(p, q)
    assert ratio.form == "squares"
    assert np.abs(ratio.log_ratio(x) - true).mean() < 0.1
    line = density_ratio(p, q, form="linear")
    assert np.abs(line.log_ratio(x) - true).mean() > 0.3


def test_what_no_logistic_regression_sees_a_network_does() -> None:
    """A ring beside a normal distribution of the same means and variances."""
    angle = normal(700, seed=0)[:, 0] * 100
    ring = torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * normal(700, 2, seed=1)
    ratio = density_ratio(ring, normal(700, 2, seed=2, deviation=float(ring.std())))
    assert ratio.form == "network" and ratio.p_value < 1e-6
    centre, edge = ratio.log_ratio([[0.0, 0.0], [0.6, 0.8]])
    assert centre < -1 < 0.5 < edge


def test_the_mean_of_the_ratio_under_q_is_one_and_weights_move_q_to_p() -> None:
    """Covariate shift: with weights, means of a function under q become means under p."""
    p, q = normal(1500, 2, seed=0, mean=0.6), normal(1500, 2, seed=1)
    ratio, fresh = density_ratio(p, q), normal(4000, 2, seed=2)
    assert np.exp(ratio.log_ratio(fresh)).mean() == pytest.approx(1, abs=0.1)
    weights = ratio.weights(fresh)
    assert weights.mean() == pytest.approx(1)
    for values, true in ((fresh[:, 0], 0.6), (fresh[:, 1].square(), 1.36)):
        assert (weights * values.numpy()).mean() == pytest.approx(true, abs=0.15)


def test_the_effective_sample_size_is_that_of_the_closed_form() -> None:
    """For unit normals m apart, N / E_q[r^2] = N exp(-m^2)."""
    ratio = density_ratio(normal(4000, seed=0, mean=0.7), normal(4000, seed=1), form="linear")
    assert ratio.effective_sample_size == pytest.approx(4000 * math.exp(-0.49), rel=0.15)


def test_exchanged_sides_negate_the_log_ratio() -> None:
    p, q, x = normal(300, 3, seed=0, mean=0.4), normal(300, 3, seed=1), normal(50, 3, seed=2)
    forth, back = density_ratio(p, q, form="squares"), density_ratio(q, p, form="squares")
    np.testing.assert_allclose(forth.log_ratio(x), -back.log_ratio(x), atol=1e-3)


def test_scale_order_of_columns_and_a_constant_column_change_nothing() -> None:
    p, q, x = normal(400, 3, seed=0, mean=0.5), normal(400, 3, seed=1), normal(50, 3, seed=2)
    plain = density_ratio(p, q, form="linear").log_ratio(x)

    def changed(rows: Tensor) -> Tensor:
        return torch.cat([rows.flip(1) * 1000 - 5, torch.full((len(rows), 1), 7.0)], 1)

    other = density_ratio(changed(p), changed(q), form="linear").log_ratio(changed(x))
    np.testing.assert_allclose(other, plain, atol=1e-3)


def test_sides_of_unequal_size_give_the_ratio_of_densities_and_not_of_counts() -> None:
    few, many = normal(200, seed=0), normal(4000, seed=1)
    assert np.abs(density_ratio(few, many, form="linear").log_ratio(normal(100, seed=2))).max() < 0.3


def test_the_test_keeps_its_level_and_finds_a_shift() -> None:
    found = [
        density_ratio(normal(80, 3, seed=seed), normal(80, 3, seed=1000 + seed), form="linear").p_value
        for seed in range(24)
    ]
    rejected = sum(p_value < 0.05 for p_value in found)
    assert rejected <= stats.binom.ppf(0.999, 24, 0.05)
    shifted = density_ratio(normal(400, 3, seed=0, mean=0.5), normal(400, 3, seed=1), form="linear")
    assert shifted.p_value < 1e-6


def test_the_bounds_of_the_exact_ratio_are_the_divergences() -> None:
    p, q = normal(200_000, seed=0, mean=1.0), normal(200_000, seed=1)
    exact = bounds_of(p[:, 0] - 0.5, q[:, 0] - 0.5, {}, {}, "")
    assert exact.values["kl_donsker_varadhan"] == pytest.approx(0.5, abs=0.02)
    assert exact.values["kl_nwj"] == pytest.approx(0.5, abs=0.02)

    def density(x: float) -> float:
        one, other = stats.norm.pdf(x, 1), stats.norm.pdf(x)
        middle = (one + other) / 2
        return float(one * np.log(one / middle) + other * np.log(other / middle)) / 2

    true = integrate.quad(density, -9, 10)[0]
    low, high = exact.intervals["jensen_shannon"]
    assert low < true < high and high - low < 0.01
    for shift in (-1.0, 0.4):  # another function bounds them from below
        other = bounds_of(p[:, 0] - 0.5 + shift, q[:, 0] - 0.5 + shift, {}, {}, "")
        assert other.values["kl_nwj"] < exact.values["kl_nwj"]
        assert other.values["jensen_shannon"] < exact.values["jensen_shannon"]
        assert other.values["kl_donsker_varadhan"] == pytest.approx(exact.values["kl_donsker_varadhan"])


def test_the_interval_is_of_rows_that_were_not_fitted() -> None:
    """Of equal distributions in many dimensions the bound is not above zero beyond chance."""
    ratio = density_ratio(normal(100, 60, seed=0), normal(100, 60, seed=1), form="linear")
    low, high = ratio.divergences.intervals["jensen_shannon"]
    assert low <= 0 <= high or high < 0
    assert ratio.p_value > 0.01


def test_images_go_through_features() -> None:
    stream = torch.Generator().manual_seed(0)
    dark = torch.randint(0, 128, (80, 3, 8, 8), generator=stream, dtype=torch.uint8)
    light = torch.randint(40, 256, (80, 3, 8, 8), generator=stream, dtype=torch.uint8)
    ratio = density_ratio(light, dark, form="linear")
    assert ratio.p_value < 1e-6
    assert (ratio.log_ratio(light) > 0).mean() > 0.95
    assert (ratio.log_ratio(dark) > 0).mean() < 0.05


def test_platt_repairs_a_score_that_is_too_sure() -> None:
    """The log ratio of N(0, 1) over N(0.7, 1.3), three times as large and moved."""
    p, q = normal(4000, seed=0)[:, 0], normal(4000, seed=1, mean=0.7, deviation=1.3)[:, 0]
    line = platt(*(-3 * log_ratio_of_normals(side, 0.7, 1.3) + 5 for side in (p, q)))
    assert 3 * line.slope == pytest.approx(1, abs=0.1)
    assert line.offset + 5 * line.slope == pytest.approx(0, abs=0.1)


def test_platt_of_scores_that_separate_is_finite_and_of_useless_ones_is_flat() -> None:
    apart = platt(torch.ones(50), -torch.ones(50))
    assert math.isfinite(apart.slope) and 0 < apart.slope < 20
    assert (platt(torch.zeros(50), torch.ones(50)).slope, platt(torch.ones(9), torch.ones(9)).slope) == (0, 0)


def test_isotonic_steps_are_smoothed_and_monotone() -> None:
    """Where only samples of p are, the odds are not infinite but those of the rule of succession."""
    p, q = torch.tensor([1.0, 2.0, 10.0, 11.0, 12.0]), torch.tensor([0.0, 1.5, 2.5, 3.0, 4.0])
    steps = isotonic(p, q)
    assert bool((steps.log_ratios.diff() >= 0).all())
    assert float(steps(torch.tensor([99.0]))) == pytest.approx(math.log(4 / 1))
    shown = steps(torch.linspace(-1, 13, 100))
    assert bool((shown.diff() >= -1e-6).all())
    sides = (3 * (normal(9000, seed=seed, mean=mean)[:, 0] - 0.5) for seed, mean in ((0, 1.0), (1, 0.0)))
    assert float(isotonic(*sides)(torch.tensor([3.0]))) == pytest.approx(1.0, abs=0.3)


def test_isotonic_can_be_differentiated() -> None:
    steps = isotonic(normal(500, seed=0, mean=1.0)[:, 0], normal(500, seed=1)[:, 0])
    point = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(steps(point).sum(), point)
    step = torch.tensor([1e-6], dtype=torch.float64)
    difference = float((steps(point + step) - steps(point - step)).detach())
    assert float(slope) == pytest.approx(difference / 2e-6, rel=1e-3)


@pytest.mark.parametrize(
    ("p", "q", "settings", "code"),
    [
        (normal(39, seed=0), normal(99, seed=1), {}, "metrics.too-few-samples"),
        (normal(99, 2, seed=0), normal(99, seed=1), {}, "metrics.different-shapes"),
        (normal(99, seed=0) / 0, normal(99, seed=1), {}, "metrics.not-finite"),
        (normal(99, seed=0), normal(99, seed=1), {"form": "cubes"}, "unknown-form"),
        (normal(99, seed=0), normal(99, seed=1), {"calibration": "plat"}, "unknown-calibration"),
    ],
)
def test_what_it_refuses(p: Tensor, q: Tensor, settings: dict[str, Any], code: str) -> None:
    with pytest.raises(PoiseError) as caught:
        density_ratio(p, q, **settings)
    assert caught.value.code == code


def test_the_number_of_rows_that_is_needed_is_named() -> None:
    with pytest.raises(PoiseError) as caught:
        density_ratio(normal(10, seed=0), normal(99, seed=1))
    assert "40" in caught.value.what and "30" in caught.value.hint


def test_no_calibration_takes_scores_as_they_are() -> None:
    assert calibrated(torch.ones(3), torch.zeros(3), None)(torch.tensor([2.5])).tolist() == [2.5]


def test_the_same_seed_gives_the_same_bits() -> None:
    p, q, x = normal(100, 2, seed=0, mean=0.3), normal(100, 2, seed=1), normal(5, 2, seed=2)
    first, second = (density_ratio(p, q) for _ in range(2))
    assert first.log_ratio(x).tolist() == second.log_ratio(x).tolist() and str(first) == str(second)
