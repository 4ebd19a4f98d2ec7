"""The spaces in which a generator is searched: its latents, its styles, or a style for each layer.

Points are given in coordinates, whose distribution over samples has the mean 0 and the covariance 1. So one
step size suits every space and every generator, and a coordinate of 2 is two standard deviations from the
mean, whether it is of a latent or of a style.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from poise.errors import PoiseError, unknown_name
from poise.generator.network import task_of
from poise.generator.styles import Styles, has_styles, styles_of

if TYPE_CHECKING:
    from poise.generator.generator import Generator

SpaceName = Literal["z", "w", "w+"]
SAMPLES_OF_STYLES = 4096  # Whose mean and covariance the coordinates of styles have
SMALLEST_VARIANCE = 1e-5  # As a share of the largest: no sample leaves the mean along directions of less
OUTERMOST = 3.2905  # Standard deviations within which 999 of 1,000 samples of a normal distribution are


@dataclass(frozen=True)
class Space:
    """A space of a generator, with coordinates whose distribution over samples is about standard.

    Attributes:
        name: `"z"`, latents; `"w"`, styles; `"w+"`, a style for each layer.
        generator: The generator.
        size: How many coordinates a point has; in `"w+"` at each layer.
        layers: How many layers have coordinates of their own; 1 but for `"w+"`.
        mean: The point whose coordinates are 0, `(values,)`.
        axes: The change of a point by 1 in each coordinate, `(size, values)`.
        back: From a point's difference to the mean back to coordinates, `(values, size)`.
        norms: The least and the largest norm of a point's coordinates that samples have, at each layer.
        styles: The styles of the generator; `None` for latents.
    """

    name: SpaceName
    generator: Generator
    size: int
    layers: int
    mean: Tensor
    axes: Tensor
    back: Tensor
    norms: tuple[float, float]
    styles: Styles | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the coordinates of one point: `(size,)`, or `(layers, size)`."""
        return (self.layers, self.size) if self.name == "w+" else (self.size,)

    def coordinates(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """The coordinates `(N, *shape)` of samples by their latents and conditions."""
        if self.styles is None:
            return self.of_points(latent)
        found = self.of_points(self.styles.of(latent, condition))
        return found if self.name == "w" else found[:, None].expand(-1, self.layers, -1).clone()

    def points(self, coordinates: Tensor) -> Tensor:
        """Latents or styles of coordinates: `(..., size)` to `(..., values)`."""
        return self.mean + coordinates @ self.axes

    def of_points(self, points: Tensor) -> Tensor:
        """Coordinates of latents or styles: `(..., values)` to `(..., size)`."""
        return (points - self.mean) @ self.back

    def images(self, coordinates: Tensor, condition: Tensor | None = None) -> Tensor:
        """Samples in the networks' space; those of styles are not clamped."""
        made: Tensor
        if self.styles is None:
            points = self.points(coordinates)
            module = self.generator.module
            made = module(points) if condition is None else module(points, condition)
            return made
        points = self.points(coordinates)
        each = points if self.name == "w+" else points[:, None].expand(-1, self.styles.layers, -1)
        made = self.styles.synthesis(each)
        return made

    def held(self, coordinates: Tensor, redraw: Tensor, *, least: Tensor | None = None) -> Tensor:
        """Coordinates brought back to where samples lie.

        Uniform latents outside their cube are redrawn within it, since clipping them would gather them at its
        faces. Normal ones are scaled to the nearest norm that 999 of 1,000 samples have: a penalty of the
        norm would draw them to 0, where no sample is. Styles are held within the largest norm of samples.

        Args:
            coordinates: `(N, *shape)`.
            redraw: Uniform numbers in [-1, 1] of the same shape.
            least: Norms `(N, ..., 1)` that take the place of the least one of samples, for what began inside.

        Source: Lipton and Tripathi 2017 ("Precise recovery"), section 3, for the redraws.
        """
        if self.name == "z" and self.generator.latent.distribution == "uniform":
            edge = math.sqrt(3.0)  # A uniform number in [-1, 1] has the standard deviation 1 / sqrt(3)
            return torch.where(coordinates.abs() > edge, redraw * edge, coordinates)
        norms = torch.linalg.vector_norm(coordinates, dim=-1, keepdim=True).clamp(min=1e-12)
        low, high = self.norms
        bounded = norms.clamp(low, high) if least is None else norms.maximum(least).clamp(max=high)
        scaled: Tensor = coordinates * (bounded / norms)
        return scaled


def norms_of(size: int) -> tuple[float, float]:
    """The norms between which 999 of 1,000 standard normal points of so many coordinates lie.

    Example:
        >>> [round(norm, 1) for norm in norms_of(64)]
        [5.8, 10.4]

    Source: Wilson and Hilferty 1931, the cube root of a chi-squared variable as a normal one.
    """
    width = math.sqrt(2 / (9 * size))
    low, high = (1 - 2 / (9 * size) + sign * OUTERMOST * width for sign in (-1, 1))
    return math.sqrt(size * max(low, 0.0) ** 3), math.sqrt(size * high**3)


def space_of(generator: Generator, name: str | None = None) -> Space:
    """A space of a generator; by default its styles if it has some, else its latents.

    Raises:
        PoiseError: It has no such space, or it makes its samples of images and not of latents.
    """
    names = ("z", "w", "w+") if has_styles(generator) else ("z",)
    chosen = name or ("w" if "w" in names else "z")
    if chosen not in ("z", "w", "w+"):
        raise unknown_name("space", chosen, names)
    if task_of(generator.description).directions is not None or not generator.kind.pictorial:
        what = "This generator does not make images of latents"
        hint = "take a run that was trained on images, without pairs and domains"
        raise PoiseError(what, code="generator.no-images-of-latents", hint=hint)
    if chosen not in names:
        what = f"This generator has no space '{chosen}'"
        why = "its network has no mapping between latents and samples"
        raise PoiseError(what, code="generator.no-such-space", why=why, hint="leave --space out")
    if chosen == "z":
        return _latents(generator)
    return _styles(generator, "w" if chosen == "w" else "w+")


def _latents(generator: Generator) -> Space:
    size = generator.latent.size
    scale = 1 / math.sqrt(3.0) if generator.latent.distribution == "uniform" else 1.0
    like = next(iter(generator.module.parameters()))
    one, zero = torch.eye(size).to(like), torch.zeros(size).to(like)
    return Space("z", generator, size, 1, zero, one * scale, one / scale, norms_of(size), None)


@torch.no_grad()
def _styles(generator: Generator, name: SpaceName) -> Space:
    """Styles along the principal axes of their distribution."""
    styles = styles_of(generator)
    drawn = styles.of(*samples_of(generator, SAMPLES_OF_STYLES, seed=0)).double()
    mean = drawn.mean(0)
    variances, vectors = torch.linalg.eigh(torch.cov(drawn.T).reshape(len(mean), len(mean)))
    # The largest first; a mapping to more values than a latent has leaves directions of no variance
    kept = variances.flip(0) > SMALLEST_VARIANCE * variances[-1].clamp(min=1e-300)
    deviations, vectors = variances.flip(0)[kept].sqrt(), vectors.flip(1)[:, kept]
    like = next(iter(generator.module.parameters()))
    axes, back = (vectors * deviations).T.to(like), (vectors / deviations).to(like)
    layers = styles.layers if name == "w+" else 1
    # Styles are no normal variables: the largest of so many stands for the largest that there is
    norms = 0.0, float(torch.linalg.vector_norm((drawn - mean) @ back.double(), dim=1).max())
    return Space(name, generator, len(axes), layers, mean.to(like), axes.contiguous(), back, norms, styles)


def samples_of(
    generator: Generator, count: int, *, seed: int, label: str | None = None, tags: str | None = None
) -> tuple[Tensor, Tensor | None]:
    """Latents and conditions of samples of a seed, as the networks take them."""
    like = next(iter(generator.module.parameters()))
    condition = generator.conditions(count, seed=seed, label=label, tags=tags)
    latent = generator.latents(count, seed=seed).to(like)
    return latent, None if condition is None else condition.to(like)
