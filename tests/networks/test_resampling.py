"""Resampling by [1, 3, 3, 1] against scipy, its derivatives, and its transformations."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy.signal import upfirdn
from torch import Tensor

from poise.networks.resampling import doubled, halved, smoothed

TAPS = np.array([1.0, 3.0, 3.0, 1.0])
SHAPES = [(2, 3, 4, 4), (1, 2, 6, 10), (3, 1, 2, 8)]


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def along_both(images: np.ndarray, up: int, down: int, first: int, taps: np.ndarray) -> np.ndarray:
    """The filter along height and width by scipy, from its value at `first` on."""
    for axis in (2, 3):
        wanted = images.shape[axis] * up // down
        whole = upfirdn(taps, images, up=up, axis=axis)
        images = np.take(whole, range(first, first + down * wanted, down), axis=axis)
    return images


@pytest.mark.parametrize("shape", SHAPES)
def test_doubling_and_halving_are_scipys(shape: tuple[int, ...]) -> None:
    images = noise(*shape)
    up = along_both(images.numpy(), 2, 1, 1, TAPS / 4)
    down = along_both(images.numpy(), 1, 2, 2, TAPS / 8)
    np.testing.assert_allclose(doubled(images).numpy(), up, atol=1e-12)
    np.testing.assert_allclose(halved(images).numpy(), down, atol=1e-12)
    np.testing.assert_allclose(doubled(images.float()).numpy(), up, atol=1e-6)
    np.testing.assert_allclose(halved(images.float()).numpy(), down, atol=1e-6)


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_smoothing_is_scipys(padding: int) -> None:
    images = noise(2, 3, 5, 6)
    wide = np.pad(images.numpy(), [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    whole = upfirdn(TAPS / 8, upfirdn(TAPS / 8, wide, axis=2), axis=3)
    wanted = 4 * whole[:, :, 3:-3, 3:-3]
    np.testing.assert_allclose(smoothed(images, padding, gain=4.0).numpy(), wanted, atol=1e-12)


def test_half_of_an_odd_side_is_rounded_up() -> None:
    images = noise(1, 2, 5, 7)
    wide = torch.nn.functional.pad(images, (0, 1, 0, 1))
    assert halved(images).shape == (1, 2, 3, 4)
    assert torch.equal(halved(images), halved(wide))


FILTERS = [doubled, halved, partial(smoothed, padding=1, gain=4.0), partial(smoothed, padding=2)]


@pytest.mark.parametrize("function", FILTERS)
def test_they_can_be_differentiated_twice(function: partial[Tensor]) -> None:
    images = noise(2, 2, 4, 3).requires_grad_()
    assert torch.autograd.gradcheck(function, (images,))
    assert torch.autograd.gradgradcheck(function, (images,))


@pytest.mark.parametrize("function", FILTERS)
def test_many_games_are_each_by_itself(function: partial[Tensor]) -> None:
    images = noise(3, 2, 2, 4, 4)

    def slopes(images: Tensor) -> Tensor:
        found: Tensor = torch.func.grad(lambda one: function(one).square().sum())(images)
        return found

    each = torch.stack([slopes(one) for one in images])
    torch.testing.assert_close(torch.func.vmap(slopes)(images), each)


@pytest.mark.parametrize("function", FILTERS)
def test_channels_last_stays(function: partial[Tensor]) -> None:
    images = noise(2, 8, 8, 8).float()
    made = function(images.contiguous(memory_format=torch.channels_last))
    assert made.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(made, function(images))


@pytest.mark.parametrize("function", [doubled, halved])
def test_half_precision_is_filtered_in_single_precision(function: partial[Tensor]) -> None:
    images = noise(2, 3, 4, 6).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        made, full = function(images), function(images.float())
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, full.bfloat16())
    assert torch.equal(full, function(images.float()))
