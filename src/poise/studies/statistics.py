"""What can be said of scores by groups of trials: pure functions of numbers, lower being better.

A run without a score is infinitely bad; it is never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np

ALPHA = 0.05


LEAST_RANKED = 4
"""Settings of which the spread of a rank agreement is not known; there must be more."""

Array = np.ndarray[Any, np.dtype[np.float64]]
Interval = tuple[float, float]


def median_interval(values: Sequence[float]) -> Interval | None:
    """The 95 % interval of a median from the order of values, whatever their distribution.

    Args:
        values: Independent values, perhaps infinite.

    Returns:
        Two of the values; `None` of fewer than six, between which no median lies so surely.

    Example:
        >>> median_interval([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        (2.0, 9.0)
        >>> median_interval([1, 2, 3])

    Source: the binomial distribution of how many values lie below the median.
    """
    ordered, count = sorted(map(float, values)), len(values)
    found, below = None, 0.0
    for rank in range(count // 2):
        below += math.comb(count, rank) / 2**count
        if 2 * below > ALPHA:
            break
        found = rank
    return None if found is None else (ordered[found], ordered[count - 1 - found])


@dataclass(frozen=True)
class Agreement:
    """Whether two rungs rank the settings of recipes alike."""

    tau: float | None  # Kendall's, over all pairs within recipes; None if there are none
    interval: Interval | None  # None of so few that none holds
    settings: int

    @property
    def ranks(self) -> bool:
        """Whether it can be told from no agreement."""
        return self.interval is not None and self.interval[0] > 0


def rank_agreement(orders: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Agreement:
    """How far two rungs rank settings alike, pairs of one recipe alone being held against each other.

    The interval is Fisher's: the inverse hyperbolic tangent of tau is about normal with a variance of
    0.437 / (n - 4), where n - 4 is summed over recipes. Those with fewer than five settings do not narrow it.

    Args:
        orders: For each recipe the scores of the same settings on the lower and on the upper rung.

    Returns:
        The agreement; a tau of 1 is the same order, 0 none, -1 the opposite.

    Example:
        >>> rank_agreement([([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])]).tau
        0.3333333333333333

    Source: Kendall 1938; Fieller, Hartley and Pearson 1957.
    """
    concordant, pairs, weight, settings = 0.0, 0, 0, 0
    for lower, upper in orders:
        known = [index for index in range(len(upper)) if math.isfinite(lower[index] + upper[index])]
        one, other = (np.asarray([scores[index] for index in known]) for scores in (lower, upper))
        count = len(known)
        signs = np.sign(one[:, None] - one) * np.sign(other[:, None] - other)
        agreeing, possible = float(signs.sum()) / 2, count * (count - 1) // 2
        concordant, pairs, settings = concordant + agreeing, pairs + possible, settings + count
        weight += max(0, count - LEAST_RANKED)
    if not pairs:
        return Agreement(None, None, settings)
    tau = concordant / pairs
    if not weight:
        return Agreement(tau, None, settings)
    most = 1 - 1 / pairs  # settings that all have one order have no spread, and yet are few
    middle = math.atanh(min(max(tau, -most), most))
    half = NormalDist().inv_cdf(1 - ALPHA / 2) * math.sqrt(0.437 / weight)
    return Agreement(tau, (math.tanh(middle - half), math.tanh(middle + half)), settings)


@dataclass(frozen=True)
class Marginal:
    """The trials whose value of a setting lies in one part of its range."""

    label: str
    low: float | None  # The part of the range; None of a choice
    high: float | None
    median: float
    interval: Interval | None
    count: int


def marginals(values: Sequence[Any], scores: Sequence[float], *, parts: int = 4) -> list[Marginal]:
    """The median score by parts of a setting's range with as many trials each, or by its choices.

    Args:
        values: Of one setting, by trial.
        scores: By trial.
        parts: Into how many a range is divided.

    Example:
        >>> [one.median for one in marginals([1, 5, 1, 5], [1.0, 2.0, 3.0, 4.0])]
        [2.0, 3.0]
    """
    return [
        Marginal(label, low, high, float(np.median(own)), median_interval(own), len(own))
        for label, low, high, own in _parts(values, scores, parts)
        if own
    ]


def _parts(
    values: Sequence[Any], scores: Sequence[float], parts: int
) -> Iterator[tuple[str, float | None, float | None, list[float]]]:
    """Scores by choice, or by parts of a range."""
    distinct = sorted(set(values), key=lambda value: (str(type(value)), value))
    if len(distinct) <= parts or not all(type(value) in (int, float) for value in distinct):
        for one in distinct:
            own = [score for value, score in zip(values, scores, strict=True) if value == one]
            yield f"{one:.3g}" if isinstance(one, float) else str(one), None, None, own
        return
    order = np.argsort(np.asarray(values, dtype=np.float64), kind="stable")
    edges = [round(part * len(order) / parts) for part in range(parts + 1)]
    for first, end in pairwise(edges):
        rows = order[first:end]
        low, high = float(values[rows[0]]), float(values[rows[-1]])
        yield f"{low:.2g} to {high:.2g}", low, high, [scores[row] for row in rows]
