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
_LEAST_WIDTH, _MOST_WIDTH = 144, 256  # Pixels of a curve
_HEIGHT, _SEVERAL = 64, 48  # Pixels of the only channel or of two, and of each of more
_FINER = 2  # Columns in a pixel, for smooth edges
_THICK = 1.3  # Pixels of a line
_INKS = np.array(
    [(42, 98, 201), (210, 88, 26), (12, 133, 122), (116, 70, 184), (90, 90, 90), (176, 126, 0)], np.float32
)  # Of the channels in turn; the first four are those of reports


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
    """Rows of values `(N, C, L)` as pictures `(N, 3, H, W)` uint8: a curve for each channel, coloured.

    Where a value is none there is no curve.

    Example:
        >>> as_curves(np.zeros((2, 1, 200))).shape
        (2, 3, 64, 200)
    """
    count, channels, length = values.shape
    width = min(max(length, _LEAST_WIDTH), _MOST_WIDTH)
    height, columns = _HEIGHT if channels < 3 else _SEVERAL, width * _FINER
    if 1 < length < columns:  # a line between two values, instead of a step
        places = np.linspace(0, length - 1, columns)
        left = np.minimum(places.astype(int), length - 2)
        share = places - left
        values = (1 - share) * values[..., left] + share * values[..., left + 1]
        length = columns
    shares = ((high - values.astype(np.float32)) / (high - low)).clip(0, 1)
    heights = _THICK / 2 + shares * (height - _THICK)
    # each column has ink from the least to the greatest height of the values in it, and of the one before
    edges = np.linspace(0, length, columns + 1)
    first = np.maximum(0, edges[:-1].astype(int) - 1)
    last = np.maximum(first + 1, np.ceil(edges[1:]).astype(int))
    spans = [heights[:, :, begin:end] for begin, end in zip(first, last, strict=True)]
    top = np.stack([one.min(-1) for one in spans], -1)[:, :, None] - _THICK / 2
    bottom = np.stack([one.max(-1) for one in spans], -1)[:, :, None] + _THICK / 2
    row = np.arange(height, dtype=np.float32)[:, None]
    ink = (np.minimum(bottom, row + 1) - np.maximum(top, row)).clip(0, 1)
    ink = np.nan_to_num(ink).reshape(count, channels, height, width, _FINER).mean(-1)
    colours = _INKS[np.arange(channels) % len(_INKS)].T[:, :, None, None]
    picture: Array = np.rint(255 + ink[:, None] * (colours - 255)).astype(np.uint8)
    return picture.reshape(count, 3, channels * height, width)


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
