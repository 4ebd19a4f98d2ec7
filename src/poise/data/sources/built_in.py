"""Data that needs no file: handwritten digits, mixtures and a spiral in the plane, triangles."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from poise.data.cache import cached
from poise.data.rows import Array, digest_of, workers
from poise.data.transform import Identity, Pixels, Transform
from poise.errors import unknown_name
from poise.randomness import derive, numpy_stream

POINTS = 100_000
_VERSION = 1
_AT_ONCE = 250


@dataclass(frozen=True, eq=False)
class Made:
    """What a builder makes."""

    array: Array
    transform: Transform
    about: dict[str, object]
    labels: Array | None = None
    label_names: tuple[str, ...] = ()


class BuiltIn(NamedTuple):
    """A built-in set: a sentence for people, and its builder from a seed and a cache folder."""

    summary: str
    build: Callable[[int, Path], Made]


class Modes(NamedTuple):
    """The modes of a mixture: `centres` (K, 2), and the standard deviation of each in each axis."""

    centres: Array
    standard_deviation: float


def modes(name: str) -> Modes:
    """The modes of a built-in mixture.

    The ring has eight distinct modes on a circle of radius 1, standard deviation 0.01; the grid 25 at -4 to 4
    in steps of 2, standard deviation 0.05 (Lin et al. 2018, PacGAN, after Srivastava et al. 2017, VEEGAN).

    Args:
        name: `"ring"` or `"grid"`.

    Raises:
        PoiseError: There is no such mixture.

    Example:
        >>> modes("ring").centres.shape, modes("grid").standard_deviation
        ((8, 2), 0.05)
    """
    if name == "ring":
        # eight steps of an eighth: a linspace to 2 pi with its end would put two modes on one spot
        angles = 2 * np.pi * np.arange(8) / 8
        return Modes(np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01)
    if name == "grid":
        axis = np.arange(-4.0, 5.0, 2.0)
        return Modes(np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2), 0.05)
    raise unknown_name("mixture", name, ["ring", "grid"])


def _mixture(name: str, seed: int) -> Made:
    centres, deviation = modes(name)
    stream = numpy_stream(seed, 0, f"data {name}")
    labels = stream.integers(len(centres), size=POINTS)
    points = centres[labels] + deviation * stream.standard_normal((POINTS, 2))
    about: dict[str, object] = {"modes": len(centres), "standard_deviation": deviation, "seed": seed}
    return Made(points.astype(np.float32), Identity(), about, labels)


def _spiral(seed: int) -> Made:
    # radius grows with the angle; the square root of a uniform number spreads the points evenly along the arm
    turns, deviation = 2.0, 0.02
    stream = numpy_stream(seed, 0, "data spiral")
    radius = np.sqrt(stream.random(POINTS))
    angle = 2 * math.pi * turns * radius
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points += deviation * stream.standard_normal((POINTS, 2))
    about: dict[str, object] = {"turns": turns, "standard_deviation": deviation, "seed": seed}
    return Made(points.astype(np.float32), Identity(), about)


@cache
def _scikit_learns_digits() -> tuple[Array, Array]:
    """Images `(1797, 64)` and labels `(1797,)`, from the file: to import scikit-learn takes a second."""
    package = find_spec("sklearn")
    folder = Path(package.origin).parent if package and package.origin else Path()
    file = folder / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        rows = np.loadtxt(file, delimiter=",")
        return rows[:, :-1], rows[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits  # noqa: PLC0415 - a release that has it elsewhere

    images, labels = load_digits(return_X_y=True)
    return images, labels


def _digits() -> Made:
    images, labels = _scikit_learns_digits()
    pixels = np.rint(images.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    about: dict[str, object] = {"made_by": "scikit-learn's handwritten digits, 0 to 16 scaled to 0 to 255"}
    names = tuple(str(digit) for digit in range(10))
    return Made(pixels, Pixels(), about, labels.astype(np.int64), names)


@dataclass(frozen=True)
class PolygonSettings:
    """The settings of the test of precision and recall in Lucic et al. 2018, "Are GANs Created Equal?"."""

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
    """The share of each pixel that a convex polygon covers, counted at the centres of its sub-pixels."""
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


def new_triangles(count: int, seed: int) -> Array:
    """Images as those of the built-in set, none of which are in it: (count, 1, 28, 28) uint8.

    Example:
        >>> new_triangles(2, seed=0).shape
        (2, 1, 28, 28)
    """
    return draw(PolygonSettings(count=count), derive(seed, 0, "new triangles") % 2**31)


def _triangles(seed: int, cache: Path) -> Made:
    settings = PolygonSettings()
    facts: dict[str, object] = {**asdict(settings), "seed": seed}
    key = digest_of({"version": _VERSION, **facts})
    shape = (1, settings.size, settings.size)
    entry = cached(
        cache, "triangles", key, lambda store: store.write(draw(settings, seed)), shape=shape, dtype="uint8"
    )
    return Made(entry.array, Pixels(), facts)


BUILT_IN: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "digits": BuiltIn(
            "1,797 handwritten digits of 8x8 grey pixels, with labels", lambda seed, cache: _digits()
        ),
        "ring": BuiltIn(
            "eight narrow modes on a circle of radius 1", lambda seed, cache: _mixture("ring", seed)
        ),
        "grid": BuiltIn("25 narrow modes on a 5x5 lattice", lambda seed, cache: _mixture("grid", seed)),
        "spiral": BuiltIn("a noisy spiral arm of two turns in the plane", lambda seed, cache: _spiral(seed)),
        "triangles": BuiltIn("60,000 black triangles on white of 28x28 grey pixels", _triangles),
    }
)
