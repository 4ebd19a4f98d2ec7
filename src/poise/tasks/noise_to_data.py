"""Latents to samples, and a discriminator that scores them: the game without conditions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import nn

from poise.data import kind_of
from poise.dynamics.game import Networks
from poise.games import AdversarialGame
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.spec import DataSpec
from poise.tasks.build import game_of
from poise.tasks.task import Task


def choose(player: str, spec: DataSpec, width: int) -> dict[str, Any]:
    """The network that `auto` becomes: by the kind and the size of a sample.

    Args:
        player: Whose.
        spec: Of the data.
        width: What the data ask for.
    """
    name = kind_of(spec).network(spec)
    network = (GENERATORS if player == "generator" else DISCRIMINATORS).named(name)
    return {"name": name, "width": width} if network.takes_width else {"name": name}


def generator(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """From latents to samples."""
    return GENERATORS.named(part.name).build(spec, latent_size=latent_size, **part.options)


def discriminator(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """From samples, packed along channels, to scores."""
    packed = dataclasses.replace(spec, shape=(spec.shape[0] * packing, *spec.shape[1:]))
    return DISCRIMINATORS.named(part.name).build(packed, **part.options)


def networks(recipe: Recipe, modules: Mapping[str, nn.Module]) -> Networks:
    """Both, and the discriminator once more as penalties differentiate it."""
    return {**modules, "critic": modules["discriminator"]}


def game(recipe: Recipe) -> AdversarialGame:
    """The game of a resolved recipe."""
    return game_of(recipe)


NOISE_TO_DATA = Task(
    name="noise-to-data",
    summary="The generator makes samples from latents, the discriminator scores them beside real ones.",
    source="Goodfellow et al. 2014, algorithm 1",
    needs="rows",
    choose=choose,
    generator=generator,
    discriminator=discriminator,
    networks=networks,
    game=game,
)
