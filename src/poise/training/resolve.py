"""From a recipe with values "by the data" to one with every value spelled out."""

from __future__ import annotations

from typing import Any

from poise.dynamics import DYNAMICS
from poise.errors import PoiseError
from poise.losses import LOSSES
from poise.networks import Network
from poise.penalties import PENALTIES
from poise.recipes import Recipe
from poise.recipes.settings import Jitter
from poise.registry import Registry, checked_settings
from poise.spec import DataSpec
from poise.tasks import GIVEN, TASKS, Task

DATA_DEFAULTS: list[tuple[str, int, dict[str, Any]]] = [
    # kind, largest side (0: any), what `auto` and null become
    ("image", 8, {"width": 64, "learning_rate": 6e-4, "steps": 3_000}),
    ("image", 16, {"width": 64, "learning_rate": 4e-4, "steps": 10_000}),
    ("image", 32, {"width": 64, "learning_rate": 4e-4, "steps": 25_000}),
    ("image", 64, {"width": 64, "learning_rate": 4e-4, "steps": 50_000}),
    ("image", 0, {"width": 32, "learning_rate": 2e-4, "steps": 100_000}),
    ("vector", 0, {"width": 128, "learning_rate": 1e-3, "steps": 10_000}),
]


def resolve(recipe: Recipe, spec: DataSpec, *, given: tuple[str, ...] = ()) -> Recipe:
    """Spell out everything that the recipe leaves to the data, and check every part's settings.

    Args:
        recipe: A recipe, perhaps with `auto` and null in it.
        spec: Of the data.
        given: The players whose networks the person hands in as modules.

    Returns:
        The recipe as it will be saved: no `auto`, every setting of every part.

    Raises:
        PoiseError: A part does not exist, does not serve this kind of data, or has a setting that it cannot.

    Example:
        >>> from poise.recipes import RECIPES
        >>> resolve(RECIPES["non-saturating"], DataSpec("image", (1, 8, 8))).generator.name
        'dcgan'
    """
    kind, shape = spec.kind, spec.shape
    task = TASKS.named(recipe.game.name)
    by_data = _data_defaults(kind, shape)
    values = recipe.model_dump()
    values["game"] = _game(values["game"], task)
    for player, networks in (("generator", task.generators), ("discriminator", task.discriminators)):
        if player in given:
            values[player] = {"name": GIVEN}
        else:
            values[player] = _network(player, values[player], networks, task, spec, by_data["width"])
    for optimiser in values["optimisers"].values():
        optimiser["learning_rate"] = optimiser["learning_rate"] or by_data["learning_rate"]
    values["loss"] = _loss(values["loss"])
    values["dynamics"] = _dynamics(values["dynamics"])
    values["penalties"] = {
        name: _penalty(name, part, kind, shape) for name, part in values["penalties"].items()
    }
    values["steps"] = recipe.steps or by_data["steps"]
    values["sample_every"] = recipe.sample_every or max(1, round(values["steps"] / 40))
    if kind == "image":
        values["resolution"], values["channels"] = shape[-1], recipe.channels
    elif recipe.horizontal_flips:
        raise PoiseError("Vectors cannot be mirrored", hint="leave horizontal_flips out")
    elif recipe.jitter != Jitter():
        raise PoiseError("Vectors cannot be moved or scaled as images are", hint="leave jitter out")
    if task.directions is not None:  # what translations hold out is a matter of their data
        values["held_out"] = 0.0
    if recipe.packing > 1 and task.needs != "rows":
        raise PoiseError(
            f"The game '{task.name}' cannot be packed",
            why="samples of one pack would have different conditions",
            hint="leave packing at 1",
        )
    return Recipe.model_validate(values)


def _data_defaults(kind: str, shape: tuple[int, ...]) -> dict[str, Any]:
    side = max(shape)
    return next(
        row for of_kind, largest, row in DATA_DEFAULTS if of_kind == kind and (not largest or side <= largest)
    )


def _game(part: dict[str, Any], task: Task) -> dict[str, Any]:
    rest = {key: value for key, value in part.items() if key != "name"}
    return {"name": task.name, **task.settings(rest)}


def _network(
    player: str,
    part: dict[str, Any],
    networks: Registry[Network],
    task: Task,
    spec: DataSpec,
    width: int,
) -> dict[str, Any]:
    name = part["name"]
    options = {key: value for key, value in part.items() if key != "name"}
    if name == "auto":
        chosen = task.choose(player, spec, width)
        name, options = chosen["name"], {**{k: v for k, v in chosen.items() if k != "name"}, **options}
    network = networks.named(name)
    owner = f"{networks.kind} '{name}'"
    if not network.serves(spec):
        fit = ", ".join(f"'{other.name}'" for other in networks.values() if other.serves(spec))
        raise PoiseError(
            f"The {owner} serves {network.kinds[0]}s, and these data are {spec.kind}s",
            hint=f"choose one of {fit}: --set {player}={fit.split(', ')[0].strip(chr(39))}",
        )
    return {"name": name, **checked_settings(options, network.build, owner=owner)}


def _loss(part: dict[str, Any]) -> dict[str, Any]:
    loss = LOSSES.named(part["name"])
    functions = [loss.discriminator, loss.generator, *([loss.advance] if loss.advance else [])]
    rest = {key: value for key, value in part.items() if key != "name"}
    return {"name": loss.name, **checked_settings(rest, *functions, owner=f"loss '{loss.name}'")}


def _dynamics(part: dict[str, Any]) -> dict[str, Any]:
    dynamics = DYNAMICS.named(part["name"])
    rest = {key: value for key, value in part.items() if key != "name"}
    return {
        "name": dynamics.name,
        **checked_settings(rest, dynamics.step, owner=f"dynamics '{dynamics.name}'"),
    }


def _penalty(name: str, part: dict[str, Any], kind: str, shape: tuple[int, ...]) -> dict[str, Any]:
    penalty = PENALTIES.named(name)
    rest = {key: value for key, value in part.items() if key not in ("weight", "every")}
    settings = checked_settings(rest, penalty.penalty, owner=f"penalty '{name}'")
    weight = part["weight"]
    if weight is None:
        weight = _gradient_weight(kind, shape) if name in ("r1", "r2") else penalty.weight
    return {"weight": weight, "every": part["every"], **settings}


def _gradient_weight(kind: str, shape: tuple[int, ...]) -> float:
    """Gamma of R1 and R2: in proportion to the pixels, as in Karras et al. 2020 (ADA), appendix B.

    The factors are ours: 0.1 at 8x8 took the digits to the level of real ones fastest among 0.02 to 1, and
    0.001 found the eight clouds of the ring, where 0.1 smears them.
    """
    return 0.001 if kind == "vector" else min(10.0, 0.1 * shape[-1] * shape[-2] / 64)
