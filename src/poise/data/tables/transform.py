"""Between the texts of a table, its stored rows, and what networks see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from poise.data.rows import Array
from poise.data.tables.column import Derived
from poise.data.tables.modes import AnyColumn, column_from_json
from poise.data.tables.rules import Rule
from poise.data.tables.values import MISSING, is_number, number_form
from poise.errors import PoiseError
from poise.spec import Span

Texts = Mapping[str, Sequence[str]]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class TableTransform:
    """Stored rows are a cell of each column, and a place of each column whose cells hold several values.

    Networks see the cells as one-hot spans, those of numbers and dates in their order, and behind all of
    them the places in [-1, 1].

    Attributes:
        columns: The columns that networks see.
        derived: The columns that they do not.
        rules: What holds by construction, in the order in which it was applied.
        order: The names of all columns of the table.
        like: `delimiter`, `dtypes` and `backend` of the table.
        target: The column that quality is judged by.
    """

    columns: tuple[AnyColumn, ...]
    derived: tuple[Derived, ...] = ()
    rules: tuple[Rule, ...] = ()
    order: tuple[str, ...] = ()
    like: Mapping[str, Any] = field(default_factory=lambda: {"delimiter": ",", "dtypes": {}, "backend": ""})
    target: str = ""
    name: ClassVar[str] = "table"
    bounded: ClassVar[bool] = True

    @cached_property
    def ranged(self) -> tuple[int, ...]:
        """The columns that have places, by their number."""
        return tuple(index for index, column in enumerate(self.columns) if column.ranged)

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """How the numbers of a sample fall into columns."""
        kinds = [("ordered" if column.ordered else "one-hot") for column in self.columns]
        choices = [
            Span(column.name, kind, len(column.cells))  # type: ignore[arg-type]  # two of the kinds of spans
            for column, kind in zip(self.columns, kinds, strict=True)
        ]
        ranged = (self.columns[index] for index in self.ranged)
        places = [Span(f"{column.name} within", column.within, 1) for column in ranged]
        return (*choices, *places)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each column's span begins, and where the places do."""
        return tuple(np.cumsum([0, *(len(column.cells) for column in self.columns)]).tolist())

    @property
    def numbers(self) -> int:
        """How many numbers networks see."""
        return self.starts[-1] + len(self.ranged)

    def encode(self, stored: Tensor) -> Tensor:
        """Rows `(B, columns + ranged)` to float32 `(B, numbers)` within [-1, 1]."""
        count = len(self.columns)
        made = torch.zeros(len(stored), self.numbers, device=stored.device)
        starts = torch.tensor(self.starts[:-1], device=stored.device)
        made.scatter_(1, stored[:, :count].long() + starts, 1.0)
        made[:, self.starts[-1] :] = stored[:, count:] * 2 - 1
        return made

    def decode(self, value: Tensor) -> Tensor:
        """What a network made `(B, numbers)` as rows `(B, columns + ranged)`: the largest of each span."""
        cells = [
            value[:, start:end].argmax(1) for start, end in zip(self.starts, self.starts[1:], strict=False)
        ]
        places = ((value[:, self.starts[-1] :].to(torch.float32) + 1) / 2).clamp(0.0, 1.0)
        return torch.cat([torch.stack(cells, 1).to(torch.float32), places], 1)

    def known(self, texts: Texts, name: str = "table") -> Array:
        """Which rows of a table hold values that the columns have, `(N,)`.

        Raises:
            PoiseError: A column is missing.
        """
        columns = self._learnable(texts, name)
        fits = [column.encode(columns[column.name])[0] >= 0 for column in self.columns]
        whole: Array = np.logical_and.reduce(fits)
        return whole

    def _learnable(self, texts: Texts, name: str) -> Texts:
        """The columns of a table as networks see them."""
        columns = dict(texts)
        for missing in (one for one in self.order if one not in columns and one in self._needed):
            what = f"The table '{name}' has no column '{missing}'"
            raise PoiseError(
                what, code="data.table-column-missing", hint="give a table with the same columns"
            )
        for rule in self.rules:
            columns = rule.apply(columns)
        return columns

    def rows(self, texts: Texts, name: str = "table") -> Array:
        """Stored rows of a table of texts, float32.

        Raises:
            PoiseError: A column is missing, or a value is none of its column's.
        """
        columns = self._learnable(texts, name)
        cells, places = [], []
        for column in self.columns:
            found, place = column.encode(columns[column.name])
            if (found < 0).any():
                row = int(np.argmax(found < 0))
                text = columns[column.name][row]
                what = f"The column '{column.name}' of '{name}' holds '{text}' in row {row:,}"
                why = "the generator was trained on no such value"
                raise PoiseError(what, code="data.table-new-value", why=why, hint="leave that row out")
            cells.append(found)
            places += [place] if column.ranged else []
        return np.stack([*cells, *places], 1).astype(np.float32)

    @cached_property
    def _needed(self) -> set[str]:
        """The columns of the table without which no row can be stored."""
        made = {rule.made: set(rule.columns) for rule in self.rules}
        return {name for column in self.columns for name in made.get(column.name, {column.name})}

    def learnt(self, stored: Array) -> dict[str, list[str]]:
        """The texts of the columns that networks see."""
        places = dict(zip(self.ranged, stored[:, len(self.columns) :].T, strict=True))
        found = {}
        for index, column in enumerate(self.columns):
            cells = stored[:, index].astype(np.int64)
            found[column.name] = column.decode(
                cells, places.get(index, np.zeros(len(stored))).astype(np.float64)
            )
        return found

    def texts(self, stored: Array, *, start: int = 0) -> dict[str, Sequence[str]]:
        """The table of stored rows: every column, in the order and the form in which they came.

        Args:
            stored: Rows `(N, columns + ranged)`.
            start: The number of the first row, for columns that are generated.
        """
        found: dict[str, Sequence[str]] = dict(self.learnt(stored))
        for one in self.derived:
            found[one.name] = _derived(one, found, len(stored), start)
        for rule in reversed(self.rules):
            found = rule.undo(found)
        return {name: found[name] for name in self.order if name in found}

    def typed(self, texts: Texts) -> dict[str, list[Any]]:
        """A table of texts as whole numbers, numbers, texts, and `None` for missing cells."""
        kinds = {column.name: column.form.kind for column in self.columns if column.form is not None}
        for rule in self.rules:
            if rule.form is not None:
                kinds |= dict.fromkeys(rule.replaced, rule.form.kind)
        for one in self.derived:
            if one.type == "counter" or (one.type == "copy" and all(map(is_number, one.values.values()))):
                kinds[one.name] = number_form(list(one.values.values())).kind
        reads: dict[str, Callable[[str], Any]] = {"integer": lambda text: int(float(text)), "number": float}
        return {
            name: [
                None if text in MISSING else read(text) if (read := reads.get(kinds.get(name, ""))) else text
                for text in found
            ]
            if name in kinds
            else [text or None for text in found]
            for name, found in texts.items()
        }

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain values."""
        return {
            "name": self.name,
            "columns": [column.to_json() for column in self.columns],
            "derived": [one.to_json() for one in self.derived],
            "rules": [rule.to_json() for rule in self.rules],
            "order": list(self.order),
            "like": dict(self.like),
            "target": self.target,
        }

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> TableTransform:
        """The transform of a record that `to_json` wrote.

        Raises:
            PoiseError: It is damaged.
        """
        try:
            return TableTransform(
                tuple(column_from_json(column) for column in record["columns"]),
                tuple(Derived(**one) for one in record["derived"]),
                tuple(Rule.from_json(rule) for rule in record["rules"]),
                tuple(record["order"]),
                dict(record["like"]),
                record["target"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what, hint = "The record of the table's columns is damaged", "give the file that Poise wrote"
            why = f"{type(error).__name__}: {error}"
            raise PoiseError(what, code="data.table-transform", why=why, hint=hint) from None

    def __hash__(self) -> int:
        digest = hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).digest()
        return int.from_bytes(digest[:8], "big")


def _derived(one: Derived, found: Texts, count: int, start: int) -> Sequence[str]:
    if one.type == "constant":
        return [one.values[""]] * count
    if one.type == "copy":
        return [one.values[text] for text in found[one.of]]
    first = one.values[""]
    if one.type == "counter":
        return [str(int(first) + start + row) for row in range(count)]
    return [_patterned(first, start + row) for row in range(count)]


def _patterned(pattern: str, row: int) -> str:
    """A text of a pattern: the same for the same row."""
    stream = np.random.default_rng([row, *pattern.encode()])
    drawn = {"0": "0123456789", "a": _LETTERS, "A": _LETTERS.upper()}
    return "".join(drawn[c][stream.integers(len(drawn[c]))] if c in drawn else c for c in pattern)
