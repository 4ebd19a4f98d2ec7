"""Paths between samples: frame by frame, each frame as likely as any sample, or along a spline of styles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.generator.styles import has_styles, styles_of

if TYPE_CHECKING:
    from poise.generator.generator import Generator

Space = Literal["z", "w"]
AT_ONCE = 64  # Frames that are made at once
KEYS = 6  # Points of a loop of styles if none are given


def ellipse(first: Tensor, second: Tensor, angles: Tensor) -> Tensor:
    """A loop through two latents: `first cos t + second sin t`.

    Two independent standard normals give a standard normal at every angle, so that each frame is as likely as
    any sample.

    Args:
        first: `(..., size)`.
        second: The same.
        angles: `(frames,)`, from 0 to 2 pi for a loop.

    Returns:
        `(frames, ..., size)`.

    Example:
        >>> ellipse(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([0.0, math.pi / 2])).round()
        tensor([[1.],
                [2.]])
    """
    spread = angles.reshape(-1, *[1] * first.dim()).to(first)
    return first * spread.cos() + second * spread.sin()


def spline_weights(keys: int, times: Tensor, *, closed: bool) -> Tensor:
    """The weights of points in the cubic spline through them: periodic if closed, else natural at its ends.

    At time k the weight of point k is 1, all others are 0; weights sum to 1 at every time.

    Args:
        keys: How many points, at least 2.
        times: `(frames,)`, from 0 to `keys` if closed, else to `keys - 1`.
        closed: Whether the curve returns from the last point to the first.

    Returns:
        `(frames, keys)`, float64.

    Example:
        >>> spline_weights(3, torch.tensor([0.0, 1.0, 2.5]), closed=True).round(decimals=3)
        tensor([[ 1.0000,  0.0000,  0.0000],
                [ 0.0000,  1.0000,  0.0000],
                [ 0.6250, -0.2500,  0.6250]], dtype=torch.float64)

    Source: de Boor 1978, chapter IV, for unit steps.
    """
    values = torch.eye(keys, dtype=torch.float64)
    if closed:
        values = torch.cat([values, values[:1]])
    last = len(values) - 1
    # Second derivatives m: m[k-1] + 4 m[k] + m[k+1] = 6 (y[k-1] - 2 y[k] + y[k+1]).
    system = torch.eye(last + 1, dtype=torch.float64)
    right = torch.zeros_like(values)
    for place in range(1, last):
        system[place, place - 1 : place + 2] = torch.tensor([1.0, 4.0, 1.0], dtype=torch.float64)
        right[place] = 6 * (values[place - 1] - 2 * values[place] + values[place + 1])
    if closed:  # the same curvature and the same slope at both ends
        system[0] = 0
        for column, number in ((0, 2.0), (1, 1.0), (last - 1, 1.0), (last, 2.0)):
            system[0, column] += number
        right[0] = 6 * (values[1] - values[0] - values[last] + values[last - 1])
        system[last, 0] = -1.0
    bends = torch.linalg.solve(system, right)
    at = times.double()
    left = at.floor().clamp(0, last - 1).long()
    b = (at - left)[:, None]
    a = 1 - b
    bent = ((a**3 - a) * bends[left] + (b**3 - b) * bends[left + 1]) / 6
    weights: Tensor = a * values[left] + b * values[left + 1] + bent
    return weights


def along_spline(keys: Tensor, times: Tensor, *, closed: bool) -> Tensor:
    """The cubic spline through points: `(keys, ..., size)` to `(frames, ..., size)`."""
    weights = spline_weights(len(keys), times, closed=closed).to(keys)
    return torch.einsum("fk,k...->f...", weights, keys)


def through_normals(keys: Tensor, times: Tensor, *, closed: bool) -> Tensor:
    """A smooth path through standard normals whose points are standard normals themselves.

    The spline's weights are divided by their norm, so that their squares sum to 1 at every time; the path
    still passes through the points. Points that are equal have one weight, since they are not independent.

    Args:
        keys: Independent or equal latents, `(keys, ..., size)`.
        times: `(frames,)`.
        closed: As for `spline_weights`.

    Example:
        >>> path = through_normals(torch.randn(4, 10_000), torch.tensor([0.5]), closed=True)
        >>> bool((path.std() - 1).abs() < 0.05)
        True

    Source: White 2016 ("Sampling generative networks"), section 2.1, for paths that keep the norm.
    """
    weights = spline_weights(len(keys), times, closed=closed)
    distinct, places = keys.unique(dim=0, return_inverse=True)
    shared = weights.new_zeros(len(weights), len(distinct)).index_add_(1, places.cpu(), weights)
    shared = shared / torch.linalg.vector_norm(shared, dim=1, keepdim=True)
    return torch.einsum("fk,k...->f...", shared.to(keys), distinct)


def to_normal(latent: Tensor) -> Tensor:
    """Uniform latents within [-1, 1] as standard normals of the same quantiles.

    Example:
        >>> to_normal(torch.tensor([-0.9, 0.0])).round(decimals=2)
        tensor([-1.6400,  0.0000])
    """
    quantile = ((latent.double() + 1) / 2).clamp(1e-12, 1 - 1e-12)
    normal: Tensor = torch.special.ndtri(quantile)
    return normal.to(latent)


def to_uniform(normal: Tensor) -> Tensor:
    """The inverse of `to_normal`."""
    quantile: Tensor = torch.special.ndtr(normal.double())
    return (quantile * 2 - 1).to(normal)


def blended(conditions: Tensor, times: Tensor, *, closed: bool) -> Tensor:
    """Conditions between conditions, by straight lines: `(keys, size)` to `(frames, size)`."""
    last = len(conditions) - (not closed)
    left = times.floor().clamp(0, max(last - 1, 0)).long()
    share = (times - left)[:, None].to(conditions)
    right = (left + 1) % len(conditions)
    return torch.lerp(conditions[left], conditions[right], share)


@dataclass(frozen=True)
class Walk:
    """A walk to be made: its points, and how they are joined.

    Attributes:
        latents: The points of each walk, `(keys, walks, latent_size)`.
        conditions: Those of the points, `(keys, walks, condition_size)`, if the generator takes some.
        frames: How many pictures.
        space: `"z"` for latents, `"w"` for styles.
        closed: Whether it returns to its first point.
        circling: Whether two latents span a circle instead of being points on the way.
    """

    latents: Tensor
    conditions: Tensor | None
    frames: int
    space: Space
    closed: bool = True
    circling: bool = False

    @property
    def times(self) -> Tensor:
        """The time of each frame: 1 from point to point; a loop's last frame comes before its first."""
        keys = len(self.latents)
        if self.closed:
            return torch.arange(self.frames, dtype=torch.float64) * (keys / self.frames)
        return torch.linspace(0, keys - 1, self.frames, dtype=torch.float64)

    @property
    def off_the_law(self) -> bool:
        """Whether it passes conditions that the generator was never trained on."""
        return self.conditions is not None and not bool((self.conditions == self.conditions[:1]).all())


def plan_walk(
    generator: Generator,
    latents: Tensor,
    conditions: Tensor | None,
    *,
    frames: int,
    space: Space | None = None,
    closed: bool = True,
    circling: bool = False,
) -> Walk:
    """A walk of a generator; by default of styles if it has some.

    Raises:
        PoiseError: Its samples are no pictures, it has no styles to walk through, or there is one point only.
    """
    if not generator.kind.pictorial:
        what = f"The samples of this generator are {generator.kind.plural}, and a walk is of pictures"
        raise PoiseError(what, code="generator.no-pictures", hint="sample it: poise sample RUN")
    if space == "w":
        styles_of(generator)
    chosen: Space = space or ("w" if has_styles(generator) else "z")
    if len(latents) < 2:
        what, hint = "A walk needs two points at least", "name more: --through 1 2 3"
        raise PoiseError(what, code="generator.walk-of-one-point", hint=hint)
    return Walk(latents, conditions, frames, chosen, closed, circling and chosen == "z")


@torch.no_grad()
def frames_of(generator: Generator, walk: Walk) -> Iterator[Tensor]:
    """The pictures of a walk, `(walks, C, H, W)` in [-1, 1] on the CPU, frame by frame."""
    times, walks = walk.times, walk.latents.shape[1]
    conditions = None
    if walk.conditions is not None:
        conditions = blended(walk.conditions.flatten(1), times, closed=walk.closed)
        conditions = conditions.unflatten(1, (walks, -1))
    points = _points(generator, walk)
    step = max(1, AT_ONCE // walks)
    for start in range(0, walk.frames, step):
        piece = slice(start, start + step)
        under = None if conditions is None else conditions[piece].flatten(0, 1).to(walk.latents)
        made = _made(generator, walk, points[piece].flatten(0, 1), under)
        yield from made.unflatten(0, (-1, walks))


def _points(generator: Generator, walk: Walk) -> Tensor:
    """The latents or styles of every frame, `(frames, walks, size)`."""
    keys, times = walk.latents, walk.times
    if walk.space == "w":
        under = None if walk.conditions is None else walk.conditions.flatten(0, 1)
        truncation = generator.truncation
        styles = styles_of(generator).truncated(keys.flatten(0, 1), under, truncation=truncation)
        return along_spline(styles.unflatten(0, keys.shape[:2]), times, closed=walk.closed)
    uniform = generator.latent.distribution == "uniform"
    normal = to_normal(keys) if uniform else keys
    if walk.circling:
        path = ellipse(normal[0], normal[1], times * (2 * math.pi / len(keys)))
    else:
        path = through_normals(normal, times, closed=walk.closed)
    return to_uniform(path) if uniform else path


def _made(generator: Generator, walk: Walk, points: Tensor, condition: Tensor | None) -> Tensor:
    if walk.space == "z":
        return generator(points, condition)
    return styles_of(generator).images(points).float().cpu()
