"""Samples of a trial as a picture, for the report."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from poise.data import Dataset
from poise.generator import Generator

CELLS, POINTS, COLUMNS = 32, 1_000, 8


def picture_of(folder: Path, reals: Dataset) -> bytes:
    """Samples of a run's best checkpoint as a PNG, as their kind draws them.

    Args:
        folder: The run.
        reals: What lies beneath the samples, if their kind has no cells; the same for all runs of a study.

    Raises:
        PoiseError: The run has no generator, or it is damaged.
    """
    best = (folder / "checkpoints" / "best").is_dir()
    generator = Generator.load(folder, checkpoint="best" if best else None)
    gridded = generator.kind.gridded
    count, beneath = CELLS if gridded else POINTS, None
    if not gridded:
        rows = np.linspace(0, len(reals) - 1, min(POINTS, len(reals))).astype(np.int64)
        beneath = reals.transform.encode(reals.gather(rows))
    picture = generator.picture(
        generator.latents(count, seed=0),
        generator.conditions(count, seed=0),
        columns=COLUMNS if gridded else None,
        real=beneath,
    )
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
