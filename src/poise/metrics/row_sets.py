"""Rows of a table as metrics take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.errors import PoiseError
from poise.randomness import numpy_stream

REPLICATES = 20
"""Pairs of half-samples behind an interval."""

LEAST = 50
FLOOR = "other reals against the reals"

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class RowSet:
    """Rows of a table.

    Attributes:
        names: The columns.
        values: Numbers, NaN if missing, and categories as whole numbers from 0, `(N, columns)`.
        missing: Which cells are empty, `(N, columns)`; of a category an empty cell is a value, too.
        ordered: Which columns are numbers or dates, `(columns,)`.
        target: The column that is predicted, by its number.

    Example:
        >>> rows = RowSet(("age",), np.array([[30.0], [40.0]]), np.zeros((2, 1), bool), np.array([True]), 0)
        >>> len(rows), rows.taken([1]).values
        (2, array([[40.]]))
    """

    names: tuple[str, ...]
    values: Array
    missing: Array
    ordered: Array
    target: int

    def __len__(self) -> int:
        return len(self.values)

    def taken(self, rows: Any) -> RowSet:
        """Some of the rows."""
        return RowSet(self.names, self.values[rows], self.missing[rows], self.ordered, self.target)


def check_sizes(real: RowSet, fake: RowSet) -> None:
    """Refuse sides of too few rows."""
    if min(len(real), len(fake)) < LEAST:
        what = f"There are {min(len(real), len(fake))} rows on the smaller side, and {LEAST} are needed"
        raise PoiseError(what, code="metrics.too-few-rows", hint="measure more: --samples 1000")


def independent_columns(rows: RowSet, *, seed: int) -> RowSet:
    """As many rows whose columns have nothing to do with each other: each is shuffled by itself."""
    stream = numpy_stream(seed, 0, "independent columns")
    orders = np.stack([stream.permutation(len(rows)) for _ in rows.names], 1)
    values, missing = (np.take_along_axis(part, orders, 0) for part in (rows.values, rows.missing))
    return RowSet(rows.names, values, missing, rows.ordered, rows.target)
