"""Images to images and back, from two domains without pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor, nn

from poise.dynamics.game import Networks
from poise.errors import PoiseError
from poise.games import AdversarialGame
from poise.games.noise_to_data import adversarial_terms
from poise.games.unpaired import unpaired
from poise.networks import IMAGE_DISCRIMINATORS, TRANSLATORS
from poise.networks.translating import BothWays, OneForEachDomain
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.schedules import Weight
from poise.spec import DataSpec
from poise.tasks.build import loss_of, regulariser_terms, scoring_of
from poise.tasks.task import Task


def choose(player: str, spec: DataSpec, width: int) -> dict[str, Any]:
    """The network that `auto` becomes."""
    if player == "generator":
        return {"name": "residual", "width": width}
    return {"name": "patch", "width": width, "norm": "instance"}


def generator(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """Two networks, from the first domain to the second and back; the latent is not used."""
    network = TRANSLATORS.named(part.name)
    return BothWays(network.build(spec, **part.options), network.build(back(spec), **part.options))


def discriminator(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """A discriminator of each domain; packs are refused before."""
    assert packing == 1
    network = IMAGE_DISCRIMINATORS.named(part.name)
    return OneForEachDomain(network.build(back(spec), **part.options), network.build(spec, **part.options))


def back(spec: DataSpec) -> DataSpec:
    """The specification of the other direction: the first domain made from the second."""
    assert spec.condition is not None
    return dataclasses.replace(spec, shape=spec.condition, condition=spec.shape)


def networks(recipe: Recipe, modules: Mapping[str, nn.Module]) -> Networks:
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


def game(
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


def directions(module: nn.Module) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Both ways."""
    assert isinstance(module, BothWays)
    return {"a-to-b": module, "b-to-a": module.back}


UNPAIRED_TRANSLATION = Task(
    name="unpaired-translation",
    summary="Two generators between two domains, a discriminator in each; the way back returns the image.",
    source="Zhu et al. 2017, equations 1 to 3",
    needs="domains",
    generators=TRANSLATORS,
    discriminators=IMAGE_DISCRIMINATORS,
    choose=choose,
    generator=generator,
    discriminator=discriminator,
    networks=networks,
    game=game,
    directions=directions,
)
