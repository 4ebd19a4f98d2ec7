"""The discriminator also classifies each sample; both players are trained by the cross-entropy."""

from __future__ import annotations

from torch import nn

from poise.games import AdversarialGame
from poise.games.auxiliary import class_terms
from poise.games.noise_to_data import from_latent_and_condition
from poise.games.view import first_column
from poise.networks.conditioned import ClassifyingDiscriminator
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.schedules import Weight
from poise.spec import DataSpec
from poise.tasks import conditional, noise_to_data
from poise.tasks.build import game_of, scoring_of
from poise.tasks.task import Task


def discriminator(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """From samples to a score and a logit for each class; packs are refused before."""
    assert spec.condition is not None
    plain = noise_to_data.discriminator(part, spec, packing)
    normed = bool(part.options.get("spectral_norm", False))
    return ClassifyingDiscriminator(plain, spec.condition[0], spectral_norm=normed)


def game(recipe: Recipe, *, class_weight: Weight = 1.0) -> AdversarialGame:
    """The game whose generator is given the class, and whose discriminator classifies in a second head.

    Args:
        recipe: The resolved recipe.
        class_weight: What the cross-entropy of the classes is multiplied with.
    """
    return game_of(
        recipe,
        scoring=scoring_of(recipe, read=first_column),
        forward=from_latent_and_condition,
        more=class_terms(class_weight),
    )


AUXILIARY_CLASSIFIER = Task(
    name="auxiliary-classifier",
    summary="The generator is given the class; the discriminator also classifies, and both losses count it.",
    source="Odena et al. 2017, equations 2 and 3",
    needs="classes",
    generators=conditional.CONDITIONAL.generators,
    discriminators=conditional.CONDITIONAL.discriminators,
    choose=noise_to_data.choose,
    generator=conditional.generator,
    discriminator=discriminator,
    networks=noise_to_data.networks,
    game=game,
)
