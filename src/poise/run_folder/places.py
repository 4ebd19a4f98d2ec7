"""Where a run is, or a new one may go: its name, and what stands in the way."""

from __future__ import annotations

import os
from pathlib import Path

from poise.errors import PoiseError, nearest, system_reason


def new_run_path(data: str, recipe: str, *, below: Path | str = "runs") -> Path:
    """A folder for a new run that does not exist yet: `runs/digits-non-saturating`, then `...-2`."""
    stem = "-".join([Path(data).stem or "data", *recipe.split("/")])
    name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem).strip("-.")
    first = Path(below) / (name or "run")
    numbered = (Path(below) / f"{first.name}-{number}" for number in range(2, 10_000))
    return first if not first.exists() else next(path for path in numbered if not path.exists())


def refuse_existing(path: Path) -> None:
    """Raise if a new run would write over something, or cannot be written at all.

    Raises:
        PoiseError: There is a run, or there are other files, or the folder cannot be written.
    """
    if (path / "recipe.json").exists():
        what = f"'{path}' holds a run already, and training never writes over one"
        hint = f"go on with it: poise resume {path}, or name another folder with --out"
        raise PoiseError(what, code="run-folder.run-exists", hint=hint)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        what, hint = f"'{path}' is there already and is not a run", "name a new folder with --out"
        raise PoiseError(what, code="run-folder.not-empty", hint=hint)
    parent = next(folder for folder in [path, *path.absolute().parents] if folder.exists())
    if not parent.is_dir():
        raise unwritable(path, NotADirectoryError(f"'{parent}' is a file"))
    if not os.access(parent, os.W_OK | os.X_OK):
        raise unwritable(path, PermissionError(f"no permission to write in '{parent}'"))


def not_a_run(path: Path) -> PoiseError:
    """The error of a folder that holds no run, with the names of runs that are like it."""
    what, hint = f"'{path}' is not a run: it holds no recipe.json", "name a folder that poise train made"
    if not path.exists():
        runs = [str(one.parent) for one in path.parent.glob("*/recipe.json")]
        near = " or ".join(f"'{one}'" for one in nearest(str(path), runs, most=2))
        what, hint = f"There is no run '{path}'", f"did you mean {near}?" if near else hint
    return PoiseError(what, code="run-folder.not-a-run", hint=hint)


def unwritable(path: Path, error: OSError) -> PoiseError:
    """The error of a folder for a new run that cannot be written."""
    what, hint = f"The output folder '{path}' cannot be written", "name another with --out"
    return PoiseError(what, code="run-folder.unwritable", why=system_reason(error), hint=hint)
