"""Values of a recipe that remedies set, worked out from the recipe that a run has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from poise.spec import sides_of

Recipe = Mapping[str, Any]

USUAL = 2e-4  # The learning rate of a recipe that names none
FAR = 100.0  # Times as high or as low, from which a rate moves no network of any size as it should


def rate_of(recipe: Recipe, player: str) -> float:
    """A player's learning rate; the default if the recipe has none."""
    rate = recipe.get("optimisers", {}).get(player, {}).get("learning_rate")
    rate = rate.get("start") if isinstance(rate, Mapping) else rate
    return float(rate) if rate else USUAL


def rate_path(recipe: Recipe, player: str) -> str:
    """The path of a player's learning rate, or of its start if it follows a schedule."""
    rate = recipe.get("optimisers", {}).get(player, {}).get("learning_rate")
    return f"optimisers.{player}.learning_rate" + (".start" if isinstance(rate, Mapping) else "")


def rates_times(recipe: Recipe, factor: float, *players: str) -> dict[str, Any]:
    """The rates of both players, or of those named, times a factor."""
    chosen = players or ("generator", "discriminator")
    return {rate_path(recipe, player): float(f"{factor * rate_of(recipe, player):.3g}") for player in chosen}


def levelled(recipe: Recipe, player: str, *, at_least: float = 10.0) -> dict[str, Any] | None:
    """A player's rate raised to the other's; `None` if it is not so many times lower."""
    other = "generator" if player == "discriminator" else "discriminator"
    low = at_least * rate_of(recipe, player) <= rate_of(recipe, other)
    return {rate_path(recipe, player): rate_of(recipe, other)} if low else None


def usual_rates(recipe: Recipe) -> dict[str, Any] | None:
    """The default rates for both players; `None` if both have rates of that size already."""
    players = ("generator", "discriminator")
    if recipe and all(1 / FAR < rate_of(recipe, player) / USUAL < FAR for player in players):
        return None
    return {f"optimisers.{player}.learning_rate": None for player in players}


def steps_of_players(recipe: Recipe, discriminator: int, generator: int = 1) -> dict[str, Any] | None:
    """So many steps of either player in turn; `None` if the dynamics updates both at once."""
    dynamics = recipe.get("dynamics", {})
    if dynamics and "discriminator_steps" not in dynamics:
        return None
    changes = {"dynamics.discriminator_steps": discriminator}
    if dynamics.get("generator_steps", 1) != generator:
        changes["dynamics.generator_steps"] = generator
    return changes


def single_steps(recipe: Recipe, *players: str) -> dict[str, Any]:
    """One step in turn of the players named, as far as the recipe gives them more."""
    dynamics = recipe.get("dynamics", {})
    return {f"dynamics.{player}_steps": 1 for player in players if dynamics.get(f"{player}_steps", 1) > 1}


def deepened(recipe: Recipe) -> dict[str, Any] | None:
    """Three hidden layers for a discriminator that has none; `None` if it has some."""
    return {"discriminator.depth": 3} if recipe.get("discriminator", {}).get("depth") == 0 else None


def deepened_and_calm(recipe: Recipe) -> dict[str, Any] | None:
    """The same with a heavy penalty, no momentum, and rates of at most twice the usual one.

    Hidden layers make a score steep that was a plane, and steps too large that it allowed.
    """
    layers = deepened(recipe)
    if layers is None:
        return None
    high = {
        rate_path(recipe, player): 2 * USUAL
        for player in ("generator", "discriminator")
        if rate_of(recipe, player) > 2 * USUAL
    }
    return {**layers, **calm(recipe), **high}


def width_times(recipe: Recipe, player: str, factor: float) -> dict[str, Any] | None:
    """A player's width times a factor; `None` if its network has none."""
    network = recipe.get(player, {"width": 64})
    return {f"{player}.width": max(8, int(factor * network["width"]))} if "width" in network else None


def smoother(recipe: Recipe, *, heavy: bool = False) -> dict[str, Any]:
    """The penalty on the discriminator's slope at every step: the recipe's own if it has one, else R1."""
    own = recipe.get("regularisers", {})
    name = next((one for one in ("r1", "wgan-gp", "dragan") if one in own), "r1")
    weight = 10 * (_start_of((own.get(name) or {}).get("weight")) or 0.0)
    if name == "r1":
        weight = max(weight, min(10.0, 30 * _usual_weight(recipe)))
    heavier = {f"regularisers.{name}.weight": float(f"{weight:.3g}")} if heavy and weight else {}
    found = {**heavier, f"regularisers.{name}.every": 1}
    # A loss that holds fakes against reals is only known to settle if both have the penalty
    if name == "r1" and (recipe.get("loss") or {}).get("name") == "relativistic-pairing":
        found |= {path.replace("r1", "r2"): value for path, value in found.items()}
    return found


def _start_of(value: Any) -> Any:
    """A number, or the one at which its schedule starts."""
    return value.get("start") if isinstance(value, Mapping) else value


def _usual_weight(recipe: Recipe) -> float:
    """R1's weight by default: in proportion to the pixels."""
    size = recipe.get("resolution")
    return min(10.0, 0.1 * math.prod(sides_of(size)) / 64) if size else 0.001


def calm(recipe: Recipe) -> dict[str, Any]:
    """A heavy penalty on the discriminator's slope, and no momentum in either player."""
    players = ("generator", "discriminator")
    return {**smoother(recipe, heavy=True), **{f"optimisers.{player}.beta1": 0.0 for player in players}}


def steady(recipe: Recipe) -> dict[str, Any]:
    """What holds a discriminator back: non-saturating loss, even steps and rates, a penalty on its slope."""
    rate = rate_of(recipe, "generator")
    slower = (
        {"optimisers.discriminator.learning_rate": rate} if rate_of(recipe, "discriminator") > rate else {}
    )
    players = ("discriminator", "generator")
    return {
        "loss": "non-saturating",
        **single_steps(recipe, *players),
        **slower,
        **smoother(recipe, heavy=True),
    }


def mirrored(recipe: Recipe) -> dict[str, Any] | None:
    """Half of the images mirrored; `None` if the samples are no images."""
    tags = recipe.get("game", {}).get("name") == "image-tagging"
    return {"horizontal_flips": True} if recipe.get("resolution") and not tags else None


SHORT = 200_000  # Images in a run below which ADA's probability would hardly move
AUGMENTED = ("noise-to-data", "conditional", "projection", "auxiliary-classifier")  # Games that take one


def adaptive(recipe: Recipe) -> dict[str, Any] | None:
    """ADA; `None` for a short run, for other data than images, and if there is an augmentation already."""
    return {"augmentations.ada": {}} if _augmentable(recipe) and _shown(recipe) >= SHORT else None


def differentiable(recipe: Recipe) -> dict[str, Any] | None:
    """DiffAugment, for a short run; otherwise as `adaptive`."""
    return {"augmentations.diffaugment": {}} if _augmentable(recipe) and _shown(recipe) < SHORT else None


def _augmentable(recipe: Recipe) -> bool:
    fits = recipe.get("resolution") and recipe.get("game", {}).get("name") in AUGMENTED
    return bool(fits) and not {"ada", "diffaugment"} & set(recipe.get("augmentations") or {})


def _shown(recipe: Recipe) -> float:
    """Reals in the whole run; infinity if that is not known."""
    sizes = recipe.get("batch_size", 64), recipe.get("packing", 1)
    turns = recipe.get("dynamics", {}).get("discriminator_steps", 1)
    return float(recipe["steps"] * math.prod(sizes) * turns) if recipe.get("steps") else math.inf


def packed(recipe: Recipe) -> dict[str, Any] | None:
    """Two samples before the discriminator at once; `None` if samples have conditions."""
    return {"packing": 2} if recipe.get("game", {}).get("name", "noise-to-data") == "noise-to-data" else None
