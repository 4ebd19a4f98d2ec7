"""What can be said of trials and of confirmed settings: pure functions of numbers, lower being better.

A run without a score is infinitely bad; it is never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from poise.randomness import numpy_stream

ALPHA = 0.05
POWER = 0.8
EXACT = 16
"""Pairs up to which all signs are counted; of more, so many are drawn that it makes no difference."""

DRAWN = 100_000
BAND_SHARE = 5
"""Bands of the expected best of k are drawn for k up to one in so many trials: beyond they are too narrow."""

MOST_SEEDS = 1_000

LEAST_RANKED = 4
"""Settings of which the spread of a rank agreement is not known; there must be more."""

Array = np.ndarray[Any, np.dtype[np.float64]]
Interval = tuple[float, float]


# The best of k trials -------------------------------------------------------------------------------------


def expected_best(scores: Sequence[float], worst: float | None = None) -> Array:
    """The expected best of k trials out of n, for k from 1 to n; unbiased.

    Args:
        scores: Of n trials; those without one are infinite.
        worst: What stands for an infinite score; by default the worst finite one.

    Returns:
        `(n,)`; not finite if no score is.

    Example:
        >>> expected_best([1.0, 2.0, 3.0]).tolist()
        [2.0, 1.3333333333333333, 1.0]

    Source: Tang et al. 2020, "Showing your work doesn't always work", section 3.2.
    """
    values = np.sort(_finite(scores, worst))
    best: Array = _weights_of_best(len(values)) @ values
    return best


def _weights_of_best(count: int) -> Array:
    """The chance of the i-th best of all to be the best of k: C(n - i, k - 1) / C(n, k), row by row of k."""
    weights = np.zeros((count, count))
    weights[0] = 1.0 / count
    for k in range(1, count):  # each row from the one before
        left = np.maximum(count - 1 - np.arange(count) - (k - 1), 0)
        weights[k] = weights[k - 1] * left / k * (k + 1) / (count - k)
    return weights


def best_bands(
    scores: Sequence[float], *, seed: int = 0, replicates: int = 1_000, worst: float | None = None
) -> Array:
    """95 % bands of the expected best of k, for k from 1 to a fifth of the trials.

    They are the middle 99 % of a bootstrap, which promises more than it keeps: of heavy-tailed scores its
    middle 95 % cover .82 to .95, and its middle 99 % .90 for k = 1 and .95 to 1 for more (simulated with 20,
    50 and 100 trials). Beyond a fifth of the trials coverage falls off (.74 at half of them), so no band is
    given there.

    Args:
        scores: Of n trials.
        seed: Draws the replicates.
        replicates: How many.
        worst: As for `expected_best`.

    Returns:
        `(n // 5, 2)`.
    """
    values = _finite(scores, worst)
    most = len(values) // BAND_SHARE
    if not most:
        return np.empty((0, 2))
    stream = numpy_stream(seed, 0, "study bands")
    drawn = values[stream.integers(len(values), size=(replicates, len(values)))]
    curves = np.sort(drawn, axis=1) @ _weights_of_best(len(values))[:most].T
    low, high = np.quantile(curves, [0.005, 0.995], axis=0)
    return np.stack([low, high], axis=1)


def _finite(scores: Sequence[float], worst: float | None) -> Array:
    values = np.asarray(scores, dtype=np.float64)
    known = values[np.isfinite(values)]
    if worst is None:
        worst = float(known.max()) if len(known) else math.inf
    return np.where(np.isfinite(values), values, worst)


# One setting ----------------------------------------------------------------------------------------------


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


# Pairs of recipes -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two recipes with the same fresh seeds."""

    first: str
    second: str
    difference: float  # The median over seeds of first minus second; below 0 the first is better
    p: float  # Of the signed ranks, two-sided
    adjusted: float  # By Holm's correction over all pairs
    verdict: Literal["first", "second", "cannot tell"]
    seeds: int | None  # With so many seeds a difference like this would be seen; None beyond 1,000


def compared(scores: Mapping[str, Sequence[float]], *, seed: int = 0) -> list[Pair]:
    """Every pair of recipes: which is better, or that the seeds do not say.

    Args:
        scores: Of each recipe, by seed; all with the same seeds in the same order.
        seed: Draws signs, if there are many seeds.

    Returns:
        The pairs, in the order of the recipes.

    Example:
        >>> better, worse = [1.0 + 0.01 * n for n in range(10)], [2.0 + 0.02 * n for n in range(10)]
        >>> compared({"a": better, "b": worse})[0].verdict
        'first'

    Source: Wilcoxon 1945; Pratt 1959 for equal scores; Holm 1979.
    """
    pairs = list(combinations(scores, 2))
    tests = [signed_rank_p(scores[a], scores[b], seed=seed) for a, b in pairs]
    adjusted = holm(tests)
    found = []
    for (a, b), p, corrected in zip(pairs, tests, adjusted, strict=True):
        differences = _differences(scores[a], scores[b])
        middle = float(np.median(differences)) if len(differences) else 0.0
        clear = corrected <= ALPHA and middle != 0
        verdict: Literal["first", "second", "cannot tell"] = "cannot tell"
        if clear:
            verdict = "first" if middle < 0 else "second"
        found.append(Pair(a, b, middle, p, corrected, verdict, seeds_needed(differences, tests=len(pairs))))
    return found


def signed_rank_p(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> float:
    """The two-sided p-value of the signed ranks of paired differences.

    Args:
        first: Scores by seed, perhaps infinite.
        second: Of the same seeds.
        seed: Draws signs, if there are more than 16 pairs.

    Example:
        >>> signed_rank_p([1.0] * 5, [2.0, 2.1, 2.2, 2.3, 2.4])
        0.0625

    Source: Wilcoxon 1945; Pratt 1959.
    """
    differences = _differences(first, second)
    signed = differences[differences != 0]
    if not len(signed):
        return 1.0
    sizes = np.abs(differences)
    ranks = _ranks(sizes)[differences != 0]  # Pratt: zeros are ranked, and then left out
    statistic = abs(float((np.sign(signed) * ranks).sum()))
    count = len(signed)
    if count <= EXACT:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        sums = np.abs(signs @ ranks)
        return float((sums >= statistic - 1e-9).mean())
    stream = numpy_stream(seed, 0, "study signs")
    sums = np.abs((1 - 2 * stream.integers(2, size=(DRAWN, count))) @ ranks)
    return float(((sums >= statistic - 1e-9).sum() + 1) / (DRAWN + 1))


def _differences(first: Sequence[float], second: Sequence[float]) -> Array:
    """First minus second; of two runs without a score, 0."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(a == b, 0.0, a - b)


def _ranks(sizes: Array) -> Array:
    """Ranks from 1, equal sizes sharing the mean of theirs."""
    _, inverse, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Array = (ends - (counts - 1) / 2)[inverse]
    return ranks


def holm(tests: Sequence[float]) -> list[float]:
    """P-values corrected for their number, so that a false one among all of them has a chance of 5 %.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = sorted(range(len(tests)), key=tests.__getitem__)
    adjusted, highest = [0.0] * len(tests), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(tests) - rank) * tests[place]))
        adjusted[place] = highest
    return adjusted


def seeds_needed(differences: Sequence[float] | Array, *, tests: int) -> int | None:
    """With how many seeds a difference like this would be seen in four studies of five.

    From the normal approximation to the signed ranks, with Guenther's correction for few, at the strictest
    step of Holm's correction; at least as many as make a p-value so small possible at all.

    Args:
        differences: By seed.
        tests: How many pairs are compared.

    Returns:
        The number; `None` if it is more than 1,000, or if these do not say.

    Example:
        >>> seeds_needed([-1.0, -1.2, -0.9, -1.1, -0.8, -1.0], tests=1)
        6
    """
    known = np.asarray(differences, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 3:
        return None
    spread = float(known.std(ddof=1))
    effect = abs(float(np.median(known)))
    least = math.ceil(1 + math.log2(tests / ALPHA))
    if effect == 0:
        return None
    if spread == 0:
        return least
    normal = NormalDist()
    strict = normal.inv_cdf(1 - ALPHA / (2 * tests))
    by_normal = ((strict + normal.inv_cdf(POWER)) * spread / effect) ** 2 * math.pi / 3
    needed = math.ceil(by_normal + strict**2 / 2)
    return None if needed > MOST_SEEDS else max(least, needed)


# Rungs of a search ----------------------------------------------------------------------------------------


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


# Settings -------------------------------------------------------------------------------------------------


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
            yield str(one), None, None, own
        return
    order = np.argsort(np.asarray(values, dtype=np.float64), kind="stable")
    edges = [round(part * len(order) / parts) for part in range(parts + 1)]
    for first, end in pairwise(edges):
        rows = order[first:end]
        low, high = float(values[rows[0]]), float(values[rows[-1]])
        yield f"{low:.2g} to {high:.2g}", low, high, [scores[row] for row in rows]
