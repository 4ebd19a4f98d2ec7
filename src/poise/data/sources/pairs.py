"""Two sides of data: pairs that belong together, or two domains that do not."""

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from poise.data.dataset import Condition, Dataset
from poise.data.kinds import kind_of
from poise.data.rows import JSON, Array, digest_of
from poise.data.sources.files import suffix_of
from poise.data.sources.layout import split_notice, splits_of
from poise.errors import PoiseError
from poise.randomness import numpy_stream
from poise.text import first_few

LEAST = 4
"""Fewer pairs, or images of a domain, than this are refused."""

HELD_OUT = 0.1
"""The share of pairs, or of either domain, that is held out if none is given."""


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


_SIDE = re.compile(r"[_-]([ab])$", re.IGNORECASE)

Rows = tuple[Array, Array]
"""Rows of the first side, and of the second."""


def paired(source: Dataset, target: Dataset, *, held_out: float, seed: int) -> Dataset:
    """Pairs as rows of the target with the source as their condition, some of them held out."""
    _check(source, target, held_out)
    whole = _matched(source, target)
    _check_sizes(source, target, whole)
    files = [target.files[row] for row in whole[1]] if target.files else []
    divided, notices = _divided(files, len(whole[1]), held_out, seed, "pairs")
    parts = [(whole[0][rows], whole[1][rows]) for rows in divided]
    left_out = len(source) + len(target) - 2 * len(whole[1])
    if left_out:
        notices += (f"Pairs left out, because one of their images cannot be read: {left_out:,}.",)
    sides = {"source": source, "target": target}
    return _joined("pairs", sides, whole, parts, held_out, notices)


def between(first: Dataset, second: Dataset, *, held_out: float, seed: int) -> Dataset:
    """Two domains: rows of the second, with those of the first as unpaired conditions; some held out."""
    _check(first, second, held_out)
    if first.shape != second.shape:
        raise PoiseError(
            f"Images of '{first.name}' are {_by(first)} and those of '{second.name}' are {_by(second)}",
            code="data.sides-differ",
            why="two domains must have the same channels and the same size",
            hint="bring both to one: "
            + ("--set channels=3" if first.shape[0] != second.shape[0] else "--resolution 64"),
        )
    whole = np.arange(len(first)), np.arange(len(second))
    (ours, told), (theirs, more) = (
        _divided(one.files, len(one), held_out, seed, f"images of '{one.name}'") for one in (first, second)
    )
    sides, parts = {"a": first, "b": second}, list(zip(ours, theirs, strict=True))
    return _joined("domains", sides, whole, parts, held_out, (*told, *more))


def _joined(
    origin: Literal["pairs", "domains"],
    sides: Mapping[str, Dataset],
    whole: Rows,
    parts: Sequence[Rows],
    share: float,
    notices: tuple[str, ...] = (),
) -> Dataset:
    """Rows of the second side with those of the first as their condition; the second part is held out."""
    first, second = sides.values()
    names = [Path(side.name).stem or side.name for side in (first, second)]
    word = "to" if origin == "pairs" else "and"
    digests = [hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest() for rows in whole]
    summary: dict[str, JSON] = {"origin": origin, "held_out_share": share, "held_out_count": len(parts[1][1])}
    for name, side in sides.items():
        summary[name] = {"name": side.name, "fingerprint": side.fingerprint, **side.summary}
    assert first.array is not None
    about = {str(name): first.summary[name] for name in ("scale", "fit") if name in first.summary}
    paired = origin == "pairs"
    condition = Condition("image", first.shape, first.array, first.transform, paired=paired, about=about)
    made = dataclasses.replace(
        second,
        name=names[0] if names[0] == names[1] else f"{names[0]}-{word}-{names[1]}",
        fingerprint=digest_of([origin, first.fingerprint, second.fingerprint, *digests]),
        summary=summary,
        notices=(*(f"{side.name}: {one}" for side in (first, second) for one in side.notices), *notices),
        labels=None,
        label_names=(),
        files=(),
        sizes=(),
    )
    shown, held_out = (
        dataclasses.replace(made, rows=rows[1], condition=dataclasses.replace(condition, rows=rows[0]))
        for rows in parts
    )
    return dataclasses.replace(shown, held_out=held_out)


def rejoined(dataset: Dataset) -> Dataset:
    """All rows of data of which some are held out, as one data set: those that are trained on come first."""
    apart, condition = dataset.held_out, dataset.condition
    if apart is None:
        return dataset
    if condition is not None and apart.condition is not None:
        condition = dataclasses.replace(condition, rows=_rows_of(condition, apart.condition))
    labels = dataset.labels
    if labels is not None and apart.labels is not None:
        labels = np.concatenate([labels, apart.labels])
    return dataclasses.replace(
        dataset, rows=_rows_of(dataset, apart), condition=condition, labels=labels, held_out=None
    )


def _rows_of(*parts: Dataset | Condition) -> Array:
    rows: Array = np.concatenate([np.arange(len(part)) if part.rows is None else part.rows for part in parts])
    return rows


def _divided(
    files: Sequence[str], count: int, share: float, seed: int, what: str
) -> tuple[tuple[Array, Array], tuple[str, ...]]:
    """Rows to train on and rows to hold out: by the folders train, val and test, else by the share."""
    if count < LEAST:
        raise PoiseError(
            f"There are too few {what}: {count}",
            code="data.too-few-to-hold-out",
            why=f"at least {LEAST} are needed",
            hint="give more",
        )
    splits = splits_of(files)
    if splits:
        apart = "val" if "val" in splits else "test"
        return (splits["train"], splits[apart]), (split_notice(splits, "train", apart),)
    order = numpy_stream(seed, 0, "held out").permutation(count)
    size = max(1, round(share * count))
    return (np.sort(order[size:]), np.sort(order[:size])), ()


def _check(first: Dataset, second: Dataset, held_out: float) -> None:
    for side in (first, second):
        kind = kind_of(side)
        if not kind.pictorial:
            what = f"'{side.name}' holds {kind.plural}, and only images are translated"
            raise PoiseError(what, code="data.sides-not-images")
        if side.array is None:
            what = f"'{side.name}' is a data set that is read live"
            hint = "give its images as an array, a folder or a zip"
            raise PoiseError(what, code="data.sides-read-live", hint=hint)
    if not 0 < held_out <= 0.5:
        what = f"The share that is held out cannot be {held_out:g}"
        why = "translations are judged on images that were never trained on"
        raise PoiseError(what, code="data.held-out-share", why=why, hint="give one above 0 and at most 0.5")


def _matched(source: Dataset, target: Dataset) -> Rows:
    """Rows of both that belong together, in the target's order: by their names, else by their numbers."""
    if not source.files or not target.files:
        if len(source) != len(target):
            what = f"'{source.name}' holds {len(source):,} images and '{target.name}' {len(target):,}"
            why = "image i of one must belong to image i of the other"
            hint = "give as many of both, in one order"
            raise PoiseError(what, code="data.pairs-count", why=why, hint=hint)
        return np.arange(len(source)), np.arange(len(target))
    sides = [
        [*side.files, *(str(one["file"]) for one in side.summary.get("refused", []))]
        for side in (source, target)
    ]
    with_suffix = any(len({_stem(name) for name in names}) < len(names) for names in sides)
    key = str if with_suffix else _without_side if _are_sides(*sides) else _stem
    ours, theirs = ({key(name): name for name in names} for names in sides)
    alone = [
        (source.name, sorted(name for stem, name in ours.items() if stem not in theirs)),
        (target.name, sorted(name for stem, name in theirs.items() if stem not in ours)),
    ]
    if any(names for _, names in alone):
        few = [f"{len(names):,} only in '{side}': {first_few(names)}" for side, names in alone if names]
        raise PoiseError(
            f"The names of '{source.name}' and '{target.name}' do not pair: {'; '.join(few)}",
            code="data.pairs-names",
            hint="give both images of a pair the same name",
            details=[f"only in '{side}': {name}" for side, names in alone for name in names],
        )
    row_of = {key(name): row for row, name in enumerate(source.files)}
    both = [(row_of[key(name)], row) for row, name in enumerate(target.files) if key(name) in row_of]
    rows = np.array(both, dtype=np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _check_sizes(source: Dataset, target: Dataset, rows: Rows) -> None:
    """Raises PoiseError if the images of a pair are not of one size, with their names."""
    sizes = [_sizes(side) for side in (source, target)]
    differing = []
    for other, row in zip(*(part.tolist() for part in rows), strict=True):
        ours, theirs = (tuple(size[index]) for size, index in zip(sizes, (other, row), strict=True))
        if ours != theirs:
            name = target.files[row] if target.files else f"pair {row}"
            differing.append(f"{name} ({ours[0]}x{ours[1]} and {theirs[0]}x{theirs[1]})")
    if differing:
        what = f"{len(differing):,} of {len(rows[1]):,} pairs differ in size: {first_few(differing)}"
        why = "the same place would show different things in the two images"
        hint = "bring both images of a pair to one size"
        raise PoiseError(what, code="data.pairs-sizes", why=why, hint=hint, details=differing)
    if source.shape[1:] != target.shape[1:]:
        what = f"Images of '{source.name}' are {_by(source)} and those of '{target.name}' are {_by(target)}"
        raise PoiseError(what, code="data.sides-differ", hint="give a resolution: --resolution 64")


def _sizes(side: Dataset) -> Sequence[tuple[int, int]]:
    if side.sizes:
        return side.sizes
    height, width = side.summary.get("original_size", side.shape[1:])
    return [(int(width), int(height))] * len(side)


def _stem(name: str) -> str:
    return name.removesuffix(name[len(name) - len(suffix_of(name)) :])


def _without_side(name: str) -> str:
    """The stem of a name without the letter of its side, as `street_A.png` and `street_B.png` have it."""
    return _SIDE.sub("", _stem(name))


def _are_sides(source: Sequence[str], target: Sequence[str]) -> bool:
    """Whether all names of one side end in one letter, A or B, and all of the other in the other letter."""

    def letters(names: Sequence[str]) -> set[str]:
        return {side[1].lower() if (side := _SIDE.search(_stem(name))) else "" for name in names}

    return {frozenset(letters(source)), frozenset(letters(target))} == {frozenset("a"), frozenset("b")}


def _by(side: Dataset) -> str:
    """The size and the channels of a side's images, in words."""
    channels, height, width = side.shape
    return f"{width}x{height} with {channels} " + ("channel" if channels == 1 else "channels")
