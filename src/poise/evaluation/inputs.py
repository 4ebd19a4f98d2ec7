"""What people type, as what `evaluate` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from poise.errors import PoiseError
from poise.evaluation.subjects import Which


def which_of(written: str) -> Which:
    """A checkpoint by its name or step.

    Raises:
        PoiseError: It is neither.

    Example:
        >>> which_of("best"), which_of("2000")
        ('best', 2000)
    """
    if written == "best":
        return "best"
    if written == "newest":
        return "newest"
    if written.isdecimal():
        return int(written)
    raise PoiseError(f"There is no checkpoint '{written}'", mend="say newest, best, or a step: 2000")


def labels_of(path: Path | str) -> Any:
    """Class numbers from a file: `.npy`, or text with one a line.

    Raises:
        PoiseError: It cannot be read as numbers.
    """
    place = Path(path).expanduser()
    try:
        if place.suffix.lower() == ".npy":
            return np.load(place, allow_pickle=False)
        return np.loadtxt(place, dtype=np.float64, delimiter=",", ndmin=1)
    except (OSError, ValueError, EOFError) as error:
        raise PoiseError(
            f"The labels '{path}' cannot be read",
            why=str(error).partition("\n")[0].rstrip("."),
            mend="give a .npy of whole numbers, or a text file with one a line",
        ) from None
