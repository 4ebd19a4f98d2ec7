"""Tables with missing cells, and how probable a generator makes each value of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from poise.data import Array, TableTransform
from poise.data.tables.modes import AnyColumn
from poise.data.tables.values import MISSING
from poise.errors import PoiseError
from poise.generator.rows import MakesRows, probabilities, table_of
from poise.generator.sampling import sample_latents
from poise.randomness import derive, numpy_stream

LATENTS, BLOCK = 8_192, 512
"""Latents that missing cells are made from, and rows at once."""

WIDTHS = (0.0, 1.0, 2.0, 4.0)
"""Deviations, in cells, by which known cells are blended with neighbours; the best is taken."""

TRIED, HIDDEN = 512, 0.1
"""Rows of the table by which it is chosen, and the share of their known cells that is hidden for that."""

Texts = Mapping[str, Sequence[str]]


@dataclass(frozen=True, eq=False)
class Gaps:
    """A table with missing cells, and what a generator knows of it."""

    table: TableTransform
    texts: Texts
    columns: Sequence[Known]
    stored: Array  # Missing cells as some value
    shares: Array  # (latents, numbers): the probability of each value given each latent
    logits: Array  # The same as logarithms, for cells that are known; neighbours in order may be blended

    @cached_property
    def known(self) -> Array:
        """Which cells have a value, `(rows, columns)`."""
        return np.stack([one.known for one in self.columns], 1)

    def blocks(self) -> Iterator[tuple[slice, Array]]:
        """Rows, and how probable each latent is given the known cells of each, `(rows, latents)`."""
        for start in range(0, len(self.stored), BLOCK):
            rows = slice(start, start + BLOCK)
            yield rows, self.weights(self.stored[rows], self.known[rows], self.logits)

    def weights(self, stored: Array, known: Array, logits: Array) -> Array:
        """How probable each latent is given the known cells `(rows, columns)` of rows, at most 1."""
        return likely(self.encoded(stored, known) @ logits.T)

    def encoded(self, stored: Array, known: Array) -> Array:
        """A 1 for the cell of each known value, `(rows, numbers)`."""
        made: Array = np.zeros((len(stored), self.table.starts[-1]), dtype=np.float32)
        for index in range(len(self.columns)):
            here = np.flatnonzero(known[:, index])
            made[here, self.table.starts[index] + stored[here, index].astype(int)] = 1
        return made

    def blended(self, seed: int) -> Gaps:
        """The same with the blending of neighbouring cells by which hidden known cells are found best.

        With few rows a component holds single cells, and a row that lies beside them would not fit it.
        """
        stream = numpy_stream(seed, 0, "hidden cells")
        rows = stream.permutation(len(self.stored))[:TRIED]
        known = self.known[rows]
        hidden = known & (stream.random(known.shape) < HIDDEN)
        if not hidden.any():
            return self
        stored = self.stored[rows]
        found = []
        for width in WIDTHS:
            logits = _logits(self.table, self.columns, self.shares, width)
            weight = self.weights(stored, known & ~hidden, logits)
            shares = weight @ self.shares / weight.sum(1, keepdims=True)
            found.append((self._missed(shares, stored, hidden), logits))
        return replace(self, logits=min(found, key=lambda pair: pair[0])[1])

    def _missed(self, shares: Array, stored: Array, hidden: Array) -> float:
        """How far guesses are from hidden cells: squares of steps if in order, or whether they differ."""
        total = 0.0
        for index, column in enumerate(self.table.columns):
            here = np.flatnonzero(hidden[:, index])
            if not len(here):
                continue
            part = self.part(shares[here], index)
            part = part / part.sum(1, keepdims=True)
            cells = np.arange(part.shape[1])
            true = stored[here, index]
            if column.ordered:
                total += float(np.square((part @ cells - true) / max(1, len(cells) / 4)).sum())
            else:
                total += float((part.argmax(1) != true).sum())
        return total

    def own(self, index: int) -> slice:
        """Where the numbers of a column are."""
        return slice(self.table.starts[index], self.table.starts[index + 1])

    def part(self, shares: Array, index: int) -> Array:
        """Of probabilities `(N, numbers)` those of a column's cells that are values, `(N, cells)`."""
        return self.values(shares[:, self.own(index)], index)

    def values(self, shares: Array, index: int) -> Array:
        """Probabilities of a column's cells `(N, cells)`, without the cells that are no values."""
        possible = self.columns[index].possible
        part = shares * possible
        return np.where(part.sum(1, keepdims=True) > 0, part, possible)


def likely(score: Array) -> Array:
    """From logarithms to probabilities of each latent, the greatest of a row 1."""
    weight: Array = np.exp(score - score.max(1, keepdims=True)).astype(np.float64)
    return weight


def completed(table: TableTransform, texts: Texts, made: Texts) -> dict[str, list[str]]:
    """The table with what was made in its missing cells."""
    missing = _missing_by_name(table)
    return {
        one: [
            new if old in missing.get(one, ("",)) else old
            for old, new in zip(texts[one], made[one], strict=True)
        ]
        if one in texts
        else list(made[one])
        for one in table.order
    }


def missing_cells(table: TableTransform, texts: Texts) -> int:
    """How many cells are filled in, of the columns that are there."""
    missing = _missing_by_name(table)
    return sum(text in missing.get(name, ("",)) for name, column in texts.items() for text in column)


def _missing_by_name(table: TableTransform) -> dict[str, tuple[str, ...]]:
    return {column.name: _missing_in(column) for column in table.columns}


def _missing_in(column: AnyColumn) -> tuple[str, ...]:
    """The texts that stand for a missing value of a column."""
    return ("",) if column.form is None else MISSING


def gaps_of(generator: MakesRows, texts: Texts, seed: int, name: str) -> Gaps:
    """A table with missing cells, beside what a generator knows of it.

    Raises:
        PoiseError: The generator knows no probabilities, or the table has other columns or values.
    """
    table = table_of(generator)
    probable = getattr(generator.module, "probabilities", None)
    if probable is None:
        what = "This generator cannot fill in missing cells"
        why = "it does not know how probable a value is"
        hint = "train one with --recipe table"
        raise PoiseError(what, code="generator.no-probabilities", why=why, hint=hint)
    if table.rules:
        what = "Missing cells of a table with constraints cannot be filled in"
        hint = "train without --constraint"
        raise PoiseError(what, code="generator.imputing-under-constraints", hint=hint)
    texts = _told_by_copies(table, texts)
    known, stored = _known(table, texts, name)
    latent = sample_latents(LATENTS, generator.latent, seed=derive(seed, 0, "latents of imputation"))
    shares = probabilities(probable, latent)
    return Gaps(table, texts, known, stored, shares, _logits(table, known, shares, 0.0)).blended(seed)


def _told_by_copies(table: TableTransform, texts: Texts) -> Texts:
    """The table with the missing cells of a column of which a copy is known."""
    told = dict(texts)
    for one in table.derived:
        if one.type == "copy" and one.name in told and one.of in told:
            originals = {copy: text for text, copy in one.values.items()}
            told[one.of] = [
                originals.get(copy, text) if text in MISSING else text
                for text, copy in zip(told[one.of], told[one.name], strict=True)
            ]
    return told


def _logits(table: TableTransform, columns: Sequence[Known], shares: Array, width: float) -> Array:
    """Logarithms of probabilities, each cell of a column in order blended with those beside it."""
    made = shares.astype(np.float32)
    for index, column in enumerate(table.columns):
        if width and column.ordered:
            here = slice(table.starts[index], table.starts[index + 1])
            values = columns[index].possible > 0
            steps = np.arange(len(values), dtype=np.float32)
            kernel = np.exp(-0.5 * np.square((steps[:, None] - steps[None]) / width)) * np.outer(
                values, values
            )
            kernel += np.diag((~values).astype(np.float32))
            made[:, here] = made[:, here] @ (kernel / kernel.sum(1, keepdims=True))
    logits: Array = np.log(np.maximum(made, 1e-12))
    return logits


@dataclass(frozen=True)
class Known:
    """Of a column: which rows have a value, and which cells are values."""

    known: Array
    possible: Array


def _known(table: TableTransform, texts: Mapping[str, Sequence[str]], name: str) -> tuple[list[Known], Array]:
    """For each column which rows are known, and stored rows, missing cells as cell 0."""
    known, filled = [], dict(texts)
    for column in table.columns:
        missing = _missing_in(column)
        if column.name not in texts:
            what = f"The table '{name}' has no column '{column.name}'"
            raise PoiseError(what, code="generator.imputed-column-missing", hint="add it, with empty cells")
        is_known = np.array([text not in missing for text in texts[column.name]])
        possible = np.array(
            [not (cell.single and cell.texts[0] in missing) for cell in column.cells], dtype=float
        )
        first = column.cells[int(np.argmax(possible))]
        if first.texts:
            stand_in = first.texts[0]
        else:
            assert column.form is not None  # a cell between knots is of numbers
            stand_in = column.form.text(first.knots[0])
        filled[column.name] = [
            text if one else stand_in for text, one in zip(texts[column.name], is_known, strict=True)
        ]
        known.append(Known(is_known, possible))
    return known, table.rows(filled, name)
