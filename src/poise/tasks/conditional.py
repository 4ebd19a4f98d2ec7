"""Latents and conditions to samples: both players are given the condition of each sample."""

from __future__ import annotations

import dataclasses
import math

from torch import nn

from poise.games import AdversarialGame
from poise.games.noise_to_data import from_latent_and_condition
from poise.games.view import judge_with_condition
from poise.networks import DISCRIMINATORS, GENERATORS, Network
from poise.networks.conditioned import ConcatenatedDiscriminator, ConcatenatedGenerator
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.spec import DataSpec
from poise.tasks import noise_to_data
from poise.tasks.build import game_of, scoring_of
from poise.tasks.task import Task


def generator(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """From latents and conditions to samples."""
    assert spec.condition is not None
    network = GENERATORS.named(part.name)
    if network.takes_condition:
        return network.build(spec, latent_size=latent_size, **part.options)
    taken = latent_size + math.prod(spec.condition)
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


CONDITIONAL = Task(
    name="conditional",
    summary="Both players are given the condition of each sample, which is concatenated to their input.",
    source="Mirza and Osindero 2014, equation 2 and figure 1",
    needs="labels",
    generators=GENERATORS,
    discriminators=DISCRIMINATORS,
    choose=noise_to_data.choose,
    generator=generator,
    discriminator=discriminator,
    networks=noise_to_data.networks,
    game=game,
)
