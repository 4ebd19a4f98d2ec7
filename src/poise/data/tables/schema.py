"""What is publicly known of a table's columns, written down before anyone looks at its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poise.data.tables.values import Form, is_date
from poise.errors import PoiseError, system_reason

KEYS = frozenset({"values", "low", "high", "decimals", "format", "missing", "special"})


@dataclass(frozen=True)
class Declared:
    """What is known of a column.

    Attributes:
        values: Of a category, all that it may hold.
        low, high: Of numbers and dates, the ends of their range.
        form: How numbers are written; `None` for a category.
        missing: Whether cells of numbers may be empty.
        special: Numbers that many rows share, such as 0.
    """

    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    form: Form | None = None
    missing: bool = False
    special: tuple[str, ...] = ()


def read_schema(path: Path) -> dict[str, dict[str, Any]]:
    """The schema of a JSON file: an object of columns.

    Raises:
        PoiseError: It cannot be read, or describes a column in words that are not known.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        why = system_reason(error)
        raise PoiseError(
            f"The schema '{path}' cannot be read", code="data.schema-unreadable", why=why
        ) from None
    except ValueError as error:
        raise PoiseError(
            f"The schema '{path}' is not JSON", code="data.schema-unread", why=str(error)
        ) from None
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise _wrong("The schema", "it should be an object with an object for each column")
    return found


def declared(schema: Mapping[str, Mapping[str, Any]]) -> dict[str, Declared]:
    """What a schema says, checked.

    Raises:
        PoiseError: A column is described in words that are not known.

    Example:
        >>> declared({"age": {"low": 0, "high": 120}})["age"].form
        Form(kind='integer', decimals=0, padded=False, date='')
    """
    return {name: _declared(name, one) for name, one in schema.items()}


def _declared(name: str, one: Mapping[str, Any]) -> Declared:
    unknown = sorted(set(one) - KEYS)
    if unknown:
        raise _wrong(f"The schema of the column '{name}'", f"it has no '{unknown[0]}'")
    if "values" in one:
        values = one["values"]
        if not isinstance(values, list) or not values or len(set(map(str, values))) < len(values):
            raise _wrong(
                f"The schema of the column '{name}'", "its values should be a list without repetition"
            )
        return Declared(values=tuple(map(str, values)))
    if not {"low", "high"} <= set(one):
        raise _wrong(f"The schema of the column '{name}'", "it has neither values nor low and high")
    if "format" in one:
        form, ends = Form("date", date=str(one["format"])), [str(one["low"]), str(one["high"])]
        if not all(is_date(end, form.date) for end in ends):
            raise _wrong(
                f"The schema of the column '{name}'", f"its ends are no dates of the form {form.date}"
            )
        low, high = map(form.number, ends)
    else:
        decimals = int(one.get("decimals", 0))
        form = Form("number", decimals) if decimals else Form("integer")
        low, high = float(one["low"]), float(one["high"])
    if not low < high:
        raise _wrong(f"The schema of the column '{name}'", "low should be below high")
    special = tuple(str(value) for value in one.get("special", ()))
    return Declared((), low, high, form, bool(one.get("missing", False)), special)


def _wrong(what: str, why: str) -> PoiseError:
    hint = 'write {"sex": {"values": ["Female", "Male"]}, "age": {"low": 0, "high": 120}}'
    return PoiseError(f"{what} cannot be used", code="data.schema", why=why, hint=hint)
