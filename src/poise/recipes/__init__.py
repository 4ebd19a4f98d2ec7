"""Recipes: the settings of a run, and the table of the named ones. Comes up without torch."""

from poise.recipes.overrides import parse_override, recipe_with, saved_recipe
from poise.recipes.settings import Recipe
from poise.recipes.table import RECIPES

DEFAULT_RECIPE = "non-saturating"

__all__ = ["DEFAULT_RECIPE", "RECIPES", "Recipe", "parse_override", "recipe_with", "saved_recipe"]
