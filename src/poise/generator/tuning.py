"""Pivotal tuning: a generator's weights are changed about some pictures that it could not make.

That always changes its other samples, too. How much is measured before and after, on samples that the tuning
did not hold in place.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from poise.errors import PoiseError
from poise.generator.inverted import Inversion
from poise.generator.likeness import likeness_of
from poise.generator.naming import weights_hash
from poise.generator.spaces import Space, samples_of, space_of
from poise.metrics.features import EXTRACTORS, extract
from poise.metrics.frechet import distance_of
from poise.metrics.translation_errors import peak_signal_to_noise
from poise.randomness import derive
from poise.run_folder import RunFolder

if TYPE_CHECKING:
    from poise.generator.generator import Generator

STEPS = 200
RATE = 1e-3
HELD = 8  # Samples that are held in place at each step
HOLD_WEIGHT = 1.0
TRIED = 256  # Other samples on which the cost is measured


@dataclass(frozen=True)
class Tuned:
    """A tuned generator, what the pictures gained by it, and what other samples lost.

    Attributes:
        generator: With the tuned weights.
        psnr_before: Of each picture, in decibels, `(N,)`.
        psnr_after: Alike.
        results: What it makes of the pictures' latents, `(N, C, H, W)` in [-1, 1].
        moved: How far other samples moved: the root mean square change, black and white being 2 apart.
        apart: How far two other samples are from each other, by the same measure.
        frechet: The Fréchet distance of other samples after the tuning to those before.
        frechet_floor: That of others of the samples before to those before.
    """

    generator: Generator
    psnr_before: Tensor
    psnr_after: Tensor
    results: Tensor
    moved: float
    apart: float
    frechet: float
    frechet_floor: float


def tune(
    generator: Generator,
    inversion: Inversion,
    *,
    steps: int = STEPS,
    learning_rate: float = RATE,
    hold_weight: float = HOLD_WEIGHT,
    seed: int = 0,
    on_step: Callable[[float], None] | None = None,
) -> Tuned:
    """Change a generator's weights so that it makes some pictures of the latents that were found for them.

    Args:
        generator: The generator; it stays as it is.
        inversion: The pictures and their latents or styles, which stay as they are.
        steps: Updates of the weights.
        learning_rate: Of Adam.
        hold_weight: Of the change of other samples; 0 lets them go.
        seed: Draws the samples that are held.
        on_step: Called with the share that is done.

    Raises:
        PoiseError: The inversion is of another generator.

    Source: Roich et al. 2022 ("Pivotal tuning"), sections 3.2 and 3.3.
    """
    inversion.check(generator)
    before = space_of(generator, inversion.space)
    tuned = copy.copy(generator)
    tuned.module = copy.deepcopy(generator.module)
    likeness, after = likeness_of(generator), _same_axes(before, tuned)
    like = next(iter(generator.module.parameters()))
    points, targets = inversion.points.to(like), inversion.targets.to(like)
    coordinates = before.of_points(points)
    condition = None if inversion.condition is None else inversion.condition.to(like)
    tuned.module.requires_grad_(True)
    optimiser = torch.optim.Adam(tuned.module.parameters(), lr=learning_rate, betas=(0.9, 0.99), fused=True)
    for step in range(steps):
        latent, kinds = samples_of(generator, HELD, seed=derive(seed, step, "held samples") % 2**31)
        inputs = (latent,) if kinds is None else (latent, kinds)
        with torch.enable_grad():
            loss = likeness(after.images(coordinates, condition), targets, condition).mean()
            if hold_weight:
                with torch.no_grad():
                    wanted = generator.module(*inputs)
                loss = loss + hold_weight * mse_loss(tuned.module(*inputs), wanted)
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()
        if on_step is not None:
            on_step((step + 1) / steps)
    tuned.module.requires_grad_(False)
    with torch.no_grad():
        results = after.images(coordinates, condition).clamp(-1, 1).float().cpu()
    about = {"pictures": list(inversion.names), "steps": steps, "from": inversion.generator}
    tuned.description = {**generator.description, "tuned": about}
    return Tuned(
        tuned,
        inversion.plain_psnr,
        peak_signal_to_noise(results, inversion.targets),
        results,
        **_cost(generator, tuned, seed=seed),
    )


def _same_axes(space: Space, generator: Generator) -> Space:
    """The space of a copied generator, with the coordinates of the original."""
    own = space_of(generator, space.name)
    return replace(space, generator=generator, styles=own.styles)


@torch.no_grad()
def _cost(before: Generator, after: Generator, *, seed: int) -> dict[str, float]:
    """What happened to other samples."""
    inputs = samples_of(before, 2 * TRIED, seed=derive(seed, 0, "other samples") % 2**31)
    old, new = (
        torch.cat(
            [
                one.module(*(part for part in piece if part is not None)).float().cpu()
                for piece in zip(*(_split(value) for value in inputs), strict=True)
            ]
        ).clamp(-1, 1)
        for one in (before, after)
    )
    first, second = old[:TRIED], old[TRIED:]
    features = [
        extract(EXTRACTORS.named(before.kind.features).plain(old), part, value_range="-1..1").double()
        for part in (first, second, new[:TRIED])
    ]
    return {
        "moved": float((new - old).square().mean().sqrt()),
        "apart": float((first - second).square().mean().sqrt()),
        "frechet": distance_of(features[1], features[2]),
        "frechet_floor": distance_of(features[1], features[0]),
    }


def _split(values: Tensor | None) -> list[Any]:
    return [None] * (2 * TRIED // 64) if values is None else list(values.split(64))


def save_tuned(folder: Path, tuned: Tuned, origin: Path) -> RunFolder:
    """Write a tuned generator as a run of its own, which can be sampled, walked and edited, but not resumed.

    Raises:
        PoiseError: The folder holds something already.
    """
    source = RunFolder.open(origin)
    tensors = {name: value.cpu() for name, value in tuned.generator.module.state_dict().items()}
    environment = {**source.environment, "tuned_from": str(origin)}
    run = RunFolder.create(folder, recipe=source.recipe, environment=environment, data=source.data)
    try:
        card = (
            f"# A generator tuned about {len(tuned.results)} pictures\n\n"
            f"It was made of the generator in `{origin}` by pivotal tuning, and its other samples moved by "
            f"{tuned.moved:.3f}, while two samples are {tuned.apart:.3f} apart (root mean square; black and "
            "white are 2 apart).\n"
        )
        run.save_generator(tensors, tuned.generator.description, card)
        run.set_status("finished", step=tuned.generator.description.get("step", 0))
    except OSError as error:
        what = f"The tuned generator cannot be written into '{folder}'"
        raise PoiseError(what, code="generator.cannot-write", why=str(error)) from None
    return run


def tuned_inversion(inversion: Inversion, tuned: Tuned) -> Inversion:
    """The same latents, without detail, with what the tuned generator makes of them."""
    return replace(
        inversion,
        layer="",
        detail=None,
        plain_psnr=tuned.psnr_after,
        generator=weights_hash(tuned.generator.module),
        results=tuned.results,
        psnr=tuned.psnr_after,
        recovery=None,
    )
