"""Detail beyond what a latent can say: features of an early layer, moved a little from those of the latent.

A latent of 64 numbers cannot hold a photograph. The layers after the first ones can, and they still make what
they learnt to make if their features stay near to those that samples have.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from poise.generator.layers import hooked, layers_with_parameters
from poise.generator.likeness import Likeness
from poise.generator.spaces import Space, samples_of

if TYPE_CHECKING:
    from poise.generator.generator import Generator

SHARE = 0.25  # How far features may move, of how far those of a sample are from the mean
STEPS = 100
RATE = 0.1  # Of Adam, in deviations of a feature
BETAS = 0.9, 0.99
ROWS = 64  # Pictures of 32x32 that are searched at once
COMPARED = 256  # Samples whose features say how far samples are apart
COARSE, SMALLEST = 8, 4  # The grid has at most an eighth of the picture's pixels a side, or four

OnStep = Callable[[float], None]


@dataclass(frozen=True)
class Detail:
    """What is added to the features of a layer, for each picture.

    Attributes:
        layer: The layer's path within the generator's network.
        offsets: `(N, channels, height, width)`.
    """

    layer: str
    offsets: Tensor

    def images(self, space: Space, coordinates: Tensor, condition: Tensor | None) -> Tensor:
        """Samples in the networks' space with this detail, `(N, C, H, W)`."""
        layer = space.generator.module.get_submodule(self.layer)
        with hooked([layer], lambda _, __, made: made + self.offsets):
            return space.images(coordinates, condition)


@torch.no_grad()
def detail_layer(generator: Generator) -> str | None:
    """The last layer with parameters whose features have a coarse grid, else the coarsest there is.

    `None` if no layer has features on a grid that differ between samples and that the samples depend on.
    """
    module = generator.module
    layers = {
        name: layer
        for name, layer in layers_with_parameters(module).items()
        if "parametrizations" not in name
    }
    names, features = {layer: name for name, layer in layers.items()}, dict[str, Tensor]()

    def keep(layer: nn.Module, _: object, made: object) -> None:
        if isinstance(made, Tensor) and made.dim() == 4 and len(made) == 2:
            features[names[layer]] = made

    latent, condition = samples_of(generator, 2, seed=0)
    inputs = (latent,) if condition is None else (latent, condition)
    with hooked(layers.values(), keep):
        plain = module(*inputs)
    most = [max(SMALLEST, side // COARSE) for side in generator.shape[1:]]
    coarsest = min((tuple(made.shape[2:]) for made in features.values()), key=math.prod, default=())
    for name, made in reversed(features.items()):
        sides = tuple(made.shape[2:])
        if sides != coarsest and any(side > limit for side, limit in zip(sides, most, strict=True)):
            continue
        exchanged = made.flip(0)
        # The end of a branch that is multiplied with 0 has features, and they change nothing
        with hooked([layers[name]], lambda _, __, ___, other=exchanged: other):
            if not torch.equal(module(*inputs), plain):
                return name
    return None


@torch.no_grad()
def _features(space: Space, layer: str, coordinates: Tensor, condition: Tensor | None) -> Tensor:
    """What a layer makes of samples, `(N, channels, height, width)`."""
    kept = list[Tensor]()
    with hooked([space.generator.module.get_submodule(layer)], lambda _, __, made: kept.append(made)):
        space.images(coordinates, condition)
    return kept[0]


def reach_of(space: Space, layer: str) -> tuple[float, float]:
    """Root mean squares over samples of a layer: the distance to its mean, and the deviation of a feature."""
    latent, condition = samples_of(space.generator, COMPARED, seed=0)
    features = _features(space, layer, space.coordinates(latent, condition), condition)
    apart = features - features.mean(0)
    return float(apart.flatten(1).square().sum(1).mean().sqrt()), float(apart.square().mean().sqrt())


def add_detail(
    space: Space,
    coordinates: Tensor,
    condition: Tensor | None,
    targets: Tensor,
    likeness: Likeness,
    layer: str,
    *,
    share: float = SHARE,
    steps: int = STEPS,
    on_step: OnStep | None = None,
) -> tuple[Detail, Tensor]:
    """The detail that brings pictures nearest to targets, and these pictures, clamped to [-1, 1].

    Args:
        space: The space of the coordinates, which stay as they are.
        coordinates: `(N, *space.shape)`.
        condition: `(N, condition_size)`, if the generator takes one.
        targets: `(N, C, H, W)` in [-1, 1].
        likeness: What is minimised, row by row.
        layer: Whose features are moved.
        share: How far at most, as a share of the distance of samples' features from their mean.
        steps: Updates.
        on_step: Called with the share that is done.

    Source: Daras et al. 2021 ("Intermediate layer optimization"), section 3, with one layer and a ball of the
    second norm.
    """
    reach, deviation = reach_of(space, layer)
    pixels = targets.shape[2] * targets.shape[3]
    size = max(1, ROWS * 1024 // pixels)
    offsets, images = list[Tensor](), list[Tensor]()
    for start in range(0, len(targets), size):
        part = slice(start, start + size)
        kinds = None if condition is None else condition[part]
        rows = _Rows(space, coordinates[part], kinds, targets[part], likeness, layer)
        found = rows.searched(share * reach, RATE * deviation, steps)
        offsets.append(found)
        with torch.no_grad():
            images.append(rows.images(found).clamp(-1, 1))
        if on_step is not None:
            on_step(min(start + size, len(targets)) / len(targets))
    return Detail(layer, torch.cat(offsets)), torch.cat(images)


@dataclass(frozen=True)
class _Rows:
    """Pictures that are searched at once."""

    space: Space
    coordinates: Tensor
    condition: Tensor | None
    targets: Tensor
    likeness: Likeness
    layer: str

    def images(self, offsets: Tensor) -> Tensor:
        return Detail(self.layer, offsets).images(self.space, self.coordinates, self.condition)

    def searched(self, radius: float, rate: float, steps: int) -> Tensor:
        """Offsets within a ball, by Adam; of each row the best that it came by."""
        values = torch.zeros_like(_features(self.space, self.layer, self.coordinates, self.condition))
        values.requires_grad_()
        optimiser = torch.optim.Adam([values], lr=rate, betas=BETAS, eps=1e-12, fused=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        best, least = values.detach().clone(), torch.full((len(values),), math.inf).to(values)
        for step in range(steps + 1):
            with torch.enable_grad():
                loss = self.likeness(self.images(values), self.targets, self.condition)
            better = loss.detach() < least
            least = torch.where(better, loss.detach(), least)
            best[better] = values.detach()[better]
            if step == steps:
                break
            # The sum: a row's slope does not depend on how many others there are
            values.grad = torch.autograd.grad(loss.sum(), values)[0]
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                norms = torch.linalg.vector_norm(values.flatten(1), dim=1).clamp(min=1e-12)
                values *= (radius / norms).clamp(max=1)[:, None, None, None]
        return best
