"""Files that may be images: in a folder, read to the bottom, or in a zip file, read in place."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import os
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from poise.data.rows import JSON
from poise.errors import PoiseError, report_system_errors, system_reason

_READ = ".png .apng .jpg .jpeg .jpe .jfif .webp .bmp .dib .gif .tif .tiff"
# not read, and listed as refused instead of ignored
_OTHER = (
    ".avif .heic .heif .jp2 .j2k .jxl .ppm .pgm .pbm .pnm .psd .tga .svg .ico .dds .exr .hdr .raw .cr2 "
    ".nef .dng"
)
READ_SUFFIXES = frozenset(_READ.split())
ARRAY_SUFFIXES = frozenset((".npy", ".npz", ".pt", ".h5", ".hdf5"))
SOUND_SUFFIXES = frozenset((".wav", ".flac"))
GRAPH_SUFFIXES = frozenset((".graphml", ".g6", ".graph6", ".smi", ".smiles"))
DATA_SUFFIXES = READ_SUFFIXES | ARRAY_SUFFIXES | SOUND_SUFFIXES | GRAPH_SUFFIXES
IMAGE_SUFFIXES = READ_SUFFIXES | frozenset(_OTHER.split())
_SYSTEM_FILES = ("__MACOSX", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_RATIO = 200
_RATIO_MATTERS_FROM = 16 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class Files:
    """Data with how they are to be read.

    Args:
        data: Whatever else can be trained on.
        scale: The values that become black and white, for pictures of more than 8 bits a channel; `None` for
            the scale that holds the values of all files.
        split: Which of the folders train, val and test is trained on, or `"all"` for every file; or which
            part of a dictionary of data sets is taken. `None` for train, with val or test held out.
        tolerate: The share of files that may be unusable, from 0 to 1.
        kind: The kind of data, of `poise.data.KINDS`, if it is not the one that Poise recognises.

    Example:
        >>> import numpy as np
        >>> from poise.data import open_data
        >>> xrays = np.full((4, 8, 8), 4095, np.uint16)
        >>> open_data(Files(xrays, scale=(0, 4095))).transform
        Range(low=0.0, high=4095.0)
    """

    data: Any
    scale: tuple[float, float] | None = None
    split: str | None = None
    tolerate: float = 0.01
    kind: str | None = None


@dataclass
class Listing:
    """What lies in a folder or an archive, before any of it is opened."""

    files: dict[str, list[JSON]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    hidden: int = 0

    def refuse(self, name: str, reason: str) -> None:
        """Note a file that is not read: as refused if it is named like an image, else as ignored."""
        if looks_like_image(name):
            self.refused[name] = reason
        else:
            self.ignored.append(name)

    def sorted(self) -> Listing:
        """The same with files in the order of their names, which is the order of rows."""
        return dataclasses.replace(self, files=dict(sorted(self.files.items())))


class Collection(Protocol):
    """A folder or an archive."""

    @property
    def origin(self) -> str:
        """`"folder"` or `"zip"`."""

    @property
    def location(self) -> str:
        """Where it is, the same each time: the index of its files is stored under it."""

    def listing(self) -> Listing:
        """Everything in it, sorted by name."""

    def read(self, name: str, most: int = -1) -> bytes:
        """The whole of one of its files, or its first bytes."""


def is_hidden(part: str) -> bool:
    """Whether a part of a path is one that people do not see: dot files and what systems leave behind."""
    return part.startswith(".") or part in _SYSTEM_FILES


def suffix_of(name: str) -> str:
    """The suffix of a file name in lower case, with its dot; empty if there is none."""
    base = name.rpartition("/")[2]
    dot = base.rfind(".")
    return base[dot:].lower() if dot > 0 else ""


def looks_like_image(name: str) -> bool:
    """Whether the name ends as that of an image does."""
    return suffix_of(name) in IMAGE_SUFFIXES


@dataclass(frozen=True)
class FolderCollection:
    """The files in a folder and its sub-folders; links are followed, each folder is entered once."""

    path: Path
    origin: str = field(default="folder", init=False)

    @property
    def location(self) -> str:
        """The absolute path."""
        return str(self.path.resolve())

    def read(self, name: str, most: int = -1) -> bytes:
        """The whole of one of its files, or its first bytes."""
        with (self.path / name).open("rb") as file:
            return file.read(most)

    def listing(self) -> Listing:
        """Everything in it, sorted by name."""
        with report_system_errors(f"The folder '{self.path}' cannot be read", code="data.folder-unreadable"):
            top = self.path.stat()
            os.scandir(self.path).close()
        found, entered, pending = Listing(), {(top.st_dev, top.st_ino)}, [""]
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(self.path / folder) as entries:
                    names = sorted(entry.name for entry in entries)
            except OSError as error:
                found.refused[folder] = f"the folder cannot be read: {system_reason(error)}"
                continue
            if not names and looks_like_image(folder):
                found.refused[folder] = "an empty folder, not an image"
            elif not names and folder:
                found.empty.append(folder)
            for base in names:
                if is_hidden(base):
                    found.hidden += 1
                else:
                    self._meet(f"{folder}/{base}" if folder else base, found, entered, pending)
        return found.sorted()

    def _meet(self, name: str, found: Listing, entered: set[tuple[int, int]], pending: list[str]) -> None:
        path = self.path / name
        try:
            facts = path.stat()
        except OSError as error:
            found.refuse(name, _unreachable(path, error))
            return
        if stat.S_ISREG(facts.st_mode):
            changed = max(facts.st_mtime_ns, facts.st_ctime_ns)
            found.files[name] = [changed, facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_dev]
        elif not stat.S_ISDIR(facts.st_mode):
            found.refuse(name, "not a regular file")  # reading a pipe would never end
        elif (facts.st_dev, facts.st_ino) in entered:
            found.ignored.append(name)
        else:
            entered.add((facts.st_dev, facts.st_ino))
            pending.append(name)


def _unreachable(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link that leads to itself"
    if path.is_symlink() and isinstance(error, FileNotFoundError):
        return "a link that leads nowhere"
    return system_reason(error)


@dataclass(frozen=True)
class OneFile:
    """A collection of a single file."""

    path: Path
    origin: str = "file"

    @property
    def location(self) -> str:
        """Its absolute path."""
        return str(self.path.resolve())

    def listing(self) -> Listing:
        """Its name."""
        return Listing({self.path.name: []})

    def read(self, name: str, most: int = -1) -> bytes:
        """Its content, or the first bytes."""
        with self.path.open("rb") as file:
            return file.read(most)


@dataclass(frozen=True)
class ZipCollection:
    """The files in a zip archive; nothing is ever unpacked to disk."""

    path: Path
    origin: str = field(default="zip", init=False)
    _archive: zipfile.ZipFile = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_archive", zipfile.ZipFile(self.path))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            what = f"'{self.path}' cannot be read as a zip file"
            why = str(error).rstrip(".").lower()
            raise PoiseError(what, code="data.zip-unreadable", why=why, hint="make it again") from None

    @property
    def location(self) -> str:
        """The absolute path."""
        return str(self.path.resolve())

    def read(self, name: str, most: int = -1) -> bytes:
        """The whole of one of its files, checked against its check sum, or its first bytes."""
        with self._archive.open(name) as file:
            return file.read(most)

    def listing(self) -> Listing:
        """Everything in it, sorted by name."""
        entries = self._archive.infolist()
        self._check_bomb(entries)
        whole = self.path.stat()
        changed = max(whole.st_mtime_ns, whole.st_ctime_ns)
        found = Listing()
        for entry in entries:
            name = entry.filename
            if entry.is_dir():
                continue
            parts = PurePosixPath(name).parts
            reason = _refusal(entry, parts, again=name in found.files)
            if any(is_hidden(part) for part in parts if part != ".."):
                found.hidden += 1
            elif reason:
                found.refuse(name, reason)
            else:
                found.files[name] = [changed, entry.file_size, entry.CRC, whole.st_size, whole.st_ino]
        return found.sorted()

    def _check_bomb(self, entries: list[zipfile.ZipInfo]) -> None:
        unpacked = sum(entry.file_size for entry in entries)
        size = self.path.stat().st_size
        spans = sorted((entry.header_offset, entry.header_offset + entry.compress_size) for entry in entries)
        overlap = any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans))
        if overlap or (unpacked > _RATIO_MATTERS_FROM and unpacked > _MOST_RATIO * size):
            what = f"'{self.path}' unpacks to {unpacked:,} bytes from {size:,}"
            why = "its entries overlap" if overlap else "no archive of images is packed that tightly"
            hint = "unpack it yourself if you trust it, and name the folder"
            raise PoiseError(what, code="data.zip-bomb", why=why, hint=hint)


def _refusal(entry: zipfile.ZipInfo, parts: tuple[str, ...], *, again: bool) -> str:
    """Why an entry is not read; empty if it is."""
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
        "a second file of that name": again,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
