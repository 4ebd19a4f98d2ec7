"""Graphs for the metrics that need them: of a run, of samples and of the data they are measured against."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from poise.data import Array, Dataset, kind_of
from poise.data.graphs import GraphTransform, matrices, networkx_graphs
from poise.data.graphs.molecules import smiles_of
from poise.errors import PoiseError
from poise.evaluation.subjects import OwnRows, other_rows, own_rows, rows_of
from poise.metrics.graph_sets import GraphSet, connected, erdos_renyi
from poise.metrics.metric import Metric
from poise.metrics.result import Result

if TYPE_CHECKING:
    from poise.evaluation.measuring import Asked


def graph_set(stored: Array, transform: GraphTransform) -> GraphSet:
    """Graphs of stored codes, with which of them could be among the data."""
    whole = matrices(torch.from_numpy(np.ascontiguousarray(stored)))
    valid = connected(whole.numpy()) if transform.connected else np.asarray(whole.numpy().any((1, 2)))
    if transform.form == "smiles":
        molecules = [fits for _, fits in smiles_of(networkx_graphs(whole, transform))]
        valid = valid & np.array(molecules, dtype=bool)
    return GraphSet(whole.numpy(), valid)


def measured_graphs(asked: Asked, metrics: Sequence[Metric]) -> dict[str, Result]:
    """The results of metrics of graphs, by their names.

    Raises:
        PoiseError: The data are no graphs.
    """
    if not metrics:
        return {}
    graphs, results = _Graphs(asked), dict[str, Result]()
    for metric in metrics:
        given = [getattr(graphs, need) for need in metric.needs]
        asked.tell(metric.name)
        against_train = "train_graphs" in metric.needs
        more: dict[str, Any] = {"others": graphs.held_out if against_train else graphs.others}
        if not against_train:
            more["plain"] = {"erdos_renyi": erdos_renyi(graphs.real_graphs, seed=asked.seed)}
        results[metric.name] = metric.measure(*given, **more, seed=asked.seed)
    return results


class _Graphs:
    """The graphs that metrics may need; found when they are first asked for."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        as_graphs = kind_of(asked.reference).graphs
        if as_graphs is None:
            what = f"'{asked.reference.name}' holds no graphs"
            raise PoiseError(what, code="evaluation.no-graphs", hint="choose other metrics")
        self.transform = as_graphs(asked.reference.transform)

    def _set(self, data: Dataset, rows: Array) -> GraphSet:
        return graph_set(data.gather(rows).numpy(), self.transform)

    @cached_property
    def real_graphs(self) -> GraphSet:
        """Reals: of the reference."""
        return self._set(self.asked.reference, self._reals)

    @property
    def _reals(self) -> Array:
        asked = self.asked
        return rows_of(len(asked.reference), asked.most, asked.seed)

    @cached_property
    def others(self) -> GraphSet | None:
        """Other graphs of the reference, at least half as many; `None` if there are fewer."""
        reference, used = self.asked.reference, self._reals
        rows = other_rows(used, len(reference), self.asked.seed, "other graphs")
        return None if rows is None else self._set(reference, rows)

    @cached_property
    def fake_graphs(self) -> GraphSet:
        """Samples, as many as the reals, or as are asked for if the reals are fewer."""
        subject, asked = self.asked.subject, self.asked
        count = asked.most if subject.samples is None else min(asked.most, len(subject.samples))
        return graph_set(subject.draw(count, asked.seed).numpy(), self.transform)

    @cached_property
    def _own(self) -> OwnRows | None:
        """The data of the run with its rows that were trained on, and those that were not."""
        return own_rows(self.asked.subject.run, self.asked.reference, self.asked.progress)

    @cached_property
    def train_graphs(self) -> GraphSet:
        """All graphs that were trained on; those of the reference for samples."""
        data, rows = (self.asked.reference, np.arange(len(self.asked.reference)))
        if self._own is not None:
            data, rows = self._own.data, self._own.trained
        whole = matrices(data.gather(rows)).numpy()
        return GraphSet(whole, np.ones(len(whole), bool))

    @cached_property
    def held_out(self) -> GraphSet | None:
        """Graphs that were not trained on: held out, or of other data than the run's."""
        if self._own is None:
            return None
        own = self._own
        if own.data is not self.asked.reference:
            return self.real_graphs
        return self._set(own.data, own.held_out) if len(own.held_out) else None
