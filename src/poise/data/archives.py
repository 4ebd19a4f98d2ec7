"""A zip file of images, read in place: nothing is ever unpacked to disk."""

from __future__ import annotations

import itertools
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from poise.data.collection import Listing, is_hidden, looks_like_image
from poise.data.dataset import JSON
from poise.errors import PoiseError

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_RATIO = 200
_RATIO_MATTERS_FROM = 16 * 1024 * 1024


@dataclass(frozen=True)
class ZipCollection:
    """The files in a zip archive.

    Args:
        path: The archive.
    """

    path: Path
    _archive: zipfile.ZipFile = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_archive", zipfile.ZipFile(self.path))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise PoiseError(
                f"'{self.path}' cannot be read as a zip file",
                why=str(error).rstrip(".").lower(),
                hint="make it anew",
            ) from None

    @property
    def origin(self) -> str:
        """`"zip"`."""
        return "zip"

    @property
    def location(self) -> str:
        """The absolute path."""
        return str(self.path.resolve())

    def head(self, name: str) -> bytes:
        """The first bytes of one of its files."""
        with self._archive.open(name) as file:
            return file.read(16)

    def read(self, name: str) -> bytes:
        """The whole of one of its files; its length and check sum are checked on the way."""
        return self._archive.read(name)

    def listing(self) -> Listing:
        """Everything in it, sorted by name.

        Raises:
            PoiseError: The archive is built to unpack to far more than it holds.
        """
        entries = self._archive.infolist()
        self._check_bomb(entries)
        whole = self.path.stat()
        changed = max(whole.st_mtime_ns, whole.st_ctime_ns)
        files: dict[str, list[JSON]] = {}
        refused: dict[str, str] = {}
        ignored: list[str] = []
        hidden = 0
        for entry in entries:
            name = entry.filename
            if entry.is_dir():
                continue
            parts = PurePosixPath(name).parts
            reason = _refusal(entry, parts, seen=name in files)
            if any(is_hidden(part) for part in parts if part != ".."):
                hidden += 1
            elif not reason:
                files[name] = [changed, entry.file_size, entry.CRC, whole.st_size, whole.st_ino]
            elif looks_like_image(name):
                refused[name] = reason
            else:
                ignored.append(name)
        return Listing(dict(sorted(files.items())), refused, tuple(ignored), hidden)

    def _check_bomb(self, entries: list[zipfile.ZipInfo]) -> None:
        unpacked = sum(entry.file_size for entry in entries)
        held = self.path.stat().st_size
        spans = sorted((entry.header_offset, entry.header_offset + entry.compress_size) for entry in entries)
        overlap = any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans))
        if overlap or (unpacked > _RATIO_MATTERS_FROM and unpacked > _MOST_RATIO * held):
            raise PoiseError(
                f"'{self.path}' is built to unpack to {unpacked:,} bytes from {held:,}",
                why="its entries overlap" if overlap else "no archive of images is packed that tightly",
                hint="unpack it yourself, where you trust it, and name the folder",
            )


def _refusal(entry: zipfile.ZipInfo, parts: tuple[str, ...], *, seen: bool) -> str:
    """Why an entry is not read; empty where it is."""
    name = entry.filename
    leads_out = (
        name.startswith("/")
        or ".." in parts
        or "\\" in name
        or ":" in name.partition("/")[0]
        or "\0" in entry.orig_filename
    )
    bulging = entry.file_size > _RATIO_MATTERS_FROM and entry.file_size > _MOST_RATIO * entry.compress_size
    reasons = {
        "a name that leads out of the archive": leads_out,
        "a link": stat.S_ISLNK(entry.external_attr >> 16),
        "encrypted": bool(entry.flag_bits & 1),
        "packed by another method than deflate": entry.compress_type not in _METHODS,
        f"it unpacks to more than {_MOST_RATIO} times its size": bulging,
        "a second file of that name": seen,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
