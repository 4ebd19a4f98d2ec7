"""The game of noise to data: each player's loss by hand, and its regularisers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
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

from poise.errors import PoiseError
from poise.games import AdversarialGame, noise_to_data
from poise.losses import LOSSES
from poise.losses.loss import LossFunction

CHAINS: list[dict[str, dict[str, Any]]] = [
    {},
    {"packing": {"count": 2}},
    {"instance_noise": {"deviation": 0.3}},
    {"label_flip": {"share": 0.4}},
    {"instance_noise": {"deviation": 0.3}, "packing": {"count": 2}},
]


def state_of(loss: str) -> dict[str, Tensor]:
    return {
        f"discriminator_loss/{name}": torch.tensor(0.3, dtype=torch.float64) for name in LOSSES[loss].init
    }


def keywords(loss: str) -> dict[str, Tensor]:
    """What the loss's own function is given of its state."""
    return {name.rpartition("/")[2]: value for name, value in state_of(loss).items()}


# The loss of each player -----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", list(LOSSES))
def test_losses_are_the_means_over_the_networks_scores(loss: str) -> None:
    chosen, nets, one, state = LOSSES[loss], networks(), batch(), state_of(loss)
    outputs = game(loss).forward(nets, one)
    assert torch.equal(outputs["fake"], nets["generator"](one.latent))
    real, fake = nets["discriminator"](one.real), nets["discriminator"](outputs["fake"])
    discriminator = game(loss).loss("discriminator", nets, one, outputs, state)
    generator = game(loss).loss("generator", nets, one, outputs, state)
    wanted = chosen.discriminator(real, fake, **keywords(loss)).mean()
    torch.testing.assert_close(discriminator.value, wanted)
    torch.testing.assert_close(generator.value, chosen.generator(real, fake).mean())
    torch.testing.assert_close(discriminator.logs["real_scores"], real.detach())
    torch.testing.assert_close(discriminator.logs["fake_scores"], fake.detach())


@pytest.mark.parametrize("loss", ["non-saturating", "least-squares", "relativistic-pairing"])
@pytest.mark.parametrize("settings", CHAINS, ids=str)
def test_one_pass_for_reals_and_fakes_gives_what_two_give(loss: str, settings: dict[str, Any]) -> None:
    found = []
    values = 2 * settings.get("packing", {}).get("count", 1)
    for in_one_pass in (False, True):
        one, nets = batch(), networks(values)
        played = game(loss, R1, augmentations=chain(**settings), in_one_pass=in_one_pass)
        outputs = {"fake": torch.tanh(one.real.flip(0))}
        alone = played.loss("discriminator", nets, one, outputs, {})
        both = played.losses(nets, one, outputs, {})
        slopes = gradient(alone, parameters(nets, "discriminator"))
        found.append((dict(alone.logs), slopes, both["discriminator"].value, both["generator"].value))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("settings", CHAINS, ids=str)
def test_both_losses_at_one_point_are_the_loss_of_each(loss: str, settings: dict[str, Any]) -> None:
    played = game(loss, R1, augmentations=chain(**settings))
    nets, state = networks(2 * settings.get("packing", {}).get("count", 1)), state_of(loss)
    together = played.losses(nets, batch(), played.forward(nets, batch()), state)
    assert set(together) == set(played.players)
    for player in played.players:
        one = batch()
        alone = played.loss(player, nets, one, played.forward(nets, one), state)
        torch.testing.assert_close(together[player].value, alone.value)
        assert set(together[player].logs) == set(alone.logs)
        own = parameters(nets, player)
        torch.testing.assert_close(gradient(together[player], own), gradient(alone, own))


@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_generators_loss_reaches_the_discriminator_only_through_fakes(loss: str) -> None:
    nets, one, state = networks(), batch(), state_of(loss)
    real = one.real.requires_grad_()
    outputs = game(loss).forward(nets, one)
    found = game(loss).loss("generator", nets, one, outputs, state)
    by_real = torch.autograd.grad(found.value, real, allow_unused=True, retain_graph=True)
    assert all(slope is None for slope in by_real)
    assert all(bool(slope.any()) for slope in torch.autograd.grad(found.value, parameters(nets, "generator")))


@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_discriminators_loss_on_fixed_fakes_never_reaches_the_generator(loss: str) -> None:
    nets, one, state = networks(), batch(), state_of(loss)
    played = game(loss, R1, penalty("r2"))
    fixed = {"fake": played.forward(nets, one)["fake"].detach()}
    found = played.loss("discriminator", nets, one, fixed, state)
    slopes = torch.autograd.grad(found.value, parameters(nets, "generator"), allow_unused=True)
    assert all(slope is None for slope in slopes)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_logs_are_detached(player: str) -> None:
    played, nets, one = game("relativistic-pairing", R1), networks(), batch()
    found = played.loss(player, nets, one, played.forward(nets, one), {})
    assert found.value.requires_grad
    assert found.logs
    assert not any(value.requires_grad for value in found.logs.values())


def test_only_a_relativistic_generator_has_its_reals_scored() -> None:
    scored: list[int] = []
    nets = networks()
    discriminator = nets["discriminator"]

    def counting(samples: Tensor) -> Tensor:
        scored.append(len(samples))
        return discriminator(samples)

    for loss in LOSSES.values():
        scored.clear()
        played, one = game(loss.name), batch()
        outputs = played.forward(nets, one)
        played.loss("generator", {**nets, "discriminator": counting}, one, outputs, state_of(loss.name))
        assert len(scored) == (2 if loss.relativistic else 1)


def refused(played: AdversarialGame, player: str, code: str) -> PoiseError:
    """The error of one player's loss; the losses of both players at one point fail with the same."""
    nets, one = networks(), batch()
    outputs = played.forward(nets, one)
    with pytest.raises(PoiseError) as alone:
        played.loss(player, nets, one, outputs, {})
    with pytest.raises(PoiseError) as both:
        played.losses(nets, one, outputs, {})
    assert alone.value.code == both.value.code == code
    return alone.value


@pytest.mark.parametrize(
    "generator",
    [
        LOSSES["relativistic-pairing"].generator,
        LOSSES["relativistic-average"].generator,
        lambda real, fake: fake - real.mean(),
        lambda real, fake: torch.nn.functional.softplus(real - fake),
        lambda real, fake: fake.maximum(real),
        lambda real, fake: torch.stack([real, fake]).sum(0),
    ],
)
def test_a_generators_loss_that_needs_reals_and_does_not_say_so_is_refused(generator: LossFunction) -> None:
    """It is given no scores of reals, rather than those of fakes, which would train without a word."""
    unmarked = replace(LOSSES["hinge"], name="mine", generator=generator)
    error = refused(noise_to_data(unmarked), "generator", "games.loss-not-relativistic")
    assert "'mine'" in error.what
    assert "relativistic=True" in error.hint
    marked, nets, one = noise_to_data(replace(unmarked, relativistic=True)), networks(), batch()
    assert marked.loss("generator", nets, one, marked.forward(nets, one), {}).value.isfinite()


def test_another_error_of_a_loss_is_not_taken_for_missing_reals() -> None:
    def broken(real: Tensor, fake: Tensor) -> Tensor:
        return fake.no_such_method()  # type: ignore[attr-defined, no-any-return]

    played, nets, one = noise_to_data(replace(LOSSES["hinge"], generator=broken)), networks(), batch()
    with pytest.raises(AttributeError, match="no_such_method"):
        played.loss("generator", nets, one, played.forward(nets, one), {})


@pytest.mark.parametrize("player", ["discriminator", "generator"])
@pytest.mark.parametrize(
    ("shape", "values"),
    [
        ("()", lambda real, fake: fake.mean()),
        ("(6, 1)", lambda real, fake: fake[:, None]),
        ("(6, 6)", lambda real, fake: fake[:, None] - fake),
        ("(1,)", lambda real, fake: fake[:1]),
        ("float", lambda real, fake: 1.0),
    ],
)
def test_a_loss_without_one_value_for_each_sample_is_refused(
    player: str, shape: str, values: LossFunction
) -> None:
    chosen = replace(LOSSES["hinge"], name="mine", **{player: values})  # type: ignore[arg-type]
    error = refused(noise_to_data(chosen), player, "games.loss-shape")
    assert f"The {player} of the loss 'mine'" in error.what
    assert shape in error.what


@pytest.mark.parametrize("weight", [0.0, 0.25, 3.0])
def test_the_generators_adversarial_term_has_a_weight(weight: float) -> None:
    nets, one = networks(), batch()
    plain, weighted = game("hinge"), noise_to_data(LOSSES["hinge"], adversarial=weight)
    outputs = plain.forward(nets, one)
    one_times = plain.loss("generator", nets, one, outputs, {})
    found = weighted.loss("generator", nets, one, outputs, {})
    torch.testing.assert_close(found.value, weight * one_times.value)
    assert torch.equal(found.logs["generator_loss"], one_times.logs["generator_loss"]), "logged unweighted"


# Regularisers ----------------------------------------------------------------------------------------------


def test_regularisers_are_added_with_their_weights() -> None:
    nets, one = networks(), batch()
    plain = game("hinge")
    outputs = plain.forward(nets, one)
    base = plain.loss("discriminator", nets, one, outputs, {}).value
    found = game("hinge", R1, penalty("r2", 0.5)).loss("discriminator", nets, one, outputs, {})
    first = squared_slopes(nets["critic"], one.real).mean() / 2
    second = squared_slopes(nets["critic"], outputs["fake"]).mean() / 2
    torch.testing.assert_close(found.value, base + 3.0 * first + 0.5 * second)
    torch.testing.assert_close(found.logs["penalty_r1"], first.detach())
    torch.testing.assert_close(found.logs["penalty_r2"], second.detach())
    torch.testing.assert_close(found.logs["discriminator_loss"], base.detach())


def test_regularisers_differentiate_the_critic_and_scores_come_from_the_discriminator() -> None:
    nets, one = networks(), batch()
    twice: Networks = {**nets, "critic": lambda samples: 2 * nets["discriminator"](samples)}
    played = game("hinge", R1)
    outputs = played.forward(nets, one)
    plain, doubled = (played.loss("discriminator", own, one, outputs, {}) for own in (nets, twice))
    torch.testing.assert_close(doubled.logs["penalty_r1"], 4 * plain.logs["penalty_r1"])
    assert torch.equal(doubled.logs["discriminator_loss"], plain.logs["discriminator_loss"])


# The state of a loss ---------------------------------------------------------------------------------------


def test_the_state_is_the_losss_and_follows_the_discriminators_scores() -> None:
    assert game("hinge").initial_state() == {}
    began = game("began")
    state = began.initial_state()
    assert {name: float(value) for name, value in state.items()} == {"discriminator_loss/balance": 0.0}
    nets, one = networks(), batch()
    outputs = began.forward(nets, one)
    state = state_of("began")
    found = began.loss("discriminator", nets, one, outputs, state)
    real, fake = found.logs["real_scores"].mean(), found.logs["fake_scores"].mean()
    wanted = 0.3 + 1e-3 * float(fake - 0.5 * real)
    assert set(found.state) == {"discriminator_loss/balance"}
    assert float(found.state["discriminator_loss/balance"]) == pytest.approx(wanted, abs=1e-12)
    assert float(state["discriminator_loss/balance"]) == 0.3, "the loss changes nothing in place"
    assert began.loss("generator", nets, one, outputs, state).state == {}
    assert game("hinge").loss("discriminator", nets, one, outputs, {}).state == {}


def test_settings_of_a_loss_go_to_the_function_that_has_them() -> None:
    nets, one = networks(), batch()
    settings = {"diversity": 0.9, "balance_rate": 0.01}
    began = noise_to_data(LOSSES["began"], loss_settings=settings)
    found = began.loss("discriminator", nets, one, began.forward(nets, one), state_of("began"))
    gap = float(found.logs["fake_scores"].mean() - 0.9 * found.logs["real_scores"].mean())
    assert float(found.state["discriminator_loss/balance"]) == pytest.approx(0.3 + 0.01 * gap, abs=1e-12)
    smooth = noise_to_data(LOSSES["non-saturating"], loss_settings={"smoothing": 0.3})
    outputs = smooth.forward(nets, one)
    real, fake = (nets["discriminator"](samples) for samples in (one.real, outputs["fake"]))
    wanted_loss = LOSSES["non-saturating"].discriminator(real, fake, smoothing=0.3).mean()
    torch.testing.assert_close(smooth.loss("discriminator", nets, one, outputs, {}).value, wanted_loss)
