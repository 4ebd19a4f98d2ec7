"""The kernel distance against torchmetrics, closed forms and its own variance."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics import kernel_distance
from poise.metrics.neighbours import TILE


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_is_that_of_torchmetrics_in_float64() -> None:
    from torchmetrics.image.kid import poly_mmd

    real, fake = normal(0, 300, 20), normal(1, 300, 20) * 1.1
    assert float(kernel_distance(real, fake)) == pytest.approx(float(poly_mmd(real, fake)), rel=1e-12)


def test_tiles_do_not_show() -> None:
    real, fake = normal(0, TILE + 17, 3), normal(1, TILE + 300, 3) + 0.2
    products = [(a @ b.T / 3 + 1) ** 3 for a, b in ((real, real), (fake, fake), (real, fake))]
    n, m = len(real), len(fake)
    expected = (products[0].sum() - products[0].trace()) / (n * (n - 1))
    expected += (products[1].sum() - products[1].trace()) / (m * (m - 1)) - 2 * products[2].mean()
    assert float(kernel_distance(real, fake)) == pytest.approx(float(expected), rel=1e-10)


def test_the_gaussian_kernel_has_the_closed_form_of_two_gaussians() -> None:
    # In one dimension and with bandwidth s, E k over N(0, 1) and N(a, 1) is
    # s / sqrt(s^2 + 2) exp(-a^2 / (2 (s^2 + 2))).
    shift, width = 1.0, 0.7
    value = float(
        kernel_distance(normal(0, 4000, 1), normal(1, 4000, 1) + shift, kernel="rbf", bandwidth=width)
    )
    scale = width / np.sqrt(width**2 + 2)
    exact = 2 * scale * (1 - np.exp(-(shift**2) / (2 * (width**2 + 2))))
    assert value == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize("kernel", ["polynomial", "rbf"])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_closed_form_is_the_variance_that_one_sees(
    kernel: Literal["polynomial", "rbf"], shift: float
) -> None:
    # 300 repetitions know their own variance to about 8 %; the bounds are four times that.
    values, halves = [], []
    for seed in range(300):
        result = kernel_distance(
            normal(seed, 60, 3), normal(-seed - 1, 50, 3) + shift, kernel=kernel, bandwidth=2.0
        )
        low, high = result.intervals["kernel-distance"]
        values.append(float(result))
        halves.append((high - low) / 2 / 1.96)
    assert np.mean(np.square(halves)) == pytest.approx(np.var(values), rel=0.35)
    if shift == 0:
        assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)


def test_the_bandwidth_goes_into_the_protocol() -> None:
    result = kernel_distance(normal(0, 50, 4), normal(1, 50, 4), kernel="rbf")
    assert result.settings["bandwidth"] == pytest.approx(2.7, rel=0.2)


def test_an_unknown_kernel_is_named() -> None:
    misspelt: Any = "polynomal"
    with pytest.raises(PoiseError, check=lambda error: error.code == "unknown-kernel"):
        kernel_distance(normal(0, 9, 2), normal(1, 9, 2), kernel=misspelt)
