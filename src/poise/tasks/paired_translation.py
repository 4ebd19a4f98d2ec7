"""Images to images, from pairs: the conditional game, and the distance to the target besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from poise.dynamics.game import Networks
from poise.errors import PoiseError
from poise.games import AdversarialGame
from poise.games.auxiliary import absolute_error, feature_error, perceptual_error, squared_error
from poise.games.noise_to_data import from_latent_and_condition
from poise.games.term import Term
from poise.games.view import View, judge_with_condition
from poise.networks import IMAGE_DISCRIMINATORS, TRANSLATORS
from poise.networks.conditioned import ConcatenatedDiscriminator
from poise.networks.translating import PatchDiscriminator, TranslatingGenerator, matching_features
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.schedules import Number, Weight
from poise.spec import DataSpec
from poise.tasks import conditional, noise_to_data
from poise.tasks.build import game_of, scoring_of
from poise.tasks.perceptual import perceptual_features as features_of
from poise.tasks.task import Task


def choose(player: str, spec: DataSpec, width: int) -> dict[str, Any]:
    """The network that `auto` becomes."""
    return {"name": "unet" if player == "generator" else "patch", "width": width}


def generator(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """From sources to targets; the latent is not used."""
    network = TRANSLATORS.named(part.name)
    return TranslatingGenerator(network.build(spec, **part.options))


def discriminator(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """From targets and their sources to scores; packs are refused before."""
    assert spec.condition is not None and packing == 1
    return conditional.scoring_with_condition(IMAGE_DISCRIMINATORS.named(part.name), part, spec)


def networks(recipe: Recipe, modules: Mapping[str, nn.Module]) -> Networks:
    """Those of the game without conditions, and what the discriminator sees on the way to its scores."""
    named = dict(noise_to_data.networks(recipe, modules))
    scoring = modules["discriminator"]
    if isinstance(scoring, ConcatenatedDiscriminator) and isinstance(scoring.network, PatchDiscriminator):
        named["features"] = matching_features(scoring.network)
    return named


def game(
    recipe: Recipe,
    *,
    spec: DataSpec,
    adversarial: Weight = 1.0,
    l1: Weight = 100.0,
    l2: Weight = 0.0,
    feature_matching: Weight = 0.0,
    perceptual: Weight = 0.0,
    perceptual_features: str = "random-convolutions",
) -> AdversarialGame:
    """The conditional game with further terms of the generator.

    Args:
        recipe: Resolved.
        spec: Of the data.
        adversarial: The weight of the discriminator's judgement.
        l1: The weight of the mean absolute difference to the target.
        l2: The weight of the mean squared difference to the target.
        feature_matching: The weight of the difference in the features of a patch discriminator.
        perceptual: The weight of the mean squared difference of features of an extractor.
        perceptual_features: Which, by its name in `poise.metrics.features.EXTRACTORS`.

    Raises:
        PoiseError: Features are to be matched of a discriminator that shows none.
    """
    if feature_matching and recipe.discriminator.name != "patch":
        raise PoiseError(
            f"The discriminator '{recipe.discriminator.name}' shows no features to match",
            code="tasks.no-features-to-match",
            hint="choose the discriminator 'patch', or leave game.feature_matching out",
        )
    rows: dict[str, tuple[Number, Callable[[View], Tensor]]] = {
        "l1_loss": (l1, absolute_error),
        "l2_loss": (l2, squared_error),
        "feature_matching_loss": (feature_matching, feature_error),
    }
    if perceptual:
        extractor = features_of(perceptual_features, spec.shape[0])
        rows["perceptual_loss"] = perceptual, perceptual_error(extractor)
    terms = [Term(name, "generator", value, weight) for name, (weight, value) in rows.items() if weight]
    return game_of(
        recipe,
        scoring=scoring_of(recipe, judge=judge_with_condition),
        forward=from_latent_and_condition,
        adversarial=adversarial,
        more=terms,
    )


def directions(module: nn.Module) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """One way only: from sources to targets."""
    return {"a-to-b": module}


PAIRED_TRANSLATION = Task(
    name="paired-translation",
    summary="The generator makes a target from its source; both players see the source, and L1 ties the two.",
    source="Isola et al. 2017, equations 1 to 4",
    needs="pairs",
    generators=TRANSLATORS,
    discriminators=IMAGE_DISCRIMINATORS,
    choose=choose,
    generator=generator,
    discriminator=discriminator,
    networks=networks,
    game=game,
    directions=directions,
)
