"""The manifold of the built-in triangles, and the nearest of its images to any other.

A triangle is three directions from the centre of a circle. The area that it covers of each pixel has a closed
form, so that the squared distance of an image to the manifold is a sum of squares of three smooth numbers.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

GRID = 10.0
"""Degrees between the directions of the triangles from which the nearest is searched: less than a pixel."""

STEPS = 20

SETTLED = 1e-5
"""The share of its squared distance below which a gain ends the search of an image."""

SLOPE = 1e-4
"""Radians over which slopes are taken."""

AT_ONCE = 64
"""Images, so that what is computed of them stays in the processor's cache."""


def covered_area(angles: Tensor, *, size: int, scale: float = 0.75) -> Tensor:
    """The share of each pixel that a triangle covers, exactly.

    An edge covers, to its right, the mean of a clipped line within each row of pixels, which is a difference
    of parabolas; a triangle is the sum of its three edges, signed by their direction.

    Args:
        angles: The directions of the corners in radians, anticlockwise, `(N, 3)`.
        size: Pixels a side.
        scale: The radius of the circle, as a share of half of the image.

    Returns:
        `(N, size, size)`.

    Example:
        >>> round(float(covered_area(torch.tensor([[0.0, 2.094395, 4.18879]]), size=28).sum()), 2)
        143.22
    """
    radius = scale * size / 2
    corners = radius * torch.stack([angles.cos(), angles.sin()], -1).double()
    corners = corners - corners.mean(1, keepdim=True) + size / 2
    start, end = corners, corners.roll(-1, 1)
    x0, y0, x1, y1 = start[..., 0, None], start[..., 1, None], end[..., 0, None], end[..., 1, None]
    rows = torch.arange(size, dtype=torch.float64, device=angles.device)
    # each edge within each row of pixels: from which height to which, and where it crosses them
    high, low = y0.clamp(rows, rows + 1), y1.clamp(rows, rows + 1)
    slope = (x1 - x0) / torch.where((y1 - y0).abs() < 1e-9, 1e-9, y1 - y0)
    first, last = x0 + (high - y0) * slope, x0 + (low - y0) * slope
    heights = low - high
    ends = (torch.arange(size, dtype=torch.float64, device=angles.device) + 1)[None, None, None]
    a, b = ends - first[..., None], ends - last[..., None]
    apart = b - a
    straight = apart.abs() < 1e-7
    mean = torch.where(
        straight, (a + b).div(2).clamp(0, 1), (_area(b) - _area(a)) / torch.where(straight, 1.0, apart)
    )
    return -(heights[..., None] * mean).sum(1)


def _area(values: Tensor) -> Tensor:
    """The integral of a line that is clipped to [0, 1], from 0."""
    within = values.clamp(0, 1)
    return within.square() / 2 + (values - 1).clamp(min=0)


def nearest_triangles(
    images: Tensor, *, scale: float = 0.75, smallest_angle: float = 20.0
) -> tuple[Tensor, Tensor]:
    """The nearest triangle to each image, and its distance.

    The nearest of a grid over all triangles are moved by damped Gauss-Newton steps to the least distance.

    Args:
        images: The share of each pixel that is black, `(N, size, size)`.
        scale: The radius of the circle, as a share of half of the image.
        smallest_angle: Degrees that are between any two corners at least, seen from the centre.

    Returns:
        The directions of the corners `(N, 3)` in radians, and Euclidean distances `(N,)`.

    Example:
        >>> angles = torch.tensor([[0.1, 2.0, 4.0]])
        >>> nearest_triangles(covered_area(angles, size=28))[1] < 1e-5
        tensor([True])

    Source: Marquardt 1963.
    """
    least = math.radians(smallest_angle)
    found = [_nearest(part.double(), scale, least) for part in images.split(AT_ONCE)]
    angles, distances = (torch.cat(parts) for parts in zip(*found, strict=True))
    return angles, distances


def _nearest(images: Tensor, scale: float, least: float) -> tuple[Tensor, Tensor]:
    grid, drawn = _grid(images.shape[-1], scale, least)
    flat = images.flatten(1).float()
    apart = drawn.square().sum(1) - 2 * flat @ drawn.T  # the squared distance, but for the image's own norm
    angles, squared = _descended(grid[apart.argmin(1)], images, scale, least)
    return angles, squared.sqrt()


@cache
def _grid(size: int, scale: float, least: float) -> tuple[Tensor, Tensor]:
    """Triangles whose corners lie on a grid of directions, and their images in rows."""
    directions = torch.arange(0, 360, GRID, dtype=torch.float64).deg2rad()
    angles = directions[torch.combinations(torch.arange(len(directions)), 3)]
    gaps = _gaps(angles)
    angles = angles[((gaps >= least - 1e-9) & (gaps <= _most(least) + 1e-9)).all(1)]
    drawn = [covered_area(part, size=size, scale=scale).float() for part in angles.split(AT_ONCE)]
    return angles, torch.cat(drawn).flatten(1)


def _most(least: float) -> float:
    """The largest angle between two corners, if each has a third of the circle with a part kept free."""
    return 4 * math.pi / 3 - least


def _gaps(angles: Tensor) -> Tensor:
    """The angles from each corner to the next; together a whole turn."""
    whole = torch.cat([angles, angles[:, :1] + 2 * math.pi], 1)
    return whole.diff(dim=1)


def _allowed(angles: Tensor, least: float) -> Tensor:
    """Directions with the nearest allowed angles between corners, their mean unchanged."""
    gaps, most = _gaps(angles), _most(least)
    for _ in range(3):  # clipping one moves the others; of three this settles
        gaps = gaps.clamp(least, most)
        free = (gaps > least) & (gaps < most)
        missing = 2 * math.pi - gaps.sum(1, keepdim=True)
        gaps = gaps + torch.where(free, missing / free.sum(1, keepdim=True).clamp(min=1), 0.0)
    first = (3 * angles.mean(1) - 2 * gaps[:, 0] - gaps[:, 1]) / 3
    return torch.stack([first, first + gaps[:, 0], first + gaps[:, 0] + gaps[:, 1]], 1)


def _descended(angles: Tensor, wanted: Tensor, scale: float, least: float) -> tuple[Tensor, Tensor]:
    """Damped Gauss-Newton steps; a step that does not lower a row's squared distance is not taken."""

    def residual(angles: Tensor) -> Tensor:
        return (covered_area(angles, size=wanted.shape[-1], scale=scale) - wanted[active]).flatten(1)

    active = torch.arange(len(angles))
    damping = torch.full((len(angles),), 1e-3, dtype=torch.float64)
    losses = residual(angles).square().sum(1)
    moved = SLOPE * torch.eye(3, dtype=torch.float64)
    for _ in range(STEPS):
        here = angles[active]
        now = residual(here)
        slopes = torch.stack([(residual(here + one) - now) / SLOPE for one in moved], -1)
        normal = slopes.mT @ slopes
        damped = normal + torch.diag_embed(
            damping[active, None] * normal.diagonal(dim1=1, dim2=2).clamp(min=1e-6)
        )
        step = torch.linalg.solve(damped, (slopes.mT @ now[..., None]))[..., 0]
        tried = _allowed(here - step.clamp(-0.2, 0.2), least)
        loss = residual(tried).square().sum(1)
        better = loss < losses[active]
        gained = torch.where(better, losses[active] - loss, torch.inf)
        angles[active] = torch.where(better[:, None], tried, here)
        losses[active] = torch.where(better, loss, losses[active])
        damping[active] *= torch.where(better, 0.2, 8.0)
        settled = (gained < SETTLED * losses[active].clamp(min=1e-6)) | (damping[active] > 1e4)
        active = active[~settled]
        if not len(active):
            break
    return angles, losses
