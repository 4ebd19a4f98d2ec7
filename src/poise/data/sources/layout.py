"""What the folders of files mean: splits, classes, shards, or nothing."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from poise.data.dataset import Dataset
from poise.data.rows import Array, digest_of
from poise.errors import PoiseError
from poise.text import counted

EVERY = "all"
"""The split that stands for every file."""

_SPLITS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
_DOMAINS = re.compile(r"(train|val|test)[_-]?[ab]", re.IGNORECASE)
_SIDE = re.compile(r"(.+)[_-][ab]", re.IGNORECASE)
_LEAST_DIGITS = 5


def _below_common(files: Sequence[str]) -> list[list[str]]:
    """The parts of each path, without the folders that all files share."""
    parts = [file.split("/") for file in files]
    while parts and all(len(path) > 1 for path in parts) and len({path[0] for path in parts}) == 1:
        parts = [path[1:] for path in parts]
    return parts


def splits_of(files: Sequence[str]) -> dict[str, Array]:
    """Rows of `train`, `val` and `test`, if there are such folders alone and one of them is for training.

    Files beside these folders belong to no split.

    Args:
        files: Relative paths with slashes.

    Example:
        >>> {name: rows.tolist() for name, rows in splits_of(["x/test/1.png", "x/train/1.png"]).items()}
        {'test': [0], 'train': [1]}
        >>> splits_of(["train/1.png", "sun/1.png"]), splits_of(["train/1.png", "train/2.png"])
        ({}, {})
    """
    found: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(_below_common(files)):
        if len(path) > 1 and path[0].lower() not in _SPLITS:
            return {}
        if len(path) > 1:
            found[_SPLITS[path[0].lower()]].append(row)
    named = "train" in found and len(found) > 1
    return {name: np.array(rows) for name, rows in found.items()} if named else {}


def folder_classes(files: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The class of each file by the first level of folders, and what a person should know of them.

    A folder that all files share, as that of an archive's own name, is no level; nor are splits. There are no
    classes if a file lies beside the folders, or if these are shards of one data set.

    Example:
        >>> folder_classes(["all/sun/1.png", "all/moon/1.png", "all/sun/2/3.png"])[0]
        ['sun', 'moon', 'sun']
        >>> folder_classes(["train/sun/1.png", "train/moon/1.png", "test/sun/1.png"])[0]
        ['sun', 'moon', 'sun']
        >>> folder_classes(["sun/1.png", "2.png"])[0]
        []
    """
    parts = _below_common(files)
    if splits_of(files):
        parts = _below_common(["/".join(path[1:]) for path in parts])
    if not parts or any(len(path) == 1 for path in parts):
        return [], ()
    names = [path[0] for path in parts]
    distinct = sorted(set(names))
    if all(_DOMAINS.fullmatch(name) for name in distinct):
        few = ", ".join(distinct)
        return [], (
            f"The folders {few} hold two domains and are no classes; name two: --domains or --pairs.",
        )
    bases = {side[1] if (side := _SIDE.fullmatch(name)) else name for name in distinct}
    if len(distinct) == 2 and len(bases) == 1:
        first, second = distinct
        return names, (
            f"The folders {first} and {second} are taken for two classes; if they hold two domains, name "
            f"them: --domains {first} {second}.",
        )
    if _are_shards(parts):
        few = f"{distinct[0]} to {distinct[-1]}"
        return [], (f"The folders {few} hold as many files each: they are shards, and no classes.",)
    alike = [name for name, often in Counter(name.lower() for name in distinct).items() if often > 1]
    differ = [f"'{name}'" for name in distinct if name.lower() in alike]
    notice = f"The folders {' and '.join(differ)} differ in case alone; each is a class of its own."
    return names, ((notice,) if differ else ())


def _are_shards(parts: Sequence[Sequence[str]]) -> bool:
    """Whether folders are numbered as dataset tools do: five digits, all full but the last, no name twice."""
    counts = Counter(path[0] for path in parts)
    numbered = all(name.isdecimal() and len(name) >= _LEAST_DIGITS for name in counts)
    *full, last = (counts[name] for name in sorted(counts))
    bases = {path[-1] for path in parts}
    return numbered and len(bases) == len(parts) and len(set(full)) == 1 and last <= full[0]


def beside_folders(files: Sequence[str]) -> list[str]:
    """The files that lie beside the folders of classes, and keep these from being classes.

    Args:
        files: Relative paths with slashes.

    Example:
        >>> beside_folders(["sun/1.png", "2.png"]), beside_folders(["1.png", "2.png"])
        (['2.png'], [])
    """
    beside = [file for file, path in zip(files, _below_common(files), strict=True) if len(path) == 1]
    return beside if len(beside) < len(files) else []


def divided(dataset: Dataset, split: str | None) -> Dataset:
    """The data of one split, with those of another held out.

    Args:
        dataset: All files.
        split: Which is trained on: `"train"` if there are splits and none is named, `"all"` for every file.

    Raises:
        PoiseError: There is no such split.
    """
    splits = splits_of(dataset.files)
    if not splits or split == EVERY:
        if split not in (None, EVERY):
            what = f"'{dataset.name}' has no split '{split}'"
            hint = "put the files into folders called train, val and test, or leave it out"
            raise PoiseError(what, code="data.no-splits", hint=hint)
        return dataset
    chosen = split or "train"
    if chosen not in splits:
        what, hint = f"'{dataset.name}' has no split '{split}'", f"name one of: {', '.join(splits)}, {EVERY}"
        raise PoiseError(what, code="data.unknown-split", hint=hint)
    made = rows_of(dataset, splits[chosen])
    apart = next((name for name in ("val", "test", "train") if name in splits and name != chosen), None)
    assert apart is not None
    made = dataclasses.replace(made, held_out=rows_of(dataset, splits[apart]))
    notices = [split_notice(splits, chosen, apart)]
    beside = len(dataset) - sum(map(len, splits.values()))
    if beside:
        notices.append(f"{counted(beside, 'file')} beside these folders left out.")
    return dataclasses.replace(made, notices=(*made.notices, *notices))


def split_notice(splits: Mapping[str, Array], chosen: str, apart: str) -> str:
    """What is trained on and what is not, in a sentence."""
    rest = "".join(
        f", {name}/ ({len(rows):,}) is left out"
        for name, rows in splits.items()
        if name not in (chosen, apart)
    )
    return (
        f"{chosen}/ ({len(splits[chosen]):,} files) is trained on, {apart}/ ({len(splits[apart]):,}) is held "
        f"out to judge by{rest}; --split {EVERY} trains on every file."
    )


def rows_of(dataset: Dataset, rows: Array) -> Dataset:
    """Some rows of a data set, as one of its own."""
    condition = dataset.condition
    if condition is not None:
        condition = dataclasses.replace(
            condition, rows=rows if condition.rows is None else condition.rows[rows]
        )
    return dataclasses.replace(
        dataset,
        fingerprint=digest_of([dataset.fingerprint, rows.tolist()]),
        rows=rows if dataset.rows is None else dataset.rows[rows],
        labels=None if dataset.labels is None else dataset.labels[rows],
        files=tuple(dataset.files[row] for row in rows) if dataset.files else (),
        sizes=tuple(dataset.sizes[row] for row in rows) if dataset.sizes else (),
        condition=condition,
    )
