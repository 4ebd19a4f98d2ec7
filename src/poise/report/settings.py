"""The recipe of a run as a table: every value, and where it comes from."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from poise.recipes import RECIPES, Recipe

Origin = Literal["default", "recipe", "data", "changed", "part"]

ABOUT = ("name", "summary", "paper", "when")
"""What a recipe says of itself; shown above the table."""

_MISSING = object()


@dataclass(frozen=True)
class Setting:
    """One value of a recipe.

    Attributes:
        path: As `--set` takes it: `optimisers.generator.learning_rate`.
        value: As JSON, without the quotes of a string.
        default: The default of `poise.recipes.Recipe`, in the same form; empty where it has none.
        origin: `default`; `recipe`, as the named recipe says; `data`, where that leaves it open; `changed`,
            where the run differs from the named recipe; `part`, an option of a part that was spelled out.
        help: What it means.
    """

    path: str
    value: str
    default: str
    origin: Origin
    help: str

    @property
    def differs(self) -> bool:
        """Whether it is other than the default."""
        return self.origin not in ("default", "part")


def settings(recipe: Mapping[str, Any]) -> list[Setting]:
    """Every value of a recipe with its origin.

    Args:
        recipe: As the run folder holds it, every value spelled out.

    Example:
        >>> [row.path for row in settings(Recipe(name="mine", batch_size=8).model_dump()) if row.differs]
        ['batch_size']
    """
    default = dict(_flat(Recipe(name="").model_dump()))
    name = recipe.get("name")
    named = dict(_flat(RECIPES[name].model_dump())) if isinstance(name, str) and name in RECIPES else default
    helps = dict(_helps(Recipe))
    return [
        Setting(
            path=path,
            value=_json(value),
            default=_json(default[path]) if path in default else "",
            origin=_origin(path, value, default=default, named=named),
            help=helps.get(path) or helps.get(_without_key(path), ""),
        )
        for path, value in _flat(recipe)
        if path not in ABOUT
    ]


def _origin(path: str, value: Any, *, default: Mapping[str, Any], named: Mapping[str, Any]) -> Origin:
    if value == {} and any(other.startswith(f"{path}.") for other in named):
        return "changed"
    before = named.get(path, default.get(path, _MISSING))
    if path in default and value == default[path] == before:
        return "default"
    if before is _MISSING:
        # An option of a part (a network's width) has no default here; a penalty that is new was added.
        return "changed" if path.startswith("penalties.") and not _has_penalty(path, named) else "part"
    if value == before:
        return "recipe"
    return "data" if before in (None, "auto") else "changed"


def _has_penalty(path: str, named: Mapping[str, Any]) -> bool:
    prefix = ".".join(path.split(".")[:2]) + "."
    return any(other.startswith(prefix) for other in named)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _helps(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The help text of every field by its path; one `*` stands for the keys of a table of parts."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}", field.description or ""
        inner, keyed = _model_of(field.annotation)
        if inner is not None:
            yield from _helps(inner, f"{prefix}{name}.{'*.' if keyed else ''}")


def _model_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return _model_of(inner[1])[0], True
    if origin in (Union, types.UnionType):
        return next((found for found in map(_model_of, inner) if found[0] is not None), (None, False))
    return None, False


def _without_key(path: str) -> str:
    words = path.split(".")
    return ".".join([words[0], "*", *words[2:]])


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
