"""Arrays in `.npy` and `.npz` files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from poise.data.dataset import Array
from poise.errors import PoiseError

_MEMBERS = ("images", "data", "x", "samples")
_LABELS = ("labels", "y")


def read_array(path: Path) -> Array:
    """The array of a `.npy` file, memory-mapped, or of a `.npz` file.

    A `.npz` file is to hold one array besides labels, or one named images, data, x or samples.

    Raises:
        PoiseError: The file cannot be read as one array of numbers.
    """
    try:
        loaded: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        if any(word in str(error) for word in ("pickle", "Object arrays", "Python objects")):
            raise PoiseError(
                f"'{path}' holds Python objects or is no array file",
                why="loading such objects could run any code",
                hint="save an array of numbers of one shape with numpy.save",
            ) from None
        raise PoiseError(
            f"'{path}' cannot be read as an array",
            why=str(error).rstrip(".") or "it is empty",
            hint="save it anew",
        ) from None
    if isinstance(loaded, np.lib.npyio.NpzFile):
        with loaded:
            return _member(loaded, path)
    array: Array = loaded
    return array


def read_labels(path: Path) -> Array | None:
    """The array named labels or y of a `.npz` file; `None` where there is none, or it is no such file.

    Raises:
        PoiseError: It cannot be read.
    """
    if path.suffix.lower() != ".npz":
        return None
    with np.load(path, allow_pickle=False) as archive:
        named = [name for name in archive.files if name.lower() in _LABELS]
        try:
            return archive[named[0]] if named else None
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise PoiseError(
                f"The labels in '{path}' cannot be read",
                why=str(error).rstrip(".").lower(),
                hint="save whole numbers or texts of one length, not objects",
            ) from None


def _member(archive: Any, path: Path) -> Array:
    names = [name for name in archive.files if name.lower() not in _LABELS]
    chosen = names if len(names) == 1 else [name for name in names if name.lower() in _MEMBERS]
    if len(chosen) != 1:
        raise PoiseError(
            f"'{path}' holds " + (f"the arrays {', '.join(names)}" if names else "no array"),
            why="it is not clear which one to train on" if names else "",
            hint="keep one of them, or name it images, data, x or samples",
        )
    try:
        array: Array = archive[chosen[0]]
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise PoiseError(
            f"The array '{chosen[0]}' in '{path}' cannot be read",
            why=str(error).rstrip("."),
            hint="save an array of numbers of one shape, as .npy where it is large",
        ) from None
    return array
