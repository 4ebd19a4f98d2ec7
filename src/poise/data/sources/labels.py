"""Labels beside data: from sub-folders, from a table, or from a person's own array."""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from poise.data.dataset import Dataset
from poise.data.rows import Array
from poise.errors import PoiseError, nearest, system_reason
from poise.text import counted, first_few

FILE_COLUMNS = ("file", "filename", "path")
"""What the column that names the files may be called; the first column if there is none of these."""

_MOST_TABLE_BYTES = 1 << 30

DELIMITERS = ",;\t"
"""What may stand between columns, the likeliest first: spreadsheets write ; if , is the decimal point."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Data with a label for each sample.

    Args:
        data: Whatever else can be trained on.
        labels: The path of a CSV file, or of a `.npy` file with one a row; or, one a row, an array, a tensor
            or a list of numbers or names; or a mapping from file to label.
        column: Which column of the file holds the labels, if there are more than two.

    Example:
        >>> from poise.data import open_data
        >>> points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], dtype=np.float32)
        >>> open_data(Labelled(points, ["sun", "moon", "sun"])).label_names
        ('moon', 'sun')
    """

    data: Any
    labels: Any
    column: str | None = None


def labelled(dataset: Dataset, labels: Any, column: str | None) -> Dataset:
    """The data set with a person's own labels."""
    if isinstance(labels, str | Path) and Path(labels).suffix.lower() == ".npy":
        labels = _read_rows(Path(labels).expanduser())
    if isinstance(labels, str | Path):
        table = read_table(Path(labels).expanduser(), column, named=bool(dataset.files))
        by_row = _matched(dataset, table) if dataset.files else _counted(dataset, table.labels, table.name)
    elif isinstance(labels, Mapping):
        if not dataset.files:
            what = f"The rows of '{dataset.name}' have no file names"
            raise PoiseError(what, code="data.labels-by-file", hint="give one label a row")
        names, texts = (tuple(map(str, part)) for part in (labels.keys(), labels.values()))
        by_row = _matched(dataset, LabelTable("labels", (), names, texts))
    elif dataset.files:
        what = f"Labels for the files in '{dataset.name}' were given without file names"
        hint = "give a CSV file, or a mapping from file to label"
        raise PoiseError(what, code="data.labels-without-files", hint=hint)
    else:
        by_row = _counted(dataset, labels, "labels")
    codes, label_names = coded(by_row, dataset.name)
    return dataclasses.replace(dataset, labels=codes, label_names=label_names)


def coded(labels: Any, name: str) -> tuple[Array, tuple[str, ...]]:
    """Labels as integers from 0, and what they stand for."""
    array = labels.detach().cpu().numpy() if isinstance(labels, torch.Tensor) else np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        what = f"The labels of '{name}' have the shape {array.shape}"
        raise PoiseError(what, code="data.labels-shape", hint="give one number or name a row: (N,)")
    if array.dtype.kind == "f" and bool(np.isfinite(array).all()) and bool((array == array.round()).all()):
        array = array.astype(np.int64)
    if array.dtype.kind not in "buiUO" or not all(isinstance(one, str | int) for one in array.tolist()):
        what = f"The labels of '{name}' are of type {array.dtype}"
        raise PoiseError(what, code="data.labels-type", hint="give whole numbers or names")
    texts = [str(int(one)) if isinstance(one, bool) else str(one) for one in array.tolist()]
    names = sorted(set(texts), key=_order(texts))
    place = {one: code for code, one in enumerate(names)}
    return np.array([place[one] for one in texts], dtype=np.int64), tuple(names)


def folder_labels(files: Sequence[str]) -> tuple[Array, tuple[str, ...]] | None:
    """Labels from the first level of folders; `None` if a file lies beside them.

    A folder that all files share, as that of an archive's own name, is no level.

    Example:
        >>> folder_labels(["all/sun/1.png", "all/moon/1.png", "all/sun/2/3.png"])[1]
        ('moon', 'sun')
        >>> folder_labels(["sun/1.png", "2.png"]) is None
        True
    """
    names, _ = _by_folder(files)
    return coded(names, "") if names else None


def beside_folders(files: Sequence[str]) -> list[str]:
    """The files that lie beside the folders of classes: those that keep `folder_labels` from finding classes.

    Args:
        files: Relative paths with slashes.

    Example:
        >>> beside_folders(["sun/1.png", "2.png"]), beside_folders(["1.png", "2.png"])
        (['2.png'], [])
    """
    return _by_folder(files)[1]


def _by_folder(files: Sequence[str]) -> tuple[list[str], list[str]]:
    """The class of each file, by the first level of folders that differ; or the files beside these."""
    parts = [file.split("/") for file in files]
    level = 0
    while parts:
        shallow = [file for file, path in zip(files, parts, strict=True) if len(path) <= level + 1]
        if shallow:
            return [], shallow if len(shallow) < len(files) else []
        names = [path[level] for path in parts]
        if len(set(names)) > 1:
            return names, []
        level += 1
    return [], []


def _read_rows(path: Path) -> Array:
    try:
        array: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        why = (
            (error.strerror or str(error))
            if isinstance(error, OSError)
            else "it is no array of numbers or texts"
        )
        what = f"The labels '{path}' cannot be read"
        hint = "name a CSV file, or a .npy with one a row"
        raise PoiseError(what, code="data.labels-unreadable", why=why.lower(), hint=hint) from None
    return array


def _order(texts: Sequence[str]) -> Any:
    try:
        return {text: int(text) for text in texts}.__getitem__
    except ValueError:
        return str


def _counted(dataset: Dataset, labels: Any, name: str) -> Any:
    count = len(labels) if hasattr(labels, "__len__") else -1
    if count != len(dataset):
        raise PoiseError(
            f"There are {max(count, 0):,} {name} for the {len(dataset):,} rows of '{dataset.name}'"
            if name == "labels"
            else f"'{name}' holds {count:,} labels for the {len(dataset):,} rows of '{dataset.name}'",
            code="data.labels-count",
            hint="give one a row",
        )
    return labels


def _matched(dataset: Dataset, table: LabelTable) -> list[str]:
    """The label of each file, by its relative path or by its name if only one file has it."""
    refused = {str(one["file"]) for one in dataset.summary.get("refused", [])}
    known = [*dataset.files, *refused]
    bases = Counter(file.rpartition("/")[2] for file in known)
    by_name = {file: file for file in known}
    by_base = {file.rpartition("/")[2]: file for file in known}
    found: dict[str, str] = {}
    strange: list[str] = []
    heading = [cell for cell in table.header if cell in by_name or cell in by_base]
    if heading:
        what = f"'{table.name}' has no line of column names: it begins with '{heading[0]}'"
        raise PoiseError(what, code="data.labels-no-header", hint="give it one, as file,label")
    for written, label in zip(table.files, table.labels, strict=True):
        plain = written.replace("\\", "/").removeprefix("./")
        base = plain.rpartition("/")[2]
        if plain not in by_name and bases[base] > 1:
            what = f"'{table.name}' names '{written}', as {bases[base]} files in '{dataset.name}' are named"
            raise PoiseError(what, code="data.labels-ambiguous", hint="write their paths from that folder on")
        file = by_name.get(plain) or by_base.get(base)
        if file is None:
            strange.append(written)
        elif found.get(file, label) != label:
            what = f"'{table.name}' labels '{written}' twice, as '{found[file]}' and as '{label}'"
            raise PoiseError(what, code="data.labels-twice", hint="keep one of them")
        else:
            found[file] = label
    if strange:
        files = counted(len(strange), "file")
        what = f"'{table.name}' labels {files} not in '{dataset.name}': {first_few(strange)}"
        hint = "remove them there, or name the folder that holds them"
        raise PoiseError(what, code="data.labels-of-strangers", hint=hint, details=strange)
    bare = [file for file in dataset.files if file not in found]
    if bare:
        raise PoiseError(
            f"{len(bare):,} of the {len(dataset.files):,} images in '{dataset.name}' have no label in "
            f"'{table.name}': {first_few(bare)}",
            code="data.labels-missing",
            hint="add them there, or take the images out",
            details=bare,
        )
    return [found[file] for file in dataset.files]


class LabelTable(NamedTuple):
    """A label for each file, in the order of the lines; no header if it comes from no file."""

    name: str
    header: tuple[str, ...]
    files: tuple[str, ...]
    labels: tuple[str, ...]


def read_table(path: Path, column: str | None, *, named: bool) -> LabelTable:
    """The file's labels and, if rows have names, the files they belong to."""
    header, lines = _lines(path)
    files = next((place for place, one in enumerate(header) if one.strip().lower() in FILE_COLUMNS), 0)
    others = [one for place, one in enumerate(header) if not named or place != files]
    if column is None and len(others) == 1:
        column = others[0]
    if not others:
        what = f"'{path}' has no column of labels beside '{header[files]}'"
        raise PoiseError(what, code="data.labels-no-column", hint="add one, with a name on top")
    if column is None:
        what = f"'{path}' holds several columns, and it is not clear which one is the label"
        hint = f"name it, as --label-column {others[0]}: " + ", ".join(others)
        raise PoiseError(what, code="data.labels-several-columns", hint=hint)
    if column not in header:
        alike = nearest(column, header)
        raise PoiseError(
            f"'{path}' has no column '{column}'",
            code="data.labels-unknown-column",
            hint=f"did you mean {' or '.join(repr(one) for one in alike)}?"
            if alike
            else "its columns are " + ", ".join(header),
        )
    place = header.index(column)
    short = [number for number, line in lines if len(line) <= max(place, files)]
    if short:
        what = f"Line {short[0]} of '{path}' has fewer columns than its first line"
        raise PoiseError(what, code="data.labels-short-line", hint="complete it")
    return LabelTable(
        path.name,
        tuple(header),
        tuple(line[files].strip() for _, line in lines),
        tuple(line[place].strip() for _, line in lines),
    )


def _lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        if path.stat().st_size > _MOST_TABLE_BYTES:
            what = f"'{path}' is larger than a table of labels can be"
            raise PoiseError(what, code="data.labels-too-large")
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = max(DELIMITERS, key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, strict=True, delimiter=delimiter)
            lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    except (OSError, ValueError, csv.Error) as error:
        what = f"The labels '{path}' cannot be read"
        hint = "name a CSV file in UTF-8"
        raise PoiseError(what, code="data.labels-unreadable", why=_why(error), hint=hint) from None
    if len(lines) < 2:
        what = f"'{path}' holds no labels"
        raise PoiseError(what, code="data.labels-empty", hint="give a line of column names, and one a sample")
    return [name.strip() for name in lines[0][1]], lines[1:]


def _why(error: Exception) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, OSError):
        return system_reason(error)
    return "its text is not UTF-8" if isinstance(error, UnicodeDecodeError) else "it is no table of text"
