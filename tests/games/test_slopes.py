"""R1 and R2 of every step take the gradients of the scoring: equal numbers, fewer passes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from poise.dynamics import Batch
from poise.games import AdversarialGame
from poise.networks import DISCRIMINATORS
from poise.recipes import RECIPES, recipe_with
from poise.spec import DataSpec
from poise.tasks import TASKS


class Counted(nn.Module):
    """A discriminator that counts its passes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.passes = network, 0

    def forward(self, samples: Tensor) -> Tensor:
        self.passes += 1
        scores: Tensor = self.network(samples)
        return scores


class Apart(nn.Module):
    """Another object with the same network, as bfloat16 has one for penalties."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, samples: Tensor) -> Tensor:
        scores: Tensor = self.network(samples)
        return scores


def setting(packing: int = 1, **changes: Any) -> tuple[AdversarialGame, dict[str, nn.Module], Batch]:
    recipe = recipe_with(RECIPES["relativistic-r1r2"], {"packing": packing, **changes})
    torch.manual_seed(0)
    network = Counted(DISCRIMINATORS["dcgan"].build(DataSpec("image", (2 * packing, 8, 8)), width=4).double())
    stream = torch.Generator().manual_seed(1)
    real, fake = torch.randn(2, 6, 2, 8, 8, generator=stream, dtype=torch.float64)
    weights = {name: {"weight": 0.7} for name in ("r1", "r2")}
    game = TASKS["noise-to-data"].game(recipe_with(recipe, {"regularisers": weights}))
    assert isinstance(game, AdversarialGame)
    networks = {"generator": Given(fake), "discriminator": network, "critic": network}
    return game, networks, Batch(real, real, 0, stream)


class Given(nn.Module):
    def __init__(self, made: Tensor) -> None:
        super().__init__()
        self.made = made

    def forward(self, latent: Tensor) -> Tensor:
        return self.made


def stepped(
    game: AdversarialGame, networks: dict[str, nn.Module], batch: Batch
) -> tuple[list[float], tuple[Tensor, ...], int]:
    """The logged numbers, the gradients, and how many passes they took."""
    judge = networks["discriminator"]
    assert isinstance(judge, Counted)
    judge.passes = 0
    loss = game.loss("discriminator", networks, batch, game.forward(networks, batch), {})
    names = ("discriminator_loss", "penalty_r1", "penalty_r2")
    logs = [float(loss.logs[name].detach()) for name in names]
    return logs, torch.autograd.grad(loss.value, list(judge.parameters())), judge.passes


@pytest.mark.parametrize("packing", [1, 2])
def test_the_numbers_are_those_of_passes_of_their_own(packing: int) -> None:
    game, networks, batch = setting(packing)
    logs, slopes, passes = stepped(game, networks, batch)
    apart = {**networks, "critic": Apart(networks["discriminator"])}
    wanted_logs, wanted, more = stepped(game, apart, batch)
    assert (passes, more) == (2, 4)
    assert logs == pytest.approx(wanted_logs, rel=1e-12)
    assert logs[1] > 0 and logs[2] > 0
    for found, expected in zip(slopes, wanted, strict=True):
        torch.testing.assert_close(found, expected)


def test_the_penalty_sees_the_draw_of_the_augmentation_that_the_scores_saw() -> None:
    changes: dict[str, Any] = {"augmentations": {"instance-noise": {"deviation": 1.0}}}
    game, networks, batch = setting(**changes)
    logs, _, _ = stepped(game, networks, batch)
    batch.generator.manual_seed(1)
    torch.randn(2, 6, 2, 8, 8, generator=batch.generator, dtype=torch.float64)  # as the batch was drawn
    again = [torch.randn(batch.real.shape, generator=batch.generator, dtype=torch.float64) for _ in range(2)]
    points = (batch.real + again[1]).requires_grad_()  # fakes are augmented first
    (slopes,) = torch.autograd.grad(networks["discriminator"](points).sum(), points)
    assert logs[1] == pytest.approx(float(slopes.square().flatten(1).sum(1).mean() / 2), rel=1e-6)


def test_lazy_penalties_and_those_of_mapped_games_have_passes_of_their_own() -> None:
    game, networks, batch = setting()
    assert game.scoring.slopes_at == {"real", "fake"}
    lazy = recipe_with(RECIPES["non-saturating"], {"regularisers": {"r1": {"weight": 1.0, "every": 8}}})
    other = TASKS["noise-to-data"].game(lazy)
    assert isinstance(other, AdversarialGame) and other.scoring.slopes_at == frozenset()

    def loss(real: Tensor) -> Tensor:
        seen = Batch(real, real, 0, batch.generator)
        return game.loss("discriminator", networks, seen, {"fake": 2 * real}, {}).value

    mapped = torch.func.vmap(loss, randomness="different")(batch.real.reshape(2, 3, 2, 8, 8))
    alone = torch.stack([loss(half) for half in batch.real.reshape(2, 3, 2, 8, 8)])
    torch.testing.assert_close(mapped, alone)
