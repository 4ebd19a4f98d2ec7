"""Tables as columns of text: read from CSV, Parquet and data frames, and written in the form they came in."""

from __future__ import annotations

import csv
import datetime
import gzip
import importlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poise.errors import PoiseError, system_reason, unknown_name

CSV, PARQUET = (".csv", ".tsv", ".csv.gz", ".tsv.gz"), (".parquet", ".pq")
DELIMITERS = ",;\t|"
SNIFFED = 50  # Lines from which the delimiter is recognised


@dataclass(frozen=True)
class Frame:
    """A table as text; an empty text is a missing cell.

    Attributes:
        name: What to call it.
        columns: The texts of each column, by its name, all equally many.
        dtypes: The type that a data frame gave each column; empty for text files.
        delimiter: What stands between the cells of a line.
        backend: The library that the data frame is of; empty for files.
        first: The line of the file that holds the first row; 0 if rows have no lines.
    """

    name: str
    columns: Mapping[str, Sequence[str]]
    dtypes: Mapping[str, str]
    delimiter: str = ","
    backend: str = ""
    first: int = 2

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def check_columns(self, names: Iterable[str]) -> None:
        """Refuse names that are of no column.

        Raises:
            PoiseError: One is of none, with the nearest.
        """
        for name in names:
            if name not in self.columns:
                raise unknown_name("column", name, self.columns, where=f"in '{self.name}'")

    def row(self, index: int) -> str:
        """Where a row is, for messages."""
        return f"line {index + self.first:,}" if self.first else f"row {index:,}"


def suffix_of(path: Path) -> str:
    """The suffix of a table's file, that of its compression included.

    Example:
        >>> suffix_of(Path("people.v2.csv.gz"))
        '.csv.gz'
    """
    last = path.suffix.lower()
    return path.with_suffix("").suffix.lower() + last if last == ".gz" else last


def is_table(data: Any, path: Path | None) -> bool:
    """Whether something is a file of a table, or a data frame."""
    if path is not None:
        return suffix_of(path) in (*CSV, *PARQUET)
    library = type(data).__module__.partition(".")[0]
    return library in ("polars", "pandas", "pyarrow", "modin", "cudf") and hasattr(data, "columns")


def read_frame(data: Any, path: Path | None, name: str) -> Frame:
    """The table of a file or a data frame.

    Raises:
        PoiseError: It cannot be read, has no rows or no columns, or a library for it is not installed.
    """
    if path is None:
        return _of_data_frame(data, name, backend=type(data).__module__.partition(".")[0])
    if suffix_of(path) in PARQUET:
        polars = needed("polars", f"'{name}' is a Parquet file")
        try:
            read = polars.read_parquet(path)
        except OSError as error:
            raise _unreadable(name, system_reason(error)) from None
        except polars.exceptions.PolarsError as error:
            raise _unreadable(name, str(error).splitlines()[0]) from None
        return _of_data_frame(read, name)
    return _of_csv(path, name)


def _of_csv(path: Path, name: str) -> Frame:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        what = f"The table '{name}' is not UTF-8 text: line {line:,} holds other bytes"
        raise PoiseError(what, code="data.table-not-utf8", hint="save it as UTF-8") from None
    except (OSError, EOFError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else str(error)
        raise _unreadable(name, reason) from None
    head = text.splitlines()[:SNIFFED]
    delimiter = max(DELIMITERS, key=head[0].count) if head else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names = _checked_names(next(_sound(rows, name), []), name)
    cells: list[list[str]] = []
    for row in _sound(rows, name):
        if len(row) == len(names):
            cells.append(row)
        elif row:
            why = f"it has {len(row)} cells and the header {len(names)}"
            what = f"Line {rows.line_num:,} of '{name}' does not fit its header"
            hint = "correct that line, or put quotes around cells that hold the delimiter"
            raise PoiseError(what, code="data.table-ragged", why=why, hint=hint)
    if not cells:
        raise PoiseError(
            f"The table '{name}' has no rows", code="data.table-empty", hint="give one with rows"
        )
    columns = dict(zip(names, zip(*cells, strict=True), strict=True))
    return Frame(name, columns, {}, delimiter)


def _sound(rows: Any, name: str) -> Iterator[list[str]]:
    """The rows, with what is wrong with quotes as a person's mistake."""
    while True:
        before = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            what = f"The quotes of '{name}' are broken in the row that begins at line {before:,}"
            hint = "close them, or double quotes within a cell"
            raise PoiseError(what, code="data.table-quotes", why=str(error), hint=hint) from None
        yield row


def _checked_names(names: Sequence[str], name: str) -> list[str]:
    twice = sorted({one for one in names if list(names).count(one) > 1})
    if not names or twice or not all(names):
        what = f"The header of '{name}' names no column" if not names else f"The header of '{name}' is wrong"
        why = f"two columns are named '{twice[0]}'" if twice else "" if not names else "a column has no name"
        hint = "let the first line hold a name for each column"
        raise PoiseError(what, code="data.table-header", why=why, hint=hint)
    return list(names)


def _unreadable(name: str, why: str) -> PoiseError:
    return PoiseError(f"The table '{name}' cannot be read", code="data.table-unreadable", why=why)


def needed(library: str, what: str) -> Any:
    """A library of the extra `tables`.

    Raises:
        PoiseError: It is not installed.
    """
    try:
        return importlib.import_module(library)
    except ImportError:
        hint = "pip install 'poise[tables]', or save it as CSV, which needs nothing"
        raise PoiseError(what, code="data.tables-extra", why=f"that needs {library}", hint=hint) from None


def _of_data_frame(data: Any, name: str, *, backend: str = "") -> Frame:
    narwhals = needed("narwhals", f"'{name}' is a data frame")
    frame = narwhals.from_native(data, eager_only=True)
    if not len(frame) or not frame.columns:
        raise PoiseError(
            f"The table '{name}' has no rows", code="data.frame-empty", hint="give one with rows"
        )
    columns = {str(one): tuple(map(to_text, frame[one].to_list())) for one in frame.columns}
    dtypes = {str(one): str(frame[one].dtype) for one in frame.columns}
    return Frame(name, columns, dtypes, backend=backend, first=0)


def to_text(value: Any) -> str:
    """A cell of a data frame as text.

    Example:
        >>> [to_text(one) for one in (None, float("nan"), 3, 2.50, True)]
        ['', '', '3', '2.5', 'True']
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def check_written_as(path: Path) -> None:
    """Refuse a file whose suffix is of no table.

    Raises:
        PoiseError: It is none.
    """
    if suffix_of(path) not in (*PARQUET, *CSV):
        what = f"A table cannot be written as '{path.name}'"
        hint = "name a .csv, a .csv.gz or a .parquet, or a folder, with / at its end"
        raise PoiseError(what, code="data.table-suffix", hint=hint)


def write_frame(path: Path, columns: Mapping[str, Sequence[str]], like: Mapping[str, Any]) -> None:
    """Write a table of texts to a file whose suffix says its form.

    Args:
        path: Where; `.csv`, `.tsv`, either with `.gz`, or `.parquet`.
        columns: The texts of each column.
        like: `delimiter` and `dtypes` of the table that it resembles.

    Raises:
        PoiseError: The suffix is of no table.
    """
    check_written_as(path)
    suffix = suffix_of(path)
    if suffix in PARQUET:
        polars = needed("polars", f"'{path}' is a Parquet file")
        typed(columns, like["dtypes"], polars).write_parquet(path)
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t" if suffix.startswith(".tsv") else like["delimiter"])
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    written = text.getvalue().replace("\r\n", "\n").encode()
    path.write_bytes(gzip.compress(written, mtime=0) if suffix.endswith(".gz") else written)


def typed(columns: Mapping[str, Sequence[str]], dtypes: Mapping[str, str], polars: Any) -> Any:
    """A polars frame of texts, each column of the type that it came in, as far as texts say it."""
    made = {}
    for name, texts in columns.items():
        dtype = dtypes.get(name, "")
        series = polars.Series(name, [text or None for text in texts], dtype=polars.String)
        if dtype.startswith("Bool"):
            series = polars.Series(name, [None if not text else text == "True" for text in texts])
        elif dtype.startswith(("Int", "UInt", "Float")):
            series = series.cast(getattr(polars, dtype))
        elif dtype.startswith("Datetime"):
            series = series.str.to_datetime(strict=False)
        elif dtype.startswith("Date"):
            series = series.str.to_date(strict=False)
        elif dtype.startswith(("Categorical", "Enum")):
            series = series.cast(polars.Categorical)
        made[name] = series
    return polars.DataFrame(made)


def in_blocks(columns: Iterable[Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Blocks of rows as one table."""
    whole: dict[str, list[str]] = {}
    for block in columns:
        for name, texts in block.items():
            whole.setdefault(name, []).extend(texts)
    return whole
