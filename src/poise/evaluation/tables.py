"""Tables, measured: which rows stand against which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from poise.data import Array, Dataset, TableTransform, kind_of
from poise.errors import PoiseError
from poise.evaluation.subjects import OwnRows, other_rows, own_rows, rows_of
from poise.metrics import Metric, Result
from poise.metrics.row_sets import RowSet, independent_columns
from poise.networks.mixture import MixtureGenerator
from poise.randomness import derive, numpy_stream

if TYPE_CHECKING:
    from poise.evaluation.measuring import Asked


MOST_CATEGORIES = 250
"""Categories that boosted trees are told apart by; the others are one."""

MOST_COMPONENTS = 200
"""The most components of the mixture that is fitted for comparison."""

BY_SIDE = {"boosted-detection": "real", "trained-on-fakes": "train"}
"""Metrics beside whose results plain generators stand, and the rows that these are made of."""


def row_set(stored: Array, transform: TableTransform) -> RowSet:
    """Stored rows as metrics take them: categories by their frequency in the data.

    Args:
        stored: `(N, columns + places)`.
        transform: What they mean.
    """
    return row_set_of_texts(transform.learnt(stored), transform)


def row_set_of_texts(learnt: Mapping[str, Sequence[str]], transform: TableTransform) -> RowSet:
    """The texts of the columns that networks see as metrics take them."""
    values, missing = [], []
    for column in transform.columns:
        texts = learnt[column.name]
        if column.ordered:
            values.append(column.numbers(texts))
            missing.append(np.isnan(values[-1]))
            continue
        known = [text for cell in column.cells for text in cell.texts]
        number = {text: min(place, MOST_CATEGORIES) for place, text in enumerate(known)}
        values.append(np.array([number[text] for text in texts], dtype=np.float64))
        missing.append(np.array([not text for text in texts]))
    ordered = np.array([column.ordered for column in transform.columns])
    names = tuple(column.name for column in transform.columns)
    return RowSet(names, np.stack(values, 1), np.stack(missing, 1), ordered, names.index(transform.target))


def mixture_of_products(stored: Array, transform: TableTransform, count: int, *, seed: int) -> Array:
    """So many stored rows of a mixture that is fitted to others; its components follow from their number."""
    size = 16 + len(transform.spans)
    module = MixtureGenerator(transform.spans, size, components=MOST_COMPONENTS, width=1, depth=0)
    module.fit(transform.encode(torch.from_numpy(np.ascontiguousarray(stored))), seed)
    stream = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        made = module(torch.randn(count, size, generator=stream))
    found: Array = transform.decode(made).numpy()
    for place, index in enumerate(transform.ranged, start=len(transform.columns)):
        if transform.columns[index].within == "around":
            found[:, place] = _places(
                stored[:, [index, place]], found[:, index], numpy_stream(seed, place, "places")
            )
    return found


def _places(own: Array, cells: Array, stream: np.random.Generator) -> Array:
    """A place for each cell `(N,)`: that of a row `(cell, place)` that has this cell, each equally likely."""
    made = np.zeros(len(cells))
    for cell in np.unique(cells):
        here, known = cells == cell, own[own[:, 0] == cell, 1]
        made[here] = stream.choice(known if len(known) else own[:, 1], int(here.sum()))
    return made


def measured_rows(asked: Asked, metrics: Sequence[Metric], *, named: bool) -> dict[str, Result]:
    """The results of metrics of rows, by their names.

    A metric that needs rows which nobody was trained on is left out if there are none, unless it is named.

    Raises:
        PoiseError: The data are no table, or a metric that is named lacks rows.
    """
    if not metrics:
        return {}
    rows, results = _Rows(asked), dict[str, Result]()
    for metric in metrics:
        given = [getattr(rows, need) for need in metric.needs]
        if any(one is None for one in given):
            if named:
                what = f"The metric '{metric.name}' needs rows that nobody was trained on"
                hint = "evaluate a run, which holds some out, or name others: --against test.csv"
                raise PoiseError(what, code="evaluation.no-unseen-rows", hint=hint)
            continue
        asked.tell(metric.name)
        more: dict[str, Any] = {} if "test_rows" in metric.needs else {"others": rows.others}
        if metric.name in BY_SIDE:
            more["plain"] = rows.plain(BY_SIDE[metric.name])
        results[metric.name] = metric.measure(*given, **more, seed=asked.seed)
    return results


class _Rows:
    """The rows that metrics may need; found when they are first asked for."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        as_table = kind_of(asked.reference).table
        if as_table is None:
            what = f"'{asked.reference.name}' is no table, and only tables have rows to compare"
            raise PoiseError(what, code="evaluation.no-table", hint="choose other metrics")
        self.transform = as_table(asked.reference.transform)

    def _set(self, data: Dataset, rows: Any) -> RowSet:
        return row_set(data.gather(rows).numpy(), self.transform)

    def plain(self, side: str) -> dict[str, RowSet]:
        """Rows of a mixture of products and of independent columns, both made of the reals of a side."""
        asked = self.asked
        if side == "real" or self._own is None:
            rows = rows_of(len(asked.reference), asked.most, asked.seed)
            stored, real = asked.reference.gather(rows).numpy(), self.real_rows
        else:
            assert self.train_rows is not None
            stored, real = self._own.data.gather(self._trained).numpy(), self.train_rows
        seed = derive(asked.seed, 0, "mixture of products")
        mixture = mixture_of_products(stored, self.transform, len(self.fake_rows), seed=seed)
        return {
            "mixture": row_set(mixture, self.transform),
            "independent": independent_columns(real, seed=asked.seed),
        }

    @cached_property
    def real_rows(self) -> RowSet:
        """Reals: of the reference."""
        reference = self.asked.reference
        return self._set(reference, rows_of(len(reference), self.asked.most, self.asked.seed))

    @cached_property
    def others(self) -> RowSet | None:
        """Other rows of the reference, at least half as many; `None` if there are not so many."""
        reference, seed = self.asked.reference, self.asked.seed
        used = rows_of(len(reference), self.asked.most, seed)
        rows = other_rows(used, len(reference), seed, "other rows")
        return None if rows is None else self._set(reference, rows)

    @cached_property
    def fake_rows(self) -> RowSet:
        """Fakes, as many as the reals."""
        return row_set(self.asked.subject.draw(len(self.real_rows), self.asked.seed).numpy(), self.transform)

    @cached_property
    def _own(self) -> OwnRows | None:
        """The data of the run with its rows that were trained on, and those that were not."""
        return own_rows(self.asked.subject.run, self.asked.reference, self.asked.progress)

    @cached_property
    def train_rows(self) -> RowSet | None:
        """Rows that were trained on, as many as the fakes; those of the reference for samples."""
        if self._own is None:
            return None if self.asked.subject.run is not None else self.real_rows
        return self._set(self._own.data, self._trained)

    @cached_property
    def _trained(self) -> Array:
        """The rows of the run's data that `train_rows` holds."""
        assert self._own is not None
        order = numpy_stream(self.asked.seed, 0, "rows that were trained on").permutation(self._own.trained)
        chosen: Array = np.sort(order[: self.asked.most])
        return chosen

    @cached_property
    def test_rows(self) -> RowSet | None:
        """Rows that were not trained on: of other data than the run's, or those that it held out."""
        if self._own is None:
            return None
        own = self._own
        if own.data is not self.asked.reference:
            return self.real_rows
        return self._set(own.data, own.held_out) if len(own.held_out) else None
