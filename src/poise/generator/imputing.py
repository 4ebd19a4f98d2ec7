"""Missing cells of rows filled in: drawn from what is probable, or by single guesses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from poise.data import Array
from poise.generator.gaps import Gaps, Texts, completed, gaps_of
from poise.generator.guessing import Guesses, guessed
from poise.generator.rows import MakesRows, choice
from poise.randomness import numpy_stream

SPIKE = 0.1
"""The share of rows with one number from which on draws of a column stay where the generator has them."""


def imputed(
    generator: MakesRows, texts: Texts, *, draws: int, seed: int, name: str = "table"
) -> Iterator[dict[str, list[str]]]:
    """Tables in which every missing cell has a value, one after the other.

    For each row latents are chosen by the probability that they give to its known cells, and the missing
    ones are drawn from what the chosen latent makes probable. Numbers are then moved to where regressions on
    the other numbers of their row see them, in columns where these find known numbers better, and drawn
    together by as much as they find them better. Draws differ by as much as is not known.

    Args:
        generator: A generator that knows the probability of each value given a latent.
        texts: The table, missing cells empty.
        draws: How many.
        seed: Draws them.
        name: What to call the table.

    Raises:
        PoiseError: It is no such generator, or the table has other columns or values.
    """
    gaps = gaps_of(generator, texts, seed, name)
    guesses = guessed(gaps, seed)
    table, usual = gaps.table, gaps.shares.mean(0, keepdims=True)
    spikes = [index for index in guesses.columns if _has_spike(gaps, usual, index)]
    for number in range(draws):
        stream = numpy_stream(seed, number, "imputation")
        filled = gaps.stored.copy()
        for rows, weight in gaps.blocks():
            chosen = gaps.shares[choice(weight, stream.random(len(weight)))]
            for index, one in enumerate(gaps.columns):
                here = ~one.known[rows]
                cell = choice(gaps.part(chosen, index), stream.random(len(chosen)))
                filled[rows, index] = np.where(here, cell, gaps.stored[rows, index])
                if index in table.ranged:
                    at = len(table.columns) + table.ranged.index(index)
                    filled[rows, at] = np.where(here, stream.random(len(chosen)), gaps.stored[rows, at])
        _move(filled, gaps, guesses, spikes)
        yield completed(table, gaps.texts, table.texts(filled))


def _has_spike(gaps: Gaps, usual: Array, index: int) -> bool:
    """Whether many rows have one number of a column: regressions do not know it from its neighbours."""
    shares = gaps.part(usual, index)[0]
    single = np.array([cell.single for cell in gaps.table.columns[index].cells])
    return bool((shares * single).max() > SPIKE * shares.sum())


def _move(filled: Array, gaps: Gaps, guesses: Guesses, spikes: Sequence[int]) -> None:
    """Move the numbers that were drawn to where regressions see them, to values that the column can have."""
    drawn = gaps.table.learnt(filled)
    for place, index in enumerate(guesses.columns):
        column = gaps.table.columns[index]
        here = np.flatnonzero(~gaps.columns[index].known[guesses.rows])
        if not len(here) or guesses.errors[place] >= 1 or index in spikes:
            continue
        assert column.form is not None
        rows = guesses.rows[here]
        numbers = column.numbers([drawn[column.name][row] for row in rows])
        moved = guesses.moved(place, here, numbers).tolist()
        _write(filled, gaps, index, rows, [column.form.text(number) for number in moved])


def _write(filled: Array, gaps: Gaps, index: int, rows: Array, texts: Sequence[str]) -> None:
    """Store values of a column in these rows. A number that the column never had becomes the nearest one."""
    table = gaps.table
    filled[rows, index], places = table.columns[index].encode(texts)
    if index in table.ranged:
        filled[rows, len(table.columns) + table.ranged.index(index)] = places


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
    found = {column.name: list(gaps.texts[column.name]) for column in columns}
    for rows, weight in gaps.blocks():
        shares = weight @ gaps.shares / weight.sum(1, keepdims=True)
        for index, column in enumerate(columns):
            if column.form is None:
                cells = map(column.cells.__getitem__, gaps.part(shares, index).argmax(1))
                found[column.name][rows] = [
                    max(zip(cell.shares, cell.texts, strict=True))[1] for cell in cells
                ]
    guesses = guessed(gaps, seed)
    for index, numbers in zip(guesses.columns, guesses.best.T, strict=True):
        form = columns[index].form
        assert form is not None
        for row, number in zip(guesses.rows, numbers, strict=True):
            if not gaps.columns[index].known[row]:
                found[columns[index].name][row] = form.text(float(number))
    filled = gaps.stored.copy()
    for index, column in enumerate(columns):
        here = np.flatnonzero(~gaps.columns[index].known)
        _write(filled, gaps, index, here, [found[column.name][row] for row in here])
    whole = gaps.table.texts(filled)  # for columns that are derived
    return completed(gaps.table, gaps.texts, {**whole, **found})
