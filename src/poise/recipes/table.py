"""The named recipes: each a row with the values that differ from the defaults."""

from __future__ import annotations

from poise.recipes import conditions, games, images, kinds, lucic, translations
from poise.recipes.settings import Recipe
from poise.registry import Registry

ROWS = [*games.ROWS, *conditions.ROWS, *images.ROWS, *translations.ROWS, *kinds.ROWS, *lucic.ROWS]

RECIPES: Registry[Recipe] = Registry("recipe", [Recipe.model_validate(row) for row in ROWS])
