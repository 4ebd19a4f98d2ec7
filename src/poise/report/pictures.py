"""The sample pictures of a run, thinned where there are too many to carry in one file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poise.report.columns import Json

MOST_PICTURES = 60
MOST_BYTES = 8_000_000
COLUMNS = 8
"""Samples of a class in a row of a sheet, as training draws it."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Picture:
    """A sample picture.

    Attributes:
        step: When it was drawn.
        width: In pixels.
        height: In pixels.
        content: The PNG's bytes.
    """

    step: int
    width: int
    height: int
    content: bytes

    @property
    def source(self) -> str:
        """The picture as an address that needs no file."""
        return "data:image/png;base64," + base64.b64encode(self.content).decode("ascii")


@dataclass(frozen=True)
class Album:
    """The pictures that a report carries, oldest first.

    Attributes:
        pictures: Those that were kept; the first and the last of the run are always among them.
        found: How many sound ones there were.
        damaged: The steps whose file is no whole PNG.
    """

    pictures: tuple[Picture, ...]
    found: int
    damaged: tuple[int, ...]

    @property
    def thinned(self) -> bool:
        """Whether some were left out."""
        return len(self.pictures) < self.found


def read_album(samples: Sequence[tuple[int, Path]]) -> Album:
    """Read the pictures of a run, as many as fit.

    Args:
        samples: Steps and files, oldest first.
    """
    read = [(step, _picture(step, path)) for step, path in samples]
    sound = [picture for _, picture in read if picture is not None]
    damaged = tuple(step for step, picture in read if picture is None)
    kept = keep_evenly([len(picture.content) for picture in sound])
    return Album(tuple(sound[index] for index in kept), len(sound), damaged)


def keep_evenly(
    sizes: Sequence[int], *, most: int = MOST_PICTURES, most_bytes: int = MOST_BYTES
) -> list[int]:
    """Which of a row of pictures to keep: evenly spread, the first and the last always.

    Args:
        sizes: Bytes of each.
        most: How many to keep at most.
        most_bytes: How many bytes together at most, unless the first and the last alone have more.

    Returns:
        Indices, rising.

    Example:
        >>> keep_evenly([1] * 9, most=3), keep_evenly([10] * 5, most_bytes=25)
        ([0, 4, 8], [0, 4])
    """
    for count in range(min(most, len(sizes)), 1, -1):
        kept = [round(place * (len(sizes) - 1) / (count - 1)) for place in range(count)]
        if sum(sizes[index] for index in kept) <= most_bytes or count == 2:
            return kept
    return list(range(len(sizes)))


def _picture(step: int, path: Path) -> Picture | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    # A PNG begins with its signature and the IHDR chunk, and ends with the IEND chunk.
    if not content.startswith(_SIGNATURE) or content[12:16] != b"IHDR" or b"IEND" not in content[-12:]:
        return None
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    return Picture(step, width, height, content) if width and height else None


def album_lead(data: Json, album: Album, translation: str) -> str:
    """What a person sees in the pictures, in a sentence or two.

    Args:
        data: The run's `data.json`.
        album: The pictures.
        translation: `pairs` or `domains` where images are made of images; else empty.
    """
    if translation == "pairs":
        return (
            "Left, pairs that are trained on; right, pairs that are held out: what went in, what came out, "
            "and what it should be. Where the left is right and the right is not, it learnt by heart."
        )
    if translation == "domains":
        return (
            "Images that are held out, from either domain: what went in, what it became, and what that "
            "becomes on the way back."
        )
    if data.get("kind", "image") != "image":
        return (
            "The same latents in every picture, so that you see them find their places; the data lie behind."
        )
    lead = "Each place in the sheet is one latent, the same in every picture, so that you see it grow."
    classes = _rows_of_classes(data, album)
    return f"{lead} Each row is a class, from the top: {', '.join(classes)}." if classes else lead


def _rows_of_classes(data: Json, album: Album) -> list[str]:
    """The classes of the sheet's rows; training draws eight of each, and of many classes the first."""
    condition = data.get("condition")
    if not isinstance(condition, Mapping) or condition.get("kind") != "label" or not album.pictures:
        return []
    newest = album.pictures[-1]
    rows = round(COLUMNS * newest.height / newest.width)
    return [str(name) for name in (condition.get("names") or [])[:rows]]
