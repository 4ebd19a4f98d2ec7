"""The game of noise to data: what each player pays, by hand, and what is added to what is scored."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from poise.dynamics import Batch
from poise.games import NoiseToData, WeightedPenalty
from poise.losses import LOSSES
from poise.penalties import PENALTIES

Networks = dict[str, Callable[..., Tensor]]

R1 = WeightedPenalty("r1", PENALTIES["r1"].penalty, 3.0)


def game(loss: str, **more: Any) -> NoiseToData:
    chosen = LOSSES[loss]
    return NoiseToData(
        loss=chosen, discriminator_loss=chosen.discriminator, advance_loss=chosen.advance, **more
    )


def batch(step: int = 0, *, seed: int = 0, samples: int = 6, shape: tuple[int, ...] = (2,)) -> Batch:
    stream = torch.Generator().manual_seed(seed)
    real = torch.randn(samples, *shape, generator=stream, dtype=torch.float64)
    latent = torch.randn(samples, 3, generator=stream, dtype=torch.float64)
    return Batch(real, latent, step, stream)


def networks(values: int = 2) -> Networks:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        discriminator = nn.Sequential(nn.Linear(values, 5), nn.Softplus(), nn.Linear(5, 1), nn.Flatten(0))
        generator = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    discriminator, generator = discriminator.double(), generator.double()
    return {"discriminator": discriminator, "generator": generator, "critic": discriminator}


def parameters(networks: Networks, player: str) -> list[Tensor]:
    module = networks[player]
    assert isinstance(module, nn.Module)
    return list(module.parameters())


def state_of(loss: str) -> dict[str, Tensor]:
    return {name: torch.tensor(0.3, dtype=torch.float64) for name in LOSSES[loss].initial_state}


# What each player pays -------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["non-saturating", "least-squares", "relativistic-pairing"])
@pytest.mark.parametrize(
    "more", [{}, {"instance_noise": 0.3, "packing": 2, "penalties": (R1,)}], ids=["bare", "with all"]
)
def test_one_pass_for_reals_and_fakes_costs_what_two_cost(loss: str, more: dict[str, Any]) -> None:
    found = []
    packs = "packing" in more
    for in_one_pass in (False, True):
        plain, one = networks(4 if packs else 2), batch(shape=(2, 1) if packs else (2,))
        inner = plain["discriminator"]
        assert isinstance(inner, nn.Module)
        flat = nn.Sequential(nn.Flatten(), inner)
        nets: Networks = {**plain, "discriminator": flat, "critic": flat}
        playing = game(loss, in_one_pass=in_one_pass, **more)
        played = {"fake": torch.tanh(one.real.flip(0))}
        cost = playing.cost("discriminator", nets, one, played, {})
        both = playing.costs(nets, one, played, {})
        slopes = torch.autograd.grad(cost.value, parameters(nets, "discriminator"))
        found.append(({**cost.measured}, slopes, both["discriminator"].value, both["generator"].value))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_costs_are_the_mean_losses_of_the_networks_scores(loss: str) -> None:
    chosen, nets, one, state = LOSSES[loss], networks(), batch(), state_of(loss)
    played = game(loss).play(nets, one)
    assert torch.equal(played["fake"], nets["generator"](one.latent))
    real, fake = nets["discriminator"](one.real), nets["discriminator"](played["fake"])
    discriminator = game(loss).cost("discriminator", nets, one, played, state)
    generator = game(loss).cost("generator", nets, one, played, state)
    torch.testing.assert_close(discriminator.value, chosen.discriminator(real, fake, **state).mean())
    torch.testing.assert_close(generator.value, chosen.generator(real, fake).mean())
    torch.testing.assert_close(discriminator.measured["real_scores"], real.detach())
    torch.testing.assert_close(discriminator.measured["fake_scores"], fake.detach())


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("more", [{}, {"packing": 2}, {"instance_noise": 0.3}, {"label_flip": 0.4}], ids=str)
def test_both_costs_at_one_point_are_the_cost_of_each(loss: str, more: dict[str, Any]) -> None:
    played_game = game(loss, penalties=(R1,), **more)
    nets, state = networks(2 * more.get("packing", 1)), state_of(loss)
    together = played_game.costs(nets, batch(), played_game.play(nets, batch()), state)
    assert set(together) == set(played_game.players)
    for player in played_game.players:
        one = batch()
        alone = played_game.cost(player, nets, one, played_game.play(nets, one), state)
        torch.testing.assert_close(together[player].value, alone.value)
        assert set(together[player].measured) == set(alone.measured)
        own = parameters(nets, player)
        torch.testing.assert_close(
            torch.autograd.grad(together[player].value, own, retain_graph=True),
            torch.autograd.grad(alone.value, own, retain_graph=True),
        )


@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_generators_cost_reaches_the_discriminator_only_through_fakes(loss: str) -> None:
    nets, one, state = networks(), batch(), state_of(loss)
    real = one.real.requires_grad_()
    played = game(loss).play(nets, one)
    cost = game(loss).cost("generator", nets, one, played, state)
    by_real = torch.autograd.grad(cost.value, real, allow_unused=True, retain_graph=True)
    assert all(slope is None for slope in by_real)
    assert all(bool(slope.any()) for slope in torch.autograd.grad(cost.value, parameters(nets, "generator")))


@pytest.mark.parametrize("loss", list(LOSSES))
def test_what_the_discriminator_pays_for_fixed_fakes_never_reaches_the_generator(loss: str) -> None:
    nets, one, state = networks(), batch(), state_of(loss)
    played_game = game(loss, penalties=(R1, WeightedPenalty("r2", PENALTIES["r2"].penalty, 1.0)))
    fixed = {"fake": played_game.play(nets, one)["fake"].detach()}
    cost = played_game.cost("discriminator", nets, one, fixed, state)
    found = torch.autograd.grad(cost.value, parameters(nets, "generator"), allow_unused=True)
    assert all(slope is None for slope in found)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_what_was_measured_is_detached(player: str) -> None:
    played_game, nets, one = game("relativistic-pairing", penalties=(R1,)), networks(), batch()
    cost = played_game.cost(player, nets, one, played_game.play(nets, one), {})
    assert cost.value.requires_grad
    assert not any(value.requires_grad for value in cost.measured.values())


def test_only_a_relativistic_generator_has_its_reals_scored() -> None:
    scored: list[int] = []
    nets = networks()
    discriminator = nets["discriminator"]

    def counting(samples: Tensor) -> Tensor:
        scored.append(len(samples))
        return discriminator(samples)

    for loss in LOSSES.values():
        scored.clear()
        played_game, one = game(loss.name), batch()
        played = played_game.play(nets, one)
        played_game.cost("generator", {**nets, "discriminator": counting}, one, played, state_of(loss.name))
        assert len(scored) == (2 if loss.relativistic else 1)


# Penalties -------------------------------------------------------------------------------------------------


def test_steady_penalties_are_added_with_their_weights() -> None:
    nets, one = networks(), batch()
    r2 = WeightedPenalty("r2", PENALTIES["r2"].penalty, 0.5)
    plain = game("hinge")
    played = plain.play(nets, one)
    base = plain.cost("discriminator", nets, one, played, {}).value
    cost = game("hinge", penalties=(R1, r2)).cost("discriminator", nets, one, played, {})
    first = PENALTIES["r1"].penalty(nets["critic"], one.real, played["fake"], generator=one.generator).mean()
    second = PENALTIES["r2"].penalty(nets["critic"], one.real, played["fake"], generator=one.generator).mean()
    torch.testing.assert_close(cost.value, base + 3.0 * first + 0.5 * second)
    torch.testing.assert_close(cost.measured["penalty_r1"], first.detach())
    torch.testing.assert_close(cost.measured["penalty_r2"], second.detach())
    torch.testing.assert_close(cost.measured["discriminator_loss"], base.detach())


@pytest.mark.parametrize("every", [2, 4, 8])
def test_a_lazy_penalty_averages_to_the_steady_one(every: int) -> None:
    nets = networks()
    lazy = game("hinge", penalties=(WeightedPenalty("r1", PENALTIES["r1"].penalty, 3.0, every=every),))
    own = parameters(nets, "discriminator")
    total = [torch.zeros_like(value) for value in own]
    due = 0
    for step in range(every):
        one = batch(step)
        cost = lazy.lazy_cost(nets, one, lazy.play(nets, one))
        if cost is None:
            continue
        due += 1
        slopes = torch.autograd.grad(cost.value, own, allow_unused=True, materialize_grads=True)
        total = [sum_ + slope for sum_, slope in zip(total, slopes, strict=True)]
    assert due == 1
    steady = game("hinge", penalties=(R1,))
    plain = game("hinge")
    one = batch()
    played = plain.play(nets, one)
    penalty = (
        steady.cost("discriminator", nets, one, played, {}).value
        - plain.cost("discriminator", nets, one, played, {}).value
    )
    wanted = torch.autograd.grad(penalty, own, allow_unused=True, materialize_grads=True)
    torch.testing.assert_close([value / every for value in total], list(wanted))


def test_a_lazy_penalty_is_no_part_of_the_cost_itself() -> None:
    nets, one = networks(), batch()
    lazy = game("hinge", penalties=(WeightedPenalty("r1", PENALTIES["r1"].penalty, 3.0, every=4),))
    played = lazy.play(nets, one)
    plain = game("hinge").cost("discriminator", nets, one, played, {})
    torch.testing.assert_close(lazy.cost("discriminator", nets, one, played, {}).value, plain.value)


def test_lazy_penalties_of_different_intervals_are_due_each_in_its_turn() -> None:
    penalties = tuple(
        WeightedPenalty(name, PENALTIES[name].penalty, 1.0, every=every)
        for name, every in (("r1", 2), ("r2", 3))
    )
    both, nets = game("hinge", penalties=penalties), networks()
    due = []
    for step in range(6):
        one = batch(step)
        cost = both.lazy_cost(nets, one, both.play(nets, one))
        due.append(sorted(cost.measured) if cost else [])
    r1, r2 = "penalty_r1", "penalty_r2"
    assert due == [[r1, r2], [], [r1], [r2], [r1], []]


# Packing ---------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    packing=st.integers(1, 4),
    packs=st.integers(1, 4),
    shape=st.sampled_from([(1,), (3,), (1, 2, 2), (3, 4, 2)]),
)
def test_sample_i_of_pack_j_is_the_ith_group_of_channels(
    packing: int, packs: int, shape: tuple[int, ...]
) -> None:
    seen: list[Tensor] = []

    def discriminator(samples: Tensor) -> Tensor:
        seen.append(samples)
        return samples.flatten(1).sum(1)

    one = batch(samples=packs * packing, shape=shape)
    if len(shape) == 3:
        one = Batch(one.real.contiguous(memory_format=torch.channels_last), one.latent, 0, one.generator)
    fake = -one.real
    nets: Networks = {"discriminator": discriminator, "critic": discriminator}
    played_game = game("hinge", packing=packing, penalties=(R1,))
    cost = played_game.cost("discriminator", nets, one, {"fake": fake}, {})
    assert cost.measured["real_scores"].shape == (packs,)
    scored_fakes, scored_reals, penalised = seen
    assert scored_reals.shape == (packs, packing * shape[0], *shape[1:])
    for pack in range(packs):
        for i in range(packing):
            group = slice(i * shape[0], (i + 1) * shape[0])
            assert torch.equal(scored_reals[pack, group], one.real[pack * packing + i])
            assert torch.equal(scored_fakes[pack, group], fake[pack * packing + i])
    assert penalised.shape == scored_reals.shape


# Labels exchanged ------------------------------------------------------------------------------------------


def told_apart(samples: Tensor) -> Tensor:
    """A score that is the sample."""
    return samples.flatten()


def pairs(samples: int) -> tuple[Batch, dict[str, Tensor]]:
    """Reals at 1, fakes at 0, so that a Wasserstein pair costs -1, and +1 once its labels are exchanged."""
    one = Batch(torch.ones(samples, 1), torch.zeros(samples, 1), 0, torch.Generator().manual_seed(3))
    return one, {"fake": torch.zeros(samples, 1)}


def test_labels_are_exchanged_for_the_wanted_share_of_pairs() -> None:
    nets: Networks = {"discriminator": told_apart}
    for share in (0.1, 0.35):
        one, played = pairs(20_000)
        cost = game("wasserstein", label_flip=share).cost("discriminator", nets, one, played, {})
        exchanged = (float(cost.value) + 1) / 2
        # Four standard deviations of a share of 20,000.
        assert abs(exchanged - share) < 4 * math.sqrt(share * (1 - share) / 20_000)


def test_exactly_the_pairs_drawn_below_the_share_are_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = torch.tensor([0.05, 0.1, 0.2, 0.0999])
    monkeypatch.setattr(torch, "rand", lambda shape, **_: draws.reshape(shape))
    one, played = pairs(4)
    real = torch.tensor([1.0, 2.0, 4.0, 8.0])
    one = Batch(real.reshape(4, 1), one.latent, 0, one.generator)
    nets: Networks = {"discriminator": told_apart}
    cost = game("wasserstein", label_flip=0.1).cost("discriminator", nets, one, played, {})
    assert float(cost.value) == (1 - 2 - 4 + 8) / 4
    assert cost.measured["real_scores"].tolist() == real.tolist(), "what is logged keeps its true labels"


def test_patches_of_a_sample_are_exchanged_together() -> None:
    one, played = pairs(64)
    nets: Networks = {"discriminator": lambda samples: samples[:, :, None, None].expand(-1, 1, 3, 3)}
    flipping = game("wasserstein", label_flip=0.3)
    costs: list[Tensor] = []

    def loss(real: Tensor, fake: Tensor) -> Tensor:
        costs.append(fake - real)
        return (fake - real).flatten(1).mean(1)

    flipping = NoiseToData(flipping.loss, loss, label_flip=0.3)
    flipping.cost("discriminator", nets, one, played, {})
    places = costs[0].flatten(1)
    assert bool((places == places[:, :1]).all())
    assert set(places[:, 0].tolist()) == {-1.0, 1.0}


def test_without_a_share_nothing_is_drawn_and_the_generator_never_has_labels_exchanged() -> None:
    nets: Networks = {"discriminator": told_apart}
    one, played = pairs(100)
    before = one.generator.get_state()
    assert float(game("wasserstein").cost("discriminator", nets, one, played, {}).value) == -1.0
    flipped = game("wasserstein", label_flip=0.4).cost("generator", nets, one, played, {})
    assert float(flipped.value) == 0.0
    assert torch.equal(before, one.generator.get_state())


# Noise on all that is scored -------------------------------------------------------------------------------


def deviation_at(step: int, **more: Any) -> float:
    """The standard deviation of what the discriminator is shown where every sample is 0."""
    shown: list[Tensor] = []

    def discriminator(samples: Tensor) -> Tensor:
        shown.append(samples)
        return samples.flatten(1).sum(1)

    zeros = torch.zeros(1000, 10)
    one = Batch(zeros, zeros, step, torch.Generator().manual_seed(step))
    nets: Networks = {"discriminator": discriminator}
    game("hinge", **more).cost("discriminator", nets, one, {"fake": zeros}, {})
    fakes, reals = shown
    assert (fakes.std() > 0) == (reals.std() > 0)
    if fakes.std() > 0:
        assert abs(float(torch.corrcoef(torch.stack([fakes.flatten(), reals.flatten()]))[0, 1])) < 0.05
    return float(torch.cat([fakes, reals]).square().mean().sqrt())


def test_noise_falls_linearly_to_nothing() -> None:
    # 20,000 draws: a deviation is known to half a percent, and 2 % is four of those.
    wanted = {0: 0.5, 25: 0.375, 50: 0.25, 99: 0.005}
    for step, deviation in wanted.items():
        found = deviation_at(step, instance_noise=0.5, instance_noise_steps=100)
        assert found == pytest.approx(deviation, rel=0.02)
    assert deviation_at(100, instance_noise=0.5, instance_noise_steps=100) == 0.0
    assert deviation_at(10_000, instance_noise=0.5, instance_noise_steps=100) == 0.0


def test_noise_without_an_end_stays() -> None:
    assert deviation_at(10**6, instance_noise=0.5) == pytest.approx(0.5, rel=0.02)
    assert deviation_at(0) == 0.0


# The state -------------------------------------------------------------------------------------------------


def test_the_state_is_the_losss_and_follows_the_discriminators_scores() -> None:
    assert game("hinge").initial_state() == {}
    began = game("began")
    state = began.initial_state()
    assert {name: float(value) for name, value in state.items()} == {"balance": 0.0}
    nets, one = networks(), batch()
    cost = began.cost("discriminator", nets, one, began.play(nets, one), state)
    advance = LOSSES["began"].advance
    assert advance is not None
    wanted = advance(state, cost.measured["real_scores"], cost.measured["fake_scores"])
    assert torch.equal(began.advance(state, cost)["balance"], wanted["balance"])
    assert game("hinge").advance(state, cost) is state
