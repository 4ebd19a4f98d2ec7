"""Dynamics that look ahead or back: each against its recursion, written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from small_players import Batches, changed, copied, game, players_of, small_networks
from torch import Tensor, nn

from poise.dynamics import DYNAMICS, Players
from poise.dynamics.joint import joint
from poise.errors import PoiseError

OPTIMISERS: dict[str, Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]] = {
    "sgd": lambda own: torch.optim.SGD(own, lr=0.05),
    "rmsprop": lambda own: torch.optim.RMSprop(own, lr=0.01, foreach=True),
    "adam": lambda own: torch.optim.Adam(own, lr=0.01, betas=(0.5, 0.9), fused=True),
}
RATE = 0.05


def fresh(optimiser: str = "sgd", loss: str = "non-saturating") -> Players:
    return players_of(game(loss), *small_networks(), OPTIMISERS[optimiser])


def flat(values: dict[str, dict[str, Tensor]]) -> Tensor:
    return torch.cat([value.detach().flatten() for own in values.values() for value in own.values()])


def at(players: Players) -> Tensor:
    return flat({player: dict(own) for player, own in players.parameters.items()})


def set_values(players: Players, values: Tensor) -> None:
    left = values
    for player, own in players.parameters.items():
        sizes = [value.numel() for value in own.values()]
        pieces, left = torch.split(left[: sum(sizes)], sizes), left[sum(sizes) :]
        shaped = [piece.view_as(value) for piece, value in zip(pieces, own.values(), strict=True)]
        players.set_values(player, shaped)


def field(players: Players, values: Tensor, batches: Batches) -> Tensor:
    """The joint gradient field at a point."""
    set_values(players, values)
    found = joint(players, batches()).gradients
    return torch.cat([g.flatten() for own in found.values() for g in own if g is not None])


def steps(name: str, players: Players, count: int, **settings: Any) -> None:
    for step in range(count):
        DYNAMICS[name].step(players, Batches(), step, **settings)


def test_the_number_of_dynamics() -> None:
    assert len(DYNAMICS) == 9


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize(
    ("name", "settings", "same"),
    [
        ("unrolled", {"unrolled_steps": 0}, "alternating"),
        ("consensus", {"weight": 0.0}, "simultaneous"),
        ("symplectic-gradient-adjustment", {"weight": 0.0}, "simultaneous"),
    ],
)
def test_nothing_added_is_the_plain_dynamics(
    name: str, settings: dict[str, Any], same: str, optimiser: str
) -> None:
    one, other = fresh(optimiser), fresh(optimiser)
    steps(name, one, 4, **settings)
    steps(same, other, 4)
    assert torch.equal(at(one), at(other))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("name", list(DYNAMICS))
def test_every_dynamics_moves_both_players_with_every_optimiser(name: str, optimiser: str) -> None:
    players = fresh(optimiser)
    before = copied(players)
    settings = {"epoch_steps": 1} if name == "alternating-by-epoch" else {}
    steps(name, players, 4, **settings)
    assert changed(players, before) == {"discriminator", "generator"}
    assert torch.isfinite(at(players)).all()


def test_extragradient_is_its_two_lines() -> None:
    players, by_hand = fresh(), fresh()
    point = at(by_hand)
    for step in range(3):
        DYNAMICS["extragradient"].step(players, Batches(), step)
        batches = Batches()
        ahead = point - RATE * field(by_hand, point, batches)
        point = point - RATE * field(by_hand, ahead, batches)
    assert torch.allclose(at(players), point, rtol=0, atol=1e-13)


def test_extrapolation_from_the_past_is_its_two_lines() -> None:
    players, by_hand = fresh(), fresh()
    point, past = at(by_hand), torch.zeros_like(at(by_hand))
    for step in range(4):
        DYNAMICS["extrapolation-from-the-past"].step(players, Batches(), step)
        past = field(by_hand, point - RATE * past, Batches())
        point = point - RATE * past
    assert torch.allclose(at(players), point, rtol=0, atol=1e-13)


def test_optimistic_is_its_recursion() -> None:
    players, by_hand = fresh(), fresh()
    point = at(by_hand)
    past = field(by_hand, point, Batches())
    for step in range(4):
        DYNAMICS["optimistic"].step(players, Batches(), step)
        now = field(by_hand, point, Batches())
        point = point - 2 * RATE * now + RATE * past
        past = now
    assert torch.allclose(at(players), point, rtol=0, atol=1e-13)


def test_optimistic_adam_counts_each_of_adams_updates_twice_less_the_one_before() -> None:
    """Daskalakis et al. 2018, algorithm 1, with the moments written out."""
    players, by_hand = fresh("adam"), fresh("adam")
    point = at(by_hand)
    first, second, past = torch.zeros_like(point), torch.zeros_like(point), None
    for number in range(1, 5):
        DYNAMICS["optimistic"].step(players, Batches(), number)
        slope = field(by_hand, point, Batches())
        first, second = 0.5 * first + 0.5 * slope, 0.9 * second + 0.1 * slope**2
        update = -0.01 * (first / (1 - 0.5**number)) / ((second / (1 - 0.9**number)).sqrt() + 1e-8)
        point = point + 2 * update - (update if past is None else past)
        past = update
    assert torch.allclose(at(players), point, rtol=0, atol=1e-12)


def jacobian(players: Players, point: Tensor, size: float = 1e-5) -> Tensor:
    """The field's Jacobian by central differences."""
    columns = []
    for place in range(len(point)):
        shift = torch.zeros_like(point)
        shift[place] = size
        columns.append(
            (field(players, point + shift, Batches()) - field(players, point - shift, Batches())) / (2 * size)
        )
    set_values(players, point)
    return torch.stack(columns, dim=1)


def moved(name: str, players: Players, **settings: Any) -> Tensor:
    """What one step of a dynamics moves along, under plain gradient steps."""
    before = at(players)
    DYNAMICS[name].step(players, Batches(), 0, **settings)
    return (before - at(players)) / RATE


@pytest.mark.parametrize("loss", ["non-saturating", "minimax", "least-squares", "relativistic-pairing"])
def test_consensus_adds_the_gradient_of_half_the_squared_field(loss: str) -> None:
    players = fresh(loss=loss)
    point = at(players)
    wanted = field(players, point, Batches())
    wanted = wanted + 3.0 * jacobian(players, point).T @ wanted
    assert torch.allclose(moved("consensus", players, weight=3.0), wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", ["non-saturating", "minimax", "least-squares"])
def test_symplectic_adjustment_adds_the_turning_part(loss: str) -> None:
    players = fresh(loss=loss)
    point = at(players)
    slope, whole = field(players, point, Batches()), jacobian(players, point)
    turning = (whole - whole.T) / 2
    uphill = whole.T @ slope
    sign = torch.sign((slope @ uphill) * (turning.T @ slope @ uphill) / len(point) + 0.1)
    wanted = slope + 0.5 * sign * turning.T @ slope
    found = moved("symplectic-gradient-adjustment", players, weight=0.5)
    assert torch.allclose(found, wanted, rtol=1e-6, atol=1e-8)


def test_the_unrolled_gradient_is_that_of_the_generators_loss_after_the_discriminators_steps() -> None:
    """By central differences through three plain steps, each made anew from the moved generator."""
    players = fresh()
    before = copied(players)
    DYNAMICS["unrolled"].step(players, Batches(), 0, unrolled_steps=3)
    generator = players.parameters["generator"]
    found = {name: (before["generator"][name] - value.detach()) / RATE for name, value in generator.items()}
    discriminator = players.values("discriminator")
    batch = Batches()()

    def loss_after(name: str, place: int, shift: float) -> float:
        for key, value in before["generator"].items():
            shifted = value.clone()
            if key == name:
                shifted.view(-1)[place] += shift
            generator[key].data.copy_(shifted)
        players.set_values("discriminator", discriminator)
        for _ in range(3):
            played = players.game.forward(players.networks, batch)
            loss = players.game.loss("discriminator", players.networks, batch, played, {})
            slopes = [slope for slope in players.gradients("discriminator", loss) if slope is not None]
            ahead = [p - RATE * g for p, g in zip(players.values("discriminator"), slopes, strict=True)]
            players.set_values("discriminator", ahead)
        played = players.game.forward(players.networks, batch)
        return float(players.game.loss("generator", players.networks, batch, played, {}).value.detach())

    for name, slope in found.items():
        for place in range(0, slope.numel(), 3):
            difference = (loss_after(name, place, 1e-5) - loss_after(name, place, -1e-5)) / 2e-5
            assert float(slope.view(-1)[place]) == pytest.approx(difference, rel=1e-5, abs=1e-9)


def test_looking_ahead_leaves_the_discriminator_one_plain_update_on() -> None:
    one, other = fresh("adam"), fresh("adam")
    DYNAMICS["unrolled"].step(one, Batches(), 0, unrolled_steps=5)
    DYNAMICS["alternating"].step(other, Batches(), 0)
    assert all(
        torch.equal(value, other.parameters["discriminator"][name])
        for name, value in one.parameters["discriminator"].items()
    )
    assert "generator" in changed(one, copied(other))


def test_unrolling_what_is_no_module_names_another_dynamics() -> None:
    players = fresh()
    players.networks = {name: partial(module) for name, module in players.networks.items()}
    with pytest.raises(PoiseError, check=lambda error: error.code == "dynamics.not-a-module"):
        DYNAMICS["unrolled"].step(players, Batches(), 0)
