"""Samples that are no photographs, as pictures: values in colours, curves, and axes that are drawn once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from poise.data.rows import Array

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

BEYOND = 3.0  # Deviations from the mean that have the darkest and the lightest colour
_LIGHT, _DARK = 255, 40
_LEAST_WIDTH, _MOST_WIDTH, _HEIGHT = 96, 256, 64


def in_colours(values: Array, *, low: float = -BEYOND, high: float = BEYOND) -> Array:
    """Planes `(N, H, W)` as colours `(N, 3, H, W)` uint8, `low` dark and `high` light; what is none is red.

    Example:
        >>> in_colours(np.zeros((2, 4, 4))).shape
        (2, 3, 4, 4)
    """
    from matplotlib import colormaps  # noqa: PLC0415 - slow to import, seldom needed

    shares = (values.astype(np.float64) - low) / (high - low)
    colours = colormaps["viridis"](np.nan_to_num(shares, nan=0.0).clip(0, 1), bytes=True)[..., :3]
    colours[~np.isfinite(values)] = (255, 0, 0)
    return np.ascontiguousarray(np.moveaxis(colours, -1, 1))


def as_curves(values: Array, *, low: float = -BEYOND, high: float = BEYOND) -> Array:
    """Rows of values `(N, C, L)` as pictures `(N, 3, H, W)` uint8: a curve for each channel.

    Example:
        >>> as_curves(np.zeros((2, 1, 100))).shape
        (2, 3, 64, 100)
    """
    count, channels, length = values.shape
    width = min(max(length, _LEAST_WIDTH), _MOST_WIDTH)
    if 1 < length < width:  # a line between two values, instead of a step
        places = np.linspace(0, length - 1, width)
        left = np.minimum(places.astype(int), length - 2)
        share = places - left
        values = (1 - share) * values[..., left] + share * values[..., left + 1]
        length = width
    shares = ((high - np.nan_to_num(values.astype(np.float64))) / (high - low)).clip(0, 1)
    heights = np.rint(shares * (_HEIGHT - 1)).astype(int)
    picture = np.full((count, channels, _HEIGHT, width), _LIGHT, dtype=np.uint8)
    # each column is dark from the least to the greatest height of the values in it, and of the one before
    edges = np.linspace(0, length, width + 1)
    rows = np.arange(_HEIGHT)[None, None, :]
    for column in range(width):
        first = max(0, int(edges[column]) - 1)
        within = heights[:, :, first : max(first + 1, int(np.ceil(edges[column + 1])))]
        top, bottom = within.min(-1)[..., None], within.max(-1)[..., None]
        picture[..., column][(rows >= top) & (rows <= bottom)] = _DARK
    flat = picture.reshape(count, 1, channels * _HEIGHT, width)
    return np.repeat(flat, 3, axis=1)


@dataclass(frozen=True)
class Canvas:
    """A figure whose axes are drawn once: they and their texts take far longer than samples.

    Attributes:
        agg: What is drawn on.
        background: All that pictures of one run share.
        varying: What is drawn again for each picture.
    """

    agg: FigureCanvasAgg
    background: Any
    varying: Sequence[Artist]

    @staticmethod
    def drawn(figure: Figure, varying: Sequence[Artist]) -> Canvas:
        """Draw a figure, all but what varies."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to import, seldom needed

        for artist in varying:
            artist.set_animated(True)
        agg = FigureCanvasAgg(figure)
        agg.draw()
        return Canvas(agg, agg.copy_from_bbox(figure.bbox), varying)

    def picture(self) -> Image.Image:
        """The figure with what varies as it is now."""
        self.agg.restore_region(self.background)
        for artist in self.varying:
            assert artist.axes is not None
            artist.axes.draw_artist(artist)
        return Image.fromarray(np.asarray(self.agg.buffer_rgba())).convert("RGB")
