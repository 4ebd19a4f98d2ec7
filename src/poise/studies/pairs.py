"""Whether the confirmed settings of two recipes differ: paired tests over seeds; lower scores are better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Literal

import numpy as np

from poise.randomness import numpy_stream
from poise.studies.statistics import ALPHA, Array

POWER = 0.8
EXACT = 16
"""Pairs up to which all signs are counted; of more, so many are drawn that it makes no difference."""

DRAWN = 100_000
MOST_SEEDS = 1_000


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


def seeds_that_tell(recipes: int) -> int:
    """The smallest number of fresh seeds with which any two recipes can differ significantly.

    Where every seed agrees, the signed ranks of n seeds have a p-value of 2 / 2^n, and Holm's correction
    multiplies the smallest of all pairs by how many pairs there are.

    Example:
        >>> seeds_that_tell(2), seeds_that_tell(7)
        (6, 10)
    """
    tests = max(1, math.comb(recipes, 2))
    return math.ceil(math.log2(2 * tests / ALPHA))


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
