"""Who is updated when, on which batch, from which point, and what is made without a graph."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_players import Batches, changed, copied, game, penalty, players_of, small_networks
from torch import Tensor, nn

from poise.dynamics import DYNAMICS, PlayerLoss, Players
from poise.games import Term
from poise.regularisers import clip_weights

SGD = 0.1
LAYOUTS = (torch.contiguous_format, torch.channels_last)


def sgd_players(loss: str = "non-saturating", penalties: tuple[Term, ...] = ()) -> Players:
    return players_of(game(loss, penalties), *small_networks(), lambda own: torch.optim.SGD(own, lr=SGD))


class Watched:
    """Players whose forward passes and updates are counted."""

    def __init__(self, players: Players) -> None:
        self.players = players
        self.updates: list[str] = []
        self.fakes_with_graph: list[bool] = []
        self.scorings = 0
        for player, optimiser in players.optimisers.items():
            optimiser.register_step_post_hook(self._updated(player))
        generator, discriminator = players.networks["generator"], players.networks["discriminator"]
        assert isinstance(generator, nn.Module)
        assert isinstance(discriminator, nn.Module)
        generator.register_forward_hook(self._made)
        discriminator.register_forward_hook(self._scored)

    def _updated(self, player: str) -> Callable[..., None]:
        return lambda *_: self.updates.append(player)

    def _made(self, module: nn.Module, latent: tuple[Tensor, ...], fakes: Tensor) -> None:
        self.fakes_with_graph.append(fakes.requires_grad)

    def _scored(self, module: nn.Module, samples: tuple[Tensor, ...], scores: Tensor) -> None:
        self.scorings += 1


@settings(max_examples=16)
@given(n=st.integers(1, 5), m=st.integers(1, 4))
def test_alternating_draws_a_batch_an_update_but_for_the_one_that_both_share(n: int, m: int) -> None:
    watched, batches = Watched(sgd_players()), Batches()
    DYNAMICS["alternating"].step(watched.players, batches, 0, discriminator_steps=n, generator_steps=m)
    assert watched.updates == ["discriminator"] * n + ["generator"] * m
    assert len(batches.drawn) == n + m - 1
    # One forward of the generator a batch; what only the discriminator sees is made without a graph.
    assert watched.fakes_with_graph == [False] * (n - 1) + [True] * m
    assert watched.scorings == 2 * n + m


def test_a_simultaneous_step_makes_and_scores_once() -> None:
    watched, batches = Watched(sgd_players()), Batches()
    DYNAMICS["simultaneous"].step(watched.players, batches, 0)
    assert sorted(watched.updates) == ["discriminator", "generator"]
    assert len(batches.drawn) == 1
    assert watched.fakes_with_graph == [True]
    assert watched.scorings == 2


def losses_by_hand(players: Players, batch_index: Batches) -> tuple[Tensor, Tensor]:
    """Both players' non-saturating loss on the first batch, written out."""
    batch = batch_index.drawn[0]
    fake = players.networks["generator"](batch.latent)
    real_scores, fake_scores = (players.networks["discriminator"](x) for x in (batch.real, fake))
    discriminator = -(torch.sigmoid(real_scores).log() + torch.sigmoid(-fake_scores).log()).mean()
    return discriminator, -torch.sigmoid(fake_scores).log().mean()


def stepped(parameters: dict[str, Tensor], loss: Tensor) -> dict[str, Tensor]:
    slopes = torch.autograd.grad(loss, list(parameters.values()), retain_graph=True)
    return {
        name: (value - SGD * slope).detach()
        for (name, value), slope in zip(parameters.items(), slopes, strict=True)
    }


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
def test_a_step_is_that_of_gradients_by_hand(name: str) -> None:
    players, reference = sgd_players(), sgd_players()
    batches = Batches()
    DYNAMICS[name].step(players, batches, 0)
    parameters = {player: dict(own) for player, own in reference.parameters.items()}
    discriminator, generator = losses_by_hand(reference, batches)
    wanted = {"discriminator": stepped(parameters["discriminator"], discriminator)}
    if name == "alternating":
        with torch.no_grad():
            for key, value in wanted["discriminator"].items():
                parameters["discriminator"][key].copy_(value)
        _, generator = losses_by_hand(reference, batches)
    wanted["generator"] = stepped(parameters["generator"], generator)
    torch.testing.assert_close(copied(players), wanted)


def test_the_two_dynamics_differ_in_where_the_generator_is_updated_from() -> None:
    both = {name: sgd_players() for name in ("simultaneous", "alternating")}
    for name, players in both.items():
        DYNAMICS[name].step(players, Batches(), 0)
    simultaneous, alternating = (copied(players) for players in both.values())
    torch.testing.assert_close(simultaneous["discriminator"], alternating["discriminator"])
    assert not torch.equal(simultaneous["generator"]["0.weight"], alternating["generator"]["0.weight"])


@pytest.mark.parametrize(
    ("epochs", "turns"),
    [
        ({}, "DDDGGG" * 2),
        ({"discriminator_epochs": 2}, "DDDDDDGGG" * 2),
        ({"generator_epochs": 2}, "DDDGGGGGG" * 2),
    ],
)
def test_alternating_by_epoch_gives_whole_epochs(epochs: dict[str, int], turns: str) -> None:
    players, seen = sgd_players(), ""
    watched = Watched(players)
    for step in range(len(turns)):
        before, batches = copied(players), Batches(step)
        DYNAMICS["alternating-by-epoch"].step(players, batches, step, epoch_steps=3, **epochs)
        assert len(batches.drawn) == 1
        (player,) = changed(players, before)
        seen += player[0].upper()
    assert seen == turns
    assert watched.fakes_with_graph == [turn == "G" for turn in turns]


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
@pytest.mark.parametrize("loss", ["hinge", "relativistic-pairing"])
def test_what_a_step_measured_is_detached_and_named(name: str, loss: str) -> None:
    players = sgd_players(loss, (penalty("r1", 2.0),))
    measured = DYNAMICS[name].step(players, Batches(), 0)
    assert set(measured) == {
        "discriminator_loss",
        "generator_loss",
        "real_scores",
        "fake_scores",
        "penalty_r1",
        "discriminator_gradient_norm",
        "generator_gradient_norm",
    }
    assert not any(value.requires_grad for value in measured.values())
    assert measured["real_scores"].shape == measured["fake_scores"].shape == (6,)


def test_gradient_norms_are_those_of_the_whole_gradient() -> None:
    players, batches = sgd_players(), Batches()
    before = copied(players)
    measured = DYNAMICS["simultaneous"].step(players, batches, 0)
    for player in ("discriminator", "generator"):
        moved = torch.cat(
            [(value - before[player][name]).flatten() for name, value in players.parameters[player].items()]
        )
        torch.testing.assert_close(measured[f"{player}_gradient_norm"], (moved.norm() / SGD).detach())


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
def test_no_gradient_is_left_behind(name: str) -> None:
    players = sgd_players()
    DYNAMICS[name].step(players, Batches(), 0)
    for parameters in players.parameters.values():
        assert all(value.grad is None for value in parameters.values())


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
def test_a_lazy_penalty_is_an_update_of_its_own_when_it_is_due(name: str) -> None:
    lazy = penalty("r1", 1.0, every=3)
    moves = []
    for step in range(4):
        watched = Watched(sgd_players(penalties=(lazy,)))
        measured = DYNAMICS[name].step(watched.players, Batches(step), step)
        moves.append(watched.updates.count("discriminator"))
        assert ("penalty_r1" in measured) == (step % 3 == 0)
        assert watched.updates.count("generator") == 1
    assert moves == [2, 1, 1, 2]


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
def test_a_projection_follows_its_players_updates(name: str) -> None:
    players = sgd_players("wasserstein")
    own = list(players.parameters["discriminator"].values())
    players.projections = {"discriminator": lambda: clip_weights(own, 0.01)}
    DYNAMICS[name].step(players, Batches(), 0)
    assert max(float(value.detach().abs().max()) for value in own) == pytest.approx(0.01)
    free = players.parameters["generator"].values()
    assert max(float(value.detach().abs().max()) for value in free) > 0.1


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
def test_the_games_state_advances_with_the_discriminators_updates(name: str) -> None:
    players = sgd_players("began")
    measured = DYNAMICS[name].step(players, Batches(), 0)
    gap = float(measured["fake_scores"].mean() - 0.5 * measured["real_scores"].mean())
    assert float(players.state["discriminator_loss/balance"]) == pytest.approx(
        min(1.0, max(0.0, 1e-3 * gap)), abs=1e-9
    )


def test_a_parameter_that_a_loss_does_not_reach_stays() -> None:
    discriminator, generator = small_networks()
    generator.register_parameter("unused", nn.Parameter(torch.ones(2, dtype=torch.float64)))
    players = players_of(game("hinge"), discriminator, generator, lambda own: torch.optim.SGD(own, lr=SGD))
    DYNAMICS["alternating"].step(players, Batches(), 0)
    assert players.parameters["generator"]["unused"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("optimiser", [torch.optim.Adam, torch.optim.SGD])
def test_a_gradient_in_another_layout_moves_the_right_weights(optimiser: Callable[..., Any]) -> None:
    """Fused optimisers read plain memory; a penalty's gradient has not the layout of its weight."""
    weights = [torch.zeros(4, 3, 2, 2).to(memory_format=form) for form in LAYOUTS]
    gradient = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    moved = []
    for weight in weights:
        parameter = nn.Parameter(weight)
        players = sgd_players()
        players.parameters = {"discriminator": {"weight": parameter}}
        players.optimisers = {"discriminator": optimiser([parameter], lr=0.1, fused=True)}
        nothing = PlayerLoss(torch.zeros(()), {})
        players.apply_gradients("discriminator", [gradient], (Batches()(), {}, nothing))
        moved.append(parameter.detach())
    assert moved[0].stride() != moved[1].stride()
    torch.testing.assert_close(moved[0], moved[1])
    assert torch.equal(moved[1].sign(), -gradient.sign())
