"""Leading eigenvalues against dense Jacobians and against what theory knows."""

from __future__ import annotations

import cmath
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_players import Batches, dirac_batch, dirac_players, game, penalty, players_of, small_networks
from torch import Tensor

from poise.dynamics import Players
from poise.dynamics.eigenvalues import arnoldi, leading_eigenvalues
from poise.dynamics.joint import flat_field, joint
from poise.games import Term


def dense_jacobian(players: Players, batches: Batches) -> Tensor:
    """By central differences of the field itself, parameter by parameter."""
    batch = batches()
    parameters, _ = flat_field(players, joint(players, batch))
    columns = []
    for parameter in parameters:
        for place in range(parameter.numel()):
            ends = []
            for shift in (1e-5, -1e-5):
                with torch.no_grad():
                    parameter.view(-1)[place] += shift
                _, gradients = flat_field(players, joint(players, batch))
                ends.append(torch.cat([gradient.detach().reshape(-1) for gradient in gradients]))
                with torch.no_grad():
                    parameter.view(-1)[place] -= shift
            columns.append((ends[0] - ends[1]) / 2e-5)
    return torch.stack(columns, 1)


@pytest.mark.parametrize("penalties", [(), (penalty("r1", 0.5),)])
def test_they_are_those_of_the_dense_jacobian(penalties: tuple[Term, ...]) -> None:
    played = game("non-saturating", penalties)
    players = players_of(played, *small_networks(), partial(torch.optim.SGD, lr=0.1))
    dense = torch.linalg.eigvals(dense_jacobian(players, Batches()))
    wanted = sorted(dense.tolist(), key=lambda value: -abs(value))
    found = leading_eigenvalues(players, Batches()(), count=4, subspace=60)
    assert found.size == len(dense)
    for value, true in zip(found.values, wanted, strict=False):
        assert abs(value) == pytest.approx(abs(true), rel=1e-5)
        assert min(abs(value - one) for one in wanted) < 1e-5
    assert max(found.residuals) < 1e-6


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
def test_the_dirac_gan_has_those_of_the_paper(gamma: float) -> None:
    """At (0, 0), f'(0) = 1/2: gamma/2 +- sqrt(gamma^2 / 4 - 1/4), Mescheder et al. 2018, theorem 4.1."""
    penalties = (penalty("r1", gamma),) if gamma else ()
    players = dirac_players(0.0, 0.0, 0.1, loss="minimax", penalties=penalties)
    found = leading_eigenvalues(players, dirac_batch(), count=2)
    root = cmath.sqrt(gamma**2 / 4 - 0.25)
    for wanted in (gamma / 2 + root, gamma / 2 - root):
        assert min(abs(value - wanted) for value in found.values) < 1e-6


@settings(max_examples=20)
@given(size=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_whole_space_gives_every_eigenvalue(size: int, seed: int) -> None:
    matrix = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = arnoldi(lambda vector: matrix @ vector, size, count=size, subspace=size, seed=seed)
    wanted = sorted(torch.linalg.eigvals(matrix).abs().tolist(), reverse=True)
    assert [abs(value) for value in found.values] == pytest.approx(wanted, rel=1e-6, abs=1e-8)


def test_a_small_space_finds_what_stands_out_and_says_how_well() -> None:
    spectrum = torch.cat([torch.tensor([9.0, -7.0]), torch.linspace(-1, 1, 300)]).double()
    found = arnoldi(lambda vector: spectrum * vector, 302, count=3, subspace=25)
    assert found.values[0] == pytest.approx(9.0, abs=1e-8)
    assert found.values[1] == pytest.approx(-7.0, abs=1e-8)
    assert found.residuals[0] < 1e-6 < found.residuals[2]
