"""The recipe of CycleGAN against the losses of its authors' code."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from poise.dynamics import Batch
from poise.recipes import RECIPES, recipe_with
from poise.spec import DataSpec
from poise.tasks import TASKS
from poise.training.components import build_game, build_networks
from poise.training.resolve import resolve

SPEC = DataSpec("image", (3, 16, 16), condition=(3, 16, 16))


def test_the_players_losses_are_those_of_the_authors_code() -> None:
    torch.manual_seed(0)
    small = {
        "generator": {"name": "residual", "width": 4, "blocks": 1},
        "discriminator.width": 4,
        "game.pool": 0,
    }
    recipe = resolve(recipe_with(RECIPES["cyclegan"], small), SPEC)
    networks = TASKS[recipe.game.name].networks(recipe, build_networks(recipe, SPEC, {}))
    game = build_game(recipe, SPEC)
    a, b = torch.rand(2, 4, 3, 16, 16) * 2 - 1
    batch = Batch(real=b, latent=torch.randn(4, 1), step=0, generator=torch.Generator(), condition=a)
    a_to_b, b_to_a = networks["a_to_b"], networks["b_to_a"]
    fake_a, fake_b = b_to_a(b), a_to_b(a)

    def squares(domain: str, images: Tensor, target: float) -> Tensor:
        scores: Tensor = networks[f"discriminator_{domain}"](images)
        return (scores - target).square().mean()

    # The authors' models/cycle_gan_model.py: lambda_A = lambda_B = 10, lambda_identity = 0.5, a factor
    # of 0.5 for the discriminators and none for the generators.
    cycle = (b_to_a(fake_b) - a).abs().mean() + (a_to_b(fake_a) - b).abs().mean()
    same = (b_to_a(a) - a).abs().mean() + (a_to_b(b) - b).abs().mean()
    generators = squares("a", fake_a, 1) + squares("b", fake_b, 1) + 10 * cycle + 5 * same
    discriminators = sum(
        (squares(domain, real, 1) + squares(domain, fake, 0)) / 2
        for domain, real, fake in (("a", a, fake_a), ("b", b, fake_b))
    )
    outputs = game.forward(networks, batch)
    found = {player: game.loss(player, networks, batch, outputs, {}).value.item() for player in game.players}
    assert found["generator"] == pytest.approx(generators.item(), rel=1e-4)
    assert found["discriminator"] == pytest.approx(float(torch.as_tensor(discriminators).detach()), rel=1e-4)
