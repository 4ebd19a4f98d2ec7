"""How alike two pictures are: on a pyramid of sizes, and to the discriminator of the generator's run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from poise.errors import PoiseError
from poise.generator.discriminator import load_discriminator
from poise.generator.layers import hooked
from poise.generator.spaces import samples_of
from poise.recipes import saved_recipe
from poise.registry import takes

if TYPE_CHECKING:
    from poise.generator.generator import Generator

SMALLEST = 4  # Pixels of the shorter side of the coarsest level
LEAST_GRID = 2  # Pixels of the shorter side of features that are compared
FEATURE_WEIGHT = 0.1  # Of the features' distance beside the pyramid's
PROBES = 3

Features = Callable[[Tensor, Tensor | None], list[Tensor]]
"""From images `(N, C, H, W)` and conditions to feature maps `(N, c, h, w)` whose rows depend on one image."""


@dataclass(frozen=True)
class Likeness:
    """The loss of an inversion: a number for each row, which depends on no other row.

    Attributes:
        features: The discriminator's features; `None` for the pyramid alone.
        weight: What their distance is multiplied with.
        note: Why there are no features; empty if there are.
    """

    features: Features | None = None
    weight: float = FEATURE_WEIGHT
    note: str = ""

    def __call__(self, made: Tensor, wanted: Tensor, condition: Tensor | None = None) -> Tensor:
        """The loss `(N,)` of images against their targets `(N, C, H, W)`, both in [-1, 1]."""
        loss = pyramid_distance(made, wanted)
        return loss if self.features is None else loss + self.weight * self.apart(made, wanted, condition)

    def apart(self, made: Tensor, wanted: Tensor, condition: Tensor | None = None) -> Tensor:
        """The distance of features `(N,)`: 0 for identical images, 2 at most."""
        assert self.features is not None
        with torch.no_grad():
            targets = self.features(wanted, condition)
        pairs = zip(self.features(made, condition), targets, strict=True)
        return torch.stack([_unit_distance(one, other) for one, other in pairs]).mean(0)


def unsaturated(made: Tensor, wanted: Tensor) -> Tensor:
    """Images clamped only where the target is black or white, so that other pixels keep a slope.

    Example:
        >>> unsaturated(torch.tensor([1.5, 1.5]), torch.tensor([1.0, 0.5]))
        tensor([1.0000, 1.5000])
    """
    return torch.where(wanted.abs() < 1, made, made.clamp(-1, 1))


def pyramid_distance(made: Tensor, wanted: Tensor) -> Tensor:
    """The mean squared difference on each level of a pyramid, summed, `(N,)`.

    Example:
        >>> pyramid_distance(torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))  # at 8x8 and at 4x4
        tensor([2.])
    """
    difference = unsaturated(made, wanted) - wanted
    total = difference.square().flatten(1).mean(1)
    while min(difference.shape[2:]) >= 2 * SMALLEST:
        difference = avg_pool2d(difference, 2)
        total = total + difference.square().flatten(1).mean(1)
    return total


def _unit_distance(one: Tensor, other: Tensor) -> Tensor:
    """The mean over places of the squared distance between feature vectors of length 1."""
    units = (
        maps / torch.linalg.vector_norm(maps, dim=1, keepdim=True).clamp(min=1e-6) for maps in (one, other)
    )
    first, second = units
    apart: Tensor = (first - second).square().sum(1).flatten(1).mean(1)
    return apart


def likeness_of(generator: Generator, *, weight: float = FEATURE_WEIGHT) -> Likeness:
    """The likeness that a generator's run affords: with the features of the newest discriminator there is.

    Args:
        generator: The generator.
        weight: Of the features' distance; 0 for the pyramid alone.
    """
    if not weight:
        return Likeness(note="pixels alone are compared, as was asked for")
    if generator.run is None:
        return Likeness(note="pixels alone are compared, since the generator was loaded from no run")
    try:
        discriminator = load_discriminator(generator.run).module
        packing = saved_recipe(generator.run.recipe).packing
    except PoiseError as error:
        return Likeness(note=f"pixels alone are compared: {error}")
    like = next(iter(generator.module.parameters()))
    features = features_of(discriminator.to(like), packing, generator)
    if features is None:
        return Likeness(note="pixels alone are compared, since no features of one picture were found")
    return Likeness(features, weight)


def features_of(module: nn.Module, packing: int, generator: Generator) -> Features | None:
    """Maps of the layers with weights, but for those whose rows depend on other rows of their batch."""
    conditional = takes(module.forward, "condition")
    layers = [layer for layer in module.modules() if isinstance(getattr(layer, "weight", None), Tensor)]

    def every(images: Tensor, condition: Tensor | None) -> list[Tensor]:
        found = list[Tensor]()
        packed = images.repeat(1, packing, 1, 1)
        with hooked(layers, lambda _, __, made: found.append(made)):
            module(packed, condition) if conditional else module(packed)
        return found

    places = _independent(every, generator)

    def chosen(images: Tensor, condition: Tensor | None) -> list[Tensor]:
        found = every(images, condition)
        return [found[place] for place in places]

    return chosen if places else None


@torch.no_grad()
def _independent(every: Features, generator: Generator) -> Sequence[int]:
    """Which of the maps are maps, and are the same for an image whatever others are beside it."""
    latent, condition = samples_of(generator, PROBES, seed=0)
    inputs = (latent,) if condition is None else (latent, condition)
    images = generator.module(*inputs)
    together = every(images, condition)
    alone = every(images[:1], None if condition is None else condition[:1])
    return [
        place
        for place, (many, one) in enumerate(zip(together, alone, strict=True))
        if many.dim() == 4
        and len(many) == PROBES
        and min(many.shape[2:]) >= LEAST_GRID
        and torch.allclose(many[:1], one, rtol=1e-3, atol=1e-4 * float(one.abs().mean()))
    ]
