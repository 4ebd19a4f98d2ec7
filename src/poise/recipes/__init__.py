"""Recipes: the settings of a run, and the table of the named ones. Comes up without torch."""

from poise.recipes.automatic import AUTO, DEFAULT_RECIPE, Automatic, Choice, asked_for, drafted
from poise.recipes.overrides import parse_override, recipe_with, saved_recipe
from poise.recipes.settings import Recipe
from poise.recipes.table import RECIPES

__all__ = [
    "AUTO",
    "DEFAULT_RECIPE",
    "RECIPES",
    "Automatic",
    "Choice",
    "Recipe",
    "asked_for",
    "drafted",
    "parse_override",
    "recipe_with",
    "saved_recipe",
]
