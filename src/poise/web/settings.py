"""The recipe of a run as a table: every value, and where it comes from."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from poise.recipes import RECIPES, Recipe
from poise.recipes.overrides import help_of
from poise.recipes.settings import renamed

Origin = Literal["default", "recipe", "data", "changed", "part"]
"""As the named recipe has it; or `data`, if it leaves it open; or an option of a part, spelled out."""

ABOUT = ("name", "summary", "paper", "when")
"""What a recipe says about itself; shown above the table."""

_MISSING = object()


@dataclass(frozen=True)
class Setting:
    """One value of a recipe at a path as `--set` takes it; its value and default are JSON without quotes."""

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
    """Every value of a recipe with its origin."""
    default = dict(_flat(Recipe(name="").model_dump()))
    name = recipe.get("name")
    named = dict(_flat(RECIPES[name].model_dump())) if isinstance(name, str) and name in RECIPES else default
    return [
        Setting(
            path=path,
            value=_json(value),
            default=_json(default[path]) if path in default else "",
            origin=_origin(path, value, default=default, named=named),
            help=help_of(path),
        )
        for path, value in _flat(renamed(recipe))
        if path not in ABOUT
    ]


def _origin(path: str, value: Any, *, default: Mapping[str, Any], named: Mapping[str, Any]) -> Origin:
    if value == {} and any(other.startswith(f"{path}.") for other in named):
        return "changed"
    before = named.get(path, default.get(path, _MISSING))
    if path in default and value == default[path] == before:
        return "default"
    if before is _MISSING:
        # An option of a part (a network's width) has no default here. Of a table of parts, such as the
        # penalties, a new row was added.
        table, *rest = path.split(".")
        row = f"{table}.{rest[0]}." if rest and default.get(table) == {} else path
        return "changed" if row != path and not any(other.startswith(row) for other in named) else "part"
    if value == before:
        return "recipe"
    return "data" if before in (None, "auto") else "changed"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
