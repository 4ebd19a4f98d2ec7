"""Where a new run may be made, and what stands in its way."""

from __future__ import annotations

import os
from pathlib import Path

from poise.errors import PoiseError, system_reason


def refuse_existing(path: Path) -> None:
    """Raise where a new run would write over something, or cannot write at all.

    Raises:
        PoiseError: A run is there (it names `poise resume`), or other files, or the folder cannot be written.
    """
    if (path / "recipe.json").exists():
        raise PoiseError(
            f"'{path}' holds a run already",
            why="training never writes over one",
            hint=f"go on with it: poise resume {path}, or name another folder with --out",
        )
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise PoiseError(f"'{path}' is there already and is no run", hint="name a new folder with --out")
    parent = next(folder for folder in [path, *path.absolute().parents] if folder.exists())
    if not parent.is_dir():
        raise unwritable(path, NotADirectoryError(f"'{parent}' is a file"))
    if not os.access(parent, os.W_OK | os.X_OK):
        raise unwritable(path, PermissionError(f"no permission to write in '{parent}'"))


def unwritable(path: Path, error: OSError) -> PoiseError:
    """The error for a folder that cannot be written."""
    return PoiseError(
        f"The output folder '{path}' cannot be written",
        why=system_reason(error),
        hint="name another with --out",
    )
