"""Labels by file: which file a table means, which columns it has, and what does not match."""

from __future__ import annotations

import csv
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from poise.data.dataset import Dataset
from poise.data.sources.files import suffix_of
from poise.data.sources.tag_texts import is_flags, texts_of_columns
from poise.errors import PoiseError, nearest, system_reason
from poise.text import counted, first_few

FILE_COLUMNS = ("file", "filename", "file_name", "path", "image", "image_id", "id")
"""What the column that names the files may be called, if the cells of several name files."""

DELIMITERS = ",;\t"
"""What may stand between columns, the likeliest first: spreadsheets write ; if , is the decimal point."""

_MOST_TABLE_BYTES = 1 << 30
_INDEX = re.compile(r"(unnamed: ?\d+|index)?", re.IGNORECASE)


def counted_rows(dataset: Dataset, labels: Any, name: str) -> Any:
    """The labels, if there are as many as rows."""
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


def matched(
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

    def named(self, columns: str) -> list[str]:
        """The column of that name, or several with commas between them."""
        if columns in self.header:
            return [columns]
        return [self.known(column.strip()) for column in columns.split(",")]

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


def of_table(
    dataset: Dataset, path: Path, column: str | None, file_column: str | None
) -> tuple[Any, tuple[str, ...]]:
    """The labels of a table, one a row of the data, and notices."""
    table = _read_table(path)
    files = _column_of_files(dataset, table, file_column) if dataset.files else None
    others = [one for one in table.header if one != files and not _INDEX.fullmatch(one)]
    if not others:
        what = f"'{path}' has no column of labels beside '{files}'"
        raise PoiseError(what, code="data.labels-no-column", hint="add one, with a name on top")
    chosen = others if column is None else table.named(column)
    cells = [table.cells(one) for one in chosen]
    if column is None and len(others) > 1 and not all(map(is_flags, cells)):
        what = f"'{path}' holds several columns, and it is not clear which one is the label"
        hint = f"name it, as --label-column {others[0]}: " + ", ".join(others)
        raise PoiseError(what, code="data.labels-several-columns", hint=hint)
    labels = cells[0] if len(chosen) == 1 else texts_of_columns(chosen, cells)
    if files is None:
        return counted_rows(dataset, labels, path.name), ()
    return matched(dataset, path.name, list(zip(table.cells(files), labels, strict=True)))


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


def _read_table(path: Path) -> _Table:
    content = read_labels_file(path)
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


def read_labels_file(path: Path) -> bytes:
    """The whole of a file of labels."""
    try:
        if path.stat().st_size > _MOST_TABLE_BYTES:
            what = f"'{path}' is larger than a table of labels can be"
            raise PoiseError(what, code="data.labels-too-large")
        return path.read_bytes()
    except OSError as error:
        why = "it is a folder" if isinstance(error, IsADirectoryError) else system_reason(error)
        what = f"The labels '{path}' cannot be read"
        raise PoiseError(what, code="data.labels-unreadable", why=why, hint="name a CSV file") from None
