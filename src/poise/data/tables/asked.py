"""What a person says of a table: types of columns, and rules that hold in every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from poise.data.tables.schema import declared
from poise.errors import PoiseError, unknown_name

if TYPE_CHECKING:
    from poise.data.tables.private import Privately

TYPES: Mapping[str, str] = {
    "number": "a number with decimals",
    "integer": "a whole number",
    "date": "a date or a time in one format",
    "category": "one of several values",
    "new": "generated: a counter, or a text of the same pattern",
    "drop": "left out",
}
"""The types that a person can give a column."""


class DataFrame(Protocol):
    """A data frame of any library that narwhals knows."""

    @property
    def columns(self) -> Any:
        """The names of its columns."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table with what a person says of it.

    Args:
        data: A CSV file, `.csv.gz`, a Parquet file, or a data frame that narwhals knows.
        columns: The type of a column, of `TYPES`, if it is not the one that is recognised.
        constraints: What holds in every row: `"low < high"`, `"low <= high"`, `"total = part + rest"`, or
            `"fixed: city, country"` for columns of which only the combinations that occur are made.
        target: The column that the quality of samples is judged by; `None` for the last category.
        schema: What is publicly known of columns, for private training: `{"values": [...]}` of a category;
            `"low"` and `"high"` of numbers, and as need be `"decimals"`, `"special"` numbers that many rows
            share, and whether cells may be `"missing"`; with `"format"` of dates.
        privately: How the rows are looked at in private training, which sets it.

    Example:
        >>> Table("people.csv", columns={"zip": "category", "row": "drop"}).columns["row"]
        'drop'

    Raises:
        PoiseError: A type does not exist, or the schema describes a column in words that are not known.
    """

    data: Any
    columns: Mapping[str, str] = field(default_factory=dict)
    constraints: Sequence[str] = ()
    target: str | None = None
    schema: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    privately: Privately | None = None

    @property
    def said(self) -> dict[str, Any]:
        """All but the data, as plain values."""
        said = {"columns": dict(self.columns), "constraints": list(self.constraints), "target": self.target}
        return {**said, "schema": dict(self.schema)} if self.schema else said

    def __post_init__(self) -> None:
        for name, kind in self.columns.items():
            if kind not in TYPES:
                raise unknown_name("column type", kind, TYPES, where=f"for the column '{name}'")
        declared(self.schema)


def read_columns(texts: Sequence[str]) -> dict[str, str]:
    """Types of columns as the command line takes them.

    Example:
        >>> read_columns(["age=integer", "row id=drop"])
        {'age': 'integer', 'row id': 'drop'}

    Raises:
        PoiseError: A text is not of that form.
    """
    found = {}
    for text in texts:
        name, equals, kind = text.rpartition("=")
        if not (name and equals and kind):
            what = f"'{text}' gives no column a type"
            hint = f"write --column NAME=TYPE with one of {', '.join(TYPES)}"
            raise PoiseError(what, code="data.column-type", hint=hint)
        found[name.strip()] = kind.strip()
    return found
