"""Images into steps: the recipe that a trial is trained by, under the budget of its study."""

from __future__ import annotations

from poise.dynamics import DYNAMICS
from poise.errors import PoiseError
from poise.recipes import Recipe, recipe_with
from poise.studies.plan import Plan, Trial, trial_changes
from poise.text import counted

LEAST_STEPS = 20
"""A budget for fewer is refused."""


def steps_for(recipe: Recipe, images: int) -> int:
    """Steps of a recipe in which the discriminator is shown so many reals, rounded down.

    Example:
        >>> from poise.recipes import RECIPES
        >>> steps_for(RECIPES["lucic/wasserstein"], 1_000_000)
        3125
    """
    return images // images_of_step(recipe)


def images_of_step(recipe: Recipe) -> int:
    """Reals that the discriminator is shown in a step."""
    batches = DYNAMICS.named(recipe.dynamics.name).batches(recipe.dynamics.options)
    return batches * recipe.batch_size * recipe.packing


def recipe_of(plan: Plan, trial: Trial) -> Recipe:
    """The recipe that a trial is trained by.

    Raises:
        PoiseError: The budget is too small for it.
    """
    varied = recipe_with(plan.recipe(trial.recipe), trial.settings)
    steps = steps_for(varied, plan.budget.images)
    if steps < LEAST_STEPS:
        each, needed = images_of_step(varied), LEAST_STEPS * images_of_step(varied)
        raise PoiseError(
            f"A budget of {plan.budget.images:,} images is too small for '{trial.recipe}'",
            code="studies.budget-too-small",
            why=f"a step takes {each:,} images, so that it would have {counted(steps, 'step')}",
            hint=f"give {needed:,} images or more, or a smaller batch: --set batch_size=16",
        )
    return recipe_with(varied, trial_changes(trial, steps=steps, evaluations=plan.evaluations))
