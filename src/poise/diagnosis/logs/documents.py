"""Logs that are documents: JSON in its shapes, tables with columns, arrays of numpy."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from poise.diagnosis.logs.lines import NUMBER
from poise.errors import PoiseError

Rows = list[dict[str, float]]

# Texts that hold a step: what names the column, and the number in it
STEPS_IN_TEXTS: Mapping[str, re.Pattern[str]] = {"snapshot_pkl": re.compile(r"-(?P<kimg>\d+)\.pkl$")}
_ONE = re.compile(rf"\s*(?:{NUMBER})\s*", re.IGNORECASE)


def read_json(text: str) -> Rows:
    """The rows of JSON lines, or of one document: objects, lists by name, or pandas' `split`, `index`,
    `columns`.

    Example:
        >>> read_json('{"G_losses": [1.5, 1.25], "D_losses": [0.5, 0.75]}')
        [{'G_losses': 1.5, 'D_losses': 0.5}, {'G_losses': 1.25, 'D_losses': 0.75}]
        >>> read_json('{"results": {"fid50k_full": 9.5}, "snapshot_pkl": "network-snapshot-000200.pkl"}')
        [{'results/fid50k_full': 9.5, 'kimg': 200.0}]
    """
    lines = [found for line in text.splitlines() if isinstance(found := _parsed(line), dict)]
    if len(lines) > 1:
        return [row for row in (numbers(flat(line)) for line in lines) if row]
    document = _parsed(text)
    if document is None and lines:
        document = lines[0]
    return [row for row in _document(document) if row]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _document(document: Any) -> Rows:
    if isinstance(document, list):
        return [numbers(flat(one)) for one in document if isinstance(one, dict)]
    if not isinstance(document, dict):
        return []
    readers = (_split, _lists, _tables)
    return next((rows for read in readers if (rows := read(document))), [numbers(flat(document))])


def _split(document: Mapping[str, Any]) -> Rows:
    """A table by its columns, its index and its rows: pandas' `split`."""
    columns, data, index = (document.get(name) for name in ("columns", "data", "index"))
    if not (isinstance(columns, list) and isinstance(data, list)):
        return []
    rows = [dict(zip(map(str, columns), row, strict=False)) for row in data if isinstance(row, list)]
    counted = isinstance(index, list) and len(index) == len(rows) and "step" not in columns
    return [numbers(row | ({"step": index[at]} if counted and index else {})) for at, row in enumerate(rows)]


def _lists(document: Mapping[str, Any]) -> Rows:
    """Lists by name, of values or of pairs of a step and a value."""
    columns = {name: value for name, value in flat(document).items() if isinstance(value, list)}
    pairs = {name: value for name, value in columns.items() if value and isinstance(value[0], list)}
    if pairs:
        rows = [
            (name, row) for name, found in pairs.items() for row in found if isinstance(row, list) and row
        ]
        return [numbers({"step": row[0], name: row[-1]}) for name, row in rows]
    return [numbers(dict(zip(columns, row, strict=True))) for row in zip_longest(*columns.values())]


def _tables(document: Mapping[str, Any]) -> Rows:
    """Objects in an object whose outer or inner keys are whole numbers: pandas' `index` and `columns`."""
    inner = [value for value in document.values() if isinstance(value, dict)]
    if not inner or len(inner) < len(document):
        return []
    if all(key.isdigit() for key in document):
        return [numbers({"step": float(key), **flat(value)}) for key, value in document.items()]
    steps = dict.fromkeys(key for value in inner for key in value)
    if len(steps) < 2 or not all(key.isdigit() for key in steps):
        return []
    columns = document.items()
    return [numbers({"step": step, **{name: value.get(step) for name, value in columns}}) for step in steps]


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects by paths; of StyleGAN's statistics of an interval the mean is taken."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            inner = flat(value, f"{prefix}{name}/")
            mean = f"{prefix}{name}/mean"
            found |= {f"{prefix}{name}": inner[mean]} if mean in inner else inner
        else:
            found[f"{prefix}{name}"] = value
    return found


def numbers(line: Mapping[Any, Any]) -> dict[str, float]:
    """The numbers among a row's values, texts that are numbers, NaN or infinite among them."""
    found: dict[str, float] = {}
    for name, value in line.items():
        if not isinstance(name, str) or isinstance(value, bool):
            continue
        if name in STEPS_IN_TEXTS and isinstance(value, str):
            match = STEPS_IN_TEXTS[name].search(value)
            found |= {} if match is None else {key: float(text) for key, text in match.groupdict().items()}
        elif isinstance(value, int | float):
            found[name.strip()] = float(value)
        elif isinstance(value, str) and _ONE.fullmatch(value.strip().rstrip("%")):
            number = float(value.strip().rstrip("%").replace(",", ""))
            found[name.strip()] = number / 100 if value.strip().endswith("%") else number
    return found


def read_table(text: str) -> Rows:
    r"""The rows of columns under a line of names; comments above it, and that line again further down, are
    left out.

    Columns without names have their numbers: "1", "2", ...

    Example:
        >>> read_table("# seed 3\nstep,loss_G\n1,n/a\n2,0.25\n")
        [{'step': 1.0}, {'step': 2.0, 'loss_G': 0.25}]
        >>> read_table("0 1.5 0.7\n1 1.4 0.8\n")[0]
        {'1': 0.0, '2': 1.5, '3': 0.7}
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    sample = "\n".join(lines)[:4096]
    delimiter = max(",;\t", key=sample.count)
    if delimiter == ";" and "." not in sample:  # as a spreadsheet writes it if the comma is the decimal point
        lines = [line.replace(",", ".") for line in lines]
    if not sample.count(delimiter):
        return _unnamed(line.split() for line in lines)
    try:
        table = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    except csv.Error:
        return []
    if table and all(_ONE.fullmatch(cell) or not cell.strip() for cell in table[0]):
        return _unnamed(table)
    more = sum(len(cells) > len(table[0]) for cells in table)
    if more > len(table) / 2:
        raise PoiseError(
            f"The log has {len(table[0])} names of columns, but its rows have {max(map(len, table))} cells",
            code="diagnosis.ragged-rows",
            why="a comma is the decimal point, or a column has no name",
            hint="set decimal commas in quotation marks, or give every column a name",
        )
    return [row for row in _named(table) if row]


def _named(table: Sequence[Sequence[str]]) -> Iterator[dict[str, float]]:
    header: Sequence[str] = []
    for cells in table:
        words = [cell for cell in cells if cell.strip()]
        if not header or (
            words and not any(_ONE.fullmatch(cell.rstrip("%")) for cell in words) and len(words) > 1
        ):
            header = cells if _is_header(cells) or not header else header
            continue
        yield numbers(dict(zip(header, cells, strict=False)))


def _is_header(cells: Sequence[str]) -> bool:
    """Whether these are names of columns, and not a row in which nothing could be measured."""
    return len(set(cells)) == len(cells) and not any(
        cell.strip().lower() in ("n/a", "none", "-") for cell in cells
    )


def _unnamed(table: Iterable[Sequence[str]]) -> Rows:
    rows = [numbers({str(place): cell for place, cell in enumerate(cells, start=1)}) for cells in table]
    whole = [row for row in rows if len(row) > 1]
    return whole if len(whole) > len(rows) / 2 else []


def split_runs(rows: Rows) -> dict[str, Rows]:
    """The rows of each run if columns name runs as Weights & Biases exports them: "run - d_loss".

    Columns of least and greatest values beside them are left out.
    """
    names = {name for row in rows for name in row}
    runs = list(dict.fromkeys(name.rpartition(" - ")[0] for row in rows for name in row if " - " in name))
    if not runs:
        return {"": rows}
    shared = {name for name in names if " - " not in name}
    found: dict[str, Rows] = {}
    for run in runs:
        own = {name: name.removeprefix(f"{run} - ") for name in names if name.startswith(f"{run} - ")}
        own = {name: short for name, short in own.items() if not short.endswith(("__MIN", "__MAX"))}
        kept = [
            {own.get(name, name): row[name] for name in row if name in own or name in shared} for row in rows
        ]
        found[run] = [row for row in kept if row.keys() - shared]
    return found


def read_arrays(content: Mapping[str, np.ndarray]) -> Rows:
    """The rows of one-dimensional arrays of numbers by their names; a matrix has its columns by number."""
    columns: dict[str, np.ndarray] = {}
    for name, array in content.items():
        if array.dtype.kind not in "fiu":
            continue
        if array.ndim == 1:
            columns[name] = array
        elif array.ndim == 2:
            columns |= {f"{name} {place}": array[:, place] for place in range(min(array.shape[1], 64))}
    length = max(map(len, columns.values()), default=0)
    return [
        {name: float(row[place]) for name, row in columns.items() if place < len(row)}
        for place in range(length)
    ]
