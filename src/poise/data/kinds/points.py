"""Rows of numbers as a picture: points in the plane, or a histogram."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from poise.data.kinds.drawing import Canvas
from poise.data.rows import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import StepPatch
    from matplotlib.text import Text

BARS = 60
_MOST_REAL_POINTS = 2_500


def points_picture(points: Array, real: Array | None) -> Image.Image:
    """The first two columns as points, with the real ones in grey beneath; a single column as a histogram.

    Example:
        >>> points_picture(np.zeros((4, 2)), np.eye(2)).size
        (512, 512)
    """
    drawable = points[np.isfinite(points).all(axis=1)]
    shown = None if real is None else real[:: max(1, math.ceil(len(real) / _MOST_REAL_POINTS))]
    low, high = _frame(drawable if shown is None else shown)
    missing = _missing(points, low, high)
    if points.shape[1] == 1:
        return _histogram(drawable[:, 0], None if shown is None else shown[:, 0], low[0], high[0], missing)
    reals = None if shown is None else shown[:, :2].astype(np.float64).tobytes()
    canvas, generated, title = _plane(reals, tuple(low.tolist()), tuple(high.tolist()), points.shape[1])
    generated.set_offsets(drawable[:, :2])
    title.set_text(missing)
    return canvas.picture()


@lru_cache(maxsize=2)
def _plane(
    reals: bytes | None, low: tuple[float, ...], high: tuple[float, ...], columns: int
) -> tuple[Canvas, PathCollection, Text]:
    """The reals in grey within a frame, drawn once, and the points of samples."""
    figure, axes = _figure(0.11 if columns == 2 else 0.16)
    if reals is not None:
        across, up = np.frombuffer(reals).reshape(-1, 2).T
        axes.scatter(across, up, s=6, color="0.75", linewidths=0, label="real")
    generated = axes.scatter([], [], s=5, color="C0", alpha=0.6, linewidths=0, label="generated")
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    if columns == 2:
        axes.set_aspect("equal")
    else:
        axes.set_xlabel("column 0")
        axes.set_ylabel(f"column 1 of {columns}")
    title = _titled(figure, axes, reals is not None)
    return Canvas.drawn(figure, (generated, title)), generated, title


def _titled(figure: Figure, axes: Axes, legend: bool) -> Text:
    """The title, which says what is not shown."""
    if legend:
        figure.legend(loc="upper right", ncols=2, markerscale=3, frameon=False)
    return axes.set_title("", loc="left", fontsize="medium")


def _histogram(values: Array, real: Array | None, low: float, high: float, title: str) -> Image.Image:
    reals = None if real is None else tuple(_densities(real, low, high).tolist())
    made = _densities(values, low, high)
    # With reals a bar that is much higher is cut off, so that the frame stays
    top = 2.5 * max(reals) if reals else 1.05 * float(made.max()) or 1.0
    canvas, stairs, above = _bars(reals, top, float(low), float(high))
    stairs.set_data(made)
    above.set_text(title)
    return canvas.picture()


def _densities(values: Array, low: float, high: float) -> Array:
    """The density in each of the bars between two ends, over what lies between them."""
    counts = np.histogram(values, BARS, (low, high))[0]
    densities: Array = counts * (BARS / ((high - low) * max(1, counts.sum())))
    return densities


@lru_cache(maxsize=2)
def _bars(
    reals: tuple[float, ...] | None, top: float, low: float, high: float
) -> tuple[Canvas, StepPatch, Text]:
    """The density of reals in grey, drawn once, and the line of samples."""
    figure, axes = _figure(0.16)
    edges = np.linspace(low, high, BARS + 1)
    if reals is not None:
        axes.stairs(reals, edges, fill=True, color="0.75", label="real")
    stairs = axes.stairs(np.zeros(BARS), edges, color="C0", label="generated")
    axes.set_ylim(0, top)
    axes.set_xlabel("column 0")
    axes.set_ylabel("density")
    title = _titled(figure, axes, reals is not None)
    return Canvas.drawn(figure, (stairs, title)), stairs, title


def _figure(left: float) -> tuple[Figure, Axes]:
    """A figure with one pair of axes; `left` is the room for their numbers and name."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, seldom needed

    figure = Figure(figsize=(5.12, 5.12), dpi=100)
    return figure, figure.add_axes((left, 0.1, 0.97 - left, 0.82))


def _frame(points: Array) -> tuple[Array, Array]:
    """Corners of a frame around points; the real ones, lest one far sample shrink all else to a dot."""
    seen = points[:, :2].astype(np.float64) if len(points) else np.zeros((1, min(2, points.shape[1])))
    low, high = seen.min(axis=0), seen.max(axis=0)
    least = 1e-6 * np.maximum(1.0, np.maximum(np.abs(low), np.abs(high)))
    reach = 0.6 * np.maximum(high - low, least)
    if points.shape[1] == 2:
        reach = np.full(2, reach.max())
    middle = (low + high) / 2
    return middle - reach, middle + reach


def _missing(points: Array, low: Array, high: Array) -> str:
    finite = np.isfinite(points).all(axis=1)
    inside = ((points[:, :2] >= low) & (points[:, :2] <= high)).all(axis=1)
    broken, outside = int((~finite).sum()), int((finite & ~inside).sum())
    parts = [f"{broken:,} not finite"] if broken else []
    return ", ".join(parts + ([f"{outside:,} outside the frame"] if outside else []))
