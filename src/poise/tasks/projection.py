"""Classes enter through batch normalisation on one side and an inner product on the other."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from poise.networks import DISCRIMINATORS, GENERATORS
from poise.networks.conditioned import ProjectionDiscriminator, with_conditional_batch_norm
from poise.recipes.settings import Part
from poise.spec import DataSpec
from poise.tasks import conditional, noise_to_data
from poise.tasks.task import Task


def choose(player: str, spec: DataSpec, width: int) -> dict[str, Any]:
    """As without conditions, with the batch normalisation through which the condition acts."""
    chosen = noise_to_data.choose(player, spec, width)
    return {**chosen, "batch_norm": True} if player == "generator" else chosen


def generator(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """From latents and conditions to samples."""
    assert spec.condition is not None
    plain = noise_to_data.generator(part, spec, latent_size)
    if GENERATORS.named(part.name).takes_condition:
        return plain
    return with_conditional_batch_norm(plain, math.prod(spec.condition))


def discriminator(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """From samples and conditions to scores; packs are refused before."""
    assert spec.condition is not None
    plain = noise_to_data.discriminator(part, spec, packing)
    if DISCRIMINATORS.named(part.name).takes_condition:
        return plain
    normed = bool(part.options.get("spectral_norm", False))
    return ProjectionDiscriminator(plain, math.prod(spec.condition), spectral_norm=normed)


PROJECTION = Task(
    name="projection",
    summary="The generator's normalisation knows the class; the discriminator projects on a row for it.",
    source="Miyato and Koyama 2018, equation 3 and appendix A",
    needs="labels",
    generators=conditional.CONDITIONAL.generators,
    discriminators=conditional.CONDITIONAL.discriminators,
    choose=choose,
    generator=generator,
    discriminator=discriminator,
    networks=noise_to_data.networks,
    game=conditional.game,
)
