"""Labels beside data: from sub-folders, from a table, or from a person's own array."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poise.data.dataset import Array, Dataset
from poise.data.label_table import LabelTable, read_table
from poise.errors import PoiseError

NAMED = 3
"""How many names a message lists; the details hold all."""


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


def labelled(source: Dataset, labels: Any, column: str | None) -> Dataset:
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
        table = read_table(Path(labels).expanduser(), column, named=bool(source.files))
        by_row = _matched(source, table) if source.files else _counted(source, table.labels, table.name)
    elif isinstance(labels, Mapping):
        if not source.files:
            raise PoiseError(f"The rows of '{source.name}' have no file names", hint="give one label a row")
        names, texts = (tuple(map(str, part)) for part in (labels.keys(), labels.values()))
        by_row = _matched(source, LabelTable("labels", (), names, texts))
    elif source.files:
        raise PoiseError(
            f"Labels for the files in '{source.name}' were given without file names",
            hint="give a CSV file, or a mapping from file to label",
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
            f"The labels of '{name}' have the shape {array.shape}", hint="give one number or name a row: (N,)"
        )
    if array.dtype.kind == "f" and bool(np.isfinite(array).all()) and bool((array == array.round()).all()):
        array = array.astype(np.int64)
    if array.dtype.kind not in "buiUO" or not all(isinstance(one, str | int) for one in array.tolist()):
        raise PoiseError(
            f"The labels of '{name}' are of type {array.dtype}", hint="give whole numbers or names"
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


def beside_folders(files: Sequence[str]) -> list[str]:
    """The files that lie beside the folders of classes: those that keep `folder_labels` from its answer.

    Args:
        files: Relative paths with slashes.

    Example:
        >>> beside_folders(["sun/1.png", "2.png"]), beside_folders(["1.png", "2.png"])
        (['2.png'], [])
    """
    parts = [file.split("/") for file in files]
    level = 0
    while parts:
        shallow = [file for file, path in zip(files, parts, strict=True) if len(path) <= level + 1]
        if shallow or len({path[level] for path in parts}) > 1:
            return shallow if len(shallow) < len(files) else []
        level += 1
    return []


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
            hint="name a CSV file, or a .npy with one a row",
        ) from None
    return array


def _order(texts: Sequence[str]) -> Any:
    try:
        return {text: int(text) for text in texts}.__getitem__
    except ValueError:
        return str


def _counted(source: Dataset, labels: Any, name: str) -> Any:
    count = len(labels) if hasattr(labels, "__len__") else -1
    if count != len(source):
        raise PoiseError(
            f"There are {max(count, 0):,} {name} for the {len(source):,} rows of '{source.name}'"
            if name == "labels"
            else f"'{name}' holds {count:,} labels for the {len(source):,} rows of '{source.name}'",
            hint="give one a row",
        )
    return labels


def _matched(source: Dataset, table: LabelTable) -> list[str]:
    """The label of each file, by its relative path or by its name where only one file has it."""
    refused = {str(one["file"]) for one in source.summary.get("refused", [])}
    known = [*source.files, *refused]
    bases = Counter(file.rpartition("/")[2] for file in known)
    by_name = {file: file for file in known}
    by_base = {file.rpartition("/")[2]: file for file in known}
    found: dict[str, str] = {}
    strange: list[str] = []
    heading = [cell for cell in table.header if cell in by_name or cell in by_base]
    if heading:
        raise PoiseError(
            f"'{table.name}' has no line of column names: it begins with '{heading[0]}'",
            hint="give it one, as file,label",
        )
    for written, label in zip(table.files, table.labels, strict=True):
        plain = written.replace("\\", "/").removeprefix("./")
        base = plain.rpartition("/")[2]
        if plain not in by_name and bases[base] > 1:
            raise PoiseError(
                f"'{table.name}' names '{written}', and {bases[base]} files in '{source.name}' are called so",
                hint="write their paths from that folder on",
            )
        file = by_name.get(plain) or by_base.get(base)
        if file is None:
            strange.append(written)
        elif found.get(file, label) != label:
            raise PoiseError(
                f"'{table.name}' labels '{written}' twice, as '{found[file]}' and as '{label}'",
                hint="keep one of them",
            )
        else:
            found[file] = label
    if strange:
        raise PoiseError(
            f"'{table.name}' labels {_files(strange)} not in '{source.name}': {first_of(strange)}",
            hint="remove them there, or name the folder that holds them",
            details=strange,
        )
    bare = [file for file in source.files if file not in found]
    if bare:
        raise PoiseError(
            f"{len(bare):,} of the {len(source.files):,} images in '{source.name}' have no label in "
            f"'{table.name}': {first_of(bare)}",
            hint="add them there, or take the images out",
            details=bare,
        )
    return [found[file] for file in source.files]


def _files(names: Sequence[str]) -> str:
    return f"{len(names):,} " + ("file that is" if len(names) == 1 else "files that are")


def first_of(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(f"'{name}'" for name in names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
