"""Rows of a table under a condition, from what each latent makes probable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from poise.data import Array, DataKind, TableTransform
from poise.data.tables.conditions import Condition, read_condition
from poise.errors import PoiseError
from poise.generator.sampling import generate, sample_latents
from poise.randomness import derive, numpy_stream
from poise.recipes.settings import Latent

LATENTS, MOST_LATENTS = 16_384, 131_072
"""Latents among which those are chosen that make a condition probable, at first and at most."""

ENOUGH = 500
"""Effective latents behind the rows that are asked for; with fewer, more are drawn."""

LEAST_RATE, ROUNDS = 1e-4, 200
"""The share of rows below which a condition is refused, and how often rows are drawn again."""


class MakesRows(Protocol):
    """What of a generator is needed here."""

    module: Any
    latent: Latent
    transform: Any
    kind: DataKind


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
    if generator.kind.table is None:
        what = "This generator makes no rows of a table"
        raise PoiseError(what, code="generator.no-rows", hint="leave the condition out")
    return generator.kind.table(generator.transform)


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
        shares = probabilities(probable, latent)
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


def probabilities(probable: Callable[[Tensor], Tensor], latent: Tensor) -> Array:
    """The probability of each value of each column given each latent, `(N, numbers)`."""
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
        found = choice(part, stream.random(len(part)))
        cells.append(found)
        if column.ranged:
            place = stream.random(len(part))
            for cell in np.unique(found) if allowed is not None else ():
                here, (at, weight) = found == cell, allowed.places[int(cell)]  # type: ignore[union-attr]
                place[here] = at[np.searchsorted(np.cumsum(weight), place[here]).clip(max=len(at) - 1)]
            places.append(place)
    return np.stack([*cells, *places], 1).astype(np.float32)


def choice(weights: Array, uniform: Array) -> Array:
    """A column of each row `(N,)`, as often as its weight in `(N, columns)` says; `uniform` draws it."""
    total = weights.cumsum(1)
    passed = total <= uniform[:, None] * total[:, -1:]
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
    chosen: Array = np.minimum(passed.sum(1), last)
    return chosen
