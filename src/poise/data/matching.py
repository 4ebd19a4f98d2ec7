"""What belongs to what: images of two sides by their names, and whether their sizes agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poise.data.dataset import Array, Dataset
from poise.errors import PoiseError

NAMED = 4
"""How many names a message lists; the details hold all."""


def matched(source: Dataset, target: Dataset) -> tuple[Array, Array]:
    """Rows of both that belong together, in the order of the target's: by their names, else by their numbers.

    Args:
        source: One side.
        target: The other.

    Raises:
        PoiseError: A name, or a number, has no counterpart; all that have none are listed.
    """
    if not source.files or not target.files:
        if len(source) != len(target):
            raise PoiseError(
                f"'{source.name}' holds {len(source):,} images and '{target.name}' {len(target):,}",
                why="image i of one is to belong to image i of the other",
                hint="give as many of both, in one order",
            )
        return np.arange(len(source)), np.arange(len(target))
    sides = [(side, [*side.files, *_refused(side)]) for side in (source, target)]
    with_suffix = any(len({_stem(name) for name in names}) < len(names) for _, names in sides)
    key = str if with_suffix else _stem
    keys = [{key(name): name for name in names} for _, names in sides]
    alone = [
        sorted(name for stem, name in keys[place].items() if stem not in keys[1 - place]) for place in (0, 1)
    ]
    if any(alone):
        told = "; ".join(
            f"{len(names):,} only in '{side.name}': {_few(names)}"
            for (side, _), names in zip(sides, alone, strict=True)
            if names
        )
        raise PoiseError(
            f"The names of '{source.name}' and '{target.name}' do not pair: {told}",
            hint="give both images of a pair the same name",
            details=[
                f"only in '{side.name}': {name}"
                for (side, _), names in zip(sides, alone, strict=True)
                for name in names
            ],
        )
    row_of = {key(name): row for row, name in enumerate(source.files)}
    both = [(row_of[key(name)], row) for row, name in enumerate(target.files) if key(name) in row_of]
    rows = np.array(both, dtype=np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def check_sizes(source: Dataset, target: Dataset, of_source: Array, of_target: Array) -> None:
    """See that images of a pair are of one size.

    Args:
        source: One side.
        target: The other.
        of_source: Rows of the first.
        of_target: Those of the second that belong to them.

    Raises:
        PoiseError: Some are not, by name.
    """
    ours, theirs = _sizes(source), _sizes(target)
    differing = [
        (f"{_named(target, row)} ({_times(ours[other])} and {_times(theirs[row])})")
        for other, row in zip(of_source.tolist(), of_target.tolist(), strict=True)
        if tuple(ours[other]) != tuple(theirs[row])
    ]
    if differing:
        raise PoiseError(
            f"{len(differing):,} of {len(of_target):,} pairs differ in size: {_few(differing)}",
            why="what lies where in one image would lie elsewhere in the other",
            hint="bring both images of a pair to one size",
            details=differing,
        )
    if source.shape[1:] != target.shape[1:]:
        raise PoiseError(
            f"Images of '{source.name}' are {by(source)} and those of '{target.name}' are {by(target)}",
            hint="give a resolution: --resolution 64",
        )


def _sizes(side: Dataset) -> Sequence[tuple[int, int]]:
    if side.sizes:
        return side.sizes
    height, width = side.summary.get("original_size", side.shape[1:])
    return [(int(width), int(height))] * len(side)


def _refused(side: Dataset) -> list[str]:
    return [str(one["file"]) for one in side.summary.get("refused", [])]


def _stem(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    dot = base.rfind(".")
    return folder + slash + (base[:dot] if dot > 0 else base)


def _named(side: Dataset, row: int) -> str:
    return side.files[row] if side.files else f"pair {row}"


def _few(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def by(side: Dataset) -> str:
    """The size and the channels of a side's images, in words."""
    channels, height, width = side.shape
    return f"{width}x{height} with {channels} " + ("channel" if channels == 1 else "channels")
