"""The dynamics on games of two numbers, where theory gives the whole path."""

import math

import pytest
import torch
from small_players import dirac_batch, dirac_players, penalty, place

from poise.dynamics import DYNAMICS

RATE = 0.2


@pytest.mark.parametrize("rate", [0.01, 0.2, 1.0])
def test_simultaneous_gradient_on_a_product_leaves_by_the_same_factor_each_step(rate: float) -> None:
    players = dirac_players(1.0, 1.0, rate)
    for step in range(30):
        before = place(players)
        DYNAMICS["simultaneous"].step(players, dirac_batch, step)
        growth = math.hypot(*place(players)) / math.hypot(*before)
        assert math.isclose(growth, math.sqrt(1 + rate**2), rel_tol=1e-12)
        theta, psi = before
        assert place(players) == pytest.approx((theta + rate * psi, psi - rate * theta), rel=1e-12)


@pytest.mark.parametrize("rate", [0.01, 0.2, 1.0])
def test_alternating_gradient_on_a_product_keeps_to_an_ellipse(rate: float) -> None:
    players = dirac_players(1.0, 0.5, rate)
    theta, psi = place(players)
    kept = theta**2 + psi**2 - rate * theta * psi
    for step in range(300):
        theta, psi = place(players)
        DYNAMICS["alternating"].step(players, dirac_batch, step)
        psi -= rate * theta
        assert place(players) == pytest.approx((theta + rate * psi, psi), rel=1e-12, abs=1e-12)
        theta, psi = place(players)
        assert math.isclose(theta**2 + psi**2 - rate * theta * psi, kept, rel_tol=1e-9)


def test_n_moves_to_m_follow_the_product_in_turn() -> None:
    players = dirac_players(1.0, 0.5, RATE)
    theta, psi = place(players)
    DYNAMICS["alternating"].step(players, dirac_batch, 0, discriminator_steps=3, generator_steps=2)
    for _ in range(3):
        psi -= RATE * theta
    for _ in range(2):
        theta += RATE * psi
    assert place(players) == pytest.approx((theta, psi), rel=1e-12)


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
def test_r1_makes_the_product_converge_by_the_factor_of_its_matrix(name: str) -> None:
    gamma = 0.5
    players = dirac_players(1.0, 1.0, RATE, penalties=(penalty("r1", gamma),))
    discriminator = torch.tensor([[1.0, 0.0], [-RATE, 1 - RATE * gamma]], dtype=torch.float64)
    generator = torch.tensor([[1.0, RATE], [0.0, 1.0]], dtype=torch.float64)
    both = torch.tensor([[1.0, RATE], [-RATE, 1 - RATE * gamma]], dtype=torch.float64)
    step_matrix = generator @ discriminator if name == "alternating" else both
    steps = 60
    for step in range(steps):
        DYNAMICS[name].step(players, dirac_batch, step)
    wanted = torch.linalg.matrix_power(step_matrix, steps) @ torch.ones(2, dtype=torch.float64)
    assert place(players) == pytest.approx(tuple(wanted.tolist()), rel=1e-9)
    assert math.hypot(*place(players)) < 0.3 < math.sqrt(2)


def test_the_unregularised_game_of_mescheder_does_not_converge_and_with_r1_it_does() -> None:
    """GAN_stability's Dirac-GAN: start (1, 1), step size 0.2, 500 steps."""
    ends = {}
    for gamma in (0.0, 1.0):
        penalties = (penalty("r1", gamma),) if gamma else ()
        players = dirac_players(1.0, 1.0, RATE, loss="minimax", penalties=penalties)
        for step in range(500):
            DYNAMICS["simultaneous"].step(players, dirac_batch, step)
        ends[gamma] = math.hypot(*place(players))
    assert ends[0.0] > math.sqrt(2)
    assert ends[1.0] < 1e-6
