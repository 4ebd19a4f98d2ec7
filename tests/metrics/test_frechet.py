"""The Fréchet distance against closed forms, scipy, and the coverage of its interval."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.metrics import (
    accumulate_moments,
    frechet_distance,
    frechet_distance_extrapolated,
    frechet_distance_of_moments,
)
from poise.metrics.frechet import (
    Moments,
    distance_of,
    gaussian_distance,
    gaussian_of_moments,
    moments_of,
    spread_of_halves,
)
from poise.metrics.frechet_at_scale import merged
from poise.metrics.intervals import interval_of_distance


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_scipy(real: Tensor, fake: Tensor) -> float:
    first, second = np.cov(real.numpy().T), np.cov(fake.numpy().T)
    root = scipy.linalg.sqrtm(first @ second)
    apart = ((real.mean(0) - fake.mean(0)) ** 2).sum().item()
    return float(apart + np.trace(first) + np.trace(second) - 2 * np.trace(root).real)


def test_it_is_the_closed_form_for_given_gaussians() -> None:
    # Commuting covariances: |m1 - m2|^2 + sum of (sqrt(l1) - sqrt(l2))^2.
    first = Moments(11, torch.tensor([0.0, 1.0]).double(), 10 * torch.diag(torch.tensor([4.0, 1.0])).double())
    second = Moments(
        11, torch.tensor([3.0, 1.0]).double(), 10 * torch.diag(torch.tensor([1.0, 9.0])).double()
    )
    found = gaussian_distance(gaussian_of_moments(first), gaussian_of_moments(second))
    assert found == pytest.approx(9 + (2 - 1) ** 2 + (1 - 3) ** 2, rel=1e-12)


@pytest.mark.parametrize(("samples", "width"), [(50, 3), (400, 40), (700, 300)])
def test_it_agrees_with_scipy(samples: int, width: int) -> None:
    real, fake = normal(0, samples, width), 1.2 * normal(1, samples + 7, width) + 0.3
    assert distance_of(real, fake) == pytest.approx(by_scipy(real, fake), rel=1e-9)


def test_wide_ill_conditioned_features_fall_back_to_singular_values() -> None:
    scales = torch.logspace(0, -5, 300, dtype=torch.float64)
    real, fake = normal(0, 900, 300) * scales, normal(1, 900, 300) * scales
    exact = ((real.mean(0) - fake.mean(0)) ** 2).sum() + torch.cov(real.T).trace() + torch.cov(fake.T).trace()
    roots = torch.linalg.svdvals(
        torch.linalg.cholesky(torch.cov(real.T)).T @ torch.linalg.cholesky(torch.cov(fake.T))
    )
    assert distance_of(real, fake) == pytest.approx(float(exact - 2 * roots.sum()), rel=1e-7)


@pytest.mark.parametrize(("samples", "width"), [(40, 64), (64, 64), (65, 64), (200, 8)])
def test_identical_sets_are_nought_apart(samples: int, width: int) -> None:
    real = normal(0, samples, width)
    assert 0 <= distance_of(real, real) < 1e-11 * width


def test_fewer_samples_than_dimensions_give_the_value_of_the_space_that_they_span() -> None:
    # Both sets lie in a space of 5 dimensions inside 64: there, N is larger than d.
    basis = torch.linalg.qr(normal(0, 64, 5))[0]
    real, fake = normal(1, 30, 5), 2 * normal(2, 40, 5) + 1
    assert distance_of(real @ basis.T, fake @ basis.T) == pytest.approx(distance_of(real, fake), rel=1e-10)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), samples=st.integers(5, 40), width=st.integers(1, 12))
def test_it_is_symmetric_and_knows_neither_rotation_nor_order(seed: int, samples: int, width: int) -> None:
    real, fake = normal(seed, samples, width), 1.5 * normal(seed + 1, samples + 3, width) + 0.2
    distance = distance_of(real, fake)
    rotation = torch.linalg.qr(normal(seed + 2, width, width))[0]
    order = torch.randperm(samples, generator=torch.Generator().manual_seed(seed))
    margin = 1e-9 * (1 + distance)
    assert distance >= 0
    assert distance_of(fake, real) == pytest.approx(distance, abs=margin)
    assert distance_of(real @ rotation, fake @ rotation) == pytest.approx(distance, abs=margin)
    assert distance_of(real[order], fake) == pytest.approx(distance, abs=margin)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), cut=st.integers(1, 29))
def test_moments_merge_without_loss(seed: int, cut: int) -> None:
    rows = normal(seed, 30, 4) + 100
    both, whole = merged(moments_of(rows[:cut]), moments_of(rows[cut:])), moments_of(rows)
    torch.testing.assert_close(both.mean, whole.mean, rtol=0, atol=1e-10)
    torch.testing.assert_close(both.scatter, whole.scatter, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("width", [8, 64])
def test_a_stream_gives_what_the_whole_gives(width: int) -> None:
    real, fake = normal(0, 200, width), 1.1 * normal(1, 150, width)
    states = []
    for side in (real, fake):
        state = None
        for batch in torch.split(side, 7):
            state = accumulate_moments(state, batch)
        assert state is not None
        states.append(state)
    result, whole = frechet_distance_of_moments(*states), frechet_distance(real, fake)
    assert float(result) == pytest.approx(float(whole), rel=1e-9)
    assert result.reference == whole.reference
    low, high = result.intervals["frechet-distance"]
    assert low < float(result) < high


def test_half_samples_by_products_are_those_by_features() -> None:
    # Columns of noughts change no distance, but with more of them than samples the other way is taken.
    real, fake = normal(0, 200, 4), 1.3 * normal(1, 180, 4)
    narrow = spread_of_halves(1.0, real, fake, 20, seed=3)
    pad = nn.ZeroPad1d((0, 300))
    wide = spread_of_halves(1.0, pad(real), pad(fake), 20, seed=3)
    assert wide.variance == pytest.approx(narrow.variance, rel=1e-8)
    assert wide.excess == pytest.approx(narrow.excess, rel=1e-8)


@pytest.mark.parametrize(("shift", "width"), [(0.0, 8), (1.0, 4)])
def test_the_interval_covers_the_expectation(shift: float, width: int) -> None:
    # 200 repetitions: a true coverage of 95 % gives between 90 % and 99 % but for once in 200 times; the
    # seeds are fixed.
    expectation = float(
        np.mean(
            [
                distance_of(normal(seed, 100, width), normal(-seed - 1, 100, width) + shift)
                for seed in range(1000)
            ]
        )
    )
    hits = 0
    for seed in range(2000, 2200):
        real, fake = normal(seed, 100, width), normal(-seed - 1, 100, width) + shift
        value = distance_of(real, fake)
        low, high = interval_of_distance(value, spread_of_halves(value, real, fake, 60, seed))
        hits += low <= expectation <= high
    assert 0.90 * 200 <= hits <= 0.99 * 200


def test_the_floor_is_what_other_reals_give() -> None:
    real, other = normal(0, 400, 16), normal(1, 400, 16)
    expectation = np.mean(
        [distance_of(normal(seed, 400, 16), normal(-seed, 400, 16)) for seed in range(1, 40)]
    )
    result = frechet_distance(real, other + 3, replicates=20)
    assert result.floors["frechet-distance"] == pytest.approx(expectation, rel=0.25)
    held_out = frechet_distance(real, other + 3, held_out=normal(2, 400, 16), replicates=0)
    assert held_out.floors["frechet-distance"] == pytest.approx(distance_of(real, normal(2, 400, 16)))
    assert "held-out" in held_out.floor_method


def test_the_extrapolation_takes_the_bias_off() -> None:
    # True distance 4; at N = 400 the plain distance is about 5.5 too high.
    real, fake = normal(0, 400, 64), normal(1, 400, 64)
    fake[:, 0] += 2
    plain, result = (
        frechet_distance(real, fake, replicates=40),
        frechet_distance_extrapolated(real, fake, replicates=40),
    )
    assert float(plain) > 8.5
    assert abs(float(result) - 4) < 1
    low, high = result.intervals["frechet-distance-extrapolated"]
    assert low < 4 < high


def test_without_replicates_there_is_a_reason_and_no_interval() -> None:
    result = frechet_distance(normal(0, 20, 2), normal(1, 20, 2), replicates=0)
    assert (result.interval, result.floor) == (None, None)
    assert "replicates=0" in result.interval_method
    assert "replicates=0" in result.floor_method


def test_a_stream_of_too_few_is_refused() -> None:
    few, many = accumulate_moments(None, normal(0, 3, 2)), accumulate_moments(None, normal(0, 30, 2))
    with pytest.raises(PoiseError) as refused:
        frechet_distance_of_moments(few, many)
    assert refused.value.code == "metrics.too-few-samples"
    with pytest.raises(PoiseError) as refused:
        accumulate_moments(many, normal(0, 5, 3))
    assert refused.value.code == "metrics.different-widths"
