"""Which games: seeds times a grid of settings, and which of them can be stacked."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from poise.dynamics import DYNAMICS
from poise.errors import PoiseError
from poise.recipes import Recipe, parse_override, recipe_with
from poise.training.vectorised.game import SERVED_GAMES

SHARED = ("steps", "log_every", "sample_every", "checkpoints", "resolution", "channels", "seed", "name")
"""What all games of a session have in common, so that no grid can vary it."""

SERVED_DYNAMICS = ("alternating", "alternating-by-epoch", "simultaneous", "consensus")
"""The dynamics that treat every parameter alone, or each game's through sums that keep games apart."""

Grid = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Game:
    """One of many games.

    Attributes:
        name: Its folder: `seed-3`, or `2-seed-3` for the second point of a grid.
        recipe: Its recipe, with its seed.
        settings: What the grid set for it, by path.
    """

    name: str
    recipe: Recipe
    settings: Mapping[str, Any]


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """Split `path=value,value` as typed after `--grid`.

    Args:
        text: `"optimisers.generator.learning_rate=1e-4,2e-4"`.

    Raises:
        PoiseError: There is no `=`, or no value.

    Example:
        >>> parse_axis("regularisers.r1.weight=0.1,1")
        ('regularisers.r1.weight', [0.1, 1])
    """
    path, equals, values = text.partition("=")
    if not equals or not path.strip() or not all(value.strip() for value in values.split(",")):
        raise PoiseError(
            f"The grid '{text}' names no values",
            code="training.grid-without-values",
            hint="write it as path=value,value: regularisers.r1.weight=0.1,1",
        )
    return path.strip(), [parse_override(f"{path}={value}")[1] for value in values.split(",")]


def spread(recipe: Recipe, seeds: int | Sequence[int], grid: Grid | None = None) -> list[Game]:
    """The games: every point of the grid with every seed.

    Args:
        recipe: What they have in common.
        seeds: How many, counted from the recipe's seed; or the seeds themselves.
        grid: Values by path; their product is taken.

    Raises:
        PoiseError: There is no seed, one comes twice, or a value cannot be.

    Example:
        >>> from poise.recipes import RECIPES
        >>> games = spread(RECIPES["minimax"], 2, {"loss": ["hinge", "minimax"]})
        >>> [game.name for game in games], games[0].settings
        (['1-seed-0', '1-seed-1', '2-seed-0', '2-seed-1'], {'loss': 'hinge'})
    """
    chosen = range(recipe.seed, recipe.seed + seeds) if isinstance(seeds, int) else seeds
    if not chosen:
        raise PoiseError(
            "Many games need at least one seed", code="training.no-seed", hint="give --seeds 2 or more"
        )
    if len(set(chosen)) < len(chosen):
        raise PoiseError(
            "A seed was given twice",
            code="training.seed-twice",
            why="it would be the same game",
            hint="give each once",
        )
    axes = dict(grid or {})
    for path, values in axes.items():
        if path.split(".")[0] in SHARED:
            raise PoiseError(
                f"The setting '{path}' cannot be varied by a grid",
                code="training.grid-of-shared-setting",
                why="the games of a session have it in common",
                hint="train apart what differs in it",
            )
        if not values:
            raise PoiseError(
                f"The grid gives no value for '{path}'",
                code="training.grid-empty-axis",
                hint="give one or more",
            )
        if any(value in values[:index] for index, value in enumerate(values)):
            raise PoiseError(
                f"The grid gives a value of '{path}' twice",
                code="training.grid-value-twice",
                why="it would be the same game",
                hint="give it once",
            )
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    games = []
    for number, point in enumerate(points, 1):
        varied = recipe_with(recipe, point)
        for seed in chosen:
            name = f"{number}-seed-{seed}" if axes else f"seed-{seed}"
            games.append(Game(name, recipe_with(varied, {"seed": seed}), point))
    return games


def structure(recipe: Recipe) -> str:
    """What resolved recipes must share to be stacked: all but seeds, optimisers and regularisers' weights."""
    values = recipe.model_dump(exclude={"seed", "optimisers"})
    for regulariser in values["regularisers"].values():
        regulariser["weight"] = None
    return json.dumps(values, sort_keys=True)


def check_recipe(recipe: Recipe) -> None:
    """Refuse what cannot be trained with many seeds at once.

    Raises:
        PoiseError: The game, its dynamics or a network is such; the message names an alternative.
    """
    if recipe.game.name not in SERVED_GAMES:
        raise PoiseError(
            f"The game '{recipe.game.name}' cannot be trained with many seeds at once",
            code="training.game-not-vectorised",
            hint="train the seeds one by one: --seed 0, then --seed 1",
        )
    if recipe.callbacks:
        raise PoiseError(
            f"The callback '{next(iter(recipe.callbacks))}' is not called for many seeds at once",
            code="training.callback-not-vectorised",
            hint="leave callbacks out, or train the seeds one by one: --seed 0, then --seed 1",
        )
    if recipe.eigenvalues_every is not None:
        raise PoiseError(
            "Eigenvalues are measured of one game at a time",
            code="training.eigenvalues-of-one-game",
            hint="leave eigenvalues_every out, or train the seeds one by one: --seed 0, then --seed 1",
        )
    if recipe.dynamics.name not in SERVED_DYNAMICS:
        name = DYNAMICS.named(recipe.dynamics.name).name
        raise PoiseError(
            f"The dynamics '{name}' does not serve many games at once",
            code="training.dynamics-not-vectorised",
            why="it ties the parameters of a game together",
            hint="choose --set dynamics=simultaneous, or train the seeds one by one: --seed 0, then --seed 1",
        )


def check_modules(modules: Mapping[str, nn.Module]) -> None:
    """Refuse networks whose forward draws numbers or writes in a way that cannot be stacked.

    Raises:
        PoiseError: A layer is such; the message names an alternative.
    """
    for player, module in modules.items():
        for layer in module.modules():
            if isinstance(layer, nn.modules.dropout._DropoutNd) or getattr(layer, "draws", False):
                raise PoiseError(
                    f"The {player} draws numbers for itself, as dropout does, and they would be the same for"
                    " all of many games at once",
                    code="training.dropout-not-vectorised",
                    hint="choose another network, or train the seeds one by one: --seed 0, then --seed 1",
                )
            if type(layer).__name__ == "_SpectralNorm":
                raise PoiseError(
                    f"The {player}'s spectral norm keeps vectors that many games at once cannot keep apart",
                    code="training.spectral-norm-not-vectorised",
                    hint="use a penalty in its place, as --recipe relativistic-r1r2 does,"
                    " or train the seeds one by one: --seed 0, then --seed 1",
                )
