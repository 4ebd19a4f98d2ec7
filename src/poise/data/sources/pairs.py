"""Two sides of data: pairs that belong together, or two domains that do not."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from poise.data.dataset import JSON, Array, Condition, Dataset
from poise.data.kinds import kind_of
from poise.errors import PoiseError
from poise.randomness import numpy_stream

LEAST = 4
"""Fewer pairs, or images of a domain, than this are refused."""

HELD_OUT = 0.1
"""The share of pairs, or of either domain, that is held out if none is given."""

_NAMED = 4


@dataclass(frozen=True, eq=False)
class Pairs:
    """Images that belong together, one made into the other.

    Args:
        source: What is translated: a folder, a zip, a `.npy` file or an array. Files pair by their names.
        target: What it is to become, as many; `None` if each image of `source` holds both side by side.
        source_side: Which half of such an image is the source.
        held_out: The share of the pairs that is never trained on, above 0 and at most a half.

    Example:
        >>> from poise.data import open_data
        >>> line, colour = np.zeros((20, 8, 8), np.uint8), np.zeros((20, 8, 8, 3), np.uint8)
        >>> dataset = open_data(Pairs(line, colour))
        >>> dataset.condition.shape, dataset.shape, len(dataset), len(dataset.held_out)
        ((1, 8, 8), (3, 8, 8), 18, 2)
    """

    source: Any
    target: Any = None
    source_side: Literal["left", "right"] = "left"
    held_out: float = HELD_OUT


@dataclass(frozen=True, eq=False)
class Domains:
    """Two kinds of images without pairs, each to be made into the other.

    Args:
        a: The first domain: a folder, a zip, a `.npy` file or an array.
        b: The second.
        held_out: The share of either that is never trained on, above 0 and at most a half.

    Example:
        >>> from poise.data import open_data
        >>> horses, zebras = np.zeros((20, 8, 8, 3), np.uint8), np.zeros((30, 8, 8, 3), np.uint8)
        >>> dataset = open_data(Domains(horses, zebras))
        >>> len(dataset.condition), len(dataset)
        (18, 27)
    """

    a: Any
    b: Any
    held_out: float = HELD_OUT


def paired(source: Dataset, target: Dataset, *, held_out: float, seed: int) -> Dataset:
    """Pairs as rows of the target with the source as their condition, some of them held out.

    Args:
        source: What is translated.
        target: What it is to become.
        held_out: The share that is held out.
        seed: Draws which.

    Raises:
        PoiseError: Names or numbers do not pair, or images of a pair differ in size.
    """
    _check(source, target, held_out)
    of_source, of_target = _matched(source, target)
    _check_sizes(source, target, of_source, of_target)
    training, apart = _split(len(of_target), held_out, seed, "pairs")
    left_out = len(source) + len(target) - 2 * len(of_target)
    damaged = (f"Pairs left out, because one of their images cannot be read: {left_out:,}.",)
    whole = Dataset(
        name=_joined(source, target, "to"),
        kind=target.kind,
        shape=target.shape,
        transform=target.transform,
        fingerprint=_fingerprint("pairs", source, target, of_source, of_target),
        summary=_summary("pairs", source, target, held_out, len(apart)),
        notices=_notices(source, target) + (damaged if left_out else ()),
        array=target.array,
        rows=of_target,
        condition=Condition("image", source.shape, _array(source), source.transform, rows=of_source),
    )
    return _divided(whole, [(of_source[rows], of_target[rows]) for rows in (training, apart)])


def between(first: Dataset, second: Dataset, *, held_out: float, seed: int) -> Dataset:
    """Two domains: rows of the second, with those of the first as unpaired conditions; some held out.

    Args:
        first: The domain a.
        second: The domain b.
        held_out: The share of either that is held out.
        seed: Draws which.

    Raises:
        PoiseError: Their images differ in channels or size.
    """
    _check(first, second, held_out)
    if first.shape != second.shape:
        raise PoiseError(
            f"Images of '{first.name}' are {_by(first)} and those of '{second.name}' are {_by(second)}",
            code="data.sides-differ",
            why="two domains must have the same channels and the same size",
            hint="bring both to one: "
            + ("--set channels=3" if first.shape[0] != second.shape[0] else "--resolution 64"),
        )
    parts = [_split(len(domain), held_out, seed, f"images of '{domain.name}'") for domain in (first, second)]
    rows_of = [np.arange(len(domain)) for domain in (first, second)]
    whole = Dataset(
        name=_joined(first, second, "and"),
        kind=second.kind,
        shape=second.shape,
        transform=second.transform,
        fingerprint=_fingerprint("domains", first, second, *rows_of),
        summary=_summary("domains", first, second, held_out, len(parts[1][1])),
        notices=_notices(first, second),
        array=second.array,
        condition=Condition("image", first.shape, _array(first), first.transform, paired=False),
    )
    return _divided(whole, [(parts[0][0], parts[1][0]), (parts[0][1], parts[1][1])])


def rejoined(dataset: Dataset) -> Dataset:
    """All rows of pairs or domains as one data set: those that are trained on, then those that are held out.

    Args:
        dataset: As `paired` or `between` gave it.
    """
    apart, condition = dataset.held_out, dataset.condition
    if apart is None or condition is None or apart.condition is None:
        return dataset
    return dataclasses.replace(
        dataset,
        rows=_rows_of(dataset, apart),
        condition=dataclasses.replace(condition, rows=_rows_of(condition, apart.condition)),
        held_out=None,
    )


def _rows_of(*parts: Dataset | Condition) -> Array:
    rows: Array = np.concatenate([np.arange(len(part)) if part.rows is None else part.rows for part in parts])
    return rows


def _divided(whole: Dataset, rows: Sequence[tuple[Array, Array]]) -> Dataset:
    """The rows that are trained on, with those that are held out beside them."""
    parts = []
    for of_condition, of_rows in rows:
        assert whole.condition is not None
        condition = dataclasses.replace(whole.condition, rows=of_condition)
        parts.append(dataclasses.replace(whole, rows=of_rows, condition=condition))
    return dataclasses.replace(parts[0], held_out=parts[1])


def _split(count: int, share: float, seed: int, what: str) -> tuple[Array, Array]:
    if count < LEAST:
        raise PoiseError(
            f"There are too few {what}: {count}",
            code="data.too-few-to-hold-out",
            why=f"at least {LEAST} are needed",
            hint="give more",
        )
    apart = max(1, round(share * count))
    order = numpy_stream(seed, 0, "held out").permutation(count)
    return np.sort(order[apart:]), np.sort(order[:apart])


def _check(first: Dataset, second: Dataset, held_out: float) -> None:
    for side in (first, second):
        kind = kind_of(side)
        if not kind.pictorial:
            raise PoiseError(
                f"'{side.name}' holds {kind.plural}, and only images are translated",
                code="data.sides-not-images",
            )
        if side.array is None:
            raise PoiseError(
                f"'{side.name}' is a data set that is read live",
                code="data.sides-read-live",
                hint="give its images as an array, a folder or a zip",
            )
    if not 0 < held_out <= 0.5:
        raise PoiseError(
            f"The share that is held out cannot be {held_out:g}",
            code="data.held-out-share",
            why="translations are judged on images that were never trained on",
            hint="give one above 0 and at most 0.5",
        )


def _array(side: Dataset) -> Array:
    assert side.array is not None
    return side.array


def _joined(first: Dataset, second: Dataset, word: str) -> str:
    names = [Path(side.name).stem or side.name for side in (first, second)]
    return names[0] if names[0] == names[1] else f"{names[0]}-{word}-{names[1]}"


def _notices(first: Dataset, second: Dataset) -> tuple[str, ...]:
    return tuple(f"{side.name}: {notice}" for side in (first, second) for notice in side.notices)


def _fingerprint(kind: str, first: Dataset, second: Dataset, of_first: Array, of_second: Array) -> str:
    rows = [hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest() for rows in (of_first, of_second)]
    facts = [kind, first.fingerprint, second.fingerprint, *rows]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _summary(kind: str, first: Dataset, second: Dataset, share: float, apart: int) -> dict[str, JSON]:
    sides = ("source", "target") if kind == "pairs" else ("a", "b")
    return {
        "origin": kind,
        "held_out_share": share,
        "held_out_count": apart,
        **{
            name: {"name": side.name, "fingerprint": side.fingerprint, **side.summary}
            for name, side in zip(sides, (first, second), strict=True)
        },
    }


def _matched(source: Dataset, target: Dataset) -> tuple[Array, Array]:
    """Rows of both that belong together, in the target's order: by their names, else by their numbers."""
    if not source.files or not target.files:
        if len(source) != len(target):
            raise PoiseError(
                f"'{source.name}' holds {len(source):,} images and '{target.name}' {len(target):,}",
                code="data.pairs-count",
                why="image i of one must belong to image i of the other",
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
            code="data.pairs-names",
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


def _check_sizes(source: Dataset, target: Dataset, of_source: Array, of_target: Array) -> None:
    """Raises PoiseError if the images of a pair are not of one size, with their names."""
    ours, theirs = _sizes(source), _sizes(target)
    differing = [
        (f"{_named(target, row)} ({_times(ours[other])} and {_times(theirs[row])})")
        for other, row in zip(of_source.tolist(), of_target.tolist(), strict=True)
        if tuple(ours[other]) != tuple(theirs[row])
    ]
    if differing:
        raise PoiseError(
            f"{len(differing):,} of {len(of_target):,} pairs differ in size: {_few(differing)}",
            code="data.pairs-sizes",
            why="the same place would show different things in the two images",
            hint="bring both images of a pair to one size",
            details=differing,
        )
    if source.shape[1:] != target.shape[1:]:
        raise PoiseError(
            f"Images of '{source.name}' are {_by(source)} and those of '{target.name}' are {_by(target)}",
            code="data.sides-differ",
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
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _by(side: Dataset) -> str:
    """The size and the channels of a side's images, in words."""
    channels, height, width = side.shape
    return f"{width}x{height} with {channels} " + ("channel" if channels == 1 else "channels")
