"""From a recipe with values "by the data" to one with every value spelled out."""

from __future__ import annotations

from typing import Any

from poise.dynamics import DYNAMICS
from poise.errors import PoiseError
from poise.losses import LOSSES
from poise.networks import DISCRIMINATORS, GENERATORS, Network
from poise.penalties import PENALTIES
from poise.recipes import Recipe
from poise.registry import Registry, checked_settings

GIVEN = "given"
"""The name that stands for a module that the person handed in."""

DATA_DEFAULTS: list[tuple[str, int, dict[str, Any]]] = [
    # kind, largest side (0: any), what `auto` and null become
    ("image", 8, {"width": 64, "rate": 6e-4, "steps": 3_000}),
    ("image", 16, {"width": 64, "rate": 4e-4, "steps": 10_000}),
    ("image", 32, {"width": 64, "rate": 4e-4, "steps": 25_000}),
    ("image", 64, {"width": 64, "rate": 4e-4, "steps": 50_000}),
    ("image", 0, {"width": 32, "rate": 2e-4, "steps": 100_000}),
    ("vector", 0, {"width": 128, "rate": 1e-3, "steps": 10_000}),
]


def resolve(recipe: Recipe, kind: str, shape: tuple[int, ...], *, given: tuple[str, ...] = ()) -> Recipe:
    """Spell out everything that the recipe leaves to the data, and check every part's settings.

    Args:
        recipe: A recipe, perhaps with `auto` and null in it.
        kind: `"image"` or `"vector"`.
        shape: The shape of one sample, `(C, H, W)` or `(d,)`.
        given: The players whose networks the person hands in as modules.

    Returns:
        The recipe as it will be saved: no `auto`, every setting of every part.

    Raises:
        PoiseError: A part does not exist, does not serve this kind of data, or has a setting that it cannot.

    Example:
        >>> from poise.recipes import RECIPES
        >>> resolve(RECIPES["non-saturating"], "image", (1, 8, 8)).generator.name
        'dcgan'
    """
    by_data = _data_defaults(kind, shape)
    values = recipe.model_dump()
    for player, networks in (("generator", GENERATORS), ("discriminator", DISCRIMINATORS)):
        part = values[player]
        if player in given:
            values[player] = {"name": GIVEN}
        else:
            values[player] = _network(part, networks, kind, shape, by_data["width"])
    for optimiser in values["optimisers"].values():
        optimiser["rate"] = optimiser["rate"] or by_data["rate"]
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
        raise PoiseError("Vectors cannot be mirrored", mend="leave horizontal_flips out")
    return Recipe.model_validate(values)


def _data_defaults(kind: str, shape: tuple[int, ...]) -> dict[str, Any]:
    side = max(shape)
    return next(
        row for of_kind, largest, row in DATA_DEFAULTS if of_kind == kind and (not largest or side <= largest)
    )


def _network(
    part: dict[str, Any], networks: Registry[Network], kind: str, shape: tuple[int, ...], width: int
) -> dict[str, Any]:
    name = part["name"]
    options = {key: value for key, value in part.items() if key != "name"}
    if name == "auto":
        name = _network_for(kind, shape)
        options = {"width": width, **options} if name in ("dcgan", "mlp") else options
    network = networks.named(name)
    owner = f"{networks.kind} '{name}'"
    if kind not in network.kinds:
        fit = ", ".join(f"'{other.name}'" for other in networks.values() if kind in other.kinds)
        raise PoiseError(
            f"The {owner} serves {network.kinds[0]}s, and these data are {kind}s",
            mend=f"choose one of {fit}: --set {networks.kind}={fit.split(', ')[0].strip(chr(39))}",
        )
    return {"name": name, **checked_settings(options, network.build, owner=owner)}


def _network_for(kind: str, shape: tuple[int, ...]) -> str:
    if kind == "vector":
        return "mlp"
    side = shape[-1]
    if shape[-2] == side and 8 <= side <= 256 and side & (side - 1) == 0:
        return "dcgan"
    return "infogan" if shape[-2] == side and side % 4 == 0 and side <= 128 else "mlp"


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
