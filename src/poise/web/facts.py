"""What a run's files hold, in words: facts as a table, the recipe's settings and where they come from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from poise.recipes import RECIPES, Recipe
from poise.recipes.overrides import ABOUT, flat, help_of
from poise.recipes.settings import renamed
from poise.spec import size_text
from poise.text import label, number

Json = Mapping[str, Any]

MOST_ITEMS = 200  # Entries of a long list that are shown; the others are counted


def moment(iso: str) -> str:
    """A point in time as people write it; any other text stays as it is."""
    try:
        time = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = f" {time.tzname()}" if time.tzname() else ""
    return f"{time.day} {time:%B %Y, %H:%M}{zone}"


def size(count: float) -> str:
    """Bytes in a unit that fits."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} B"


SPAN = {"min", "median", "max"}  # The keys of a summary of many numbers


def plain(value: Any) -> str:
    """Any JSON value as a short text.

    Example:
        >>> plain({"min": 8, "median": 64.0, "max": 512}), plain({"PNG": 1200, "JPEG": 3})
        ('8 to 512, median 64', 'PNG: 1,200; JPEG: 3')
        >>> plain([0, 255]), plain("NHWC"), plain(1797), plain({"name": "pixels"})
        ('0, 255', 'NHWC', '1,797', 'pixels')
    """
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping) and set(value) == SPAN:
        low, median, high = map(plain, (value["min"], value["median"], value["max"]))
        return low if low == high else f"{low} to {high}, median {median}"
    if isinstance(value, Mapping):
        return str(value.get("name") or "; ".join(f"{key}: {plain(inner)}" for key, inner in value.items()))
    return ", ".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def fact_text(name: str, value: Any) -> str:
    """A fact as a short text.

    Example:
        >>> fact_text("range", [0, 255]), fact_text("resolution", [48, 64])
        ('0 to 255', '64x48')
    """
    if name in ("resolution", "original_size") and isinstance(value, list | tuple):
        return size_text(*value)
    return " to ".join(map(plain, value)) if name == "range" else plain(value)


@dataclass(frozen=True)
class Fact:
    """One line of a table of facts: its name, and a text or a list of them."""

    name: str
    text: str
    items: tuple[str, ...] = ()


def facts(values: Json, prefix: str = "") -> list[Fact]:
    """Any JSON object as lines of a table; nested names become `outer inner`."""
    found = []
    for key, value in values.items():
        name = f"{prefix} {key}"
        if isinstance(value, Mapping) and set(value) != SPAN:
            found += facts(value, name)
        elif isinstance(value, list) and (len(value) > 8 or len(plain(value)) > 80):
            rest = len(value) - MOST_ITEMS
            more = (f"and {rest:,} more",) if rest > 0 else ()
            entries = "1 entry" if len(value) == 1 else f"{len(value):,} entries"
            found.append(Fact(label(name), entries, (*map(plain, value[:MOST_ITEMS]), *more)))
        elif value not in (None, "", [], {}):
            found.append(Fact(label(name), fact_text(key, value)))
    return found


def environment_facts(environment: Json) -> list[Fact]:
    """What a run was trained on and with, the essentials first."""
    first = {name: environment[name] for name in ("started", "device", "seed") if name in environment}
    if isinstance(first.get("started"), str):
        first["started"] = moment(first["started"])
    if isinstance(first.get("seed"), int):
        first["seed"] = str(first["seed"])
    if environment.get("parts"):
        first["parts from"] = ", ".join(str(one["name"]) for one in environment["parts"])
    apart = {"format", "command", "cwd", "git", "parts", *first}
    return facts(first | {name: value for name, value in environment.items() if name not in apart})


def data_facts(data: Json) -> list[Fact]:
    """What a run was trained on, its shape first; of two facts with one name the first."""
    shape, summary = data.get("shape"), data.get("summary")
    first = {name: data[name] for name in ("kind", "count") if name in data}
    if isinstance(shape, list):
        first["shape of one"] = " × ".join(map(str, shape))
    apart = {"name", "kind", "count", "shape", "notices", "summary", "words"}
    found = facts(first | {"fingerprint": data.get("fingerprint")})
    found += facts(summary) if isinstance(summary, Mapping) else []
    found += facts({name: value for name, value in data.items() if name not in apart})
    unique: dict[str, Fact] = {}
    for fact in found:
        unique.setdefault(fact.name, fact)
    return list(unique.values())


# Settings -------------------------------------------------------------------------------------------------

Origin = Literal["default", "recipe", "data", "changed", "part"]
"""As the named recipe has it; or `data`, if it leaves it open; or an option of a part, spelled out."""

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


def settings(recipe: Json) -> list[Setting]:
    """Every value of a recipe with its origin."""
    default = dict(flat(Recipe(name="").model_dump()))
    name = recipe.get("name")
    named = dict(flat(RECIPES[name].model_dump())) if isinstance(name, str) and name in RECIPES else default
    return [
        Setting(
            path=path,
            value=_json(value),
            default=_json(default[path]) if path in default else "",
            origin=_origin(path, value, default=default, named=named),
            help=help_of(path),
        )
        for path, value in flat(renamed(recipe))
        if path not in ABOUT
    ]


def _origin(path: str, value: Any, *, default: Json, named: Json) -> Origin:
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


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
