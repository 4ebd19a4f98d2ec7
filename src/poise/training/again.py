"""The command line that repeats a run; the settings of a remedy are added to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from poise.data import described_spec
from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.spec import DataSpec, sides_of, size_text
from poise.tasks import GIVEN
from poise.tasks.held_out import held_out_of
from poise.training.resolve import resolve

NOT_SET = {"name", "summary", "paper", "when", "resolution", "evaluate_every"}
"""Settings that describe a recipe, have a flag of their own, or follow from the cost of an evaluation."""

FLAGS = ("steps", "seed", "batch_size", "fit")
DECISIVE = ("game", "steps")
"""Settings on which others depend; they are set first."""

ROUNDS = 4
"""What is decisive, the names of parts, and their settings are found one after the other; the last checks."""


def command_again(recipe: Recipe, data: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The words that repeat a run: its named recipe, and every setting that differs from it.

    It is `None` if no command can repeat it: data or networks were given in Python, or the recipe is none of
    the named ones.

    Example:
        >>> from poise.recipes import RECIPES
        >>> trained = resolve(recipe_with(RECIPES["minimax"], {"packing": 2}), DataSpec("vector", (2,)))
        >>> ring = {"origin": {"kind": "built-in", "value": "ring"}, "kind": "vector", "shape": [2]}
        >>> ring["encoding"] = {"name": "identity"}
        >>> " ".join(command_again(trained, ring))
        'poise train ring --recipe minimax --set packing=2'
    """
    named = _data_words(data.get("origin", {}))
    given = GIVEN in (recipe.generator.name, recipe.discriminator.name)
    if named is None or given or recipe.name not in RECIPES:
        return None
    try:
        changes = _changes(recipe, described_spec(data), data.get("count"))
    except PoiseError:
        changes = None  # a recipe of that name means something else by now
    if changes is None:
        return None
    size, own_size = recipe.resolution, data.get("summary", {}).get("original_size")
    sides = None if size is None else sides_of(size)
    words = ["poise", "train", *named, "--recipe", recipe.name]
    if sides is not None and own_size != list(sides):
        words += ["--resolution", str(size) if sides[0] == sides[1] else size_text(*sides)]
    for path, value in changes.items():
        text = value if isinstance(value, str) else json.dumps(value)
        flag = path in FLAGS
        words += [f"--{path.replace('_', '-')}", text] if flag else ["--set", f"{path}={text}"]
    return tuple(words)


def _changes(recipe: Recipe, spec: DataSpec, count: int | None) -> dict[str, Any] | None:
    """What must be set so that the named recipe, resolved for the same data, becomes this one."""
    changes: dict[str, Any] = {}
    for _ in range(ROUNDS):
        made = resolve(recipe_with(RECIPES[recipe.name], changes), spec)
        if made.held_out is None and count is not None:
            made = made.model_copy(update={"held_out": held_out_of(count)})
        differences = dict(_differences(recipe.model_dump(exclude=NOT_SET), made.model_dump(exclude=NOT_SET)))
        if not differences:
            return changes
        first = {path: differences[path] for path in DECISIVE if path in differences}
        changes |= first or differences
    return None


def _differences(
    wanted: Mapping[str, Any], made: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Settings by path that differ; of a part with another name only the name, since it brings its own."""
    for name, value in wanted.items():
        path, other = f"{prefix}{name}", made.get(name)
        if not isinstance(value, Mapping) or (name in made and not isinstance(other, Mapping)):
            if name not in made or other != value:
                yield path, value
        elif prefix == "regularisers." and other is None:
            yield f"{path}.every", value["every"]
        elif prefix == "augmentations." and other is None:
            yield path, dict(value)
        elif other is not None and value.get("name") != other.get("name"):
            yield path, value["name"]
        else:
            yield from _differences(value, other or {}, f"{path}.")
    yield from ((f"{prefix}{name}", None) for name in made.keys() - wanted.keys())


def _data_words(origin: Mapping[str, Any]) -> list[str] | None:
    """The data as `poise train` takes them, from the record that opens them again."""
    match origin:
        case {"kind": "path" | "built-in", "value": value}:
            labels = origin.get("labels") or {}
            words = ["--labels", str(labels["file"])] if labels else []
            words += ["--label-column", str(labels["column"])] if labels.get("column") else []
            words += ["--file-column", str(labels["file_column"])] if labels.get("file_column") else []
            return [str(value), *words, *_read_words(origin)]
        case {"kind": "pairs", "source": {"value": source}, "target": None}:
            words = ["--side-by-side", source, "--source-side", origin["source_side"]]
        case {"kind": "pairs", "source": {"value": source}, "target": {"value": target}}:
            words = ["--pairs", source, target]
        case {"kind": "domains", "a": {"value": a}, "b": {"value": b}}:
            words = ["--domains", a, b]
        case _:
            return None
    side = origin.get("source") or origin["a"]
    return [*words, "--held-out", str(origin["held_out"]), *_read_words(side)]


def _read_words(origin: Mapping[str, Any]) -> list[str]:
    """How files are read, as `poise train` takes it."""
    read = origin.get("read") or {}
    scale, split, share = read.get("scale"), read.get("split"), read.get("tolerate", 0.01)
    words = [] if scale is None else ["--scale", ",".join(f"{number:g}" for number in scale)]
    words += [] if split is None else ["--split", str(split)]
    words += [] if read.get("kind") is None else ["--kind", str(read["kind"])]
    return words + ([] if share == 0.01 else ["--tolerate-bad", str(share)])
