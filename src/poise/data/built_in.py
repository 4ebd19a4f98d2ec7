"""Data that needs no file: handwritten digits, mixtures and a spiral in the plane, triangles."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from poise.data.dataset import Array
from poise.data.transform import Transform
from poise.data.triangles import open_triangles
from poise.errors import unknown_name
from poise.randomness import numpy_stream

POINTS = 100_000


@dataclass(frozen=True, eq=False)
class Made:
    """What a builder gives.

    Args:
        array: (N, d) float32 or (N, C, H, W) uint8.
        transform: Of the array.
        about: Facts for the summary.
        labels: (N,) integers where rows belong to classes or modes.
        label_names: What the integers stand for.
    """

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
    return Made(points.astype(np.float32), Transform("identity"), about, labels)


def _spiral(seed: int) -> Made:
    # radius grows with the angle; the square root of a uniform number spreads the points evenly along the arm
    turns, deviation = 2.0, 0.02
    stream = numpy_stream(seed, 0, "data spiral")
    radius = np.sqrt(stream.random(POINTS))
    angle = 2 * math.pi * turns * radius
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points += deviation * stream.standard_normal((POINTS, 2))
    about: dict[str, object] = {"turns": turns, "standard_deviation": deviation, "seed": seed}
    return Made(points.astype(np.float32), Transform("identity"), about)


def _digits() -> Made:
    from sklearn.datasets import load_digits  # noqa: PLC0415 - not needed to import this package

    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    about: dict[str, object] = {"made_by": "scikit-learn's handwritten digits, 0 to 16 scaled to 0 to 255"}
    names = tuple(str(digit) for digit in range(10))
    return Made(pixels, Transform("pixels"), about, labels.astype(np.int64), names)


def _triangles(seed: int, cache: Path) -> Made:
    array, about = open_triangles(seed, cache)
    return Made(array, Transform("pixels"), about)


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
