"""A recipe with every value, in columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from poise.cli.wording import flat, value_word
from poise.recipes import Recipe
from poise.recipes.overrides import documented_paths
from poise.recipes.settings import PenaltyPart

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

ABOUT = ("name", "summary", "paper", "when")


def marked_table(recipe: Recipe) -> RenderableType:
    """Every setting by the path that `--set` takes, its value and what it is; `*` where not the default.

    Args:
        recipe: The recipe.
    """
    from rich.text import Text

    defaults, documented = dict(settings(Recipe(name="default"))), dict(documented_paths())
    table = _table("", "setting", "value", "what it is")
    for path, value in settings(recipe):
        differs = defaults.get(path) != value
        told = Text(value_word(value), "bold" if differs else "")
        table.add_row(
            Text("*" if differs else "", "yellow"), path, told, Text(_what(path, documented), "dim")
        )
    return table


def plain_table(recipe: Recipe) -> RenderableType:
    """Every setting of a resolved recipe, with its value.

    Args:
        recipe: The recipe.
    """
    table = _table("setting", "value")
    for path, value in settings(recipe):
        table.add_row(path, value_word(value))
    return table


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    for name in columns:
        path = name == "setting"
        table.add_column(name, no_wrap=path, style="cyan" if path else "", overflow="fold")
    return table


def _what(path: str, documented: Mapping[str, str]) -> str:
    leaf = path.rpartition(".")[2]
    if path.startswith("penalties.") and leaf in PenaltyPart.model_fields:
        return PenaltyPart.model_fields[leaf].description or ""
    return documented.get(path) or documented.get(f"{path}.name") or ""


def settings(recipe: Recipe) -> list[tuple[str, object]]:
    """Every setting by its dotted path, but for what a recipe says about itself.

    Args:
        recipe: The recipe.
    """
    values = {name: value for name, value in recipe.model_dump().items() if name not in ABOUT}
    return flat(values)
