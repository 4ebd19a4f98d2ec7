"""Trials whose settings differ in rates, penalties, clip and BEGAN's numbers train in one stack as alone."""

from functools import partial
from typing import Any

import pytest
import torch

from poise.recipes import RECIPES, Recipe, recipe_with
from poise.training import pick_device
from poise.training.components import build_components
from poise.training.single import SingleState
from poise.training.state import Position
from poise.training.vectorised import Game, plan_games, structure
from poise.training.vectorised.stack import StackedState, stack_games, tensors

NETWORKS = {"generator": "mlp", "discriminator": "mlp", "generator.width": 16, "discriminator.width": 16}
PATHS = ("optimisers.discriminator", "optimisers.generator")


def rates(rate: float, beta1: float, beta2: float = 0.999) -> dict[str, Any]:
    names = {"learning_rate": rate, "beta1": beta1, "beta2": beta2}
    return {f"{player}.{name}": value for player in PATHS for name, value in names.items()}


CASES = {
    "rates and decays": ("lucic/non-saturating", [rates(1e-3, 0.0), rates(1e-4, 0.9), rates(5e-3, 0.5, 0.9)]),
    "clip": ("lucic/wasserstein", [{"weight_clip": 0.01}, {"weight_clip": 0.1}, {"weight_clip": 1.0}]),
    "BEGAN": (
        "lucic/began",
        [
            {"loss.diversity": 0.3, "loss.balance_rate": 1e-2},
            {"loss.diversity": 0.9, "loss.balance_rate": 1e-3},
        ],
    ),
    "penalties": (
        "lucic/dragan",
        [
            {"regularisers.dragan.weight": 1.0, "regularisers.dragan.spread": 0.1},
            {"regularisers.dragan.weight": 30.0, "regularisers.dragan.target": 0.5},
        ],
    ),
    "gradient penalty": (
        "lucic/wasserstein-gp",
        [{"regularisers.wgan-gp.weight": 0.3}, {"regularisers.wgan-gp.target": 0.0, **rates(3e-4, 0.5)}],
    ),
    "smoothing": ("lucic/least-squares", [{"loss.smoothing": 0.0}, {"loss.smoothing": 0.2}]),
}


def recipes_of(name: str, changes: list[dict[str, Any]]) -> list[Recipe]:
    common = {**NETWORKS, "steps": 12, "batch_size": 32, "evaluate_every": 0}
    return [recipe_with(RECIPES[name], {**common, **own, "seed": seed}) for seed, own in enumerate(changes)]


@pytest.mark.parametrize("case", CASES)
def test_a_trial_of_a_stack_is_the_one_that_is_trained_alone(case: str, tmp_path: Any) -> None:
    name, changes = CASES[case]
    device = pick_device("cpu")
    games = [Game(str(n), recipe, {}) for n, recipe in enumerate(recipes_of(name, changes))]
    planned = plan_games("ring", games, device)
    recipes = [game.recipe for game in planned.games]
    assert len({structure(recipe) for recipe in recipes}) == 1
    stack = stack_games(range(len(recipes)), recipes, planned.datasets, device)
    for step in range(12):
        stack.step(step)
        stack.ema.update(32, 32 * (step + 1), 12 * 32)
    for index, (recipe, dataset) in enumerate(zip(recipes, planned.datasets, strict=True)):
        from poise.data import spec_of

        components = build_components(recipe, spec_of(dataset), device)
        alone = SingleState(components, dataset, None, {})  # type: ignore[arg-type]  # nothing is written
        position = Position()
        for step in range(12):
            position.step = step
            alone.step(position)
        assert_equal(stack, index, components.modules, components.players.state)


def assert_equal(stack: StackedState, index: int, modules: Any, state: Any) -> None:
    found = tensors(stack)
    for player, module in modules.items():
        for name, value in module.named_parameters():
            own = found[f"network/{player}/{name}"][index]
            torch.testing.assert_close(own, value.detach(), rtol=2e-3, atol=2e-5)
    for name, value in state.items():
        torch.testing.assert_close(found[f"game/{name}"][index], value, rtol=1e-3, atol=1e-6)


def test_other_networks_and_other_numbers_of_updates_are_other_structures() -> None:
    base = RECIPES["lucic/wasserstein"]
    changed = partial(recipe_with, base)
    assert structure(changed({"weight_clip": 0.5})) == structure(base)
    for other in ({"dynamics.discriminator_steps": 1}, {"weight_clip": None}, {"batch_size": 32}):
        assert structure(changed(other)) != structure(base)
