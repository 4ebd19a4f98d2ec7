"""Which graphs are the same up to the order of their nodes, by colours of pairs of nodes."""

from __future__ import annotations

import numpy as np

from poise.metrics.row_sets import Array

AT_ONCE = 2_000_000
"""Triples of nodes that are in memory at once."""


def forms(whole: Array) -> Array:
    """A number of each graph that does not depend on the order of its nodes.

    Pairs of nodes begin with the code of the pair, and are coloured again and again by the colours of the two
    pairs that they make with each other node, until the colours have passed everywhere. Equal graphs have
    equal numbers. Different ones have different numbers but for strongly regular graphs and their like, the
    smallest of which have 16 nodes; all 1,253 graphs of up to seven nodes are told apart.

    Args:
        whole: Symmetric matrices of codes `(N, n, n)`: types of nodes on the diagonal, 0 if there is none,
            types of edges beside it.

    Returns:
        `(N,)` uint64.

    Example:
        >>> ring = np.roll(np.eye(5, dtype=int), 1, axis=0)
        >>> ring = ring + ring.T + np.eye(5, dtype=int)
        >>> order = [2, 0, 4, 1, 3]
        >>> bool(forms(ring[None])[0] == forms(ring[order][:, order][None])[0])
        True

    Source: Weisfeiler and Leman 1968, in two dimensions; Cai, Fürer and Immerman 1992.
    """
    count, nodes = whole.shape[:2]
    step = max(1, AT_ONCE // nodes**3)
    found = [_forms(whole[start : start + step]) for start in range(0, count, step)]
    return np.concatenate(found) if found else np.zeros(0, np.uint64)


def _forms(whole: Array) -> Array:
    nodes = whole.shape[1]
    diagonal = np.eye(nodes, dtype=bool)
    there = np.diagonal(whole, axis1=1, axis2=2) > 0
    both = there[:, :, None] & there[:, None, :]
    colours = np.where(both, _mixed(whole.astype(np.uint64) * np.uint64(2) + diagonal.astype(np.uint64)), 0)
    colours = colours.astype(np.uint64)
    for _ in range(max(1, int(np.ceil(np.log2(nodes))) + 2)):
        # The order of the two pairs counts, and the order of the other nodes does not
        ways = _mixed(colours[:, :, :, None] * np.uint64(3) + _mixed(colours)[:, None, :, :])
        ways = np.where(both[:, :, :, None] & there[:, None, None, :], ways, np.uint64(0))
        colours = np.where(both, _mixed(colours + np.uint64(7) * ways.sum(2, dtype=np.uint64)), np.uint64(0))
    return _mixed(colours.sum((1, 2), dtype=np.uint64))


def _mixed(numbers: Array) -> Array:
    """Numbers whose bits are spread, as by SplitMix64 (Steele et al. 2014)."""
    found = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))
