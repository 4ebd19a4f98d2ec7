"""From a recipe with values "by the data" to one with every value spelled out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from poise.augment import AUGMENTATIONS
from poise.data import KINDS, kind_of
from poise.dynamics import DYNAMICS
from poise.errors import PoiseError
from poise.losses import LOSSES
from poise.networks import Network
from poise.recipes import Recipe
from poise.recipes.settings import RegulariserPart
from poise.registry import Registry, checked_settings
from poise.regularisers import REGULARISERS
from poise.spec import DataSpec
from poise.tasks import GIVEN, TASKS, Task

DATA_AUGMENTATIONS = ("horizontal_flips", "jitter")
"""Settings that change samples before the discriminator sees them; a kind of data names those that fit."""


def resolve(recipe: Recipe, spec: DataSpec, *, given: tuple[str, ...] = ()) -> Recipe:
    """Spell out everything that the recipe leaves to the data, and check every part's settings.

    Networks of players that are `given` are the user's own modules. The result is as it will be saved: no
    `auto`, every setting of every part.

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
    values["game"] = {"name": task.name, **task.settings(recipe.game.options)}
    for player in given:
        values[player] = {"name": GIVEN}
    tables = {"generator": task.generators, "discriminator": task.discriminators}
    tables = {player: table for player, table in tables.items() if player not in given}
    for player, networks in tables.items():
        values[player] = _network(player, values[player], networks, task, spec, by_data.width)
    for optimiser in values["optimisers"].values():
        optimiser["learning_rate"] = _by_data(optimiser["learning_rate"], by_data.learning_rate)
    loss, dynamics = LOSSES.named(recipe.loss.name), DYNAMICS.named(recipe.dynamics.name)
    settings = checked_settings(recipe.loss.options, *loss.functions, owner=f"loss '{loss.name}'")
    values["loss"] = {"name": loss.name, **settings}
    owner = f"dynamics '{dynamics.name}'"
    settings = checked_settings(recipe.dynamics.options, dynamics.step, owner=owner)
    values["dynamics"] = {"name": dynamics.name, **settings}
    _check_growth(recipe, values, tables, task)
    values["regularisers"] = {
        name: _regulariser(
            name,
            part,
            spec,
            recipe.batch_size,
            {player: table.named(values[player]["name"]) for player, table in tables.items()},
            tables,
        )
        for name, part in recipe.regularisers.items()
    }
    values["augmentations"] = {
        name: checked_settings(
            part.options, *AUGMENTATIONS.named(name).functions, owner=f"augmentation '{name}'"
        )
        for name, part in recipe.augmentations.items()
    }
    values["steps"] = recipe.steps or by_data.steps
    values["sample_every"] = recipe.sample_every or max(1, round(values["steps"] / kind.pictures))
    values |= kind.settings(spec)
    rows = {f"augmentations.{name}": AUGMENTATIONS.named(name) for name in recipe.augmentations}
    unfit = [path for path, row in rows.items() if row.kinds and spec.kind not in row.kinds]
    for name in DATA_AUGMENTATIONS:
        asked = getattr(recipe, name) != Recipe.model_fields[name].get_default()
        unfit += [name] if asked and name not in kind.augmentations else []
    if unfit:
        what = f"The augmentation '{unfit[0].rpartition('.')[2]}' does not fit {kind.plural}"
        raise PoiseError(what, code="training.augmentation-unfit", hint=f"leave {unfit[0]} out")
    if task.directions is not None:  # what translations hold out is a matter of their data
        values["held_out"] = 0.0
    if recipe.packing > 1 and task.needs != "rows":
        what = f"The game '{task.name}' cannot be packed"
        why = "samples of one pack would have different conditions"
        hint = "leave packing at 1"
        raise PoiseError(what, code="training.packing-unfit", why=why, hint=hint)
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


def _network(
    player: str,
    part: dict[str, Any],
    networks: Registry[Network],
    task: Task,
    spec: DataSpec,
    width: int,
) -> dict[str, Any]:
    name = part["name"]
    if name == "auto":
        chosen = task.choose(player, spec, width)
        name, part = chosen["name"], {**chosen, **part}
    options = {key: value for key, value in part.items() if key != "name"}
    network = networks.named(name)
    owner = f"{networks.kind} '{name}'"
    if not network.serves(spec):
        fit = ", ".join(f"'{other.name}'" for other in networks.values() if other.serves(spec))
        served = " and ".join(KINDS[kind].plural for kind in network.kinds)
        what = f"The {owner} serves {served}, and these data are {kind_of(spec).plural}"
        hint = f"choose one of {fit}: --set {player}={fit.split(', ')[0].strip(chr(39))}"
        raise PoiseError(what, code="training.network-unfit", hint=hint)
    return {"name": name, **checked_settings(options, network.build, owner=owner)}


def _check_growth(
    recipe: Recipe, values: Mapping[str, Any], tables: Mapping[str, Registry[Network]], task: Task
) -> None:
    """Refuse a growth that one of the networks does not take."""
    for player in ("generator", "discriminator") if recipe.growth is not None else ():
        name = values[player]["name"]
        if player in tables and tables[player].named(name).grows:
            continue
        fit = [one.name for one in getattr(task, f"{player}s").values() if one.grows]
        raise PoiseError(
            f"The {player} '{name}' does not grow",
            code="training.network-does-not-grow",
            why="the recipe has a growth, which says how much of the networks is used",
            hint=(f"choose --set {player}={fit[0]}, or " if fit else "") + "leave it out: --set growth=null",
        )


def _regulariser(
    name: str,
    part: RegulariserPart,
    spec: DataSpec,
    batch_size: int,
    players: Mapping[str, Network],
    tables: Mapping[str, Registry[Network]],
) -> dict[str, Any]:
    row, weight = REGULARISERS.named(name), part.weight
    network = players.get(row.player)
    missing = set() if network is None else set(row.needs_parts) - set(network.parts)
    if missing and network is not None:
        fit = [one.name for one in tables[row.player].values() if set(row.needs_parts) <= set(one.parts)]
        choose = f"choose --set {row.player}={fit[0]}, or " if fit else ""
        raise PoiseError(
            f"The regulariser '{name}' cannot measure the {row.player} '{network.name}'",
            code="training.regulariser-unfit",
            why=f"it has no part '{min(missing)}'",
            hint=f"{choose}leave it out: --set regularisers.{name}=null",
        )
    if weight is None:
        scoring = players.get("discriminator")
        own = None if scoring is None else scoring.gradient_weight
        by_kind = kind_of(spec).gradient_weight(spec)
        weight = row.default_weight(spec, by_kind if own is None else own(spec, batch_size))
    settings = checked_settings(part.options, *row.functions, owner=f"regulariser '{name}'")
    return {"weight": weight, "every": part.every, **settings}
