"""A table of labels as it lies on disk: which column names the files, and which one holds the labels."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from poise.errors import PoiseError, nearest, system_reason

FILE_COLUMNS = ("file", "filename", "path")
"""What the column that names the files may be called; the first column where there is none of these."""

MOST_BYTES = 1 << 30

DELIMITERS = ",;\t"
"""What may stand between columns, the likeliest first: spreadsheets write ; where , is the decimal point."""


@dataclass(frozen=True)
class LabelTable:
    """A label for each file, in the order of the lines.

    Attributes:
        name: What the table is called.
        header: The names of its columns; empty where it comes from no file.
        files: The files.
        labels: The label of each.
    """

    name: str
    header: tuple[str, ...]
    files: tuple[str, ...]
    labels: tuple[str, ...]


def read_table(path: Path, column: str | None, *, named: bool) -> LabelTable:
    """The file's labels and, where rows have names, the files they belong to.

    Args:
        path: A table with a line of column names.
        column: Its column of labels; `None` where there is only one that can be.
        named: Whether one of the columns names files.

    Raises:
        PoiseError: It cannot be read, or has no such column.
    """
    header, lines = _lines(path)
    files = next((place for place, one in enumerate(header) if one.strip().lower() in FILE_COLUMNS), 0)
    others = [one for place, one in enumerate(header) if not named or place != files]
    if column is None and len(others) == 1:
        column = others[0]
    if not others:
        raise PoiseError(
            f"'{path}' has no column of labels beside '{header[files]}'", hint="add one, with a name on top"
        )
    if column is None:
        raise PoiseError(
            f"'{path}' holds several columns, and it is not clear which one is the label",
            hint=f"name it, as --label-column {others[0]}: " + ", ".join(others),
        )
    if column not in header:
        alike = nearest(column, header)
        raise PoiseError(
            f"'{path}' has no column '{column}'",
            hint=f"did you mean {' or '.join(repr(one) for one in alike)}?"
            if alike
            else "its columns are " + ", ".join(header),
        )
    place = header.index(column)
    short = [number for number, line in lines if len(line) <= max(place, files)]
    if short:
        raise PoiseError(f"Line {short[0]} of '{path}' has fewer columns than its first line", hint="mend it")
    return LabelTable(
        path.name,
        tuple(header),
        tuple(line[files].strip() for _, line in lines),
        tuple(line[place].strip() for _, line in lines),
    )


def _lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise PoiseError(f"'{path}' is larger than a table of labels can be")
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = max(DELIMITERS, key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, strict=True, delimiter=delimiter)
            lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    except (OSError, ValueError, csv.Error) as error:
        raise PoiseError(
            f"The labels '{path}' cannot be read", why=_why(error), hint="name a CSV file in UTF-8"
        ) from None
    if len(lines) < 2:
        raise PoiseError(f"'{path}' holds no labels", hint="give a line of column names, and one a sample")
    return [name.strip() for name in lines[0][1]], lines[1:]


def _why(error: Exception) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, OSError):
        return system_reason(error)
    return "its text is not UTF-8" if isinstance(error, UnicodeDecodeError) else "it is no table of text"
