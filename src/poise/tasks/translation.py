"""Images to images: from pairs, or between two domains without pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor, nn

from poise.dynamics.game import Networks
from poise.errors import PoiseError
from poise.games import AdversarialGame, unpaired
from poise.games.adversarial import Term
from poise.games.auxiliary import absolute_error, feature_error, perceptual_error, squared_error
from poise.games.noise_to_data import adversarial_terms, from_latent_and_condition
from poise.games.view import View, judge_with_condition
from poise.networks import IMAGE_DISCRIMINATORS, TRANSLATORS
from poise.networks.conditioned import ConcatenatedDiscriminator
from poise.networks.translating import (
    BothWays,
    OneForEachDomain,
    PatchDiscriminator,
    TranslatingGenerator,
    matching_features,
)
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.schedules import Number, Weight
from poise.spec import DataSpec
from poise.tasks import conditional, noise_to_data
from poise.tasks.build import game_of, loss_of, regulariser_terms, scoring_of
from poise.tasks.perceptual import perceptual_features as features_of
from poise.tasks.task import Task


def choose_of_pairs(player: str, spec: DataSpec, width: int) -> dict[str, Any]:
    """The network that `auto` becomes."""
    return {"name": "unet" if player == "generator" else "patch", "width": width}


def generator_of_pairs(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """From sources to targets; the latent is not used."""
    network = TRANSLATORS.named(part.name)
    return TranslatingGenerator(network.build(spec, **part.options))


def discriminator_of_pairs(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """From targets and their sources to scores; packs are refused before."""
    assert spec.condition is not None and packing == 1
    return conditional.scoring_with_condition(IMAGE_DISCRIMINATORS.named(part.name), part, spec)


def networks_of_pairs(recipe: Recipe, modules: Mapping[str, nn.Module]) -> Networks:
    """Those of the game without conditions, and what the discriminator sees on the way to its scores."""
    named = dict(noise_to_data.networks(recipe, modules))
    scoring = modules["discriminator"]
    if isinstance(scoring, ConcatenatedDiscriminator) and isinstance(scoring.network, PatchDiscriminator):
        named["features"] = matching_features(scoring.network)
    return named


def game_of_pairs(
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


def directions_of_pairs(module: nn.Module) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """One way only: from sources to targets."""
    return {"a-to-b": module}


PAIRED_TRANSLATION = Task(
    name="paired-translation",
    summary="The generator makes a target from its source; both players see the source, and L1 ties the two.",
    source="Isola et al. 2017, equations 1 to 4",
    needs="pairs",
    generators=TRANSLATORS,
    discriminators=IMAGE_DISCRIMINATORS,
    choose=choose_of_pairs,
    generator=generator_of_pairs,
    discriminator=discriminator_of_pairs,
    networks=networks_of_pairs,
    game=game_of_pairs,
    directions=directions_of_pairs,
)


def choose_of_domains(player: str, spec: DataSpec, width: int) -> dict[str, Any]:
    """The network that `auto` becomes."""
    if player == "generator":
        return {"name": "residual", "width": width}
    return {"name": "patch", "width": width, "norm": "instance"}


def generator_of_domains(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """Two networks, from the first domain to the second and back; the latent is not used."""
    network = TRANSLATORS.named(part.name)
    return BothWays(network.build(spec, **part.options), network.build(back(spec), **part.options))


def discriminator_of_domains(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """A discriminator of each domain; packs are refused before."""
    assert packing == 1
    network = IMAGE_DISCRIMINATORS.named(part.name)
    return OneForEachDomain(network.build(back(spec), **part.options), network.build(spec, **part.options))


def back(spec: DataSpec) -> DataSpec:
    """The specification of the other direction: the first domain made from the second."""
    assert spec.condition is not None
    return dataclasses.replace(spec, shape=spec.condition, condition=spec.shape)


def networks_of_domains(recipe: Recipe, modules: Mapping[str, nn.Module]) -> Networks:
    """The four networks by name, and the discriminators once more as penalties differentiate them.

    Raises:
        PoiseError: A module of the user's own holds no two networks.
    """
    making, scoring = modules["generator"], modules["discriminator"]
    if not isinstance(making, BothWays) or not isinstance(scoring, OneForEachDomain):
        raise PoiseError(
            "A game between two domains needs two generators and two discriminators",
            code="tasks.needs-two-networks-each",
            hint="wrap yours: poise.networks.BothWays(a_to_b, b_to_a), OneForEachDomain(of_a, of_b)",
        )
    named: dict[str, nn.Module] = {"a_to_b": making.a_to_b, "b_to_a": making.b_to_a}
    for domain, network in (("a", scoring.of_a), ("b", scoring.of_b)):
        named[f"discriminator_{domain}"] = network
        named[f"critic_{domain}"] = network
    return named


def game_of_domains(
    recipe: Recipe,
    *,
    spec: DataSpec,
    adversarial: Weight = 1.0,
    cycle: Weight = 10.0,
    identity: Weight = 0.5,
    pool: Annotated[int, Field(ge=0)] = 50,
) -> AdversarialGame:
    """The game between two domains.

    Args:
        recipe: Resolved.
        spec: Of the data.
        adversarial: The weight of the discriminators' judgement.
        cycle: The weight of the mean absolute difference after the way there and back.
        identity: The weight, in units of `cycle`, of what is changed in images of the domain to be made.
        pool: Images made earlier that are kept for each discriminator; 0 for none.
    """
    loss, settings = loss_of(recipe)
    return unpaired(
        adversarial_terms(loss, settings, adversarial),
        regulariser_terms(recipe),
        scoring_of(recipe, in_one_pass=scores_each_alone(recipe.discriminator)),
        shape=spec.shape,
        cycle=cycle,
        identity=identity,
        pool=pool,
    )


def scores_each_alone(part: Part) -> bool:
    """Whether no sample's scores depend on those beside it: a patch discriminator without batch norm."""
    norm = part.options.get("norm", "batch")
    return part.name == "patch" and norm != "batch" and not part.options.get("spectral_norm")


def directions_of_domains(module: nn.Module) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Both ways."""
    assert isinstance(module, BothWays)
    return {"a-to-b": module, "b-to-a": module.back}


UNPAIRED_TRANSLATION = dataclasses.replace(
    PAIRED_TRANSLATION,
    name="unpaired-translation",
    summary="Two generators between two domains, a discriminator in each; the way back returns the image.",
    source="Zhu et al. 2017, equations 1 to 3",
    needs="domains",
    choose=choose_of_domains,
    generator=generator_of_domains,
    discriminator=discriminator_of_domains,
    networks=networks_of_domains,
    game=game_of_domains,
    directions=directions_of_domains,
)
