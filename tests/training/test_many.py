"""Many games side by side: each is the game that its seed would play alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from double import in_double
from poise.data import Dataset, open_data, spec_of
from poise.errors import PoiseError
from poise.losses import LOSSES
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.registry import bound, provided
from poise.training.batches import training_batches
from poise.training.components import build_components
from poise.training.resolve import resolve
from poise.training.state import Position, pack, summarise
from poise.training.vectorised.ensemble import means_of_games
from poise.training.vectorised.plan import check_modules, check_recipe, parse_axis, spread
from poise.training.vectorised.stack import StackedState, stack_games, tensors, without

CPU = torch.device("cpu")
STEPS = 5
SEEDS = (3, 4, 5)

SMALL: dict[str, Any] = {"batch_size": 16, "latent.size": 4, "steps": STEPS}
MLP = {**SMALL, "generator": {"name": "mlp", "width": 16}, "discriminator": {"name": "mlp", "width": 16}}
DCGAN = {
    **SMALL,
    "generator": {"name": "dcgan", "width": 8, "batch_norm": False},
    "discriminator": {"name": "dcgan", "width": 8},
}
PACGAN = {
    **SMALL,
    "generator": {"name": "mlp", "width": 16, "batch_norm": True, "initial_std": 0.02},
    "discriminator": {"name": "mlp", "width": 16, "maxout_pieces": 5},
}

CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "alternating Adam": ("ring", "minimax", MLP),
    "lazy R1": ("ring", "non-saturating", {**MLP, "regularisers.r1.every": 3}),
    "clipping, RMSProp, 5:1": ("ring", "wasserstein", MLP),
    "WGAN-GP draws": ("ring", "wasserstein-gp", MLP),
    "DRAGAN draws": ("ring", "dragan", MLP),
    "R1 and R2": ("ring", "relativistic-r1r2", MLP),
    "packing, simultaneous, BatchNorm, maxout": ("ring", "pacgan", PACGAN),
    "noise and flips draw": (
        "ring",
        "minimax",
        {**MLP, "loss": "hinge", "label_flip": 0.1, "instance_noise.deviation": 0.2},
    ),
    "2:2": (
        "ring",
        "least-squares",
        {**MLP, "dynamics.discriminator_steps": 2, "dynamics.generator_steps": 2},
    ),
    "consensus": ("ring", "consensus", MLP),
    "rates that fall": ("ring", "minimax", {**MLP, "constant_rate_share": 0.5}),
    "convolutions": ("digits", "non-saturating", DCGAN),
    "convolutions, WGAN-GP": ("digits", "wasserstein-gp", DCGAN),
    "convolutions, packing": ("digits", "pacgan", DCGAN),
    "a state that moves": (
        "digits",
        "began",
        {**SMALL, "generator": DCGAN["generator"], "discriminator": {"name": "autoencoder", "width": 8}},
    ),
}


def prepared(data: str, recipes: Sequence[Recipe]) -> tuple[list[Dataset], list[Recipe]]:
    sources = [open_data(data, resolution=None, channels=None, seed=recipe.seed) for recipe in recipes]
    return sources, [resolve(recipe, spec_of(sources[0])) for recipe in recipes]


def seeded(name: str, changes: Mapping[str, Any], seeds: Sequence[int] = SEEDS) -> list[Recipe]:
    return [recipe_with(RECIPES[name], {**changes, "seed": seed}) for seed in seeds]


def trained(recipes: Sequence[Recipe], sources: Sequence[Dataset], steps: int = STEPS) -> StackedState:
    stack = stack_games(range(len(recipes)), recipes, sources, CPU)
    seen = 0
    for step in range(steps):
        images = stack.step(step)
        seen += images
        stack.ema.update(images, seen)
    return stack


def alone(recipe: Recipe, source: Dataset) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """The state after `STEPS` of the ordinary match, and what each step measured."""
    components = build_components(recipe, spec_of(source), CPU)
    sampler = training_batches(recipe, source, CPU, drawn=0)
    make_step = provided(
        bound(components.dynamics.step, recipe.dynamics.options), epoch_steps=sampler.epoch_steps
    )
    measured, seen = [], 0
    for step in range(STEPS):
        before = sampler.drawn
        for optimiser in components.scheduled:
            optimiser.set(before * sampler.samples, sampler.run_images)
        measured.append(dict(make_step(components.players, partial(sampler.next, step), step)))
        images = (sampler.drawn - before) * sampler.samples
        seen += images
        components.ema.update(images, seen)
    return pack(components, Position(STEPS)).tensors, measured


def assert_the_same(many: Mapping[str, Tensor], place: int, one: Mapping[str, Tensor]) -> None:
    assert set(one) == set(many)
    for name, value in one.items():
        together = many[name][place]
        assert together.dtype == value.dtype, name
        # Steps amplify what rounding leaves, in double precision to 1e-11; a wrong draw is off by 1.
        assert torch.allclose(together, value, rtol=1e-7, atol=1e-9), name


@pytest.mark.parametrize("case", CASES)
@in_double()
def test_each_game_is_the_one_that_its_seed_plays_alone(case: str) -> None:
    data, name, changes = CASES[case]
    seeds = SEEDS if case == "alternating Adam" else SEEDS[:2]
    sources, recipes = prepared(data, seeded(name, changes, seeds))
    stack = trained(recipes, sources)
    together = {key: value.clone() for key, value in tensors(stack).items()}
    lines = means_of_games(stack)
    for place, (recipe, source) in enumerate(zip(recipes, sources, strict=True)):
        state, measured = alone(recipe, source)
        assert_the_same(together, place, state)
        line = summarise(measured, LOSSES.named(recipe.loss.name).boundary)
        assert line.keys() == lines[place].keys()
        assert lines[place] == pytest.approx(line, rel=1e-7, abs=1e-9)
    # The seeds play different games, so that the agreement above is no accident of all being alike.
    weight = next(value for key, value in together.items() if key.startswith("network/generator"))
    assert not torch.allclose(weight[0], weight[1])


@in_double()
def test_settings_that_differ_in_a_stack_are_each_games_own() -> None:
    grid = {"regularisers.r1.weight": [0.01, 0.1], "optimisers.generator.learning_rate": [1e-4, 1e-3]}
    games = spread(recipe_with(RECIPES["non-saturating"], {**MLP, "regularisers.r1.every": 2}), 1, grid)
    sources, recipes = prepared("ring", [game.recipe for game in games])
    stack = trained(recipes, sources)
    together = tensors(stack)
    for place, (recipe, source) in enumerate(zip(recipes, sources, strict=True)):
        assert_the_same(together, place, alone(recipe, source)[0])
    weights = together["network/generator/0.weight"]
    assert all(not torch.equal(weights[0], other) for other in weights[1:])


def test_a_game_is_a_function_of_its_seed_and_not_of_its_company() -> None:
    sources, recipes = prepared("ring", seeded("non-saturating", MLP))
    three = tensors(trained(recipes, sources))
    for name, value in tensors(trained(recipes, sources)).items():
        assert torch.equal(value, three[name]), name
    turned = tensors(trained(recipes[::-1], sources[::-1]))
    single = tensors(trained(recipes[1:2], sources[1:2]))
    for name, value in single.items():
        # A batch of one matrix may take another kernel, which rounds differently.
        assert torch.allclose(value[0], three[name][1], rtol=2e-3, atol=2e-5), name
        assert torch.allclose(turned[name].flip(0), three[name], rtol=2e-3, atol=2e-5), name


def test_games_that_leave_do_not_disturb_those_that_stay() -> None:
    sources, recipes = prepared("ring", seeded("wasserstein-gp", MLP))
    whole = trained(recipes, sources, 4)
    left = without(trained(recipes, sources, 2), [1], sources, CPU)
    assert left.games == [0, 2]
    for step in range(2, 4):
        images = left.step(step)
        left.ema.update(images, (step + 1) * images)
    for name, value in tensors(left).items():
        assert torch.equal(value, tensors(whole)[name][[0, 2]]), name


def test_what_a_grid_is() -> None:
    assert parse_axis("loss=hinge,minimax") == ("loss", ["hinge", "minimax"])
    games = spread(RECIPES["minimax"], [7, 9], {"packing": [1, 2]})
    assert [(game.recipe.packing, game.recipe.seed) for game in games] == [(1, 7), (1, 9), (2, 7), (2, 9)]
    assert len({game.name for game in games}) == 4


@pytest.mark.parametrize(
    ("seeds", "grid", "code"),
    [
        (0, {}, "training.no-seed"),
        ([1, 1], {}, "training.seed-twice"),
        ([1], {"packing": [1, 2, 1]}, "training.grid-value-twice"),
        (2, {"steps": [1, 2]}, "training.grid-of-shared-setting"),
        (2, {"loss": []}, "training.grid-empty-axis"),
        (2, {"optimisers.generator.learning_rat": [1]}, "unknown-setting"),
    ],
)
def test_grids_that_cannot_be(seeds: int | list[int], grid: dict[str, list[Any]], code: str) -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == code):
        spread(RECIPES["minimax"], seeds, grid)


def test_an_axis_without_values_is_refused() -> None:
    for text in ("loss", "loss=", "loss=hinge,"):
        with pytest.raises(PoiseError, check=lambda error: error.code == "training.grid-without-values"):
            parse_axis(text)


def test_what_cannot_be_stacked_is_refused_with_an_alternative() -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.dynamics-not-vectorised"):
        check_recipe(RECIPES["extragradient"])
    sources, [recipe] = prepared("digits", seeded("hinge-sn", SMALL, seeds=[0]))
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.spectral-norm-not-vectorised"):
        check_modules(build_components(recipe, spec_of(sources[0]), CPU).modules)
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.dropout-not-vectorised"):
        check_modules({"discriminator": torch.nn.Sequential(torch.nn.Dropout())})
