"""Terms: which are applied when and how heavily, what they carry, and what they share."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_games import (
    R1,
    Networks,
    batch,
    chain,
    game,
    gradient,
    networks,
    parameters,
    penalty,
    squared_slopes,
)
from torch import Tensor

from poise.dynamics import Batch
from poise.games import AdversarialGame, Scoring, Term, View, noise_to_data
from poise.games.adversarial import lazy_share
from poise.games.noise_to_data import from_latent
from poise.losses import LOSSES
from poise.schedules import Schedule

HINGE = LOSSES["hinge"]


def size_of_fakes(view: View) -> Tensor:
    return view.fake.square().sum(1)


def lazy_generator(name: str, every: int, weight: float = 1.0) -> Term:
    return Term(name, "generator", size_of_fakes, weight, every)


# The sum ---------------------------------------------------------------------------------------------------


def test_a_players_loss_is_the_sum_of_its_own_terms_and_of_no_others() -> None:
    nets, one = networks(), batch()
    more = (
        Term("size", "generator", size_of_fakes, 0.5),
        Term("spread", "generator", lambda view: view.fake.abs().amax(1), 2.0),
    )
    plain, played = game("hinge"), noise_to_data(HINGE, (R1,), more=more)
    outputs = plain.forward(nets, one)
    fake = outputs["fake"]
    found = played.loss("generator", nets, one, outputs, {})
    base = plain.loss("generator", nets, one, outputs, {})
    size, spread = fake.square().sum(1).mean(), fake.abs().amax(1).mean()
    torch.testing.assert_close(found.value, base.value + 0.5 * size + 2.0 * spread)
    assert set(found.logs) == {"generator_loss", "size", "spread"}
    torch.testing.assert_close(found.logs["size"], size.detach())
    discriminator = played.loss("discriminator", nets, one, outputs, {})
    assert set(discriminator.logs) == {"real_scores", "fake_scores", "discriminator_loss", "penalty_r1"}


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("images", [0, 250, 1000, 4000])
def test_a_weight_may_follow_a_schedule(images: int, lazy: bool) -> None:
    weight = Schedule(start=4.0, end=2.0, over=0.5)
    term = Term("size", "generator", size_of_fakes, weight, every=3 if lazy else 1)
    played = AdversarialGame(from_latent, (term,))
    nets, plain = networks(), batch()
    one = Batch(plain.real, plain.latent, 0, plain.generator, images_seen=images, run_images=2000)
    outputs = played.forward(nets, one)
    if lazy:
        found = played.lazy_loss("generator", nets, one, None, {})
        assert found is not None
    else:
        found = played.loss("generator", nets, one, outputs, {})
    wanted = (4.0 - 2.0 * min(1.0, images / 1000)) * (3 if lazy else 1)
    torch.testing.assert_close(found.value, wanted * outputs["fake"].square().sum(1).mean())


def test_two_terms_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="'penalty_r1'"):
        game("hinge", R1, penalty("r1", 1.0, every=4))
    with pytest.raises(ValueError, match="'generator_loss'"):
        noise_to_data(HINGE, more=(Term("generator_loss", "discriminator", size_of_fakes),))


def test_a_term_and_an_augmentation_of_one_name_are_refused() -> None:
    """Their numbers would go under one key."""
    scoring = Scoring(augmentations=chain(label_flip={}))
    with pytest.raises(ValueError, match="'label-flip'"):
        noise_to_data(HINGE, (Term("label-flip", "generator", size_of_fakes),), scoring=scoring)


def test_a_term_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="'size' is of 'critic'"):
        noise_to_data(HINGE, (Term("size", "critic", size_of_fakes),))


def test_a_player_without_terms_is_told() -> None:
    alone = AdversarialGame(from_latent, (Term("size", "generator", size_of_fakes),))
    nets, one = networks(), batch()
    with pytest.raises(ValueError, match="no term for the discriminator"):
        alone.loss("discriminator", nets, one, alone.forward(nets, one), {})


# Now and then ----------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(intervals=st.lists(st.integers(1, 12), max_size=5))
def test_the_lazy_share_is_that_of_one_period_counted(intervals: list[int]) -> None:
    lazy = [every for every in intervals if every > 1]
    period = math.lcm(*lazy) if lazy else 1
    due = sum(any(step % every == 0 for every in lazy) for step in range(period))
    assert lazy_share(intervals) == pytest.approx(period / (period + due), rel=1e-12)


def test_the_lazy_share_of_a_player_counts_that_players_terms() -> None:
    played = noise_to_data(HINGE, (penalty("r1", every=16),), more=(lazy_generator("size", 4),))
    assert played.lazy_share("discriminator") == pytest.approx(16 / 17)
    assert played.lazy_share("generator") == pytest.approx(4 / 5)


@pytest.mark.parametrize("every", [2, 4, 8])
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_lazy_term_averages_to_the_steady_one(player: str, every: int) -> None:
    nets, one = networks(), batch()
    own = parameters(nets, player)
    if player == "discriminator":
        lazy, wanted = penalty("r1", 3.0, every), 3.0 * squared_slopes(nets["critic"], one.real).mean() / 2
    else:
        lazy = lazy_generator("size", every, 3.0)
        wanted = 3.0 * nets["generator"](one.latent).square().sum(1).mean()
    played = noise_to_data(HINGE, (lazy,))
    total = [torch.zeros_like(value) for value in own]
    due = 0
    for step in range(every):
        one = batch(step)
        found = played.lazy_loss(player, nets, one, played.forward(nets, one), {})
        if found is not None:
            due += 1
            total = [part + slope for part, slope in zip(total, gradient(found, own), strict=True)]
    assert due == 1
    steady = torch.autograd.grad(wanted, own, allow_unused=True, materialize_grads=True)
    torch.testing.assert_close([value / every for value in total], list(steady))


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_lazy_term_is_no_part_of_the_loss_of_every_step(player: str) -> None:
    nets, one = networks(), batch()
    lazy = noise_to_data(HINGE, (penalty("r1", 3.0, every=4),), more=(lazy_generator("size", 4),))
    outputs = lazy.forward(nets, one)
    plain = game("hinge").loss(player, nets, one, outputs, {})
    for found in (lazy.loss(player, nets, one, outputs, {}), lazy.losses(nets, one, outputs, {})[player]):
        torch.testing.assert_close(found.value, plain.value)
        assert set(found.logs) == set(plain.logs)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_lazy_terms_of_one_player_are_due_each_in_its_turn(player: str) -> None:
    """Those that are due at one step share one update; each has its own factor."""
    terms = {
        "discriminator": (penalty("r1", 1.0, 2), penalty("r2", 5.0, 3)),
        "generator": (lazy_generator("one", 2, 1.0), lazy_generator("other", 3, 5.0)),
    }[player]
    played, nets = noise_to_data(HINGE, terms), networks()
    first, second = (term.name for term in terms)
    due = []
    for step in range(6):
        one = batch(step)
        found = played.lazy_loss(player, nets, one, played.forward(nets, one), {})
        due.append(sorted(found.logs) if found else [])
        if found:
            factors = {first: 2.0, second: 15.0}
            wanted = torch.stack([factors[name] * value for name, value in found.logs.items()]).sum()
            torch.testing.assert_close(found.value.detach(), wanted)
    assert due == [[first, second], [], [first], [second], [first], []]


def test_lazy_terms_of_the_generator_share_one_forward_pass() -> None:
    """The graph of the step's outputs is gone by then; one new one serves all terms that are due."""
    nets, one = networks(), batch()
    generator, made = nets["generator"], 0

    def counting(latent: Tensor) -> Tensor:
        nonlocal made
        made += 1
        return generator(latent)

    watched: Networks = {**nets, "generator": counting}
    scored = Term("scored", "generator", lambda view: -view.fake_scores, every=2)
    played = noise_to_data(HINGE, more=(lazy_generator("one", 2), lazy_generator("other", 3), scored))
    assert played.lazy_loss("generator", watched, one, None, {}) is not None
    assert made == 1
    made = 0
    assert played.lazy_loss("generator", watched, batch(1), None, {}) is None
    assert made == 0, "nothing is due, so nothing is made"


# What a term carries ---------------------------------------------------------------------------------------


def counted(player: str, every: int = 1) -> Term:
    """A term that weighs by how often it was computed, and remembers the mean of the fakes."""

    def value(view: View) -> Tensor:
        return view.state["count"] * view.fake.sum(1)

    def update(state: Mapping[str, Tensor], view: View) -> Mapping[str, Tensor]:
        return {"count": state["count"] + 1, "mean": view.fake.mean()}

    def init() -> dict[str, Tensor]:
        return {"count": torch.tensor(2.0, dtype=torch.float64), "mean": torch.zeros(()).double()}

    return Term("counted", player, value, every=every, init=init, update=update)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_terms_numbers_are_carried_under_its_name(player: str, lazy: bool) -> None:
    played = noise_to_data(HINGE, (counted(player, every=2 if lazy else 1),))
    nets, one = networks(), batch()
    state = played.initial_state()
    assert set(state) == {"counted/count", "counted/mean"}
    outputs = played.forward(nets, one)
    fake = outputs["fake"]
    other = "generator" if player == "discriminator" else "discriminator"
    if lazy:
        found = played.lazy_loss(player, nets, one, outputs, state)
        assert played.lazy_loss(other, nets, one, outputs, state) is None
        assert played.loss(player, nets, one, outputs, state).state == {}, "not yet applied"
        assert found is not None
        torch.testing.assert_close(found.value, 2 * 2 * fake.sum(1).mean())
    else:
        found = played.loss(player, nets, one, outputs, state)
        assert played.loss(other, nets, one, outputs, state).state == {}
        together = played.losses(nets, one, outputs, state)
        assert together[other].state == {}
        assert dict(together[player].state) == dict(found.state)
    assert float(found.state["counted/count"]) == 3.0
    torch.testing.assert_close(found.state["counted/mean"], fake.mean().detach())
    assert not any(value.requires_grad for value in found.state.values())
    assert float(state["counted/count"]) == 2.0, "a loss changes nothing in place"


def test_each_term_sees_its_own_numbers_alone() -> None:
    seen: dict[str, set[str]] = {}

    def carrying(name: str, player: str) -> Term:
        def value(view: View) -> Tensor:
            seen[name] = set(view.state)
            return view.fake.sum(1)

        return Term(name, player, value, init=lambda: {f"of {name}": torch.tensor(0.0)})

    names = {"size": "generator", "size_too": "generator", "other": "discriminator"}
    played = noise_to_data(LOSSES["began"], [carrying(*one) for one in names.items()])
    nets, one = networks(), batch()
    played.losses(nets, one, played.forward(nets, one), played.initial_state())
    assert seen == {name: {f"of {name}"} for name in names}
