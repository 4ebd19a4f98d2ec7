"""Augmentations: what stands between samples and discriminator, and that every term sees through it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_games import R1, Networks, batch, chain, game, networks, parameters, penalty, squared_slopes
from torch import Tensor

from poise.augment import Augmentation, AugmentContext
from poise.dynamics import Batch
from poise.games import Scoring, Term, View, noise_to_data
from poise.losses import LOSSES
from poise.schedules import Schedule

HINGE, WASSERSTEIN = LOSSES["hinge"], LOSSES["wasserstein"]


def made(name: str, apply: Any, **more: Any) -> Augmentation:
    return Augmentation(name, apply, "For a test.", "none", **more)


DOUBLE = made("double", lambda samples, context: 2 * samples)
TRIPLE = made("triple", lambda samples, context: 3 * samples)
ADD_ONE = made("add-one", lambda samples, context: samples + 1)


# The chain -------------------------------------------------------------------------------------------------


def test_every_term_sees_the_whole_chain_in_its_order() -> None:
    seen: dict[str, list[Tensor]] = {"discriminator": [], "critic": []}

    def watching(name: str) -> Any:
        def score(samples: Tensor) -> Tensor:
            seen[name].append(samples.detach())
            return samples.sum(1)

        return score

    one = batch()
    nets: Networks = {
        "discriminator": watching("discriminator"),
        "critic": watching("critic"),
        "generator": networks()["generator"],
    }
    played = game("hinge", R1, penalty("r2"), augmentations=(DOUBLE, ADD_ONE))
    outputs = played.forward(nets, one)
    fake = outputs["fake"].detach()
    played.loss("discriminator", nets, one, {"fake": fake}, {})
    torch.testing.assert_close(seen["discriminator"], [2 * fake + 1, 2 * one.real + 1])
    torch.testing.assert_close(seen["critic"], [2 * one.real + 1, 2 * fake + 1])
    seen["discriminator"].clear()
    played.loss("generator", nets, one, outputs, {})
    torch.testing.assert_close(seen["discriminator"], [2 * fake + 1])
    seen["discriminator"].clear()
    lazily = noise_to_data(
        HINGE,
        (penalty("r1", every=2),),
        scoring=Scoring(augmentations=(ADD_ONE, DOUBLE)),
        more=(Term("scored", "generator", lambda view: -view.fake_scores, every=2),),
    )
    seen["critic"].clear()
    lazily.lazy_loss("discriminator", nets, one, outputs, {})
    lazily.lazy_loss("generator", nets, one, None, {})
    torch.testing.assert_close(seen, {"critic": [2 * (one.real + 1)], "discriminator": [2 * (fake + 1)]})


def test_the_penalty_is_the_gradient_by_the_image_before_the_augmentation() -> None:
    """For D(x) = <w, x> behind x -> 2 x the squared norm is 4 |w|^2, and R1 half of that."""
    weight = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    linear: Networks = {name: lambda samples: samples @ weight for name in ("discriminator", "critic")}
    one = batch()
    outputs = {"fake": one.real.flip(0)}
    for augmentations, factor in (((), 1.0), ((DOUBLE,), 4.0), ((DOUBLE, ADD_ONE, TRIPLE), 36.0)):
        played = game("wasserstein", penalty("r1"), augmentations=augmentations)
        found = played.loss("discriminator", linear, one, outputs, {})
        torch.testing.assert_close(found.logs["penalty_r1"], factor * (weight @ weight).detach() / 2)
        pulled = found.value - found.logs["discriminator_loss"]
        base = (outputs["fake"] - one.real).mean(0) * math.sqrt(factor)
        (slope,) = torch.autograd.grad(pulled, weight)
        torch.testing.assert_close(slope, base + factor * weight.detach())


def test_the_generators_gradient_goes_through_the_augmentation() -> None:
    weight = torch.tensor([1.0, -2.0], dtype=torch.float64)
    linear: Networks = {"discriminator": lambda samples: samples @ weight}
    fake = batch().real.requires_grad_()
    played = game("wasserstein", augmentations=(DOUBLE, ADD_ONE))
    found = played.loss("generator", linear, batch(), {"fake": fake}, {})
    (slope,) = torch.autograd.grad(found.value, fake)
    torch.testing.assert_close(slope, -2 * weight.expand(6, 2) / 6)


@pytest.mark.parametrize("settings", [{"instance_noise": {"deviation": 0.5}}, {"label_flip": {"share": 0.4}}])
def test_draws_come_from_the_batchs_randomness_alone(settings: dict[str, Any]) -> None:
    played = game("hinge", R1, augmentations=chain(**settings))
    nets, values = networks(), []
    for global_seed, seed in ((1, 0), (2, 0), (1, 7)):
        torch.manual_seed(global_seed)
        state = torch.get_rng_state()
        own = torch.Generator().manual_seed(seed)
        one = Batch(batch().real, batch().latent, 0, own)
        outputs = {"fake": one.real.flip(0) + 0.1}
        values.append(played.loss("discriminator", nets, one, outputs, {}).value)
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])


def test_an_augmentation_is_told_where_the_run_stands() -> None:
    told: list[AugmentContext] = []

    def listening(samples: Tensor, context: AugmentContext) -> Tensor:
        told.append(context)
        return samples

    plain = batch(7)
    one = Batch(plain.real, plain.latent, 7, plain.generator, images_seen=448, run_images=6400)
    game("hinge", augmentations=(made("listening", listening),)).loss(
        "generator", networks(), one, {"fake": one.real}, {}
    )
    (context,) = told
    assert (context.step, context.images_seen, context.run_images) == (7, 448, 6400)
    assert context.randomness is one.generator


# An augmentation with a state ------------------------------------------------------------------------------


def counting() -> Augmentation:
    """Scales samples by its number, which grows by 1, and remembers the mean scores."""

    def update(
        state: Mapping[str, Tensor], real: Tensor, fake: Tensor, context: AugmentContext
    ) -> Mapping[str, Tensor]:
        assert not real.requires_grad
        assert not fake.requires_grad
        return {"scale": state["scale"] + 1, "real": real.mean(), "fake": fake.mean()}

    def init() -> dict[str, Tensor]:
        return {name: torch.tensor(2.0, dtype=torch.float64) for name in ("scale", "real", "fake")}

    return made(
        "counting", lambda samples, context: context.state["scale"] * samples, init=init, update=update
    )


@pytest.mark.parametrize("together", [False, True])
def test_an_augmentation_with_a_state_is_given_the_scores_with_the_discriminators_loss(
    together: bool,
) -> None:
    played = game(
        "hinge", penalty("r1", every=2), augmentations=(counting(), *chain(label_flip={"share": 0.4}))
    )
    nets, one = networks(), batch()
    state = played.initial_state()
    assert set(state) == {"counting/scale", "counting/real", "counting/fake"}
    outputs = played.forward(nets, one)
    if together:
        both = played.losses(nets, one, outputs, state)
    else:
        both = {player: played.loss(player, nets, one, outputs, state) for player in played.players}
    found = both["discriminator"]
    real, fake = (nets["discriminator"](2 * samples) for samples in (one.real, outputs["fake"]))
    torch.testing.assert_close(found.logs["real_scores"], real.detach())
    assert set(found.state) == set(state)
    assert float(found.state["counting/scale"]) == 3.0
    torch.testing.assert_close(found.state["counting/real"], real.mean().detach())
    torch.testing.assert_close(found.state["counting/fake"], fake.mean().detach())
    assert both["generator"].state == {}
    lazy = played.lazy_loss("discriminator", nets, one, outputs, state)
    assert lazy is not None
    assert lazy.state == {}, "once an update of the discriminator, and not again with its lazy terms"


def test_the_state_of_an_augmentation_costs_no_scoring_of_its_own() -> None:
    nets, one, scored = networks(), batch(), 0
    discriminator = nets["discriminator"]

    def watched(samples: Tensor) -> Tensor:
        nonlocal scored
        scored += 1
        return discriminator(samples)

    played = game("hinge", augmentations=(counting(),))
    own: Networks = {**nets, "discriminator": watched}
    played.loss("discriminator", own, one, played.forward(own, one), played.initial_state())
    assert scored == 2


# Packing ---------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    count=st.integers(1, 4),
    packs=st.integers(1, 4),
    shape=st.sampled_from([(1,), (3,), (1, 2, 2), (3, 4, 2)]),
)
def test_sample_i_of_pack_j_is_the_ith_group_of_channels(
    count: int, packs: int, shape: tuple[int, ...]
) -> None:
    seen: list[Tensor] = []

    def discriminator(samples: Tensor) -> Tensor:
        seen.append(samples)
        return samples.flatten(1).sum(1)

    one = batch(samples=packs * count, shape=shape)
    if len(shape) == 3:
        one = Batch(one.real.contiguous(memory_format=torch.channels_last), one.latent, 0, one.generator)
    fake = -one.real
    nets: Networks = {"discriminator": discriminator, "critic": discriminator}
    played = game("hinge", R1, augmentations=chain(packing={"count": count}))
    found = played.loss("discriminator", nets, one, {"fake": fake}, {})
    assert found.logs["real_scores"].shape == (packs,)
    scored_fakes, scored_reals, penalised = seen
    assert scored_reals.shape == (packs, count * shape[0], *shape[1:])
    for pack in range(packs):
        for i in range(count):
            group = slice(i * shape[0], (i + 1) * shape[0])
            assert torch.equal(scored_reals[pack, group], one.real[pack * count + i])
            assert torch.equal(scored_fakes[pack, group], fake[pack * count + i])
    assert torch.equal(penalised, scored_reals)


@pytest.mark.parametrize("shape", [(2,), (1, 2, 2)])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_squared_norms_of_a_pack_are_summed(count: int, shape: tuple[int, ...]) -> None:
    """The gradient of a pack's score by the whole pack, as if the pack were one sample."""
    one, nets = batch(samples=6, shape=shape), networks(count * math.prod(shape))
    fake = one.real.flip(0)
    played = game("hinge", penalty("r1"), penalty("r2"), augmentations=chain(packing={"count": count}))
    found = played.loss("discriminator", nets, one, {"fake": fake}, {})
    own = parameters(nets, "discriminator")
    wanted = []
    for name, samples in (("r1", one.real), ("r2", fake)):
        packs = samples.reshape(6 // count, count * shape[0], *shape[1:])
        wanted.append(squared_slopes(nets["critic"], packs).mean() / 2)
        torch.testing.assert_close(found.logs[f"penalty_{name}"], wanted[-1].detach())
    plain = game("hinge", augmentations=chain(packing={"count": count}))
    base = plain.loss("discriminator", nets, one, {"fake": fake}, {}).value
    ours = torch.autograd.grad(found.value - base, own, allow_unused=True, materialize_grads=True)
    by_hand = torch.autograd.grad(sum(wanted[1:], wanted[0]), own, allow_unused=True, materialize_grads=True)
    torch.testing.assert_close(ours, by_hand)


# Label flip ------------------------------------------------------------------------------------------------


def told_apart(samples: Tensor) -> Tensor:
    """A score that is the sample."""
    return samples.flatten()


def pairs(samples: int, images_seen: int = 0) -> tuple[Batch, dict[str, Tensor]]:
    """Reals at 1, fakes at 0: a Wasserstein pair costs -1, and +1 once its labels are exchanged."""
    stream = torch.Generator().manual_seed(3)
    one = Batch(torch.ones(samples, 1), torch.zeros(samples, 1), 0, stream, None, images_seen, 1000)
    return one, {"fake": torch.zeros(samples, 1)}


def flipping(share: float | Schedule) -> Any:
    return game("wasserstein", augmentations=chain(label_flip={"share": share}))


@pytest.mark.parametrize(
    ("share", "images_seen", "wanted"),
    [(0.1, 0, 0.1), (0.35, 0, 0.35), (Schedule(start=0.4, end=0.0), 500, 0.2)],
)
def test_labels_are_exchanged_for_the_wanted_share_of_pairs(
    share: float | Schedule, images_seen: int, wanted: float
) -> None:
    one, outputs = pairs(20_000, images_seen)
    found = flipping(share).loss("discriminator", {"discriminator": told_apart}, one, outputs, {})
    exchanged = (float(found.value) + 1) / 2
    # Four standard deviations of a share of 20,000.
    assert abs(exchanged - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / 20_000)


def test_exactly_the_pairs_drawn_below_the_share_are_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = torch.tensor([0.05, 0.1, 0.2, 0.0999])
    monkeypatch.setattr(torch, "rand", lambda shape, **_: draws.reshape(shape))
    one, outputs = pairs(4)
    real = torch.tensor([1.0, 2.0, 4.0, 8.0])
    one = Batch(real.reshape(4, 1), one.latent, 0, one.generator)
    found = flipping(0.1).loss("discriminator", {"discriminator": told_apart}, one, outputs, {})
    assert float(found.value) == (1 - 2 - 4 + 8) / 4
    assert found.logs["real_scores"].tolist() == real.tolist(), "what is logged keeps its true labels"


def test_patches_of_a_sample_are_exchanged_together() -> None:
    one, outputs = pairs(64)
    differences: list[Tensor] = []

    def watching(view: View) -> Tensor:
        real, fake = view.labelled_scores()
        differences.append(fake - real)
        return (fake - real).flatten(1).mean(1)

    nets: Networks = {"discriminator": lambda samples: samples[:, :, None, None].expand(-1, 1, 3, 3)}
    scoring = Scoring(augmentations=chain(label_flip={"share": 0.3}))
    term = Term("watching", "discriminator", watching)
    noise_to_data(WASSERSTEIN, (term,), scoring=scoring).loss("discriminator", nets, one, outputs, {})
    places = differences[0].flatten(1)
    assert bool((places == places[:, :1]).all())
    assert set(places[:, 0].tolist()) == {-1.0, 1.0}


def test_all_terms_see_the_same_labels() -> None:
    """The pairs whose labels are exchanged are drawn once a batch."""
    seen: list[Tensor] = []

    def watching(view: View) -> Tensor:
        real, fake = view.labelled_scores()
        seen.append(real)
        return fake - real

    one, outputs = pairs(64)
    scoring = Scoring(augmentations=chain(label_flip={"share": 0.4}))
    terms = [Term(name, "discriminator", watching) for name in ("one", "other")]
    played = noise_to_data(WASSERSTEIN, terms, scoring=scoring)
    found = played.loss("discriminator", {"discriminator": told_apart}, one, outputs, {})
    assert torch.equal(seen[0], seen[1])
    torch.testing.assert_close(found.value, 3 * found.logs["discriminator_loss"])


def test_without_a_share_nothing_is_drawn_and_the_generator_never_has_labels_exchanged() -> None:
    nets: Networks = {"discriminator": told_apart}
    one, outputs = pairs(100)
    before = one.generator.get_state()
    for played in (game("wasserstein"), flipping(0.0)):
        assert float(played.loss("discriminator", nets, one, outputs, {}).value) == -1.0
    assert float(flipping(0.4).loss("generator", nets, one, outputs, {}).value) == 0.0
    assert torch.equal(before, one.generator.get_state())


def test_a_losss_state_follows_true_labels() -> None:
    """BEGAN's balance is moved by the errors on reals and on fakes, whatever the labels."""
    nets, state = networks(), {"discriminator_loss/balance": torch.tensor(0.3, dtype=torch.float64)}
    found = []
    for augmentations in ((), chain(label_flip={"share": 0.49})):
        played, one = game("began", augmentations=augmentations), batch()
        found.append(played.loss("discriminator", nets, one, played.forward(nets, one), state))
    assert not torch.equal(found[0].value, found[1].value)
    assert dict(found[0].state) == dict(found[1].state)


# Instance noise --------------------------------------------------------------------------------------------


def deviation_at(step: int, images_seen: int = 0, **noise: Any) -> float:
    """The standard deviation of what the discriminator sees if every sample is 0."""
    shown: list[Tensor] = []

    def discriminator(samples: Tensor) -> Tensor:
        shown.append(samples)
        return samples.flatten(1).sum(1)

    zeros = torch.zeros(1000, 10)
    stream = torch.Generator().manual_seed(step)
    one = Batch(zeros, zeros, step, stream, images_seen=images_seen, run_images=1000)
    played = game("hinge", augmentations=chain(instance_noise=noise) if noise else ())
    played.loss("discriminator", {"discriminator": discriminator}, one, {"fake": zeros}, {})
    fakes, reals = shown
    assert (fakes.std() > 0) == (reals.std() > 0)
    if fakes.std() > 0:
        assert abs(float(torch.corrcoef(torch.stack([fakes.flatten(), reals.flatten()]))[0, 1])) < 0.05
    return float(torch.cat([fakes, reals]).square().mean().sqrt())


def test_noise_falls_linearly_to_nothing() -> None:
    # 20,000 draws: a deviation is known to half a percent, and 2 % is four of those.
    wanted = {0: 0.5, 25: 0.375, 50: 0.25, 99: 0.005}
    for step, deviation in wanted.items():
        assert deviation_at(step, deviation=0.5, steps=100) == pytest.approx(deviation, rel=0.02)
    assert deviation_at(100, deviation=0.5, steps=100) == 0.0
    assert deviation_at(10_000, deviation=0.5, steps=100) == 0.0


def test_noise_without_an_end_stays_and_a_schedule_moves_it() -> None:
    assert deviation_at(10**6, deviation=0.5) == pytest.approx(0.5, rel=0.02)
    assert deviation_at(0) == 0.0
    falling = Schedule(start=0.5, end=0.0)
    assert deviation_at(0, images_seen=500, deviation=falling) == pytest.approx(0.25, rel=0.02)
    assert deviation_at(0, images_seen=1000, deviation=falling) == 0.0
