"""A folder of images, read to the bottom."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from poise.data.collection import Listing, is_hidden, looks_like_image
from poise.data.dataset import JSON
from poise.errors import report_system_errors, system_reason


@dataclass(frozen=True)
class FolderCollection:
    """The files in a folder and its sub-folders; links are followed, each folder is entered once.

    Args:
        path: The folder.
    """

    path: Path

    @property
    def origin(self) -> str:
        """`"folder"`."""
        return "folder"

    @property
    def location(self) -> str:
        """The absolute path."""
        return str(self.path.resolve())

    def head(self, name: str) -> bytes:
        """The first bytes of one of its files."""
        with (self.path / name).open("rb") as file:
            return file.read(16)

    def read(self, name: str) -> bytes:
        """The whole of one of its files."""
        return (self.path / name).read_bytes()

    def listing(self) -> Listing:
        """Everything in it, sorted by name.

        Raises:
            PoiseError: The folder itself cannot be read.
        """
        with report_system_errors(f"The folder '{self.path}' cannot be read"):
            top = self.path.stat()
            os.scandir(self.path).close()
        walk = _Walk(self.path, entered={(top.st_dev, top.st_ino)})
        while walk.pending:
            walk.enter(walk.pending.pop())
        return Listing(dict(sorted(walk.files.items())), walk.refused, tuple(walk.ignored), walk.hidden)


@dataclass
class _Walk:
    """A walk through folders, and what it has met so far; names are relative to the root."""

    root: Path
    entered: set[tuple[int, int]]
    pending: list[str] = field(default_factory=lambda: [""])
    files: dict[str, list[JSON]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    hidden: int = 0

    def enter(self, folder: str) -> None:
        try:
            with os.scandir(self.root / folder) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError as error:
            self.refused[folder] = f"the folder cannot be read: {system_reason(error)}"
            return
        if not names and looks_like_image(folder):
            self.refused[folder] = "an empty folder, not an image"
        for base in names:
            if is_hidden(base):
                self.hidden += 1
            else:
                self._meet(f"{folder}/{base}" if folder else base)

    def _meet(self, name: str) -> None:
        path = self.root / name
        try:
            facts = path.stat()
        except OSError as error:
            self._pass_over(name, _unreachable(path, error))
            return
        if stat.S_ISREG(facts.st_mode):
            changed = max(facts.st_mtime_ns, facts.st_ctime_ns)
            self.files[name] = [changed, facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_dev]
        elif not stat.S_ISDIR(facts.st_mode):
            self._pass_over(name, "not a regular file")  # reading a pipe would never end
        elif (facts.st_dev, facts.st_ino) in self.entered:
            self.ignored.append(name)
        else:
            self.entered.add((facts.st_dev, facts.st_ino))
            self.pending.append(name)

    def _pass_over(self, name: str, reason: str) -> None:
        if looks_like_image(name):
            self.refused[name] = reason
        else:
            self.ignored.append(name)


def _unreachable(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link that leads to itself"
    if path.is_symlink() and isinstance(error, FileNotFoundError):
        return "a link that leads nowhere"
    return system_reason(error)
