"""A value that is not finite stops the update, is named, and changes nothing of the player."""

import copy
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
import torch
from small_players import Batches, copied, game, players_of, small_networks
from torch import Tensor

from poise.dynamics import DYNAMICS, Batch, NonFiniteError, Players

DYNAMICS_NAMES = ["simultaneous", "alternating"]


def healthy_players() -> Players:
    """Players with Adam after two steps, so that their optimisers have a state."""
    adam = partial(torch.optim.Adam, lr=1e-3)
    players = players_of(game("non-saturating"), *small_networks(), adam)
    for step in range(2):
        DYNAMICS["alternating"].step(players, Batches(step), step)
    return players


def states(players: Players) -> dict[str, Mapping[str, Any]]:
    return {player: copy.deepcopy(own.state_dict()["state"]) for player, own in players.optimisers.items()}


def fails(players: Players, name: str, batches: Callable[[], Batch] | None = None) -> NonFiniteError:
    with pytest.raises(NonFiniteError) as failure:
        DYNAMICS[name].step(players, batches or Batches(2), 2)
    return failure.value


def spoil_gradients(parameter: Tensor, spoil: Callable[[Tensor], Tensor]) -> None:
    parameter.register_hook(spoil)


class Spoilt(Batches):
    """Batches with one value replaced."""

    def __init__(self, place: str, value: float) -> None:
        super().__init__(2)
        self.place, self.value = place, value

    def __call__(self) -> Batch:
        batch = super().__call__()
        getattr(batch, self.place)[1, 0] = self.value
        return batch


@pytest.mark.parametrize("name", DYNAMICS_NAMES)
@pytest.mark.parametrize(
    ("place", "called", "value"),
    [
        ("real", "real samples", math.nan),
        ("real", "real samples", math.inf),
        ("real", "real samples", -math.inf),
        ("latent", "latents", math.nan),
    ],
)
def test_a_spoilt_batch_is_named_and_changes_nothing(
    place: str, called: str, name: str, value: float
) -> None:
    players = healthy_players()
    weights, slots = copied(players), states(players)
    failure = fails(players, name, Spoilt(place, value))
    assert (failure.tensor, failure.player) == (called, "discriminator")
    torch.testing.assert_close(copied(players), weights, rtol=0, atol=0)
    torch.testing.assert_close(states(players), slots, rtol=0, atol=0)


@pytest.mark.parametrize("name", DYNAMICS_NAMES)
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_spoilt_weight_is_named_and_changes_nothing(player: str, name: str) -> None:
    players = healthy_players()
    with torch.no_grad():
        players.parameters[player]["2.weight"][0, 1] = math.nan
    weights, slots = copied(players), states(players)
    failure = fails(players, name)
    assert failure.tensor == f"{player}'s weight 2.weight"
    assert failure.player == "discriminator"
    torch.testing.assert_close(copied(players), weights, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(states(players), slots, rtol=0, atol=0)


@pytest.mark.parametrize("name", DYNAMICS_NAMES)
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_spoilt_gradient_is_named_and_its_player_is_not_updated(player: str, name: str) -> None:
    players = healthy_players()

    def spoil(slope: Tensor) -> Tensor:
        slope = slope.clone()
        slope.view(-1)[0] = math.inf
        return slope

    spoil_gradients(players.parameters[player]["0.bias"], spoil)
    weights, slots = copied(players), states(players)
    failure = fails(players, name)
    assert (failure.tensor, failure.player) == (f"gradient of the {player}'s 0.bias", player)
    torch.testing.assert_close(copied(players)[player], weights[player], rtol=0, atol=0)
    torch.testing.assert_close(states(players)[player], slots[player], rtol=0, atol=0)
    assert all(value.grad is None for value in players.parameters[player].values())


@pytest.mark.parametrize("name", DYNAMICS_NAMES)
def test_scores_that_overflow_are_named_before_the_loss_made_of_them(name: str) -> None:
    players = healthy_players()
    with torch.no_grad():
        players.parameters["discriminator"]["0.weight"].fill_(1e300)
        players.parameters["discriminator"]["2.weight"].fill_(1e300)
    assert fails(players, name).tensor == "real scores"


@pytest.mark.parametrize("name", DYNAMICS_NAMES)
def test_samples_that_overflow_are_named(name: str) -> None:
    players = healthy_players()
    with torch.no_grad():
        players.parameters["generator"]["2.weight"].fill_(1.7e308)
        players.parameters["generator"]["0.bias"].fill_(9.0)
    assert fails(players, name).tensor == "fake samples"


def test_finite_gradients_whose_norm_overflows_are_told_apart() -> None:
    players = healthy_players()
    spoil_gradients(players.parameters["discriminator"]["0.bias"], lambda slope: slope.new_full((5,), 1e200))
    assert fails(players, "alternating").tensor == "norm of the discriminator's gradient"


def test_the_message_says_what_and_whose() -> None:
    assert str(NonFiniteError("latents", "generator")) == (
        "a value that is not finite in the latents, in the generator's update"
    )
