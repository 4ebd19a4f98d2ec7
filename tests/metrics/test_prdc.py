"""Precision, recall, density and coverage against the public package, and where that one fails."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics import nearest_neighbour_two_sample_test, precision_recall_density_coverage
from poise.metrics.neighbours import NAMES, TILE, WIDE_TILE, nearest, prdc, squared_radii


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 1000),
    sizes=st.tuples(st.integers(8, 60), st.integers(8, 60)),
    width=st.integers(1, 10),
    k=st.integers(1, 6),
    spread=st.floats(0.3, 2),
)
def test_they_are_those_of_the_public_package_on_distinct_points(
    seed: int, sizes: tuple[int, int], width: int, k: int, spread: float
) -> None:
    real, fake = normal(seed, sizes[0], width), spread * normal(seed + 1, sizes[1], width) + 0.3
    expected = compute_prdc(real.numpy(), fake.numpy(), k)
    found = dict(zip(NAMES, prdc(real, fake, k).tolist(), strict=True))
    assert found == pytest.approx({name: float(expected[name]) for name in NAMES}, abs=1e-12)


def test_duplicated_points_count_as_near() -> None:
    # Ten points, each ten times: every neighbourhood is a point, and every fake lies on one.
    points = normal(0, 10, 3).repeat_interleave(10, 0)
    assert prdc(points, points, 5)[[0, 1, 3]].tolist() == [1.0, 1.0, 1.0]
    public = compute_prdc(points.numpy(), points.numpy(), 5)
    assert public["coverage"] < 1, "the public package has mended this: say so in the documentation"
    far = prdc(points, points + 100, 5)
    assert far.tolist() == [0.0, 0.0, 0.0, 0.0]


def test_half_of_the_modes_is_half_of_the_coverage() -> None:
    centres = torch.tensor([[0.0, 0.0], [100.0, 0.0]]).double()
    real = centres.repeat_interleave(200, 0) + normal(0, 400, 2)
    fake = normal(1, 400, 2)
    result = precision_recall_density_coverage(real, fake)
    assert result.values["coverage"] == pytest.approx(0.5, abs=0.01)
    assert result.values["precision"] > 0.95


def test_tiles_do_not_show() -> None:
    real, fake = normal(0, TILE + 31, 4), normal(1, WIDE_TILE + 77, 4)
    distances = torch.cdist(real, fake, compute_mode="donot_use_mm_for_euclid_dist")
    least, number = nearest(real, fake)
    torch.testing.assert_close(least.sqrt(), distances.min(1).values, rtol=0, atol=1e-7)
    assert torch.equal(number, distances.argmin(1))
    own = torch.cdist(fake, fake, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    torch.testing.assert_close(nearest(fake)[0].sqrt(), own.min(1).values, rtol=0, atol=1e-7)
    torch.testing.assert_close(squared_radii(fake, 3).sqrt(), own.kthvalue(3).values, rtol=0, atol=1e-7)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), width=st.integers(2, 6))
def test_they_know_neither_rotation_nor_shift_nor_order(seed: int, width: int) -> None:
    real, fake = normal(seed, 30, width), normal(seed + 1, 25, width)
    rotation = torch.linalg.qr(normal(seed + 2, width, width))[0]
    order = torch.randperm(30, generator=torch.Generator().manual_seed(seed))
    plain = prdc(real, fake, 3).tolist()
    assert prdc(real @ rotation + 5, fake @ rotation + 5, 3).tolist() == pytest.approx(plain, abs=1e-12)
    assert prdc(real[order], fake, 3).tolist() == pytest.approx(plain, abs=1e-12)
    other_way = prdc(fake, real, 3).tolist()
    assert [other_way[1], other_way[0]] == pytest.approx(plain[:2], abs=1e-12)


def test_the_interval_is_as_wide_as_the_spread_that_one_sees() -> None:
    # 60 repetitions know their own standard deviation to about 9 %; the bounds leave a factor of 1.5.
    values, halves = [], []
    for seed in range(60):
        result = precision_recall_density_coverage(
            normal(seed, 300, 4), 0.8 * normal(-seed - 1, 300, 4), replicates=12
        )
        values.append([result.values[name] for name in NAMES])
        halves.append([(high - low) / 2 for low, high in result.intervals.values()])
    # With 6 cuts the quantile is 2.45 and not 1.96.
    ratio = np.sqrt(np.mean(np.square(halves), 0)) / 2.45 / np.std(values, 0)
    assert (ratio > 1 / 1.5).all()
    assert (ratio < 1.5).all()


def test_reals_against_reals_are_the_floor() -> None:
    # Naeem et al. 2020: the expected coverage of equal distributions and sizes is 1 - 2^-k for many samples.
    result = precision_recall_density_coverage(normal(0, 400, 3), normal(1, 400, 3) + 9)
    assert result.floors["coverage"] == pytest.approx(1 - 2**-5, abs=0.02)
    assert result.values["coverage"] < 0.01


def test_a_copy_is_below_one_half_and_a_stranger_above() -> None:
    real = normal(0, 100, 3)
    assert nearest_neighbour_two_sample_test(real, real).values["accuracy"] == 0.0
    assert nearest_neighbour_two_sample_test(real, real + 50).values["accuracy"] == 1.0
    alike = nearest_neighbour_two_sample_test(normal(0, 1000, 3), normal(1, 800, 3))
    low, high = alike.intervals["accuracy"]
    assert low < 0.5 < high
    # Every point twice on either side: as near to its own side as to the other.
    twice = real.repeat(2, 1)
    assert nearest_neighbour_two_sample_test(twice, twice).values["accuracy"] == 0.5


def test_too_few_samples_are_refused_with_the_number_needed() -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.too-few-samples"):
        precision_recall_density_coverage(normal(0, 20, 2), normal(1, 5, 2))
    with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.no-neighbour"):
        precision_recall_density_coverage(normal(0, 20, 2), normal(1, 20, 2), 0)
    tiny = precision_recall_density_coverage(normal(0, 8, 2), normal(1, 8, 2))
    assert tiny.interval is None
    assert "needs 12" in tiny.interval_method
