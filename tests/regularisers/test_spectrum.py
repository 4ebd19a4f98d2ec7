"""The regulariser of spectra: an optimal assignment, scales, its slope, and what it leaves out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.func import vmap

from poise.regularisers import spectrum
from poise.regularisers.spectrum import TINY
from poise.spectra import radial_power


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def paid(real: Tensor, fake: Tensor) -> Tensor:
    return spectrum(SimpleNamespace(real=real, fake=fake))


@pytest.mark.parametrize("shape", [(8,), (2, 8), (1, 6, 8), (1, 4, 4, 4)])
def test_the_same_samples_in_another_order_pay_nothing(shape: tuple[int, ...]) -> None:
    real = noise(6, *shape)
    assert float(paid(real, real.flip(0)).abs().max()) == 0


@pytest.mark.parametrize("scale", [0.25, 1.5])
def test_amplitudes_that_are_wrong_by_a_factor_pay_its_squared_distance_to_1(scale: float) -> None:
    real = noise(50, 2, 16)
    assert float(paid(real, scale * real).mean()) == pytest.approx((scale - 1) ** 2, rel=1e-4)


def test_it_is_the_least_cost_of_moving_one_sides_amplitudes_to_the_others() -> None:
    real, fake = noise(9, 2, 12), 2 * noise(9, 2, 12, seed=1)
    powers = [radial_power(side) for side in (real, fake)]
    own, other = ((power / powers[0].mean(0) + TINY).sqrt().flatten(1) for power in powers)
    least = []
    for one, another in zip(own.T, other.T, strict=True):
        costs = (one[:, None] - another[None, :]).square()
        least.append(costs[linear_sum_assignment(costs.numpy())].mean())
    torch.testing.assert_close(paid(real, fake).mean(), torch.stack(least).mean())


def test_its_slope_is_that_of_finite_differences_and_reals_have_none() -> None:
    real, fake = noise(4, 1, 6).requires_grad_(), noise(4, 1, 6, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda given: paid(real.detach(), given).mean(), fake)
    (none,) = torch.autograd.grad(paid(real, fake).mean(), real, allow_unused=True)
    assert none is None


def test_channels_that_stand_still_in_reals_are_not_counted() -> None:
    real, fake = noise(6, 1, 8), noise(6, 1, 8, seed=1)
    still, moving = torch.ones(6, 1, 8, dtype=torch.float64), noise(6, 1, 8, seed=2)
    together = paid(torch.cat([real, still], 1), torch.cat([fake, moving], 1))
    torch.testing.assert_close(together, paid(real, fake))


def test_power_that_nobody_has_pays_nothing_and_half_precision_is_taken() -> None:
    nothing = torch.zeros(3, 1, 8)
    assert paid(nothing, nothing).tolist() == [0, 0, 0]
    real = noise(6, 1, 8)
    half = paid(real.to(torch.bfloat16), 2 * real.to(torch.bfloat16))
    assert half.dtype == torch.float32
    assert float(half.mean()) == pytest.approx(1, rel=1e-3)


def test_many_games_at_once_pay_what_each_pays_alone() -> None:
    real, fake = noise(3, 5, 1, 4, 4), noise(3, 5, 1, 4, 4, seed=1)
    together = vmap(paid)(real, fake)
    alone = torch.stack([paid(*pair) for pair in zip(real, fake, strict=True)])
    torch.testing.assert_close(together, alone)
