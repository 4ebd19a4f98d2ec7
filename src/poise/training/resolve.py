"""From a recipe with values "by the data" to one with every value spelled out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from poise.augment import AUGMENTATIONS
from poise.data import KINDS, kind_of
from poise.dynamics import DYNAMICS
from poise.errors import PoiseError
from poise.losses import LOSSES
from poise.networks import Network
from poise.recipes import Recipe
from poise.registry import Registry, checked_settings
from poise.regularisers import REGULARISERS
from poise.spec import DataSpec
from poise.tasks import GIVEN, TASKS, Task

DATA_AUGMENTATIONS = ("horizontal_flips", "jitter")
"""Settings that change samples before the discriminator sees them; a kind of data names those that fit."""


def resolve(recipe: Recipe, spec: DataSpec, *, given: tuple[str, ...] = ()) -> Recipe:
    """Spell out everything that the recipe leaves to the data, and check every part's settings.

    Args:
        recipe: A recipe, perhaps with `auto` and null in it.
        spec: Of the data.
        given: The players whose networks the user hands in as modules.

    Returns:
        The recipe as it will be saved: no `auto`, every setting of every part.

    Raises:
        PoiseError: A part does not exist, does not serve this kind of data, or has a setting that it cannot.

    Example:
        >>> from poise.recipes import RECIPES
        >>> resolve(RECIPES["non-saturating"], DataSpec("image", (1, 8, 8))).generator.name
        'dcgan'
    """
    kind, task = kind_of(spec), TASKS.named(recipe.game.name)
    by_data = kind.defaults(spec)
    values = recipe.model_dump()
    values["game"] = _game(values["game"], task)
    for player, networks in (("generator", task.generators), ("discriminator", task.discriminators)):
        if player in given:
            values[player] = {"name": GIVEN}
        else:
            values[player] = _network(player, values[player], networks, task, spec, by_data.width)
    for optimiser in values["optimisers"].values():
        optimiser["learning_rate"] = _by_data(optimiser["learning_rate"], by_data.learning_rate)
    values["loss"] = _loss(values["loss"])
    values["dynamics"] = _dynamics(values["dynamics"])
    values["regularisers"] = {
        name: _regulariser(name, part, spec) for name, part in values["regularisers"].items()
    }
    values["augmentations"] = {
        name: _augmentation(name, part.options, spec) for name, part in recipe.augmentations.items()
    }
    values["steps"] = recipe.steps or by_data.steps
    values["sample_every"] = recipe.sample_every or max(1, round(values["steps"] / 40))
    values |= kind.settings(spec)
    for name in DATA_AUGMENTATIONS:
        asked = getattr(recipe, name) != Recipe.model_fields[name].get_default()
        if asked and name not in kind.augmentations:
            raise PoiseError(
                f"The augmentation '{name}' does not fit {kind.plural}",
                code="training.augmentation-unfit",
                hint=f"leave {name} out",
            )
    if task.directions is not None:  # what translations hold out is a matter of their data
        values["held_out"] = 0.0
    if recipe.packing > 1 and task.needs != "rows":
        raise PoiseError(
            f"The game '{task.name}' cannot be packed",
            code="training.packing-unfit",
            why="samples of one pack would have different conditions",
            hint="leave packing at 1",
        )
    return Recipe.model_validate(plain(values))


def plain(values: Any) -> Any:
    """Settings as JSON: schedules among the settings of parts become objects."""
    if isinstance(values, BaseModel):
        return values.model_dump()
    if isinstance(values, dict):
        return {name: plain(value) for name, value in values.items()}
    return values


def _by_data(rate: Any, by_data: float) -> Any:
    """A learning rate, or a schedule of it, with what is left to the data filled in."""
    if isinstance(rate, dict):
        return {**rate, "start": rate["start"] or by_data}
    return rate or by_data


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
        served = " and ".join(KINDS[kind].plural for kind in network.kinds)
        raise PoiseError(
            f"The {owner} serves {served}, and these data are {kind_of(spec).plural}",
            code="training.network-unfit",
            hint=f"choose one of {fit}: --set {player}={fit.split(', ')[0].strip(chr(39))}",
        )
    return {"name": name, **checked_settings(options, network.build, owner=owner)}


def _loss(part: dict[str, Any]) -> dict[str, Any]:
    loss = LOSSES.named(part["name"])
    rest = {key: value for key, value in part.items() if key != "name"}
    return {"name": loss.name, **checked_settings(rest, *loss.functions, owner=f"loss '{loss.name}'")}


def _dynamics(part: dict[str, Any]) -> dict[str, Any]:
    dynamics = DYNAMICS.named(part["name"])
    rest = {key: value for key, value in part.items() if key != "name"}
    return {
        "name": dynamics.name,
        **checked_settings(rest, dynamics.step, owner=f"dynamics '{dynamics.name}'"),
    }


def _regulariser(name: str, part: dict[str, Any], spec: DataSpec) -> dict[str, Any]:
    row = REGULARISERS.named(name)
    rest = {key: value for key, value in part.items() if key not in ("weight", "every")}
    settings = checked_settings(rest, *row.functions, owner=f"regulariser '{name}'")
    weight = part["weight"]
    if weight is None:
        weight = row.default_weight(spec, kind_of(spec).gradient_weight(spec))
    return {"weight": weight, "every": part["every"], **settings}


def _augmentation(name: str, options: dict[str, Any], spec: DataSpec) -> dict[str, Any]:
    row = AUGMENTATIONS.named(name)
    if row.kinds and spec.kind not in row.kinds:
        raise PoiseError(
            f"The augmentation '{name}' does not fit {kind_of(spec).plural}",
            code="training.augmentation-unfit",
            hint=f"leave augmentations.{name} out",
        )
    return checked_settings(options, *row.functions, owner=f"augmentation '{name}'")
