"""The game with tags: each player's loss by hand, and what a sample's tags weigh."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from poise.dynamics import Batch
from poise.games import AdversarialGame
from poise.recipes import RECIPES, recipe_with
from poise.spec import DataSpec
from poise.tasks import TASKS

TAGS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])


class Judge(nn.Module):
    """A score and three logits, linear in the sample."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1 + 3)

    def forward(self, samples: Tensor) -> Tensor:
        judged: Tensor = self.layer(samples)
        return judged


def setting(**settings: float) -> tuple[AdversarialGame, dict[str, nn.Module], Batch]:
    recipe = recipe_with(RECIPES["anime"], {f"game.{name}": value for name, value in settings.items()})
    spec = DataSpec("vector", (2,), condition=(3,))
    torch.manual_seed(0)
    judge = Judge()
    networks = {"generator": Drawing(), "discriminator": judge, "critic": judge}
    stream = torch.Generator().manual_seed(1)
    real, latent = torch.randn(2, 4, 2, generator=stream)
    game = TASKS["auxiliary-tags"].game(recipe, spec=spec, **settings)
    assert isinstance(game, AdversarialGame)
    return game, networks, Batch(real, latent, 0, stream, TAGS)


class Drawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2 + 3, 2)

    def forward(self, latent: Tensor, tags: Tensor) -> Tensor:
        made: Tensor = self.layer(torch.cat([latent, tags], 1))
        return made


def of_tags(judged: Tensor) -> float:
    """Minus the logarithm of the probability of all tags of a sample, each tag alone, over the samples."""
    total = 0.0
    for row, tags in zip(judged[:, 1:].tolist(), TAGS.tolist(), strict=True):
        for logit, there in zip(row, tags, strict=True):
            chance = 1 / (1 + math.exp(-logit))
            total -= math.log(chance if there else 1 - chance)
    return total / len(TAGS)


@pytest.mark.parametrize("settings", [{}, {"adversarial": 34.0, "tag_weight": 0.5}])
def test_the_tags_of_reals_and_fakes_are_part_of_the_losses(settings: dict[str, float]) -> None:
    game, networks, batch = setting(**settings)
    adversarial, weight = settings.get("adversarial", 3.0), settings.get("tag_weight", 1.0)
    outputs = game.forward(networks, batch)
    real, fake = (networks["discriminator"](samples).detach() for samples in (batch.real, outputs["fake"]))
    softplus = nn.functional.softplus

    loss = game.loss("discriminator", networks, batch, outputs, {})
    scores = float((softplus(-real[:, 0]) + softplus(fake[:, 0])).mean())
    penalty = float(loss.logs["penalty_dragan"])
    wanted = adversarial * scores + weight * (of_tags(real) + of_tags(fake)) + 0.5 * penalty
    assert float(loss.value.detach()) == pytest.approx(wanted, rel=1e-5)
    assert float(loss.logs["discriminator_loss"]) == pytest.approx(scores, rel=1e-5)
    right = float(((real[:, 1:] > 0) == (TAGS > 0)).float().mean())
    assert float(loss.logs["real_tag_accuracy"]) == pytest.approx(right)

    loss = game.loss("generator", networks, batch, outputs, {})
    wanted = adversarial * float(softplus(-fake[:, 0]).mean()) + weight * of_tags(fake)
    assert float(loss.value.detach()) == pytest.approx(wanted, rel=1e-5)


def test_the_penalty_is_of_the_score_alone() -> None:
    """With a linear judge its gradient is the first row of weights, wherever it is measured."""
    game, networks, batch = setting()
    outputs = game.forward(networks, batch)
    loss = game.loss("discriminator", networks, batch, outputs, {})
    weights = networks["discriminator"].get_parameter("layer.weight")[0]
    assert float(loss.logs["penalty_dragan"]) == pytest.approx(
        (float(weights.detach().norm()) - 1) ** 2, rel=1e-4
    )
