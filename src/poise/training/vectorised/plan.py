"""Many games before the first step: data opened, recipes spelled out, and what cannot be stacked refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from poise.data import Dataset, open_data, origin_of, spec_of
from poise.networks import describe
from poise.recipes import Recipe
from poise.tasks import TASKS
from poise.tasks.prepare import prepared, unused_labels
from poise.training.components import build_components
from poise.training.planning import Data, Progress, check_batch
from poise.training.resolve import resolve
from poise.training.vectorised.settings import Game, Grid, check_modules, check_recipe, spread, structure


@dataclass(frozen=True)
class EnsembleExperiment:
    """Many games that have been checked and not begun.

    Attributes:
        games: Each with its recipe spelled out.
        datasets: The data of each.
        origin: How to open them again.
        device: Where to train.
        parameters: Numbers in each player's network, of one game.
    """

    games: Sequence[Game]
    datasets: Sequence[Dataset]
    origin: Mapping[str, Any]
    device: torch.device
    parameters: Mapping[str, int]


def plan_many(
    data: Data,
    recipe: Recipe,
    device: torch.device,
    *,
    seeds: int | Sequence[int],
    grid: Grid | None = None,
    progress: Progress | None = None,
) -> EnsembleExperiment:
    """Open the data, spell every game's recipe out, and refuse what cannot be stacked.

    Args:
        data: What a user has.
        recipe: What the games have in common.
        device: Where.
        seeds: How many, counted from the recipe's seed; or the seeds.
        grid: Values by path, whose product is taken.
        progress: Called with `(done, total)` while images are read.

    Raises:
        PoiseError: Something does not fit; nothing was written.
    """
    games = spread(recipe, seeds, grid)
    for game in games:
        check_recipe(game.recipe)
    origin = origin_of(data)
    datasets = datasets_of(data, origin, [game.recipe for game in games], progress)
    spec = spec_of(datasets[0])
    resolved = [Game(game.name, resolve(game.recipe, spec), game.settings) for game in games]
    parameters: dict[str, int] = {}
    for one in {structure(game.recipe): game.recipe for game in resolved}.values():
        check_batch(one, datasets[0])
        modules = build_components(one, spec, device).modules
        check_modules(modules)
        parameters = parameters or {player: _size(module) for player, module in modules.items()}
    return EnsembleExperiment(resolved, datasets, origin, device, parameters)


def datasets_of(
    data: Data, origin: Mapping[str, Any], recipes: Sequence[Recipe], progress: Progress | None
) -> list[Dataset]:
    """Each game's data, as it would have them alone: built-in sets are drawn from its seed.

    Args:
        data: What a user has.
        origin: How to open them again.
        recipes: Each game's.
        progress: Called with `(done, total)` while images are read.
    """
    task = TASKS.named(recipes[0].game.name)
    opened: dict[int, Dataset] = {}

    def opening(seed: int) -> Dataset:
        if seed not in opened:
            one = recipes[0]
            found = open_data(
                data, resolution=one.resolution, channels=one.channels, seed=seed, progress=progress
            )
            opened[seed] = unused_labels(prepared(found, task), data, task)
        return opened[seed]

    first = opening(recipes[0].seed)
    seeds = list(dict.fromkeys(recipe.seed for recipe in recipes))
    by_seed = origin.get("kind") == "built-in" and len(seeds) > 1
    if not by_seed or opening(seeds[1]).fingerprint == first.fingerprint:
        return [first] * len(recipes)
    return [opening(recipe.seed) for recipe in recipes]


def _size(module: nn.Module) -> int:
    return int(describe(module)["parameters"])
