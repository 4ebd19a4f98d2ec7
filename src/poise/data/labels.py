"""Labels beside data: from sub-folders, from a table, or from a person's own array."""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poise.data.source import Array, Source
from poise.errors import PoiseError, nearest

FILE_COLUMNS = ("file", "filename", "path")
"""What the column that names the files may be called; the first column where there is none of these."""

NAMED = 3
"""How many names a message lists; the details hold all."""

MOST_TABLE_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class Labelled:
    """Data with a label for each sample.

    Args:
        data: Whatever else can be trained on.
        labels: The path of a CSV file, or of a `.npy` file with one a row; or, one a row, an array, a tensor
            or a list of numbers or names; or a mapping from file to label.
        column: Which column of the file holds the labels, where there are more than two.

    Example:
        >>> from poise.data import open_data
        >>> points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], dtype=np.float32)
        >>> open_data(Labelled(points, ["sun", "moon", "sun"])).label_names
        ('moon', 'sun')
    """

    data: Any
    labels: Any
    column: str | None = None


@dataclass(frozen=True)
class _Table:
    """A label for each file, in the order of the lines."""

    name: str
    files: tuple[str, ...]
    labels: tuple[str, ...]


def labelled(source: Source, labels: Any, column: str | None) -> Source:
    """The source with a person's own labels.

    Args:
        source: The data, opened.
        labels: As `Labelled` takes them.
        column: As `Labelled` takes it.

    Raises:
        PoiseError: There is no such file or column, or files and labels do not match.
    """
    if isinstance(labels, str | Path) and Path(labels).suffix.lower() == ".npy":
        labels = _read_rows(Path(labels).expanduser())
    if isinstance(labels, str | Path):
        table = _read_table(Path(labels).expanduser(), column, named=bool(source.files))
        by_row = _matched(source, table) if source.files else _counted(source, table.labels, table.name)
    elif isinstance(labels, Mapping):
        if not source.files:
            raise PoiseError(f"The rows of '{source.name}' have no file names", mend="give one label a row")
        names, texts = (tuple(map(str, part)) for part in (labels.keys(), labels.values()))
        by_row = _matched(source, _Table("labels", names, texts))
    elif source.files:
        raise PoiseError(
            f"Labels for the files in '{source.name}' were given without file names",
            mend="give a CSV file, or a mapping from file to label",
        )
    else:
        by_row = _counted(source, labels, "labels")
    codes, label_names = coded(by_row, source.name)
    return dataclasses.replace(source, labels=codes, label_names=label_names)


def coded(labels: Any, name: str) -> tuple[Array, tuple[str, ...]]:
    """Labels as integers from 0, and what they stand for.

    Args:
        labels: One a row: numbers or names.
        name: What the data are called, for messages.

    Returns:
        `(N,)` int64 and the names in order: of numbers where all are whole numbers, else of letters.

    Raises:
        PoiseError: There is more than one a row, or one that is neither a whole number nor a name.

    Example:
        >>> codes, names = coded(["b", "a", "b"], "letters")
        >>> codes.tolist(), names
        ([1, 0, 1], ('a', 'b'))
    """
    array = labels.detach().cpu().numpy() if isinstance(labels, torch.Tensor) else np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise PoiseError(
            f"The labels of '{name}' have the shape {array.shape}", mend="give one number or name a row: (N,)"
        )
    if array.dtype.kind == "f" and bool(np.isfinite(array).all()) and bool((array == array.round()).all()):
        array = array.astype(np.int64)
    if array.dtype.kind not in "buiUO" or not all(isinstance(one, str | int) for one in array.tolist()):
        raise PoiseError(
            f"The labels of '{name}' are of type {array.dtype}", mend="give whole numbers or names"
        )
    texts = [str(int(one)) if isinstance(one, bool) else str(one) for one in array.tolist()]
    names = sorted(set(texts), key=_order(texts))
    place = {one: code for code, one in enumerate(names)}
    return np.array([place[one] for one in texts], dtype=np.int64), tuple(names)


def folder_labels(files: Sequence[str]) -> tuple[Array, tuple[str, ...]] | None:
    """Labels from the first level of folders; `None` where a file lies beside them.

    A folder that all files share, as that of an archive's own name, is no level.

    Args:
        files: Relative paths with slashes.

    Example:
        >>> folder_labels(["all/sun/1.png", "all/moon/1.png", "all/sun/2/3.png"])[1]
        ('moon', 'sun')
        >>> folder_labels(["sun/1.png", "2.png"]) is None
        True
    """
    parts = [file.split("/") for file in files]
    level = 0
    while all(len(path) > level + 1 for path in parts):
        names = [path[level] for path in parts]
        if len(set(names)) > 1:
            return coded(names, "")
        level += 1
    return None


def _read_rows(path: Path) -> Array:
    try:
        array: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        why = (
            (error.strerror or str(error))
            if isinstance(error, OSError)
            else "it is no array of numbers or texts"
        )
        raise PoiseError(
            f"The labels '{path}' cannot be read",
            why=why.lower(),
            mend="name a CSV file, or a .npy with one a row",
        ) from None
    return array


def _order(texts: Sequence[str]) -> Any:
    try:
        return {text: int(text) for text in texts}.__getitem__
    except ValueError:
        return str


def _read_table(path: Path, column: str | None, *, named: bool) -> _Table:
    """The file's labels and, where rows have names, the files they belong to."""
    header, lines = _lines(path)
    files = next((place for place, one in enumerate(header) if one.strip().lower() in FILE_COLUMNS), 0)
    others = [one for place, one in enumerate(header) if not named or place != files]
    if column is None and len(others) == 1:
        column = others[0]
    if column is None:
        raise PoiseError(
            f"'{path}' holds several columns, and it is not clear which one is the label",
            mend="name it, as --label-column " + (others[0] if others else "NAME") + ": " + ", ".join(others),
        )
    if column not in header:
        alike = nearest(column, header)
        raise PoiseError(
            f"'{path}' has no column '{column}'",
            mend=f"did you mean {' or '.join(repr(one) for one in alike)}?"
            if alike
            else "its columns are " + ", ".join(header),
        )
    place = header.index(column)
    short = [number for number, line in lines if len(line) <= max(place, files)]
    if short:
        raise PoiseError(f"Line {short[0]} of '{path}' has fewer columns than its first line", mend="mend it")
    return _Table(
        path.name,
        tuple(line[files].strip() for _, line in lines),
        tuple(line[place].strip() for _, line in lines),
    )


def _lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        if path.stat().st_size > MOST_TABLE_BYTES:
            raise PoiseError(f"'{path}' is larger than a table of labels can be")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    except (OSError, ValueError, csv.Error) as error:
        why = (
            (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no table of text"
        )
        raise PoiseError(f"The labels '{path}' cannot be read", why=why, mend="name a CSV file") from None
    if len(lines) < 2:
        raise PoiseError(f"'{path}' holds no labels", mend="give a line of column names, and one a sample")
    return [name.strip() for name in lines[0][1]], lines[1:]


def _counted(source: Source, labels: Any, name: str) -> Any:
    count = len(labels) if hasattr(labels, "__len__") else -1
    if count != len(source):
        raise PoiseError(
            f"There are {max(count, 0):,} {name} for the {len(source):,} rows of '{source.name}'"
            if name == "labels"
            else f"'{name}' holds {count:,} labels for the {len(source):,} rows of '{source.name}'",
            mend="give one a row",
        )
    return labels


def _matched(source: Source, table: _Table) -> list[str]:
    """The label of each file, by its relative path or by its name where only one file has it."""
    refused = {str(one["file"]) for one in source.summary.get("refused", [])}
    known = [*source.files, *refused]
    bases = Counter(file.rpartition("/")[2] for file in known)
    by_name = {file: file for file in known}
    by_base = {file.rpartition("/")[2]: file for file in known}
    found: dict[str, str] = {}
    strange: list[str] = []
    for written, label in zip(table.files, table.labels, strict=True):
        plain = written.replace("\\", "/").removeprefix("./")
        base = plain.rpartition("/")[2]
        if plain not in by_name and bases[base] > 1:
            raise PoiseError(
                f"'{table.name}' names '{written}', and {bases[base]} files in '{source.name}' are called so",
                mend="write their paths from that folder on",
            )
        file = by_name.get(plain) or by_base.get(base)
        if file is None:
            strange.append(written)
        elif found.get(file, label) != label:
            raise PoiseError(
                f"'{table.name}' labels '{written}' twice, as '{found[file]}' and as '{label}'",
                mend="keep one of them",
            )
        else:
            found[file] = label
    if strange:
        raise PoiseError(
            f"'{table.name}' labels {_files(strange)} not in '{source.name}': {_few(strange)}",
            mend="remove them there, or name the folder that holds them",
            details=strange,
        )
    bare = [file for file in source.files if file not in found]
    if bare:
        raise PoiseError(
            f"{len(bare):,} of the {len(source.files):,} images in '{source.name}' have no label in "
            f"'{table.name}': {_few(bare)}",
            mend="add them there, or take the images out",
            details=bare,
        )
    return [found[file] for file in source.files]


def _files(names: Sequence[str]) -> str:
    return f"{len(names):,} " + ("file that is" if len(names) == 1 else "files that are")


def _few(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(f"'{name}'" for name in names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
