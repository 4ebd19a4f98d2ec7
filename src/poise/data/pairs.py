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

from poise.data.condition import Condition
from poise.data.dataset import JSON, Array, Dataset
from poise.data.matching import by, check_sizes, matched
from poise.errors import PoiseError
from poise.randomness import numpy_stream

LEAST = 4
"""Fewer pairs, or images of a domain, than this are refused."""

HELD_OUT = 0.1
"""The share of pairs, or of either domain, that is kept apart where none is given."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Images that belong together, one made into the other.

    Args:
        source: What is translated: a folder, a zip, a `.npy` file or an array. Files pair by their names.
        target: What it is to become, as many; `None` where each image of `source` holds both side by side.
        source_side: Which half of such an image is the source.
        held_out: The share of the pairs that is never trained on, above 0 and at most a half.

    Example:
        >>> from poise.data import open_data
        >>> line, colour = np.zeros((20, 8, 8), np.uint8), np.zeros((20, 8, 8, 3), np.uint8)
        >>> source = open_data(Pairs(line, colour))
        >>> source.condition.shape, source.shape, len(source), len(source.held_out)
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
        >>> source = open_data(Domains(horses, zebras))
        >>> len(source.condition), len(source)
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
    of_source, of_target = matched(source, target)
    check_sizes(source, target, of_source, of_target)
    training, apart = _split(len(of_target), held_out, seed, "pairs")
    left_out = len(source) + len(target) - 2 * len(of_target)
    damaged = (f"Pairs left out, because one of their images cannot be read: {left_out:,}.",)
    whole = Dataset(
        name=_joined(source, target, "to"),
        kind="image",
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
            f"Images of '{first.name}' are {by(first)} and those of '{second.name}' are {by(second)}",
            why="two domains are to have the same channels and the same size",
            hint="bring both to one: "
            + ("--set channels=3" if first.shape[0] != second.shape[0] else "--resolution 64"),
        )
    parts = [_split(len(domain), held_out, seed, f"images of '{domain.name}'") for domain in (first, second)]
    rows_of = [np.arange(len(domain)) for domain in (first, second)]
    whole = Dataset(
        name=_joined(first, second, "and"),
        kind="image",
        shape=second.shape,
        transform=second.transform,
        fingerprint=_fingerprint("domains", first, second, *rows_of),
        summary=_summary("domains", first, second, held_out, len(parts[1][1])),
        notices=_notices(first, second),
        array=second.array,
        condition=Condition("image", first.shape, _array(first), first.transform, paired=False),
    )
    return _divided(whole, [(parts[0][0], parts[1][0]), (parts[0][1], parts[1][1])])


def rejoined(source: Dataset) -> Dataset:
    """All rows of pairs or domains as one source: those that are trained on, then those that are held out.

    Args:
        source: As `paired` or `between` gave it.
    """
    apart, condition = source.held_out, source.condition
    if apart is None or condition is None or apart.condition is None:
        return source
    return dataclasses.replace(
        source,
        rows=_rows_of(source, apart),
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
            f"There are too few {what}: {count}", why=f"at least {LEAST} are needed", hint="give more"
        )
    apart = max(1, round(share * count))
    order = numpy_stream(seed, 0, "held out").permutation(count)
    return np.sort(order[apart:]), np.sort(order[:apart])


def _check(first: Dataset, second: Dataset, held_out: float) -> None:
    for side in (first, second):
        if side.kind != "image":
            raise PoiseError(f"'{side.name}' holds vectors, and only images are translated")
        if side.array is None:
            raise PoiseError(
                f"'{side.name}' is a data set that is read live",
                hint="give its images as an array, a folder or a zip",
            )
    if not 0 < held_out <= 0.5:
        raise PoiseError(
            f"The share that is held out cannot be {held_out:g}",
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
