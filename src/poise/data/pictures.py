"""From samples to a picture for people: a grid of images, or points in the plane."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image

from poise.data.dataset import Array
from poise.data.transform import Transform
from poise.errors import PoiseError

_CELL = 48
_GAP = 2
_MOST_REAL_POINTS = 2_500


def to_pixels(samples: torch.Tensor, transform: Transform) -> Array:
    """Images in the networks' space as bytes.

    Args:
        samples: (N, C, H, W) in the networks' space; what lies beyond [-1, 1] is clamped.
        transform: Of the data, `pixels` or `range`.

    Returns:
        (N, C, H, W) uint8: -1 becomes 0 and 1 becomes 255.

    Raises:
        PoiseError: The transform is not one of images.
    """
    if transform.kind != "image":
        raise PoiseError(f"Values with the transform '{transform.name}' are not pixels")
    # a generator that has diverged makes NaN, and its picture is to be seen all the same: as mid-grey
    unit = transform.decode(samples.detach()).nan_to_num(nan=0.0).cpu()
    restored: Array = Transform("pixels").restore(unit).numpy()
    return restored


def to_pillow(pixels: Array | torch.Tensor, *, columns: int | None = None) -> Image.Image:
    """Images side by side, small ones enlarged by whole factors without smoothing.

    Args:
        pixels: (N, C, H, W) uint8 with one to four channels: grey, two channels shown as red and green,
            colour, and colour with alpha, laid on white.
        columns: Images in a row; the square root of N, rounded up, when none is given.

    Returns:
        An image in mode L or RGB with thin grey lines between the cells.

    Raises:
        PoiseError: There is no image, or the values are not of that shape and type.

    Example:
        >>> to_pillow(np.zeros((4, 1, 8, 8), np.uint8)).size
        (102, 102)
    """
    values = pixels.detach().cpu().numpy() if isinstance(pixels, torch.Tensor) else np.asarray(pixels)
    if values.ndim != 4 or values.dtype != np.uint8 or not 1 <= values.shape[1] <= 4 or 0 in values.shape:
        raise PoiseError(
            f"A picture cannot be made of {values.dtype} values of shape {values.shape}",
            hint="give uint8 images of shape (N, C, H, W) with one to four channels",
        )
    values = _displayable(values)
    count, channels, height, width = values.shape
    columns = math.ceil(math.sqrt(count)) if columns is None else max(1, columns)
    rows = math.ceil(count / columns)
    factor = max(1, math.ceil(_CELL / max(height, width)))
    cells = values.repeat(factor, axis=2).repeat(factor, axis=3).transpose(0, 2, 3, 1)
    tall, wide = height * factor + _GAP, width * factor + _GAP
    canvas = np.full((rows * tall + _GAP, columns * wide + _GAP, channels), 128, dtype=np.uint8)
    for index, cell in enumerate(cells):
        top, left = _GAP + index // columns * tall, _GAP + index % columns * wide
        canvas[top : top + tall - _GAP, left : left + wide - _GAP] = cell
    return Image.fromarray(canvas[..., 0] if channels == 1 else canvas)


def _displayable(values: Array) -> Array:
    channels = values.shape[1]
    if channels == 2:
        return np.concatenate([values, np.zeros_like(values[:, :1])], axis=1)
    if channels == 4:
        alpha = values[:, 3:].astype(np.float32) / 255
        flat: Array = np.rint(values[:, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
        return flat
    return values


def picture(
    samples: torch.Tensor,
    transform: Transform,
    shape: tuple[int, ...],
    *,
    columns: int | None = None,
    real: torch.Tensor | None = None,
) -> Image.Image:
    """A picture of samples: a grid of images, or for vectors their points with the real ones in grey beneath.

    Args:
        samples: (N, *shape) in the networks' space.
        transform: Of the data.
        shape: Of one sample: (C, H, W) or (d,).
        columns: Images in a row.
        real: (M, *shape) in the networks' space, drawn beneath points; images have no use for it.

    Raises:
        PoiseError: The samples do not have that shape.

    Example:
        >>> picture(torch.zeros(16, 1, 8, 8), Transform("pixels"), (1, 8, 8)).size
        (202, 202)
    """
    if tuple(samples.shape[1:]) != tuple(shape) or not len(samples):
        raise PoiseError(
            f"Samples of shape {tuple(samples.shape)} are not {tuple(shape)} each, or there are none"
        )
    if len(shape) == 3:
        return to_pillow(to_pixels(samples, transform), columns=columns)
    points = _points(samples, transform)
    return _scatter(points, None if real is None else _points(real, transform))


def _points(samples: torch.Tensor, transform: Transform) -> Array:
    data: Array = transform.decode(samples.detach()).cpu().numpy()
    return data


def _scatter(points: Array, real: Array | None) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to import, seldom needed
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(5.12, 5.12), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.11, 0.1, 0.86, 0.82))
    drawable = points[np.isfinite(points).all(axis=1)]
    shown = None if real is None else real[:: max(1, math.ceil(len(real) / _MOST_REAL_POINTS))]
    low, high = _frame(drawable if shown is None else shown)
    if points.shape[1] == 1:
        bins = np.linspace(low[0], high[0], 61).tolist()
        if shown is not None:
            axes.hist(shown[:, 0], bins=bins, density=True, color="0.75", label="real")
        within = drawable[(drawable[:, 0] >= low[0]) & (drawable[:, 0] <= high[0]), 0]
        axes.hist(within, bins=bins, density=len(within) > 0, histtype="step", color="C0", label="generated")
    else:
        if shown is not None:
            axes.scatter(shown[:, 0], shown[:, 1], s=6, color="0.75", linewidths=0, label="real")
        across, up = drawable[:, 0], drawable[:, 1]
        axes.scatter(across, up, s=5, color="C0", alpha=0.6, linewidths=0, label="generated")
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
    if points.shape[1] == 2:
        axes.set_aspect("equal")
    else:
        axes.set_xlabel("column 0")
        axes.set_ylabel("density" if points.shape[1] == 1 else f"column 1 of {points.shape[1]}")
    axes.set_title(_missing(points, low, high), loc="left", fontsize="medium")
    if shown is not None:
        figure.legend(loc="upper right", ncols=2, markerscale=3, frameon=False)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


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
