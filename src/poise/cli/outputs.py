"""Where samples and translations are written; what others made is never written over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from poise.errors import PoiseError, report_system_errors


class OutputFolder:
    """A folder that a command fills; a card in it lists the files that are ours."""

    def __init__(self, path: Path, *, made_by: str, card: str) -> None:
        self.path, self.made_by, self._card = path, made_by, path / card
        if path.exists() and not path.is_dir():
            what, hint = f"'{path}' is a file, not a folder", "name another with --out"
            raise PoiseError(what, code="cli.not-a-folder", hint=hint)
        self._before = _files_of(self._card)
        present = {file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir()}
        if strangers := sorted(present - self._before - {card}):
            what = f"The folder '{path}' holds other things, such as '{strangers[0]}'"
            hint = "name a new or an empty folder with --out"
            raise PoiseError(what, code="cli.folder-not-ours", hint=hint)

    @contextmanager
    def writing(self, names: Sequence[str], about: Mapping[str, Any]) -> Iterator[None]:
        """Write files of these names within; afterwards the folder holds them alone."""
        self.path.mkdir(parents=True, exist_ok=True)
        # First what is about to be there, so that a folder left half written is known as ours.
        self._write_card({*names, *self._before}, about)
        yield
        for name in self._before - set(names):
            (self.path / name).unlink(missing_ok=True)
        self._write_card(names, about)

    def _write_card(self, names: set[str] | Sequence[str], about: Mapping[str, Any]) -> None:
        card = {"made_by": self.made_by, **about, "files": sorted(names)}
        self._card.write_text(json.dumps(card), encoding="utf-8")


def _files_of(card: Path) -> set[str]:
    """The files that a card lists; none if it is no card of ours."""
    try:
        names = [PurePosixPath(str(name)) for name in json.loads(card.read_text(encoding="utf-8"))["files"]]
    except (OSError, ValueError, TypeError, KeyError):
        return set()
    return {str(name) for name in names if not name.is_absolute() and ".." not in name.parts}


def writing_to(path: Path) -> Any:
    """A block in which an error of the system is one of writing there."""
    hint = "name another place with --out"
    return report_system_errors(f"'{path}' cannot be written", code="cli.cannot-write", hint=hint)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its name if the block ends well, and is removed if it does not."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def would_overwrite(path: Path) -> PoiseError:
    """The error for a file that others made."""
    what = f"'{path}' exists already and holds something else"
    return PoiseError(what, code="cli.would-overwrite", hint="remove it, or name another with --out")
