"""Latents and conditions to samples: concatenated, by projection, or with a discriminator that classifies."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import nn

from poise.games import AdversarialGame
from poise.games.auxiliary import class_terms, tag_terms
from poise.games.noise_to_data import from_latent_and_condition
from poise.games.view import first_column, judge_with_condition
from poise.networks import DISCRIMINATORS, GENERATORS, Network
from poise.networks.conditioned import (
    ClassifyingDiscriminator,
    ConcatenatedDiscriminator,
    ConcatenatedGenerator,
    ProjectionDiscriminator,
    with_conditional_batch_norm,
)
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.schedules import Weight
from poise.spec import DataSpec
from poise.tasks import noise_to_data
from poise.tasks.build import game_of, scoring_of
from poise.tasks.tags import tags_or_classes, with_tags


def generator(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """From latents and conditions to samples."""
    assert spec.condition is not None
    network = GENERATORS.named(part.name)
    if network.takes_condition:
        return network.build(spec, latent_size=latent_size, **part.options)
    taken = latent_size + spec.condition_numbers
    return ConcatenatedGenerator(network.build(spec, latent_size=taken, **part.options))


def discriminator(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """From samples and conditions to scores; packs are refused before."""
    assert spec.condition is not None and packing == 1
    return scoring_with_condition(DISCRIMINATORS.named(part.name), part, spec)


def scoring_with_condition(network: Network, part: Part, spec: DataSpec) -> nn.Module:
    """A discriminator that takes the condition itself, or sees it as further channels of the sample."""
    if network.takes_condition:
        return network.build(spec, **part.options)
    assert spec.condition is not None
    seen = dataclasses.replace(spec, shape=(spec.shape[0] + spec.condition[0], *spec.shape[1:]))
    return ConcatenatedDiscriminator(network.build(seen, **part.options))


def game(recipe: Recipe) -> AdversarialGame:
    """The game whose networks all take the condition of each sample as their second argument."""
    return game_of(
        recipe,
        scoring=scoring_of(recipe, judge=judge_with_condition),
        forward=from_latent_and_condition,
    )


CONDITIONAL = dataclasses.replace(
    noise_to_data.NOISE_TO_DATA,
    name="conditional",
    summary="Both players are given the condition of each sample, which is concatenated to their input.",
    source="Mirza and Osindero 2014, equation 2 and figure 1",
    needs="labels",
    prepare=with_tags,
    generator=generator,
    discriminator=discriminator,
    game=game,
)


def choose_for_projection(player: str, spec: DataSpec, width: int) -> dict[str, Any]:
    """As without conditions, with the batch normalisation through which the condition acts."""
    chosen = noise_to_data.choose(player, spec, width)
    return {**chosen, "batch_norm": True} if player == "generator" else chosen


def normalised_generator(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """From latents and conditions to samples; the condition acts through the batch normalisation."""
    assert spec.condition is not None
    plain = noise_to_data.generator(part, spec, latent_size)
    if GENERATORS.named(part.name).takes_condition:
        return plain
    return with_conditional_batch_norm(plain, spec.condition_numbers)


def projecting_discriminator(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """From samples and conditions to scores; packs are refused before."""
    assert spec.condition is not None
    plain = noise_to_data.discriminator(part, spec, packing)
    if DISCRIMINATORS.named(part.name).takes_condition:
        return plain
    normed = bool(part.options.get("spectral_norm", False))
    return ProjectionDiscriminator(plain, spec.condition_numbers, spectral_norm=normed)


PROJECTION = dataclasses.replace(
    CONDITIONAL,
    name="projection",
    summary="The generator's normalisation knows the class; the discriminator projects on a row for it.",
    source="Miyato and Koyama 2018, equation 3 and appendix A",
    choose=choose_for_projection,
    generator=normalised_generator,
    discriminator=projecting_discriminator,
)


def classifying_discriminator(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """From samples to a score and a logit for each class; packs are refused before."""
    assert spec.condition is not None
    plain = noise_to_data.discriminator(part, spec, packing)
    normed = bool(part.options.get("spectral_norm", False))
    return ClassifyingDiscriminator(plain, spec.condition[0], spectral_norm=normed)


def game_with_classes(recipe: Recipe, *, class_weight: Weight = 1.0) -> AdversarialGame:
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


AUXILIARY_CLASSIFIER = dataclasses.replace(
    CONDITIONAL,
    name="auxiliary-classifier",
    summary="The generator is given the class; the discriminator also classifies, and both losses count it.",
    source="Odena et al. 2017, equations 2 and 3",
    needs="classes",
    prepare=None,
    discriminator=classifying_discriminator,
    game=game_with_classes,
)


def game_with_tags(
    recipe: Recipe, *, spec: DataSpec, adversarial: Weight | None = None, tag_weight: Weight = 1.0
) -> AdversarialGame:
    """The game whose generator is given tags, and whose discriminator finds them in a second head.

    Args:
        recipe: The resolved recipe.
        spec: Of the data.
        adversarial: What both players' adversarial losses are multiplied with; `None` for the number of tags,
            so that a sample's score weighs as much as all of its tags.
        tag_weight: What the sum of the tags' cross-entropies is multiplied with.
    """
    balanced: Weight = float(spec.condition_numbers) if adversarial is None else adversarial
    return game_of(
        recipe,
        scoring=scoring_of(recipe, read=first_column),
        forward=from_latent_and_condition,
        adversarial=balanced,
        discriminating=balanced,
        more=tag_terms(tag_weight),
    )


AUXILIARY_TAGS = dataclasses.replace(
    AUXILIARY_CLASSIFIER,
    name="auxiliary-tags",
    summary="The generator is given tags; the discriminator also finds them, and both losses count them.",
    source="Jin et al. 2017, section 3.2",
    needs="labels",
    prepare=tags_or_classes,
    game=game_with_tags,
)
