"""Lazy terms and the numbers of terms under the dynamics, against loops written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from small_players import Batches, copied, game, penalty, players_of, small_networks
from torch import Tensor, nn
from torch.nn.functional import softplus

from poise.augment import Augmentation
from poise.dynamics import DYNAMICS, Batch, Players
from poise.games import Scoring, Term, View

RATE = 0.1
ONCE_EACH = [name for name in DYNAMICS if name != "alternating-by-epoch"]
"""Those under which a step updates each player once."""


def size_of_fakes(view: View) -> Tensor:
    return view.fake.square().sum(1)


def length_of_fakes(view: View) -> Tensor:
    return (view.fake.square().sum(1) + 1).sqrt()


def sgd(*penalties: Term, more: tuple[Term, ...] = (), **settings: Any) -> Players:
    played = game("non-saturating", penalties, more=more, **settings)
    return players_of(played, *small_networks(), lambda own: torch.optim.SGD(own, lr=RATE))


# Against loops by hand -------------------------------------------------------------------------------------

Due = tuple[Callable[[Batch, nn.Module, nn.Module], Tensor], float, int]
"""The mean of a term, its weight and its interval."""


def stepped_by_hand(
    name: str, networks: tuple[nn.Module, nn.Module], batch: Batch, lazy: Mapping[str, list[Due]]
) -> None:
    """One step of non-saturating losses, then one more update of each player for its terms that are due."""
    discriminator, generator = networks
    own = {"discriminator": list(discriminator.parameters()), "generator": list(generator.parameters())}

    def slopes(player: str) -> list[Tensor]:
        fake = generator(batch.latent)
        if player == "discriminator":
            loss = softplus(-discriminator(batch.real)).mean() + softplus(discriminator(fake)).mean()
        else:
            loss = softplus(-discriminator(fake)).mean()
        return list(torch.autograd.grad(loss, own[player]))

    def descend(player: str, along: list[Tensor]) -> None:
        with torch.no_grad():
            for value, slope in zip(own[player], along, strict=True):
                value.sub_(RATE * slope)

    def descend_lazily(player: str) -> None:
        parts = [
            every * weight * term(batch, discriminator, generator)
            for term, weight, every in lazy[player]
            if batch.step % every == 0
        ]
        if parts:
            total = torch.stack(parts).sum()
            along = torch.autograd.grad(total, own[player], allow_unused=True, materialize_grads=True)
            descend(player, list(along))

    if name == "alternating":
        for player in own:
            descend(player, slopes(player))
            descend_lazily(player)
    else:
        both = {player: slopes(player) for player in own}
        for player, along in both.items():
            descend(player, along)
        for player in own:
            descend_lazily(player)


def size_by_hand(batch: Batch, discriminator: nn.Module, generator: nn.Module) -> Tensor:
    fake: Tensor = generator(batch.latent)
    return fake.square().sum(1).mean()


def length_by_hand(batch: Batch, discriminator: nn.Module, generator: nn.Module) -> Tensor:
    fake: Tensor = generator(batch.latent)
    return (fake.square().sum(1) + 1).sqrt().mean()


def r1_by_hand(batch: Batch, discriminator: nn.Module, generator: nn.Module) -> Tensor:
    real = batch.real.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return slopes.square().sum(1).mean() / 2


GENERATOR_TERMS = (
    Term("size", "generator", size_of_fakes, 0.3, every=3),
    Term("length", "generator", length_of_fakes, 0.2, every=2),
)


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("with_r1", [False, True])
def test_a_lazy_term_is_an_update_of_its_own_every_k_steps_with_k_times_the_weight(
    name: str, count: int, with_r1: bool
) -> None:
    penalties = (penalty("r1", 0.7, every=2),) if with_r1 else ()
    players, by_hand = sgd(*penalties, more=GENERATOR_TERMS[:count]), small_networks()
    terms: list[Due] = [(size_by_hand, 0.3, 3), (length_by_hand, 0.2, 2)]
    lazy: dict[str, list[Due]] = {
        "discriminator": [(r1_by_hand, 0.7, 2)] if with_r1 else [],
        "generator": terms[:count],
    }
    for step in range(7):
        logs = DYNAMICS[name].step(players, Batches(step), step)
        stepped_by_hand(name, by_hand, Batches(step)(), lazy)
        assert ("size" in logs) == (step % 3 == 0)
        assert ("length" in logs) == (count == 2 and step % 2 == 0)
        assert ("penalty_r1" in logs) == (with_r1 and step % 2 == 0)
    modules = dict(zip(("discriminator", "generator"), by_hand, strict=True))
    wanted = {
        player: {key: value.detach() for key, value in module.named_parameters()}
        for player, module in modules.items()
    }
    torch.testing.assert_close(copied(players), wanted)


# Under every dynamics --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ONCE_EACH)
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_lazy_terms_are_applied_under_every_dynamics(name: str, player: str) -> None:
    lazy = Term("lazy", player, lambda view: view.fake_scores, every=2)
    for step, due in ((0, True), (1, False), (2, True)):
        players = sgd(lazy)
        updates = 0

        def count(*_: Any) -> None:
            nonlocal updates
            updates += 1

        plain_players = sgd()
        for one in (players, plain_players):
            one.optimisers[player].register_step_post_hook(count)
        DYNAMICS[name].step(plain_players, Batches(step), step)
        plain, updates = updates, 0
        logs = DYNAMICS[name].step(players, Batches(step), step)
        assert ("lazy" in logs) == due
        assert updates == plain + due


def counter(player: str) -> Term:
    """A term that is the number of updates of its player so far."""

    def value(view: View) -> Tensor:
        return 0 * view.fake_scores + view.state["count"]

    def update(state: Mapping[str, Tensor], view: View) -> Mapping[str, Tensor]:
        return {"count": state["count"] + 1}

    return Term(
        f"counter_{player}",
        player,
        value,
        init=lambda: {"count": torch.tensor(0.0, dtype=torch.float64)},
        update=update,
    )


@pytest.mark.parametrize("name", ONCE_EACH)
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_the_numbers_of_a_term_follow_each_update_of_its_player(name: str, player: str) -> None:
    term = counter(player)
    key = f"{term.name}/count"
    players = sgd(term)
    assert float(players.state[key]) == 0.0
    for step in range(3):
        logs = DYNAMICS[name].step(players, Batches(step), step)
        assert float(logs[term.name]) == step, "the loss sees the number as the last update has left it"
        assert float(players.state[key]) == step + 1


def test_the_numbers_of_a_term_follow_each_of_several_updates() -> None:
    players = sgd(counter("discriminator"), counter("generator"))
    DYNAMICS["alternating"].step(players, Batches(), 0, discriminator_steps=3, generator_steps=2)
    assert {key: float(value) for key, value in players.state.items()} == {
        "counter_discriminator/count": 3.0,
        "counter_generator/count": 2.0,
    }


def test_alternating_by_epoch_carries_the_numbers_of_the_player_whose_epoch_it_is() -> None:
    players = sgd(counter("discriminator"), counter("generator"))
    for step in range(5):
        DYNAMICS["alternating-by-epoch"].step(players, Batches(step), step, epoch_steps=2)
    assert {key: float(value) for key, value in players.state.items()} == {
        "counter_discriminator/count": 3.0,
        "counter_generator/count": 2.0,
    }


@pytest.mark.parametrize(("name", "seen"), [("alternating", 1.0), ("simultaneous", 0.0)])
def test_the_generator_sees_an_augmentations_numbers_after_the_discriminators_update(
    name: str, seen: float
) -> None:
    """Under simultaneous updates both are at the same point; under alternating ones it comes second."""
    found: dict[str, float] = {}

    def watching(view: View) -> Tensor:
        found[view.player] = float(view.context("counting").state["count"])
        return 0 * view.fake_scores

    augmentation = Augmentation(
        "counting",
        lambda samples, context: samples + context.state["count"],
        "Counts.",
        "none",
        init=lambda: {"count": torch.tensor(0.0, dtype=torch.float64)},
        update=lambda state, real, fake, context: {"count": state["count"] + 1},
    )
    terms = [Term(f"watching_{player}", player, watching) for player in ("discriminator", "generator")]
    players = sgd(*terms, scoring=Scoring(augmentations=(augmentation,)))
    DYNAMICS[name].step(players, Batches(), 0)
    assert found == {"discriminator": 0.0, "generator": seen}
    assert float(players.state["counting/count"]) == 1.0


def test_an_update_that_fails_leaves_the_numbers_as_they_were() -> None:
    def broken(view: View) -> Tensor:
        return view.fake_scores * float("nan")

    players = sgd(counter("discriminator"), Term("broken", "discriminator", broken))
    with pytest.raises(Exception, match="not finite"):
        DYNAMICS["alternating"].step(players, Batches(), 0)
    assert float(players.state["counter_discriminator/count"]) == 0.0
