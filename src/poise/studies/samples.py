"""Samples of a trial as a picture, for the report."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poise.data import Dataset, Pixels, to_pillow
from poise.generator import Generator

IMAGES, POINTS, COLUMNS = 32, 1_000, 8

MARGIN = 0.15
"""Of the range of the reals, that is shown beyond it."""

Floats = np.ndarray[Any, np.dtype[np.float32]]


def picture_of(folder: Path, reals: Dataset) -> bytes:
    """Samples of a run's best checkpoint as a PNG: images side by side, or points in the plane.

    Args:
        folder: The run.
        reals: Whose range points are drawn in, the same for all runs of a study.

    Raises:
        PoiseError: The run has no generator, or it is damaged.
    """
    best = (folder / "checkpoints" / "best").is_dir()
    generator = Generator.load(folder, checkpoint="best" if best else None)
    images = len(generator.shape) == 3
    samples = generator.sample(IMAGES if images else POINTS, seed=0)
    if not images:
        return scatter(samples, np.asarray(reals.gather(np.arange(len(reals)))))
    stream = io.BytesIO()
    to_pillow(Pixels().decode(torch.as_tensor(samples)), columns=COLUMNS).save(stream, "PNG")
    return stream.getvalue()


def scatter(samples: Floats, reals: Floats) -> bytes:
    """The first two columns of samples as points of a PNG, in the range of the reals."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - not needed for images
    from matplotlib.figure import Figure  # noqa: PLC0415

    stream, columns = io.BytesIO(), (0, 1 % samples.shape[1])
    figure = Figure(figsize=(3, 3), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.scatter(samples[:, columns[0]], samples[:, columns[1]], s=3, c="#2a62c9", linewidths=0)
    low, high = reals[:, columns].min(axis=0), reals[:, columns].max(axis=0)
    margin = MARGIN * np.maximum(high - low, 1e-6)
    axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    axes.set_axis_off()
    figure.savefig(stream, format="png")
    return stream.getvalue()
