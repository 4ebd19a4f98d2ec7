"""The expected best of k trials, which a search with a smaller budget would have found; lower is better.

A run without a score is infinitely bad; it is never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from poise.randomness import numpy_stream
from poise.studies.statistics import Array

BAND_SHARE = 5
"""Bands of the expected best of k are drawn for k up to one in so many trials: beyond they are too narrow."""


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
