"""Graphs as metrics take them, and graphs whose edges know nothing of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.metrics.row_sets import Array
from poise.randomness import numpy_stream


@dataclass(frozen=True, eq=False)
class GraphSet:
    """Graphs.

    Attributes:
        whole: Symmetric matrices of codes `(N, n, n)`: the type of each node on the diagonal, 0 if there is
            none, the type of each edge beside it, 0 if there is none.
        valid: Which graphs could be among the data, `(N,)`: they have nodes, they are in one piece if all of
            the data are, and molecules obey the rules of valence.

    Example:
        >>> edge = np.array([[[1, 1], [1, 1]]])
        >>> len(GraphSet(edge, np.array([True])))
        1
    """

    whole: Array
    valid: Array

    def __len__(self) -> int:
        return len(self.whole)

    def taken(self, rows: Any) -> GraphSet:
        """Some of the graphs."""
        return GraphSet(self.whole[rows], self.valid[rows])


def connected(whole: Array) -> Array:
    """Which graphs `(N, n, n)` have nodes and are in one piece, `(N,)`.

    Example:
        >>> connected(np.array([[[1, 1], [1, 1]], [[1, 0], [0, 1]], [[0, 0], [0, 0]]])).tolist()
        [True, False, False]
    """
    joined: Array = np.asarray(whole > 0)
    there = np.diagonal(joined, axis1=1, axis2=2)
    reached = joined
    for _ in range(max(1, int(np.ceil(np.log2(max(2, whole.shape[1])))))):
        ways = reached.astype(np.float32) @ reached.astype(np.float32)
        reached = np.asarray(reached | (ways > 0))
    wanted = there[:, :, None] & there[:, None, :]
    found: Array = there.any(1) & (reached | ~wanted).all((1, 2))
    return found


def erdos_renyi(real: GraphSet, *, seed: int) -> GraphSet:
    """As many graphs with the nodes of reals, whose edges are drawn one by one.

    The probability of an edge is its share among reals of as many nodes, as is that of its type.

    Source: Gilbert 1959, "Random graphs".
    """
    stream = numpy_stream(seed, 0, "graphs of even edges")
    first, second = np.triu_indices(real.whole.shape[1], 1)
    codes = real.whole[stream.permutation(len(real))]
    nodes = np.diagonal(codes, axis1=1, axis2=2)
    both = (nodes[:, first] > 0) & (nodes[:, second] > 0)
    pairs = codes[:, first, second]
    drawn = np.zeros_like(pairs)
    sizes = (nodes > 0).sum(1)
    for size in np.unique(sizes):
        within = np.flatnonzero(sizes == size)
        seen = pairs[within][both[within]]
        if len(seen):
            drawn[within] = np.where(both[within], stream.choice(seen, (len(within), len(first))), 0)
    made = np.zeros_like(codes)
    made[:, first, second] = made[:, second, first] = drawn
    made[:, range(codes.shape[1]), range(codes.shape[1])] = nodes
    return GraphSet(made, connected(made))
