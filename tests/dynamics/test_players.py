"""Players: what an optimiser updates, and the state of the game that follows an update."""

from typing import Any

import pytest
import torch
from torch import nn

from poise.dynamics.players import in_memory_order
from poise.recipes import RECIPES, recipe_with
from poise.recipes.settings import Optimiser
from poise.spec import DataSpec
from poise.training import pick_device
from poise.training.components import build_components, build_optimiser
from poise.training.resolve import resolve


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_a_view_in_memory_order_is_the_same_memory_without_a_gap(kind: Any) -> None:
    weight = kind(3, 5, 4).to(memory_format=torch.channels_last).weight
    view = in_memory_order(weight)
    assert view.is_contiguous() and not weight.is_contiguous()
    assert view.untyped_storage().data_ptr() == weight.untyped_storage().data_ptr()
    with torch.no_grad():
        view[1, 2, 3, 2 if weight.shape[1] > 2 else 0] = 7.0
    assert weight[1, 2 if weight.shape[1] > 2 else 0, 2, 3] == 7.0


def test_what_is_contiguous_already_or_lies_otherwise_is_moved_itself() -> None:
    for parameter in (torch.zeros(3, 4), torch.zeros(2, 3, 4, 5), torch.zeros(6, 4)[::2], torch.zeros(())):
        assert in_memory_order(parameter) is parameter


@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd"])
def test_updates_are_those_of_the_plain_optimiser_on_plain_weights(name: str) -> None:
    settings = Optimiser.model_validate({"name": name, "learning_rate": 0.01, "beta1": 0.5})
    recipe = recipe_with(
        RECIPES["non-saturating"],
        {"regularisers": {}, "generator": "dcgan", "generator.width": 4, "discriminator.width": 4}
        | {f"optimisers.{player}": settings.model_dump() for player in ("generator", "discriminator")},
    )
    spec = DataSpec("image", (1, 8, 8))
    players = build_components(resolve(recipe, spec), spec, pick_device("cpu")).players
    parameters = players.parameters["discriminator"]
    twins = [nn.Parameter(value.detach().clone().contiguous()) for value in parameters.values()]
    plain = build_optimiser(settings, nn.ParameterList(twins))
    stream = torch.Generator().manual_seed(0)
    seen: Any = (None, None, None)
    for _ in range(3):
        slopes = [torch.randn(value.shape, generator=stream) for value in twins]
        players.optimizer_step("discriminator", slopes, seen)
        for twin, slope in zip(twins, slopes, strict=True):
            twin.grad = slope.clone()
        plain.step()
    assert any(not value.is_contiguous() for value in parameters.values()), "or nothing was tried"
    for (key, value), twin, slots in zip(
        parameters.items(), twins, players.slots("discriminator"), strict=True
    ):
        torch.testing.assert_close(value.detach(), twin.detach(), msg=key)
        for slot, kept in slots.items():
            torch.testing.assert_close(kept, plain.state[twin][slot], msg=f"{slot} of {key}")
