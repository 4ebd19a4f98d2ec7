"""Missing numbers of rows as they are best guessed, by what each latent makes probable and by regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poise.data import Array
from poise.data.tables.column import Cell
from poise.data.tables.modes import AnyColumn
from poise.data.tables.values import MISSING, Form
from poise.generator.gaps import BLOCK, HIDDEN, Gaps, likely
from poise.generator.regressing import regressed
from poise.randomness import numpy_stream

RARE = 0.01
"""The probability beyond each of the ends of what is likely in a row."""

FITTED, COMPARED = 5_000, 2_000
"""Rows that regressions are fitted to, if no more have gaps, and rows that say whether to take them."""

MOST_ROUNDS = 5
"""How often cells of the same rows are hidden, at most, if there are fewer than that."""


@dataclass(frozen=True, eq=False)
class Guesses:
    """What is guessed of the numbers of a table.

    Attributes:
        columns: The places of the columns of numbers or dates.
        rows: The places of the rows that were looked at, all rows with a missing number among them.
        expected: The number that a generator expects, given the other cells of the row, `(rows, columns)`.
        low: What is hardly ever below, likewise.
        high: The same above.
        regressed: The number by regression, likewise; known numbers stay.
        errors: How far regressions are from hidden known numbers, as a share of how far expected ones are.
    """

    columns: Sequence[int]
    rows: Array
    expected: Array
    low: Array
    high: Array
    regressed: Array
    errors: Array

    @property
    def best(self) -> Array:
        """The number of regressions in the columns where they find hidden ones better, `(rows, columns)`."""
        return np.where(self.errors < 1, self.regressed, self.expected)

    def moved(self, place: int, here: Array, drawn: Array) -> Array:
        """Numbers that were drawn from what a generator makes probable, moved to where regressions see them.

        They stay as far apart, by the share of the error that regressions leave.

        Args:
            place: Which of the columns.
            here: Which of the rows.
            drawn: A number of each of these.
        """
        apart = self.errors[place] * (drawn - self.expected[here, place])
        moved: Array = self.regressed[here, place] + apart
        return moved.clip(self.low[here, place], self.high[here, place])


def guessed(gaps: Gaps, seed: int) -> Guesses:
    """What is guessed of the numbers of a table, by its generator and by regression.

    Args:
        gaps: The table beside what its generator knows of it.
        seed: Draws which rows are looked at, and which known numbers are hidden.
    """
    columns = [index for index, column in enumerate(gaps.table.columns) if column.form is not None]
    gap = np.flatnonzero(~gaps.known[:, columns].all(1))
    if not len(gap):
        nothing = np.empty((0, 0))
        return Guesses([], gap, nothing, nothing, nothing, nothing, np.empty(0))
    order = numpy_stream(seed, 0, "rows of regressions").permutation(len(gaps.stored))
    rows = np.concatenate([gap, order[~np.isin(order, gap)][: max(0, FITTED - len(gap))]])
    table, texts = gaps.table.columns, gaps.texts
    true = np.stack([table[index].numbers(texts[table[index].name])[rows] for index in columns], 1)
    middle, low, high = _expected(gaps, rows, gaps.known[rows], columns)
    found = regressed(true, middle, low, high)
    return Guesses(columns, rows, middle, low, high, found, _errors(gaps, rows, true, columns, seed))


def _errors(gaps: Gaps, rows: Array, true: Array, columns: Sequence[int], seed: int) -> Array:
    """How far regressions are from known numbers that are hidden, as a share of how far expected ones are."""
    stream = numpy_stream(seed, 0, "hidden numbers")
    apart, most = np.zeros((2, len(columns)))
    for _ in range(min(MOST_ROUNDS, -(-COMPARED // len(rows)))):
        tried = stream.permutation(len(rows))[:COMPARED]
        known = gaps.known[rows[tried]]
        hidden = known & (stream.random(known.shape) < HIDDEN)
        expected = _expected(gaps, rows[tried], known & ~hidden, columns)
        hidden = hidden[:, columns]
        found = regressed(np.where(hidden, np.nan, true[tried]), *expected)
        apart += np.square(np.where(hidden, true[tried] - found, 0.0)).sum(0)
        most += np.square(np.where(hidden, true[tried] - expected[0], 0.0)).sum(0)
    shares: Array = np.sqrt(np.divide(apart, most, out=np.ones_like(most), where=most > 0))
    return shares


def _expected(gaps: Gaps, rows: Array, known: Array, columns: Sequence[int]) -> Array:
    """The expected number of cells given the known others of their rows, and the ends of what is likely.

    Args:
        gaps: A table and a generator.
        rows: Places of rows.
        known: Which cells of these rows are known, `(rows, columns)`.
        columns: The places of columns of numbers or dates.

    Returns:
        `(3, rows, columns)`.
    """
    made = np.empty((3, len(rows), len(columns)))
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        encoded = gaps.encoded(gaps.stored[rows[block]], known[block])
        score = encoded @ gaps.logits.T
        for place, index in enumerate(columns):
            own = gaps.own(index)
            weight = likely(score - encoded[:, own] @ gaps.logits[:, own].T)
            part = gaps.values(weight @ gaps.shares[:, own] / weight.sum(1, keepdims=True), index)
            made[:, block, place] = _mean_and_ends(gaps.table.columns[index], part)
    return made


def _mean_and_ends(column: AnyColumn, shares: Array) -> Array:
    """Of probabilities of a column's cells `(N, cells)` the mean number, and those that 1 % lie beyond."""
    assert column.form is not None
    means = np.array([_mean(cell, column.form) for cell in column.cells])
    order = np.argsort(means, kind="stable")
    below = np.cumsum(shares[:, order], 1) / shares.sum(1, keepdims=True)
    ends = [means[order][(below >= share).argmax(1)] for share in (RARE, 1 - RARE)]
    return np.stack([shares @ means / shares.sum(1), *ends])


def _mean(cell: Cell, form: Form) -> float:
    """The mean of the numbers that a cell stands for; 0 for one that stands for none."""
    if cell.knots:
        return float(np.mean((np.array(cell.knots[1:]) + np.array(cell.knots[:-1])) / 2))
    if any(text in MISSING for text in cell.texts):
        return 0.0
    return float(np.average([form.number(text) for text in cell.texts], weights=cell.shares))
