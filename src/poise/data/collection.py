"""Files that may be images, wherever they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from poise.data.dataset import JSON

_READ = ".png .apng .jpg .jpeg .jpe .jfif .webp .bmp .dib .gif .tif .tiff"
# not read, and listed as refused rather than passed over in silence
_OTHER = (
    ".avif .heic .heif .jp2 .j2k .jxl .ppm .pgm .pbm .pnm .psd .tga .svg .ico .dds .exr .hdr .raw "
    ".cr2 .nef .dng"
)
IMAGE_SUFFIXES = frozenset(f"{_READ} {_OTHER}".split())


@dataclass(frozen=True)
class Listing:
    """What lies in a folder or an archive, before any of it is opened.

    Args:
        files: Name to stamp, in the order of names, which is the order of rows. A stamp is a list of numbers
            that differs whenever the content may have changed: first the moment of the last change in
            nanoseconds, then the size in bytes, then anything else.
        refused: Name to reason, for what is named like an image and cannot be one.
        ignored: Names of what is not entered or cannot be opened, and is not named like an image.
        hidden: How many hidden files and folders were passed over.
    """

    files: dict[str, list[JSON]]
    refused: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    hidden: int = 0


class Collection(Protocol):
    """A folder or an archive."""

    @property
    def origin(self) -> str:
        """`"folder"` or `"zip"`."""
        ...

    @property
    def location(self) -> str:
        """Where it is, the same each time: what an index of its files is kept under."""
        ...

    def listing(self) -> Listing:
        """Everything in it, sorted by name."""
        ...

    def head(self, name: str) -> bytes:
        """The first bytes of one of its files, sixteen where there are as many."""
        ...

    def read(self, name: str) -> bytes:
        """The whole of one of its files."""
        ...


def is_hidden(part: str) -> bool:
    """Whether a part of a path is one that people do not see: dot files and what systems leave behind."""
    return part.startswith(".") or part in (
        "__MACOSX",
        "Thumbs.db",
        "thumbs.db",
        "desktop.ini",
        "Desktop.ini",
    )


def suffix_of(name: str) -> str:
    """The suffix of a file name in lower case, with its dot; empty where there is none."""
    base = name.rpartition("/")[2]
    dot = base.rfind(".")
    return base[dot:].lower() if dot > 0 else ""


def looks_like_image(name: str) -> bool:
    """Whether the name ends as that of an image does."""
    return suffix_of(name) in IMAGE_SUFFIXES
