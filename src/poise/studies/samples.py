"""Samples of a trial as a picture, for the report."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from poise.data import Pixels, to_pillow
from poise.generator import Generator

IMAGES, POINTS, COLUMNS = 32, 1_000, 8


def picture_of(folder: Path) -> bytes:
    """Samples of a run's best checkpoint as a PNG: images side by side, or points in the plane.

    Raises:
        PoiseError: The run has no generator, or it is damaged.
    """
    best = (folder / "checkpoints" / "best").is_dir()
    generator = Generator.load(folder, checkpoint="best" if best else None)
    images = len(generator.shape) == 3
    samples = generator.sample(IMAGES if images else POINTS, seed=0)
    stream = io.BytesIO()
    if images:
        to_pillow(Pixels().decode(torch.as_tensor(samples)), columns=COLUMNS).save(stream, "PNG")
        return stream.getvalue()
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - not needed for images
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(3, 3), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.scatter(samples[:, 0], samples[:, 1 % samples.shape[1]], s=3, c="#2a62c9", linewidths=0)
    axes.set_axis_off()
    figure.savefig(stream, format="png")
    return stream.getvalue()
