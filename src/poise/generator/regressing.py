"""Numbers of a row that follow from each other more closely than a generator knows."""

from __future__ import annotations

import numpy as np

from poise.data import Array

COLUMNS, ROUNDS = 32, 3
"""Other columns that a regression looks at most, and how often each column is gone through."""

ENOUGH = 50
"""Known numbers of a column below which they say nothing of the others."""


def regressed(numbers: Array, guesses: Array, low: Array, high: Array) -> Array:
    """Missing numbers by linear regression on their guesses and on the other numbers of their rows.

    A guess may know the component of a row and not how its numbers hang together; numbers know no components.
    Each column is regressed on its own guess and on the other columns, round by round (van Buuren and
    Groothuis-Oudshoorn 2011, mice), with scikit-learn's `BayesianRidge`, which finds how far to trust each.
    A column of which few numbers are known, or always the same one, is left as it was guessed.

    Args:
        numbers: `(N, columns)` in any units; missing ones are NaN.
        guesses: Of each number by a generator, given the others of its row; none is missing.
        low: What no number is likely to be below, given the others of its row: regressions go astray in rows
            that hold an outlier.
        high: The same above.

    Returns:
        The numbers, with no missing ones. Known ones stay.

    Example:
        >>> one = np.random.default_rng(0).normal(size=(200, 1))
        >>> rows = np.concatenate([one, 2 * one], 1)
        >>> none = np.zeros_like(rows)
        >>> rows[0, 1] = np.nan
        >>> bool(abs(regressed(rows, none, none - 9, none + 9)[0, 1] - 2 * one[0, 0]) < 0.01)
        True

    Source: van Buuren and Groothuis-Oudshoorn 2011, "mice", Journal of Statistical Software 45 (3).
    """
    from sklearn.linear_model import BayesianRidge  # noqa: PLC0415 - slow to import

    known = np.isfinite(numbers)
    filled: Array = np.where(known, numbers, guesses)
    middle, size = filled.mean(0), filled.std(0)
    size = np.where(size > 0, size, 1.0)
    filled, guessed, low, high = ((one - middle) / size for one in (filled, guesses, low, high))
    for _ in range(ROUNDS):
        for index in range(numbers.shape[1]):
            here = known[:, index]
            if here.all() or here.sum() < ENOUGH or not np.ptp(numbers[here, index]):
                continue
            alike = np.abs(filled.T @ filled[:, index])
            alike[index] = -1.0
            others = np.argsort(-alike, kind="stable")[: min(COLUMNS, numbers.shape[1] - 1)]
            told = np.concatenate([guessed[:, [index]], filled[:, others]], 1)
            model = BayesianRidge().fit(told[here], filled[here, index])
            filled[~here, index] = model.predict(told[~here]).clip(low[~here, index], high[~here, index])
    return np.where(known, numbers, filled * size + middle)
