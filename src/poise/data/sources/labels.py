"""Labels beside data: a table or JSON by file, an array with one a row, classes, or numbers."""

from __future__ import annotations

import csv
import dataclasses
import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from poise.data.dataset import Condition, Dataset
from poise.data.rows import Array
from poise.data.sources.files import suffix_of
from poise.data.transform import Standardised
from poise.errors import PoiseError, nearest, system_reason
from poise.text import counted, first_few

FILE_COLUMNS = ("file", "filename", "file_name", "path", "image", "image_id", "id")
"""What the column that names the files may be called, if the cells of several name files."""

DELIMITERS = ",;\t"
"""What may stand between columns, the likeliest first: spreadsheets write ; if , is the decimal point."""

_MOST_TABLE_BYTES = 1 << 30
_EXAMPLES = 256
_INDEX = re.compile(r"(unnamed: ?\d+|index)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Labelled:
    """Data with a label for each sample.

    Args:
        data: Whatever else can be trained on.
        labels: The path of a CSV file, of a `dataset.json`, or of a `.npy` file with one a row; or, one a
            row, an array, a tensor or a list of numbers or names, or one-hot rows; or a mapping from file to
            label. Numbers that are not whole, and rows of numbers, are continuous conditions.
        column: Which column of the file holds the labels, if there are more than two.
        file_column: Which column names the files, if it is not found by itself.

    Example:
        >>> from poise.data import open_data
        >>> points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], dtype=np.float32)
        >>> open_data(Labelled(points, ["sun", "moon", "sun"])).label_names
        ('moon', 'sun')
        >>> open_data(Labelled(points, [0.5, 90.0, 12.25])).condition.shape
        (1,)
    """

    data: Any
    labels: Any
    column: str | None = None
    file_column: str | None = None


def labelled(dataset: Dataset, labels: Any, column: str | None, file_column: str | None = None) -> Dataset:
    """The data set with a person's own labels."""
    path = Path(labels).expanduser() if isinstance(labels, str | Path) else None
    notices: tuple[str, ...] = ()
    if path is not None and path.suffix.lower() == ".npy":
        labels, path = _read_rows(path), None
    if path is not None and path.suffix.lower() == ".json":
        labels, path = labels_of_json(_read(path), path.name), None
    if path is not None:
        by_row, notices = _of_table(dataset, path, column, file_column)
    elif isinstance(labels, Mapping):
        if not dataset.files:
            what = f"The rows of '{dataset.name}' have no file names"
            raise PoiseError(what, code="data.labels-by-file", hint="give one label a row")
        named = [(str(file), label) for file, label in labels.items()]
        by_row, notices = _matched(dataset, "labels", named)
    elif dataset.files:
        what = f"Labels for the files in '{dataset.name}' were given without file names"
        hint = "give a CSV file, or a mapping from file to label"
        raise PoiseError(what, code="data.labels-without-files", hint=hint)
    else:
        by_row = _counted(dataset, labels, "labels")
    made = with_labels(dataset, by_row)
    return dataclasses.replace(made, notices=(*made.notices, *notices))


def with_labels(dataset: Dataset, labels: Any) -> Dataset:
    """The data set with one label a row: classes, or a condition of numbers if they are continuous."""
    numbers = continuous(labels, dataset.name)
    if numbers is None:
        codes, names = coded(labels, dataset.name)
        return dataclasses.replace(dataset, labels=codes, label_names=names, condition=None)
    spread = numbers.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    transform = Standardised(tuple(numbers.mean(axis=0).tolist()), tuple(scale.tolist()))
    lows, highs = numbers.min(axis=0), numbers.max(axis=0)
    spans = ", ".join(f"{low:g} to {high:g}" for low, high in zip(lows, highs, strict=True))
    notice = f"The labels of '{dataset.name}' are numbers and no classes: {first_few(spans.split(', '))}."
    examples = numbers[np.unique(np.linspace(0, len(numbers) - 1, _EXAMPLES).astype(int))].tolist()
    condition = Condition(
        "vector", numbers.shape[1:], numbers.astype(np.float32), transform, about={"examples": examples}
    )
    return dataclasses.replace(
        dataset, labels=None, label_names=(), condition=condition, notices=(*dataset.notices, notice)
    )


def _array(labels: Any) -> Array:
    return labels.detach().cpu().numpy() if isinstance(labels, torch.Tensor) else np.asarray(labels)


def continuous(labels: Any, name: str = "labels") -> Array | None:
    """Labels that are numbers and no classes, `(N, d)`: not all whole, or several a row and not one-hot.

    Raises:
        PoiseError: They are such numbers, and some are missing.
    """
    try:
        array = _array(labels)
    except ValueError:  # rows of different lengths
        return None
    if array.dtype.kind == "U" and array.ndim == 1:
        array = _numbers(array)
    if array.dtype.kind not in "fui" or array.ndim not in (1, 2):
        return None
    rows = array.reshape(len(array), -1).astype(np.float64)
    finite = np.isfinite(rows)
    if _one_hot(rows) or (rows.shape[1] == 1 and bool((rows == rows.round())[finite].all())):
        return None
    if not finite.all():
        missing = int((~finite.all(axis=1)).sum())
        what = (
            f"{counted(missing, 'label')} of the {len(rows):,} numbers of '{name}' are missing or not finite"
        )
        raise PoiseError(what, code="data.labels-not-finite", hint="fill them in, or take the samples out")
    return rows


def _numbers(texts: Array) -> Array:
    """Texts as numbers, an empty one as NaN; the texts themselves if one is none."""
    try:
        return np.array([float(text.replace(",", ".") or "nan") for text in texts.tolist()])
    except ValueError:
        return texts


def _one_hot(rows: Array) -> bool:
    return rows.shape[1] > 1 and bool(
        (((rows == 0) | (rows == 1)).all(axis=1) & (rows.sum(axis=1) == 1)).all()
    )


def coded(labels: Any, name: str) -> tuple[Array, tuple[str, ...]]:
    """Labels as integers from 0, and what they stand for."""
    array = _array(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "buif" and _one_hot(array):
        array = array.argmax(axis=1)
    if array.ndim != 1:
        what = f"The labels of '{name}' have the shape {array.shape}"
        raise PoiseError(what, code="data.labels-shape", hint="give one number or name a row: (N,)")
    if array.dtype.kind == "f" and bool(np.isfinite(array).all()) and bool((array == array.round()).all()):
        array = array.astype(np.int64)
    if array.dtype.kind not in "buiUO" or not all(isinstance(one, str | int) for one in array.tolist()):
        what = f"The labels of '{name}' are of type {array.dtype}"
        hint = "give whole numbers or names, and leave none out"
        raise PoiseError(what, code="data.labels-type", hint=hint)
    texts = [str(int(one)) if isinstance(one, bool) else str(one) for one in array.tolist()]
    names = sorted(set(texts), key=_order(texts))
    place = {one: code for code, one in enumerate(names)}
    return np.array([place[one] for one in texts], dtype=np.int64), tuple(names)


def _order(texts: Sequence[str]) -> Any:
    try:
        return {text: int(text) for text in texts}.__getitem__
    except ValueError:
        return str


def labels_of_json(content: bytes, name: str) -> dict[str, Any]:
    """The label of each file as dataset tools write them; empty if the file says that there are none.

    Raises:
        PoiseError: It is no such file.

    Example:
        >>> labels_of_json(b'{"labels": [["00000/a.png", 1], ["00000/b.png", 0]]}', "dataset.json")
        {'00000/a.png': 1, '00000/b.png': 0}
    """
    try:
        written = json.loads(content)
        if isinstance(written, dict) and "labels" in written:
            written = written["labels"] or {}
        return {str(file): label for file, label in dict(written).items()}
    except (ValueError, TypeError):
        what = f"'{name}' holds no labels"
        hint = 'write {"labels": [["file.png", 0], ...]}, as dataset tools do, or give a CSV file'
        raise PoiseError(what, code="data.labels-unreadable", hint=hint) from None


def _read_rows(path: Path) -> Array:
    try:
        array: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        why = system_reason(error) if isinstance(error, OSError) else "it is no array of numbers or texts"
        what = f"The labels '{path}' cannot be read"
        hint = "name a CSV file, or a .npy with one a row"
        raise PoiseError(what, code="data.labels-unreadable", why=why, hint=hint) from None
    return array


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


def _base(file: str) -> str:
    return file.rpartition("/")[2]


def _stem(file: str) -> str:
    return file.removesuffix(file[len(file) - len(suffix_of(file)) :])


_WAYS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("", str),
    ("", _base),
    ("whatever their case", str.lower),
    ("whatever their case", lambda file: _base(file).lower()),
    ("by their names without suffix", _stem),
    ("by their names without suffix", lambda file: _stem(_base(file))),
    ("by their names without suffix, whatever their case", lambda file: _stem(_base(file)).lower()),
)
"""How a file is found by what is written, the strictest way first, and what a person is told of it."""


class _Finder:
    """Finds the files of a data set by what a table writes."""

    def __init__(self, files: Sequence[str]) -> None:
        self.ways = []
        for told, key in _WAYS:
            found: dict[str, list[str]] = defaultdict(list)
            for file in files:
                found[key(file)].append(file)
            self.ways.append((told, key, found))

    def found(self, written: str) -> tuple[list[str], str]:
        """The files that may be meant, by the strictest way that finds one, and what to tell of it."""
        plain = posixpath.normpath(written.strip().replace("\\", "/"))
        for told, key, files in self.ways:
            if files.get(key(plain)):
                return files[key(plain)], told
        return [], ""


def _matched(
    dataset: Dataset, name: str, table: Sequence[tuple[str, Any]]
) -> tuple[list[Any], tuple[str, ...]]:
    """The label of each file of the data, and notices of how files were found."""
    finder = _Finder([*dataset.files, *(str(one["file"]) for one in dataset.summary.get("refused", []))])
    found: dict[str, Any] = {}
    strange: list[str] = []
    ways: dict[str, None] = {}
    for written, label in table:
        files, told = finder.found(written)
        if len(files) > 1:
            what = f"'{name}' names '{written}', as {len(files)} files in '{dataset.name}' are named"
            raise PoiseError(what, code="data.labels-ambiguous", hint="write their paths from that folder on")
        if not files:
            strange.append(written)
        elif found.setdefault(files[0], label) != label:
            what = f"'{name}' labels '{written}' twice, as '{found[files[0]]}' and as '{label}'"
            raise PoiseError(what, code="data.labels-twice", hint="keep one of them")
        ways[told] = None
    if strange:
        files_text = counted(len(strange), "file")
        what = f"'{name}' labels {files_text} not in '{dataset.name}': {first_few(strange)}"
        hint = (
            "remove them there, name the folder that holds them, or name the column of files: --file-column"
        )
        raise PoiseError(what, code="data.labels-of-strangers", hint=hint, details=strange)
    bare = [file for file in dataset.files if file not in found]
    if bare:
        raise PoiseError(
            f"{len(bare):,} of the {len(dataset.files):,} images in '{dataset.name}' have no label in "
            f"'{name}': {first_few(bare)}",
            code="data.labels-missing",
            hint="add them there, or take the images out",
            details=bare,
        )
    notices = tuple(f"The files that '{name}' names are found {told}." for told in ways if told)
    return [found[file] for file in dataset.files], notices


class _Table(NamedTuple):
    name: str
    header: list[str]
    lines: list[tuple[int, list[str]]]

    def cells(self, column: str) -> list[str]:
        """The cells of a column, one a line."""
        place = self.header.index(column)
        short = next((number for number, line in self.lines if len(line) <= place), None)
        if short is not None:
            what = f"Line {short} of '{self.name}' has fewer columns than its first line"
            raise PoiseError(what, code="data.labels-short-line", hint="complete it")
        return [line[place].strip() for _, line in self.lines]

    def known(self, column: str) -> str:
        """The column of that name."""
        if column in self.header:
            return column
        alike = nearest(column, self.header)
        hint = "its columns are " + ", ".join(self.header)
        if alike:
            hint = f"did you mean {' or '.join(repr(one) for one in alike)}?"
        what = f"'{self.name}' has no column '{column}'"
        raise PoiseError(what, code="data.labels-unknown-column", hint=hint)


def _of_table(
    dataset: Dataset, path: Path, column: str | None, file_column: str | None
) -> tuple[Any, tuple[str, ...]]:
    """The labels of a table, one a row of the data, and notices."""
    table = _read_table(path)
    files = _column_of_files(dataset, table, file_column) if dataset.files else None
    others = [one for one in table.header if one != files and not _INDEX.fullmatch(one)]
    if not others:
        what = f"'{path}' has no column of labels beside '{files}'"
        raise PoiseError(what, code="data.labels-no-column", hint="add one, with a name on top")
    if column is None and len(others) > 1:
        what = f"'{path}' holds several columns, and it is not clear which one is the label"
        hint = f"name it, as --label-column {others[0]}: " + ", ".join(others)
        raise PoiseError(what, code="data.labels-several-columns", hint=hint)
    labels = table.cells(table.known(others[0] if column is None else column))
    if files is None:
        return _counted(dataset, labels, path.name), ()
    return _matched(dataset, path.name, list(zip(table.cells(files), labels, strict=True)))


def _column_of_files(dataset: Dataset, table: _Table, asked: str | None) -> str:
    """The column that names the files: the one that is asked for, or whose cells are most often files."""
    if asked is not None:
        return table.known(asked)
    finder = _Finder(dataset.files)
    heading = next((cell for cell in table.header if cell and finder.found(cell)[0]), None)
    if heading is not None:
        what = f"'{table.name}' has no line of column names: it begins with '{heading}'"
        raise PoiseError(what, code="data.labels-no-header", hint="give it one, as file,label")
    probe = [line for _, line in table.lines[:1000]]

    def score(place: int) -> tuple[int, bool, int, int]:
        found = [finder.found(line[place]) for line in probe if place < len(line)]
        exact = {files[0] for files, told in found if files and not told}
        name = table.header[place].lower()
        return len(exact), name in FILE_COLUMNS, len({files[0] for files, _ in found if files}), -place

    return table.header[max(range(len(table.header)), key=score)]


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_TABLE_BYTES:
            what = f"'{path}' is larger than a table of labels can be"
            raise PoiseError(what, code="data.labels-too-large")
        return path.read_bytes()
    except OSError as error:
        why = "it is a folder" if isinstance(error, IsADirectoryError) else system_reason(error)
        what = f"The labels '{path}' cannot be read"
        raise PoiseError(what, code="data.labels-unreadable", why=why, hint="name a CSV file") from None


def _read_table(path: Path) -> _Table:
    content = _read(path)
    try:
        lines = content.decode("utf-8-sig").splitlines(keepends=True)
        delimiter = max(DELIMITERS, key=lines[0].count) if lines else ","
        reader = csv.reader(lines, strict=True, delimiter=delimiter)
        rows = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    except (ValueError, csv.Error) as error:
        why = "its text is not UTF-8" if isinstance(error, UnicodeDecodeError) else "it is no table of text"
        what = f"The labels '{path}' cannot be read"
        hint = "name a CSV file in UTF-8"
        raise PoiseError(what, code="data.labels-unreadable", why=why, hint=hint) from None
    if len(rows) < 2:
        what = f"'{path}' holds no labels"
        raise PoiseError(what, code="data.labels-empty", hint="give a line of column names, and one a sample")
    return _Table(path.name, [name.strip() for name in rows[0][1]], rows[1:])
