"""Many games before the first step: seeds times a grid of settings, and what cannot be stacked is refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from poise.data import Dataset, open_data, origin_of, spec_of
from poise.dynamics import DYNAMICS
from poise.errors import PoiseError
from poise.networks import describe
from poise.recipes import Automatic, Recipe, drafted, parse_override, recipe_with
from poise.tasks import TASKS
from poise.tasks.held_out import with_held_out
from poise.tasks.prepare import prepared, unused_labels
from poise.training.callbacks import check_callbacks
from poise.training.components import build_components
from poise.training.engine import with_precision
from poise.training.planning import Data, Progress, check_batch
from poise.training.resolve import resolve
from poise.training.transfer import check_frozen
from poise.training.vectorised.game import SERVED_GAMES
from poise.training.vectorised.settings import structure

SHARED = (
    "steps",
    "log_every",
    "sample_every",
    "checkpoints",
    "resolution",
    "fit",
    "channels",
    "encoding",
    "seed",
    "name",
)
"""What all games of a session have in common, so that no grid can vary it."""

SERVED_DYNAMICS = ("alternating", "alternating-by-epoch", "simultaneous", "consensus")
"""The dynamics that treat every parameter alone, or each game's through sums that keep games apart."""

ONE_BY_ONE = "train the seeds one by one: --seed 0, then --seed 1"

Grid = Mapping[str, Sequence[Any]]


def check_options(
    *,
    many: bool,
    grid: object = None,
    start_from: object = None,
    budget: object = None,
    doctor: str = "suggest",
    given: Iterable[str] = (),
    callbacks: Sequence[object] = (),
) -> None:
    """Refuse a grid without seeds, and with seeds what serves one run only."""
    if grid and not many:
        what, code = "A grid is trained with seeds", "training.grid-without-seeds"
        raise PoiseError(what, code=code, hint="add --seeds 1 or more")
    modules = ", ".join(f"your own {player}" for player in given)
    refused = (
        (start_from is not None, "other weights to begin with", "each begins with the weights of its seed"),
        (budget is not None, "a budget", "only the steps of one game are timed before"),
        (doctor == "apply", "a doctor that applies remedies", "each would need branches of its own"),
        (bool(modules), modules, "all would begin with the weights of one module"),
        (len(callbacks) > 0, "callbacks", "they watch one run"),
    )
    for asked, what, why in refused:
        if many and asked:
            raise PoiseError(
                f"Many games at once cannot have {what}",
                code="training.one-run-only",
                why=why,
                hint=f"leave it out, or {ONE_BY_ONE}",
            )


@dataclass(frozen=True)
class Game:
    """One of many games."""

    name: str  # Its folder: seed-3, or 2-seed-3 for the second point of a grid
    recipe: Recipe  # With its seed
    settings: Mapping[str, Any]  # What the grid set for it, by path


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """Split `path=value,value` as typed after `--grid`.

    Raises:
        PoiseError: There is no `=`, or no value.

    Example:
        >>> parse_axis("regularisers.r1.weight=0.1,1")
        ('regularisers.r1.weight', [0.1, 1])
    """
    path, equals, values = text.partition("=")
    if not equals or not path.strip() or not all(value.strip() for value in values.split(",")):
        what = f"The grid '{text}' names no values"
        hint = "write it as path=value,value: regularisers.r1.weight=0.1,1"
        raise PoiseError(what, code="training.grid-without-values", hint=hint)
    return path.strip(), [parse_override(f"{path}={value}")[1] for value in values.split(",")]


def spread(recipe: Recipe, seeds: int | Sequence[int], grid: Grid | None = None) -> list[Game]:
    """The games: every point of the product of the grid's values with every seed.

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
            what, code = f"The grid gives no value for '{path}'", "training.grid-empty-axis"
            raise PoiseError(what, code=code, hint="give one or more")
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


def check_recipe(recipe: Recipe) -> None:
    """Refuse a game and dynamics that cannot be trained with many seeds at once."""
    if recipe.game.name not in SERVED_GAMES:
        what = f"The game '{recipe.game.name}' cannot be trained with many seeds at once"
        raise PoiseError(what, code="training.game-not-vectorised", hint=ONE_BY_ONE)
    if recipe.private is not None:
        what = "Many games at once cannot be private"
        why = "each looks at the rows, and a budget is that of one run"
        raise PoiseError(what, code="training.private-many", why=why, hint="train one: leave --seeds out")
    if recipe.eigenvalues_every is not None:
        what = "Eigenvalues are measured of one game at a time"
        hint = f"leave eigenvalues_every out, or {ONE_BY_ONE}"
        raise PoiseError(what, code="training.eigenvalues-of-one-game", hint=hint)
    if recipe.dynamics.name not in SERVED_DYNAMICS:
        name = DYNAMICS.named(recipe.dynamics.name).name
        what = f"The dynamics '{name}' does not serve many games at once"
        why = "it ties the parameters of a game together"
        hint = f"choose --set dynamics=simultaneous, or {ONE_BY_ONE}"
        raise PoiseError(what, code="training.dynamics-not-vectorised", why=why, hint=hint)


def check_modules(modules: Mapping[str, nn.Module]) -> None:
    """Refuse networks whose forward draws numbers or writes in a way that cannot be stacked."""
    for player, module in modules.items():
        for layer in module.modules():
            if isinstance(layer, nn.modules.dropout._DropoutNd) or getattr(layer, "draws", False):
                what = f"The {player} draws numbers, as dropout does, that many games at once would share"
                hint = f"choose another network, or {ONE_BY_ONE}"
                raise PoiseError(what, code="training.dropout-not-vectorised", hint=hint)
            if getattr(layer, "fits_data", False):
                what = f"The {player} is fitted to the data first, which is not done for many games at once"
                hint = f"choose --set {player}=mlp, or {ONE_BY_ONE}"
                raise PoiseError(what, code="training.fitted-not-vectorised", hint=hint)
            if type(layer).__name__ == "_SpectralNorm":
                what = f"The {player}'s spectral norm keeps vectors that many games at once cannot keep apart"
                hint = f"use a penalty in its place, as --recipe relativistic-r1r2 does, or {ONE_BY_ONE}"
                raise PoiseError(what, code="training.spectral-norm-not-vectorised", hint=hint)


@dataclass(frozen=True)
class EnsembleExperiment:
    """Many games that have been checked and not begun."""

    games: Sequence[Game]  # Each with its recipe spelled out
    datasets: Sequence[Dataset]  # Of each
    origin: Mapping[str, Any]  # How to open them again
    device: torch.device
    parameters: Mapping[str, int]  # Numbers in each player's network, of one game


def plan_many(
    data: Data,
    recipe: Recipe | Automatic,
    device: torch.device,
    *,
    seeds: int | Sequence[int],
    grid: Grid | None = None,
    progress: Progress | None = None,
) -> EnsembleExperiment:
    """Open the data, spell every game's recipe out, and refuse what cannot be stacked.

    Args:
        data: What a user has.
        recipe: What the games have in common; for `Automatic` the default recipe, whose networks are small.
        device: Where.
        seeds: How many, counted from the recipe's seed; or the seeds.
        grid: Values by path, whose product is taken.
        progress: Called with `(done, total)` while images are read.

    Raises:
        PoiseError: Something does not fit; nothing was written.
    """
    return plan_games(data, spread(drafted(recipe), seeds, grid), device, progress=progress)


def plan_games(
    data: Data, games: Sequence[Game], device: torch.device, *, progress: Progress | None = None
) -> EnsembleExperiment:
    """The same for games that are named one by one; what they share is in `SHARED`.

    Raises:
        PoiseError: Something does not fit; nothing was written.
    """
    check_callbacks(games[0].recipe)
    for game in games:
        check_recipe(game.recipe)
        check_frozen(game.recipe, None)
    origin = origin_of(data)
    datasets = datasets_of(data, origin, [game.recipe for game in games], progress)
    spec = spec_of(datasets[0])
    asked = [with_held_out(one.recipe, datasets[0]) for one in games]
    resolved = [
        Game(one.name, with_precision(resolve(recipe, spec), device, games=len(games)), one.settings)
        for one, recipe in zip(games, asked, strict=True)
    ]
    parameters: dict[str, int] = {}
    for one in {structure(game.recipe): game.recipe for game in resolved}.values():
        check_batch(one, datasets[0])
        modules = build_components(one, spec, device).modules
        check_modules(modules)
        parameters = parameters or {
            player: int(describe(module)["parameters"]) for player, module in modules.items()
        }
    return EnsembleExperiment(resolved, datasets, origin, device, parameters)


def datasets_of(
    data: Data, origin: Mapping[str, Any], recipes: Sequence[Recipe], progress: Progress | None
) -> list[Dataset]:
    """Each game's data, as it would have them alone: built-in sets are drawn from its seed."""
    task = TASKS.named(recipes[0].game.name)
    opened: dict[int, Dataset] = {}

    def opening(seed: int) -> Dataset:
        if seed not in opened:
            one = recipes[0]
            found = open_data(
                data,
                resolution=one.resolution,
                fit=one.fit,
                channels=one.channels,
                encoding=one.encoding,
                seed=seed,
                progress=progress,
            )
            opened[seed] = unused_labels(prepared(found, task, one.game.options), data, task)
        return opened[seed]

    first = opening(recipes[0].seed)
    seeds = list(dict.fromkeys(recipe.seed for recipe in recipes))
    by_seed = origin.get("kind") == "built-in" and "sets" not in origin and len(seeds) > 1
    if not by_seed or opening(seeds[1]).fingerprint == first.fingerprint:
        return [first] * len(recipes)
    return [opening(recipe.seed) for recipe in recipes]
