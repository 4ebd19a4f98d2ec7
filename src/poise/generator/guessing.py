"""Missing cells of rows as single guesses: the expected number, the most probable category."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poise.data import Array
from poise.data.tables.column import Cell
from poise.data.tables.modes import AnyColumn
from poise.data.tables.values import MISSING, Form
from poise.generator.imputing import BLOCK, HIDDEN, Gaps, Texts, completed, gaps_of, likely
from poise.generator.regressing import regressed
from poise.generator.rows import MakesRows
from poise.randomness import numpy_stream

RARE = 0.01
"""The probability beyond each of the ends of what is likely in a row."""

FITTED, COMPARED = 5_000, 2_000
"""Rows that regressions are fitted to, if no more have gaps, and rows that say whether to take them."""


def expected(generator: MakesRows, texts: Texts, *, seed: int, name: str = "table") -> dict[str, list[str]]:
    """A table whose missing cells hold the expected number or date, or the most probable category.

    That is the best single guess in squares of errors, and in errors; it shows nothing of what is not known.
    Numbers are regressed on that guess and on the other numbers of their row where this finds known numbers
    better.

    Args:
        generator: A generator that knows the probability of each value given a latent.
        texts: The table, missing cells empty.
        seed: Draws the latents.
        name: What to call the table.

    Raises:
        PoiseError: It is no such generator, or the table has other columns or values.
    """
    gaps = gaps_of(generator, texts, seed, name)
    columns = gaps.table.columns
    found = {column.name: list(texts[column.name]) for column in columns}
    for rows, weight in gaps.blocks():
        shares = weight @ gaps.shares / weight.sum(1, keepdims=True)
        for index, column in enumerate(columns):
            if column.form is None:
                cells = map(column.cells.__getitem__, gaps.part(shares, index).argmax(1))
                found[column.name][rows] = [
                    max(zip(cell.shares, cell.texts, strict=True))[1] for cell in cells
                ]
    numbers = [index for index, column in enumerate(columns) if column.form is not None]
    for index, guesses in zip(numbers, _guessed_numbers(gaps, texts, numbers, seed).T, strict=True):
        form = columns[index].form
        assert form is not None
        for row in np.flatnonzero(np.isfinite(guesses)):
            found[columns[index].name][row] = form.text(float(guesses[row]))
    whole = gaps.table.texts(gaps.stored)  # for columns that are derived
    return completed(gaps.table, texts, {**whole, **found})


def _guessed_numbers(gaps: Gaps, texts: Texts, numbers: Sequence[int], seed: int) -> Array:
    """Guesses of missing numbers, `(rows, numbers)`; NaN where one is known.

    Of each column they are those of regressions, if these find known numbers better that are hidden first.
    """
    made = np.full((len(gaps.stored), len(numbers)), np.nan)
    gap = np.flatnonzero(~gaps.known[:, numbers].all(1))
    if not len(gap):
        return made
    order = numpy_stream(seed, 0, "rows of regressions").permutation(len(made))
    rows = np.concatenate([gap, order[~np.isin(order, gap)][: max(0, FITTED - len(gap))]])
    columns = [gaps.table.columns[index] for index in numbers]
    true = np.stack([_numbers(column, texts, rows) for column in columns], 1)
    expected = _expected(gaps, rows, gaps.known[rows], numbers)
    better = _better(gaps, rows, true, numbers, seed)
    guesses = np.where(better, regressed(true, *expected), expected[0])
    made[rows] = np.where(gaps.known[rows][:, numbers], np.nan, guesses)
    return made


def _better(gaps: Gaps, rows: Array, true: Array, numbers: Sequence[int], seed: int) -> Array:
    """In which columns regressions find hidden known numbers better."""
    stream = numpy_stream(seed, 0, "hidden numbers")
    tried = stream.permutation(len(rows))[:COMPARED]
    known = gaps.known[rows[tried]]
    hidden = known & (stream.random(known.shape) < HIDDEN)
    expected = _expected(gaps, rows[tried], known & ~hidden, numbers)
    hidden, true = hidden[:, numbers], true[tried]
    found = regressed(np.where(hidden, np.nan, true), *expected)
    apart = [np.square(np.where(hidden, true - guesses, 0.0)).sum(0) for guesses in (found, expected[0])]
    better: Array = apart[0] < apart[1]
    return better


def _numbers(column: AnyColumn, texts: Texts, rows: Array) -> Array:
    """The numbers of a column; NaN where one is missing."""
    assert column.form is not None
    whole = texts[column.name]
    return np.array([np.nan if whole[row] in MISSING else column.form.number(whole[row]) for row in rows])


def _expected(gaps: Gaps, rows: Array, known: Array, numbers: Sequence[int]) -> Array:
    """The expected number of cells given the known others of their rows, and the ends of what is likely.

    Args:
        gaps: A table and a generator.
        rows: Places of rows.
        known: Which cells of these rows are known, `(rows, columns)`.
        numbers: The places of columns of numbers or dates.

    Returns:
        `(3, rows, numbers)`.
    """
    made = np.empty((3, len(rows), len(numbers)))
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        encoded = gaps.encoded(gaps.stored[rows[block]], known[block])
        score = encoded @ gaps.logits.T
        for place, index in enumerate(numbers):
            own = slice(gaps.table.starts[index], gaps.table.starts[index + 1])
            weight = likely(score - encoded[:, own] @ gaps.logits[:, own].T)
            part = gaps.part(weight @ gaps.shares / weight.sum(1, keepdims=True), index)
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
