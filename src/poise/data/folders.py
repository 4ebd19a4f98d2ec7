"""A folder of images, read to the bottom."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from poise.data.collection import Listing, is_hidden, looks_like_image
from poise.data.source import JSON
from poise.errors import PoiseError


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
        try:
            top = self.path.stat()
            os.scandir(self.path).close()
        except OSError as error:
            raise PoiseError(
                f"The folder '{self.path}' cannot be read", why=(error.strerror or str(error)).lower()
            ) from None
        files: dict[str, list[JSON]] = {}
        refused: dict[str, str] = {}
        ignored: list[str] = []
        hidden = 0
        entered = {(top.st_dev, top.st_ino)}
        pending = [""]
        while pending:
            below = pending.pop()
            try:
                with os.scandir(self.path / below) as entries:
                    names = sorted(entry.name for entry in entries)
            except OSError as error:
                refused[below] = f"the folder cannot be read: {(error.strerror or str(error)).lower()}"
                continue
            if not names and looks_like_image(below):
                refused[below] = "an empty folder, not an image"
            for base in names:
                name = f"{below}/{base}" if below else base
                if is_hidden(base):
                    hidden += 1
                    continue
                try:
                    facts = (self.path / name).stat()
                except OSError as error:
                    if looks_like_image(name):
                        refused[name] = _unreachable(self.path / name, error)
                    else:
                        ignored.append(name)
                    continue
                if stat.S_ISDIR(facts.st_mode):
                    if (facts.st_dev, facts.st_ino) not in entered:
                        entered.add((facts.st_dev, facts.st_ino))
                        pending.append(name)
                elif stat.S_ISREG(facts.st_mode):
                    files[name] = [
                        facts.st_size,
                        facts.st_mtime_ns,
                        facts.st_ctime_ns,
                        facts.st_ino,
                        facts.st_dev,
                    ]
                elif looks_like_image(name):
                    refused[name] = "not a regular file"  # reading a pipe would never end
                else:
                    ignored.append(name)
        return Listing(dict(sorted(files.items())), refused, tuple(ignored), hidden)


def _unreachable(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link that leads to itself"
    if path.is_symlink() and isinstance(error, FileNotFoundError):
        return "a link that leads nowhere"
    return (error.strerror or str(error)).lower()
