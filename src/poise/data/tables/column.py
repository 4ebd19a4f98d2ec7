"""A column of a table: its type, its cells, and how a row's value becomes a cell and a place within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from poise.data.rows import Array
from poise.data.tables.values import MISSING, Form
from poise.spec import SpanKind

CELLS = 50
"""Cells of a column of numbers: each frequent value has one, ranges of the others share the rest."""

CATEGORIES = 64
"""Cells of a column of categories; the rarest values share the last."""

LISTED = 64
"""A range of more different numbers than this is known by its quantiles, not by its values."""

KNOTS = 33
"""Quantiles of such a range."""

CONTINUOUS = 1_000
"""A column of more different numbers than this makes numbers that were not seen, within its range."""


@dataclass(frozen=True)
class Cell:
    """What one number of a one-hot span stands for: a value, several values, or a range.

    Attributes:
        texts: The values, in order.
        shares: The share of each.
        knots: Of a range, its quantiles in even steps.
    """

    texts: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    knots: tuple[float, ...] = ()

    @property
    def single(self) -> bool:
        """Whether it is one value."""
        return len(self.texts) == 1

    @cached_property
    def bounds(self) -> Array:
        """Where each value ends, from 0 to 1."""
        bounds: Array = np.cumsum(self.shares) / np.sum(self.shares)
        return bounds

    def middle(self, index: int) -> float:
        """The place of a value: the middle of its stretch."""
        return float(self.bounds[index] - self.shares[index] / np.sum(self.shares) / 2)

    def to_json(self) -> list[Any]:
        """The record as plain lists."""
        return [list(self.texts), list(self.shares), list(self.knots)]


@dataclass(frozen=True)
class Column:
    """A column that networks see as a choice of cells, and a place within cells of several values.

    Attributes:
        name: Its name.
        type: What it was recognised as, or was said to be.
        cells: Its cells; of numbers and dates in their order, missing ones first.
        form: How its numbers are written; `None` for categories.
    """

    name: str
    type: str
    cells: tuple[Cell, ...]
    form: Form | None = None
    within: ClassVar[SpanKind] = "bounded"

    @property
    def ordered(self) -> bool:
        """Whether its cells have an order."""
        return self.form is not None

    @cached_property
    def ranged(self) -> bool:
        """Whether a value is a cell and a place within it."""
        return not all(cell.single for cell in self.cells)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What the cells are called in pictures: their first value."""
        return tuple(cell.texts[0] if cell.texts else f"{cell.knots[0]:g}" for cell in self.cells)

    @cached_property
    def _places(self) -> Mapping[str, tuple[int, float]]:
        """The cell and the place of each value that is known by its text."""
        return {
            text: (index, 0.5 if cell.single else cell.middle(number))
            for index, cell in enumerate(self.cells)
            for number, text in enumerate(cell.texts)
        }

    @cached_property
    def _ranges(self) -> tuple[Array, Array]:
        """The first number of each range, in order, and its cell."""
        found = [(cell.knots[0], index) for index, cell in enumerate(self.cells) if cell.knots]
        return np.array([low for low, _ in found]), np.array([index for _, index in found], dtype=np.int64)

    def encode(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """The cell `(N,)` and the place `(N,)` of each text; cell -1 if it is none of the column's."""
        known = {text: self._placed(text) for text in dict.fromkeys(texts)}
        pairs = np.array([known[text] for text in texts], dtype=np.float64).reshape(-1, 2)
        return pairs[:, 0].astype(np.int64), pairs[:, 1]

    def _placed(self, text: str) -> tuple[int, float]:
        found = self._places.get(text)
        if found is not None or self.form is None:
            return found or (-1, 0.5)
        try:
            number = self.form.number(text)
        except ValueError:
            return (self._places.get("", (-1, 0.5))) if text in MISSING else (-1, 0.5)
        lows, indices = self._ranges
        if not len(lows):
            return self._nearest(number)
        index = int(indices[max(0, int(np.searchsorted(lows, number, side="right")) - 1)])
        knots = np.array(self.cells[index].knots)
        if not knots[0] <= number <= knots[-1]:
            return self._nearest(number)
        # where knots repeat, the middle of the flat part
        left, right = (
            np.searchsorted(knots, number, side="left"),
            np.searchsorted(knots, number, side="right"),
        )
        if right > left:
            return index, float((left + right - 1) / 2 / (len(knots) - 1))
        step = (number - knots[left - 1]) / (knots[left] - knots[left - 1])
        return index, float((left - 1 + step) / (len(knots) - 1))

    def _nearest(self, number: float) -> tuple[int, float]:
        """The known value that is nearest to a number that was never seen."""
        known = self._numbered
        if not known:
            return -1, 0.5
        place = int(np.abs(np.array([one for one, _, _ in known]) - number).argmin())
        return known[place][1], known[place][2]

    @cached_property
    def _numbered(self) -> list[tuple[float, int, float]]:
        """The numbers of known values and of the ends of ranges, each with its cell and its place."""
        assert self.form is not None
        found = [
            (self.form.number(text), cell, place)
            for text, (cell, place) in self._places.items()
            if text not in MISSING
        ]
        for index, cell in enumerate(self.cells):
            found += [(cell.knots[0], index, 0.0), (cell.knots[-1], index, 1.0)] if cell.knots else []
        return sorted(found)

    def decode(self, cells: Array, places: Array) -> list[str]:
        """The texts of cells `(N,)` and places `(N,)` in [0, 1]."""
        made = np.empty(len(cells), dtype=object)
        for index in np.unique(cells):
            here, cell = cells == index, self.cells[int(index)]
            if cell.single:
                made[here] = cell.texts[0]
            elif cell.texts:
                chosen = np.searchsorted(cell.bounds, places[here], side="right").clip(
                    max=len(cell.texts) - 1
                )
                made[here] = np.array(cell.texts, dtype=object)[chosen]
            else:
                assert self.form is not None
                steps = np.linspace(0.0, 1.0, len(cell.knots))
                numbers = np.interp(places[here], steps, cell.knots)
                made[here] = [self.form.text(number) for number in numbers.tolist()]
        return list(made)

    def numbers(self, texts: Sequence[str]) -> Array:
        """The numbers of texts `(N,)`, NaN where one is missing."""
        assert self.form is not None
        return self.form.numbers(texts)

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain values."""
        form = self.form
        written = None if form is None else [form.kind, form.decimals, form.padded, form.date]
        cells = [cell.to_json() for cell in self.cells]
        return {"name": self.name, "type": self.type, "form": written, "cells": cells}

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Column:
        """The column of a record that `to_json` wrote."""
        cells = tuple(
            Cell(tuple(texts), tuple(shares), tuple(knots)) for texts, shares, knots in record["cells"]
        )
        form = record["form"]
        return Column(record["name"], record["type"], cells, None if form is None else Form(*form))


def category_column(name: str, counts: Mapping[str, int], *, kind: str = "category") -> Column:
    """A column of categories: the most frequent have a cell each, the others share one."""
    often = sorted(counts, key=lambda text: (-counts[text], text))
    head = often if len(often) <= CATEGORIES else often[: CATEGORIES - 1]
    rest = often[len(head) :]
    cells = [Cell((text,), (float(counts[text]),)) for text in head]
    if rest:
        cells.append(Cell(tuple(rest), tuple(float(counts[text]) for text in rest)))
    return Column(name, kind, tuple(cells))


def number_column(
    name: str, counts: Mapping[str, int], form: Form, *, missing: Sequence[str] = MISSING
) -> Column:
    """A column of numbers or dates: spikes have a cell each, ranges of equal mass share the rest."""
    texts = [text for text in counts if text not in missing]
    numbers = {text: form.number(text) for text in texts}
    texts.sort(key=lambda text: (numbers[text], text))
    often = np.array([counts[text] for text in texts], dtype=np.float64)
    cells = missing_cells(counts, missing)
    for group in groups(often):
        inside = [texts[place] for place in group]
        if len(inside) > LISTED and len(texts) > CONTINUOUS:
            values = np.repeat([numbers[text] for text in inside], often[group].astype(np.int64))
            knots = np.quantile(values, np.linspace(0.0, 1.0, KNOTS))
            cells.append(Cell(knots=tuple(knots.tolist())))
        else:
            cells.append(Cell(tuple(inside), tuple(often[group].tolist())))
    return Column(name, form.kind, tuple(cells), form)


def missing_cells(counts: Mapping[str, int], missing: Sequence[str] = MISSING) -> list[Cell]:
    """A cell for each way in which a value is missing."""
    return [Cell((text,), (float(counts[text]),)) for text in missing if text in counts]


def groups(counts: Array, most: int = CELLS) -> list[Array]:
    """Values in order as at most `most` groups: a frequent value is alone, others are together.

    Example:
        >>> [group.tolist() for group in groups(np.array([1, 1, 9, 1, 1, 1, 1]), most=3)]
        [[0, 1], [2], [3, 4, 5, 6]]
    """
    if len(counts) <= most:
        return [np.array([place]) for place in range(len(counts))]
    alone = np.zeros(len(counts), dtype=bool)
    while True:
        left, mass = most - int(alone.sum()), counts[~alone].sum()
        new = ~alone & (counts >= mass / max(left, 1))
        if not new.any() or left <= 1:
            break
        alone |= new
    # each value alone may cut a range in two
    size = mass / max(1, most - 2 * int(alone.sum()), (most - int(alone.sum())) // 2)
    found: list[list[int]] = []
    open_mass = np.inf
    for place, count in enumerate(counts):
        if alone[place]:
            found.append([place])
            open_mass = np.inf
        elif open_mass + count / 2 > size:
            found.append([place])
            open_mass = count
        else:
            found[-1].append(place)
            open_mass += count
    return [np.array(group) for group in found]


@dataclass(frozen=True)
class Derived:
    """A column that networks do not see.

    Attributes:
        name: Its name.
        type: `"constant"`, `"copy"`, `"counter"` or `"pattern"`.
        of: The column that it is a copy of.
        values: Of a constant its text; of a copy the text for each text of the other column; of a counter the
            first number; of a pattern the texts that show it.
    """

    name: str
    type: str
    of: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain values."""
        return {"name": self.name, "type": self.type, "of": self.of, "values": dict(self.values)}
