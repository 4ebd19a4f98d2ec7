"""What training would see, told before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from poise.data.dataset import JSON, Array, Dataset, Progress
from poise.data.labels import Labelled
from poise.data.opening import open_data


def classes(source: Dataset) -> dict[str, int]:
    """How many rows each class has, by its name."""
    counts = [] if source.labels is None else np.bincount(source.labels).tolist()
    names = source.label_names or tuple(str(label) for label in range(len(counts)))
    return dict(zip(names, counts, strict=True))


def inspect_data(
    data: str | Path | Array | torch.Tensor | torch.utils.data.Dataset[Any] | Labelled,
    *,
    resolution: int | None = None,
    channels: int | None = None,
    cache: Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, JSON]:
    """Everything that is known of the data, however many of its files are refused.

    Args:
        data: As for `open_data`.
        resolution: As for `open_data`.
        channels: As for `open_data`.
        cache: As for `open_data`.
        seed: As for `open_data`.
        progress: As for `open_data`.

    Returns:
        name, kind, count, shape, encoding, fingerprint, notices, and the summary of that kind of data: sizes,
        formats, modes, ranges, duplicates, refused files with their reasons.

    Raises:
        PoiseError: The data is not there, or nothing in it can be used.

    Example:
        >>> inspect_data("digits")["shape"]
        [1, 8, 8]
    """
    source = open_data(
        data,
        resolution=resolution,
        channels=channels,
        cache=cache,
        seed=seed,
        refuse_above=1.0,
        progress=progress,
    )
    return {
        "name": source.name,
        "kind": source.kind,
        "count": len(source),
        "shape": list(source.shape),
        **source.summary,
        **({} if source.labels is None else {"classes": classes(source)}),
        "encoding": source.transform.to_json(),
        "fingerprint": source.fingerprint,
        "notices": list(source.notices),
    }
