"""Rows of a table under a condition, and missing cells of rows, from what each latent makes probable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from poise.data import Array, TableTransform
from poise.data.tables.conditions import Condition, read_condition
from poise.data.tables.values import MISSING
from poise.errors import PoiseError
from poise.generator.sampling import generate, sample_latents
from poise.randomness import derive, numpy_stream
from poise.recipes.settings import Latent

LATENTS, MOST_LATENTS = 16_384, 131_072
"""Latents among which those are chosen that make a condition probable, at first and at most."""

ENOUGH = 500
"""Effective latents behind the rows that are asked for; with fewer, more are drawn."""

IMPUTING, BLOCK = 8_192, 512
"""Latents that missing cells are drawn from, and rows at once."""

LEAST_RATE, ROUNDS = 1e-4, 200
"""The share of rows below which a condition is refused, and how often rows are drawn again."""


class MakesRows(Protocol):
    """What of a generator is needed here."""

    module: Any
    latent: Latent
    transform: Any


@dataclass(frozen=True)
class Conditioned:
    """Rows that meet a condition.

    Attributes:
        rows: Stored rows `(N, columns + places)`.
        probability: The probability of the condition, as far as it is met by construction.
        kept: The share of rows that met the rest of it; 1 if there is no rest.
        effective: How many latents, all equally probable, the rows are worth; `None` if they were not chosen.
    """

    rows: Array
    probability: float
    kept: float
    effective: float | None

    @property
    def sentence(self) -> str:
        """For a user."""
        parts = []
        if self.effective is not None:
            parts.append(f"the generator gives the condition a probability of {self.probability:.3g}")
        if self.kept < 1 or self.effective is None:
            parts.append(f"{self.kept:.1%} of the rows that were drawn met it, and the others were left out")
        return "; ".join(parts)


def table_of(generator: MakesRows) -> TableTransform:
    """The transform of a generator of tables.

    Raises:
        PoiseError: It makes something else.
    """
    if not isinstance(generator.transform, TableTransform):
        what = "This generator makes no rows of a table"
        raise PoiseError(what, code="generator.no-rows", hint="leave the condition out")
    return generator.transform


def rows_where(generator: MakesRows, text: str, count: int, *, seed: int) -> Conditioned:
    """So many rows that meet a condition.

    A generator that knows the probability of each value given a latent chooses latents by the probability
    that they give the condition, and draws the rest of each row under it: nothing is thrown away. Parts that
    tie several columns together, and other generators, draw rows until enough meet the condition.

    Raises:
        PoiseError: It is no condition, or hardly any row meets it.
    """
    table = table_of(generator)
    condition = read_condition(text, table)
    probable = getattr(generator.module, "probabilities", None)
    if probable is None:
        draw = _unconditional(generator, table, count, seed)
        probability, effective = 1.0, None
    else:
        chosen = _choose(generator, probable, table, condition, count, seed)
        draw, probability, effective = chosen
    found: list[Array] = []
    met = drawn = 0
    checked = effective is None or not condition.exact
    for rows in draw:
        fits = np.asarray(condition.whole(table.texts(rows))) if checked else np.ones(len(rows), dtype=bool)
        found.append(rows[fits])
        met, drawn = met + int(fits.sum()), drawn + len(rows)
        if met >= count:
            break
        if drawn >= 1 / LEAST_RATE and met < LEAST_RATE * drawn:
            break
    if met < count:
        what = f"Only {met:,} of {drawn:,} rows met '{text}', and {count:,} are asked for"
        raise PoiseError(
            what, code="generator.condition-rare", hint=f"ask for {met:,} rows or a wider condition"
        )
    rows = np.concatenate(found)[:count]
    return Conditioned(rows, probability, met / drawn if checked else 1.0, effective)


def _unconditional(generator: MakesRows, table: TableTransform, count: int, seed: int) -> Iterator[Array]:
    for number in range(ROUNDS):
        latent = sample_latents(max(count, 1_000), generator.latent, seed=derive(seed, number, "rows"))
        yield table.decode(generate(generator.module, latent)).numpy()


def _choose(
    generator: MakesRows,
    probable: Callable[[Tensor], Tensor],
    table: TableTransform,
    condition: Condition,
    count: int,
    seed: int,
) -> tuple[Iterator[Array], float, float]:
    """Rows of latents that are chosen by the condition, its probability, and what they are worth."""
    size = LATENTS
    while True:
        latent = sample_latents(size, generator.latent, seed=derive(seed, 0, "latents of rows"))
        shares = _probabilities(probable, latent)
        weight = np.ones(size)
        for index, allowed in condition.alone.items():
            weight *= shares[:, table.starts[index] : table.starts[index + 1]] @ allowed.shares
        effective = float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300))
        if effective >= min(ENOUGH, count) or size >= MOST_LATENTS:
            break
        size *= 4
    if not weight.sum() > 0:
        what = f"The generator makes no row that meets '{condition.text}'"
        raise PoiseError(what, code="generator.condition-impossible", hint="ask for a wider condition")

    def draws() -> Iterator[Array]:
        for number in range(ROUNDS):
            stream = numpy_stream(seed, number, "rows under a condition")
            # one draw in each of equal steps of the cumulative weights
            steps = (np.arange(count) + stream.random(count)) / count
            places = np.searchsorted(np.cumsum(weight) / weight.sum(), steps).clip(max=size - 1)
            yield _drawn(shares[stream.permutation(places)], table, condition, stream)

    return draws(), float(weight.mean()), effective


def _probabilities(probable: Callable[[Tensor], Tensor], latent: Tensor) -> Array:
    with torch.no_grad():
        pieces = [probable(piece).cpu() for piece in latent.split(2_048)]
    made: Array = torch.cat(pieces).double().numpy()
    return made


def _drawn(
    shares: Array, table: TableTransform, condition: Condition | None, stream: np.random.Generator
) -> Array:
    """A row for each row of probabilities, under the parts of a condition on single columns."""
    cells, places = [], []
    for index, column in enumerate(table.columns):
        part = shares[:, table.starts[index] : table.starts[index + 1]]
        allowed = None if condition is None else condition.alone.get(index)
        part = part if allowed is None else part * allowed.shares
        found = _choice(part, stream.random(len(part)))
        cells.append(found)
        if column.ranged:
            place = stream.random(len(part))
            for cell in np.unique(found) if allowed is not None else ():
                here, (at, weight) = found == cell, allowed.places[int(cell)]  # type: ignore[union-attr]
                place[here] = at[np.searchsorted(np.cumsum(weight), place[here]).clip(max=len(at) - 1)]
            places.append(place)
    return np.stack([*cells, *places], 1).astype(np.float32)


def _choice(weights: Array, uniform: Array) -> Array:
    """A column of each row, as often as its weight says."""
    total = weights.cumsum(1)
    passed = total <= uniform[:, None] * total[:, -1:]
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
    chosen: Array = np.minimum(passed.sum(1), last)
    return chosen


def imputed(
    generator: MakesRows, texts: Mapping[str, Sequence[str]], *, draws: int, seed: int, name: str = "table"
) -> Iterator[dict[str, list[str]]]:
    """Tables in which every missing cell has a value, one after the other.

    For each row latents are chosen by the probability that they give to its known cells, and the missing
    ones are drawn from what the chosen latent makes probable. Draws differ by as much as is not known.

    Args:
        generator: A generator that knows the probability of each value given a latent.
        texts: The table, missing cells empty.
        draws: How many.
        seed: Draws them.
        name: What to call the table.

    Raises:
        PoiseError: It is no such generator, or the table has other columns or values.
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
    known, stored = _known(table, texts, name)
    latent = sample_latents(IMPUTING, generator.latent, seed=derive(seed, 0, "latents of imputation"))
    shares = _probabilities(probable, latent)
    logits = np.log(np.maximum(shares, 1e-12)).astype(np.float32)
    for number in range(draws):
        stream = numpy_stream(seed, number, "imputation")
        filled = stored.copy()
        for start in range(0, len(stored), BLOCK):
            rows = slice(start, start + BLOCK)
            encoded = np.zeros((len(stored[rows]), table.starts[-1]), dtype=np.float32)
            for index, one in enumerate(known):
                here = np.flatnonzero(one.known[rows])
                encoded[here, table.starts[index] + stored[rows][here, index].astype(int)] = 1
            score = encoded @ logits.T
            weight = np.exp(score - score.max(1, keepdims=True)).astype(np.float64)
            chosen = shares[_choice(weight, stream.random(len(weight)))]
            for index, one in enumerate(known):
                part = chosen[:, table.starts[index] : table.starts[index + 1]] * one.possible
                part = np.where(part.sum(1, keepdims=True) > 0, part, one.possible)
                here = ~one.known[rows]
                cell = _choice(part, stream.random(len(part)))
                filled[rows, index] = np.where(here, cell, stored[rows, index])
                if index in table.ranged:
                    at = len(table.columns) + table.ranged.index(index)
                    filled[rows, at] = np.where(here, stream.random(len(part)), stored[rows, at])
        made = table.texts(filled)
        yield {
            one: [old or new for old, new in zip(texts[one], made[one], strict=True)]
            if one in texts
            else list(made[one])
            for one in table.order
        }


@dataclass(frozen=True)
class _Known:
    """Of a column: which rows have a value, and which cells are values."""

    known: Array
    possible: Array


def _known(
    table: TableTransform, texts: Mapping[str, Sequence[str]], name: str
) -> tuple[list[_Known], Array]:
    """For each column which rows are known, and stored rows, missing cells as cell 0."""
    known, filled = [], dict(texts)
    for column in table.columns:
        missing = ("",) if column.form is None else MISSING
        if column.name not in texts:
            what = f"The table '{name}' has no column '{column.name}'"
            raise PoiseError(what, code="generator.imputed-column-missing", hint="add it, with empty cells")
        is_known = np.array([text not in missing for text in texts[column.name]])
        possible = np.array(
            [not (cell.single and cell.texts[0] in missing) for cell in column.cells], dtype=float
        )
        first = column.cells[int(np.argmax(possible))]
        stand_in = first.texts[0] if first.texts else column.form.text(first.knots[0])  # type: ignore[union-attr]
        filled[column.name] = [
            text if one else stand_in for text, one in zip(texts[column.name], is_known, strict=True)
        ]
        known.append(_Known(is_known, possible))
    return known, table.rows(filled, name)
