"""The command line that makes a run again: what a remedy's settings are added to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.spec import DataSpec
from poise.tasks import GIVEN
from poise.training.resolve import resolve

_PARTS = ("game", "loss", "dynamics", "generator", "discriminator")
_ABOUT = ("name", "summary", "paper", "when", "resolution", "evaluate_every", "sample_every")
"""What is told of a recipe, and what the data or the number of steps decide unless a person does."""


def command_again(recipe: Recipe, data: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The words that make a run again, with every setting that differs from its named recipe.

    Args:
        recipe: The run's, resolved.
        data: Its `data.json`.

    Returns:
        The words; `None` where no command line can say it: data or networks were given in Python, or the
        recipe is none of the named ones.

    Example:
        >>> from poise.recipes import RECIPES
        >>> played = resolve(recipe_with(RECIPES["minimax"], {"packing": 2}), DataSpec("vector", (2,)))
        >>> ring = {"origin": {"kind": "built-in", "value": "ring"}, "kind": "vector", "shape": [2]}
        >>> " ".join(command_again(played, ring))
        'poise train ring --recipe minimax --set packing=2'
    """
    named = _data_words(data.get("origin", {}))
    own = GIVEN in (recipe.generator.name, recipe.discriminator.name)
    if named is None or own or recipe.name not in RECIPES:
        return None
    condition = data.get("condition")
    spec = DataSpec(
        str(data["kind"]), tuple(data["shape"]), tuple(condition["shape"]) if condition is not None else None
    )
    words = ["poise", "train", *named, "--recipe", recipe.name]
    if data["kind"] == "image" and data["origin"]["kind"] != "built-in":
        words += ["--resolution", str(recipe.resolution)]
    try:
        changes = _differences(recipe, spec)
    except PoiseError:
        return None  # a recipe of that name that means something else by now
    flags = {"steps", "seed", "batch_size"}
    for path, value in changes.items():
        flag = [f"--{path.replace('_', '-')}", str(value)]
        words += flag if path in flags else ["--set", f"{path}={_typed(value)}"]
    return tuple(words)


def _differences(recipe: Recipe, spec: DataSpec) -> dict[str, Any]:
    """What must be set for the named recipe to become this one: names first, then what they leave open."""
    base, wanted = RECIPES[recipe.name], recipe.model_dump()
    has = base.model_dump()
    changes: dict[str, Any] = {
        part: wanted[part]["name"]
        for part in _PARTS
        if wanted[part]["name"] != has[part]["name"] and has[part]["name"] != "auto"
    }
    changes |= {name: wanted[name] for name in ("steps", "packing") if has[name] != wanted[name]}
    first = resolve(recipe_with(base, changes), spec).model_dump()
    chosen = {part: wanted[part]["name"] for part in _PARTS if wanted[part]["name"] != first[part]["name"]}
    penalties = {f"penalties.{name}": None for name in first["penalties"] if name not in wanted["penalties"]}
    penalties |= {f"penalties.{name}.every": part["every"] for name, part in wanted["penalties"].items()
                  if name not in first["penalties"]}  # fmt: skip
    changes |= chosen | penalties
    second = resolve(recipe_with(base, changes), spec).model_dump()
    apart = dict(_apart(wanted, second))
    if changes.get("steps") == resolve(base, spec).steps:
        changes.pop("steps")
    return changes | apart


def _apart(wanted: Mapping[str, Any], has: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in wanted.items():
        path = f"{prefix}{name}"
        if path in _ABOUT:
            continue
        if isinstance(value, Mapping):
            yield from _apart(value, has.get(name) or {}, f"{path}.")
        elif name not in has or has[name] != value:
            yield path, value


def _data_words(origin: Mapping[str, Any]) -> list[str] | None:
    kind = origin.get("kind")
    if kind in ("path", "built-in"):
        labels = origin.get("labels")
        words = [str(origin["value"])]
        if labels is not None:
            words += ["--labels", str(labels["file"])]
            words += ["--label-column", str(labels["column"])] if labels["column"] else []
        return words
    if kind == "pairs":
        source, target = origin["source"], origin["target"]
        named = ["--pairs", source["value"], target["value"]] if target is not None else [
            "--side-by-side", source["value"], "--source-side", origin["source_side"]
        ]  # fmt: skip
        return [*named, "--held-out", str(origin["held_out"])]
    if kind == "domains":
        return [
            "--domains",
            origin["a"]["value"],
            origin["b"]["value"],
            "--held-out",
            str(origin["held_out"]),
        ]
    return None


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
