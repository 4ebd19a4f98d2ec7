"""A game with conditions is the same game with networks that are given the condition."""

import pytest
import torch
from torch import Tensor, nn

from poise.dynamics import Batch
from poise.games import AdversarialGame, Scoring, Term, noise_to_data
from poise.games.noise_to_data import from_latent_and_condition
from poise.games.view import judge_with_condition
from poise.losses import LOSSES
from poise.networks.conditioned import ConcatenatedDiscriminator, ConcatenatedGenerator
from poise.regularisers import REGULARISERS

LOSS = LOSSES["non-saturating"]
R1 = Term("penalty_r1", "discriminator", REGULARISERS["r1"].value, weight=0.5, every=2)


def game_of(*penalties: Term) -> AdversarialGame:
    scoring = Scoring(judge=judge_with_condition)
    return noise_to_data(LOSS, penalties, scoring=scoring, forward=from_latent_and_condition)


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    scoring = nn.Sequential(nn.Linear(2 + 3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))
    discriminator = ConcatenatedDiscriminator(scoring)
    making = nn.Linear(2 + 3, 2)
    return {
        "generator": ConcatenatedGenerator(making),
        "discriminator": discriminator,
        "critic": discriminator,
    }


def batch(condition: Tensor | None) -> Batch:
    stream = torch.Generator().manual_seed(1)
    real, latent = torch.randn(2, 6, 2, generator=stream)
    return Batch(real, latent, 0, stream, condition)


def one_hot(*labels: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor(labels), 3).float()


def test_losses_are_those_of_networks_that_are_given_the_condition() -> None:
    game, condition = game_of(), one_hot(0, 1, 2, 0, 1, 2)
    parts, data = networks(), batch(condition)
    played = game.forward(parts, data)
    torch.testing.assert_close(played["fake"], parts["generator"](data.latent, condition))
    losses = game.losses(parts, data, played, {})
    scores = [parts["discriminator"](x, condition) for x in (data.real, played["fake"])]
    torch.testing.assert_close(losses["discriminator"].value, LOSS.discriminator(*scores).mean())
    torch.testing.assert_close(losses["generator"].value, LOSS.generator(*scores).mean())
    for player in game.players:
        alone = game.loss(player, parts, data, played, {})
        torch.testing.assert_close(alone.value, losses[player].value)


def test_the_penalty_is_the_gradient_by_the_sample_alone() -> None:
    game = game_of(R1)
    parts, data = networks(), batch(one_hot(0, 1, 2, 0, 1, 2))
    lazy = game.lazy_loss("discriminator", parts, data, game.forward(parts, data), {})
    assert lazy is not None
    real = data.real.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(parts["discriminator"](real, data.condition).sum(), real)
    wanted = 0.5 * 2 * (gradient.square().sum(1) / 2).mean()
    torch.testing.assert_close(lazy.value, wanted)


def test_another_condition_is_another_game() -> None:
    game, parts = game_of(), networks()
    first, second = batch(one_hot(0, 0, 0, 0, 0, 0)), batch(one_hot(1, 1, 1, 1, 1, 1))
    assert not torch.allclose(game.forward(parts, first)["fake"], game.forward(parts, second)["fake"])


def test_a_batch_without_conditions_is_refused() -> None:
    game, parts = game_of(), networks()
    with pytest.raises((ValueError, TypeError, AttributeError)):
        game.forward(parts, batch(None))


def test_a_discriminator_sees_the_condition_as_constant_planes() -> None:
    seen: list[Tensor] = []

    def watching(values: Tensor) -> Tensor:
        seen.append(values)
        return values.sum((1, 2, 3))

    class Watching(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return watching(values)

    samples, condition = torch.randn(2, 1, 4, 4), one_hot(2, 0)
    ConcatenatedDiscriminator(Watching())(samples, condition)
    assert seen[0].shape == (2, 4, 4, 4)
    torch.testing.assert_close(seen[0][:, :1], samples)
    torch.testing.assert_close(seen[0][:, 1:].amin((2, 3)), condition)
    torch.testing.assert_close(seen[0][:, 1:].amax((2, 3)), condition)
