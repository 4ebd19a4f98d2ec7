"""Convex polygons: black triangles on white whose whole manifold is known (Lucic et al. 2018)."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from poise.data.cache import keep, kept
from poise.data.dataset import Array
from poise.data.threads import workers
from poise.randomness import numpy_stream

_VERSION = 1
_AT_ONCE = 250


@dataclass(frozen=True)
class PolygonSettings:
    """The settings of the test of precision and recall in Lucic et al. 2018, "Are GANs Created Equal?".

    Args:
        count: How many images.
        vertices: Corners of each polygon.
        smallest_angle: Degrees, seen from the circle's centre, between neighbouring corners at least.
        scale: Diameter of the circle that holds the corners, as a share of the image.
        size: Pixels a side.
        subpixels: Samples a side in each pixel.
    """

    count: int = 60_000
    vertices: int = 3
    smallest_angle: float = 20.0
    scale: float = 0.75
    size: int = 28
    subpixels: int = 8


def corners(settings: PolygonSettings, seed: int) -> Array:
    """Corners of random polygons, in pixels, their mean in the middle of the image.

    The circle is cut into equal arcs and each gets one corner, with half of the smallest angle kept free at
    either end of the arc, then the whole is turned at random. (The authors' released code keeps it free at
    one end only, so that its smallest angle is half of the one that it states.)

    Args:
        settings: What to draw.
        seed: Of the run.

    Returns:
        (count, vertices, 2), counter-clockwise in (x, y).
    """
    stream = numpy_stream(seed, 0, "data triangles")
    arc = 360.0 / settings.vertices
    free = arc - settings.smallest_angle
    starts = arc * np.arange(settings.vertices) + settings.smallest_angle / 2
    degrees = starts + free * stream.random((settings.count, settings.vertices))
    radians = np.radians(degrees + 360.0 * stream.random((settings.count, 1)))
    radius = settings.scale * settings.size / 2
    points = radius * np.stack([np.cos(radians), np.sin(radians)], axis=-1)
    centred: Array = points - points.mean(axis=1, keepdims=True) + settings.size / 2
    return centred


def coverage(polygons: Array, *, size: int, subpixels: int) -> Array:
    """The share of each pixel that a convex polygon covers, counted at the centres of its sub-pixels.

    Each row of sub-pixels cuts a convex polygon in one interval, so that counting needs its two ends alone.

    Args:
        polygons: (N, vertices, 2) corners in pixels, in order around the polygon.
        size: Pixels a side.
        subpixels: Samples a side in each pixel.

    Returns:
        (N, size, size) in [0, 1], rows by y and columns by x.
    """
    # the ends of the interval at each row of sub-pixels: the outermost crossings of that row with the edges
    heights = (np.arange(size * subpixels) + 0.5) / subpixels
    follower = np.roll(polygons, -1, axis=1)
    x0, y0 = polygons[..., 0, None], polygons[..., 1, None]
    x1, y1 = follower[..., 0, None], follower[..., 1, None]
    crossed = (y0 <= heights) != (y1 <= heights)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = x0 + (heights - y0) * (x1 - x0) / (y1 - y0)
    left = np.where(crossed, crossing, np.inf).min(axis=1)
    right = np.where(crossed, crossing, -np.inf).max(axis=1)
    # the centres of a row, at (k + 1/2) / subpixels, in [left, right] are those with first <= k < end
    empty = ~np.isfinite(left)
    first = np.where(empty, 0, np.ceil(left * subpixels - 0.5)).astype(np.int16)
    end = np.where(empty, 0, np.floor(right * subpixels - 0.5) + 1).astype(np.int16)
    pixels = (np.arange(size) * subpixels).astype(np.int16)
    covered = np.zeros((len(polygons), size, size), dtype=np.int16)
    for row in range(subpixels):
        covered += np.clip(end[:, row::subpixels, None] - pixels, 0, subpixels)
        covered -= np.clip(first[:, row::subpixels, None] - pixels, 0, subpixels)
    return covered / subpixels**2


def draw(settings: PolygonSettings, seed: int) -> Array:
    """The images: (count, 1, size, size) uint8, black on white."""
    polygons = corners(settings, seed)
    images = np.empty((settings.count, 1, settings.size, settings.size), dtype=np.uint8)

    def part(start: int) -> None:
        rows = slice(start, start + _AT_ONCE)
        covered = coverage(polygons[rows], size=settings.size, subpixels=settings.subpixels)
        images[rows, 0] = np.rint(255 * (1 - covered))

    with ThreadPoolExecutor(workers()) as pool:
        list(pool.map(part, range(0, settings.count, _AT_ONCE)))
    return images


def open_triangles(seed: int, cache: Path) -> tuple[Array, dict[str, object]]:
    """The triangles from the cache, drawn first where they are not in it.

    Args:
        seed: Of the run.
        cache: Folder of the cache.

    Returns:
        (60000, 1, 28, 28) uint8, memory-mapped, and facts for the summary.
    """
    settings = PolygonSettings()
    facts: dict[str, object] = {**asdict(settings), "seed": seed}
    key = hashlib.sha256(json.dumps({"version": _VERSION, **facts}, sort_keys=True).encode()).hexdigest()
    found = kept(cache, "triangles", key)
    if found is None:
        images = draw(settings, seed)
        found = keep(
            cache, "triangles", key, lambda store: store.write(images), shape=images.shape[1:], dtype="uint8"
        )
    return found.array, facts
