"""Metrics of tables by columns: each alone, pairs of them, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from poise.metrics.intervals import interval, splits, spread
from poise.metrics.metric import metric
from poise.metrics.result import Result
from poise.metrics.row_sets import FLOOR, REPLICATES, Array, RowSet, check_sizes
from poise.randomness import torch_stream

BINS = 10


@metric(
    "Whether each column alone is distributed as in the data: 1 is equal.",
    "1 minus Kolmogorov-Smirnov or total variation, as in SDMetrics 0.29 (column shapes)",
    needs=("real_rows", "fake_rows"),
    lower_is_better=False,
)
def column_shapes(real: RowSet, fake: RowSet, *, others: RowSet | None = None, seed: int = 0) -> Result:
    """The mean over columns of 1 minus the largest difference of the cumulative shares, or half their sum.

    Numbers and dates are compared by Kolmogorov and Smirnov's statistic, categories by total variation;
    missing cells are left out.

    Args:
        real: Reals.
        fake: Fakes.
        others: Other reals, for the floor.
        seed: Draws half-samples.
    """
    return _compared("column_shapes", _shapes, real, fake, others, seed, {})


@metric(
    "Whether pairs of columns are distributed as in the data: 1 is equal.",
    "as in SDMetrics 0.29 (column pair trends), with shared edges and every pair",
    needs=("real_rows", "fake_rows"),
    lower_is_better=False,
)
def pair_trends(real: RowSet, fake: RowSet, *, others: RowSet | None = None, seed: int = 0) -> Result:
    """The mean over pairs of columns of how alike the two joint distributions are.

    Two columns of numbers: 1 minus half the difference of their correlations. Otherwise 1 minus the total
    variation of the joint shares, numbers cut into ten bins of equal width **by the edges of the reals**;
    a missing cell is a bin of its own.

    Args:
        real: Reals.
        fake: Fakes.
        others: Other reals, for the floor.
        seed: Draws half-samples.
    """
    return _compared("pair_trends", _trends, real, fake, others, seed, {"bins": BINS})


@metric(
    "Whether the share of missing cells is that of the data, in per cent of cells.",
    "the mean over columns of the difference of the shares",
    needs=("real_rows", "fake_rows"),
    lower_is_better=True,
)
def missing_share(real: RowSet, fake: RowSet, *, others: RowSet | None = None, seed: int = 0) -> Result:
    """The mean over columns of the absolute difference of the shares of missing cells.

    Args:
        real: Reals.
        fake: Fakes.
        others: Other reals, for the floor.
        seed: Draws half-samples.
    """
    return _compared("missing_share", _missing, real, fake, others, seed, {})


def _compared(
    name: str,
    statistic: Callable[[RowSet, RowSet], float],
    real: RowSet,
    fake: RowSet,
    others: RowSet | None,
    seed: int,
    settings: Mapping[str, Any],
) -> Result:
    """A statistic of two sides with its interval from half-samples and its floor."""
    check_sizes(real, fake)
    value = statistic(real, fake)
    stream = torch_stream(seed, 0, name)
    parts = [splits(len(side), REPLICATES, stream) for side in (real, fake)]
    pairs = [
        [statistic(real.taken(of_real[half].numpy()), fake.taken(of_fake[half].numpy())) for half in (0, 1)]
        for of_real, of_fake in zip(*parts, strict=True)
    ]
    seen = spread(value, pairs, units=min(len(real), len(fake)))
    return Result(
        name.replace("_", "-"),
        value,
        interval(value, seen, low=0.0, high=1.0),
        f"{REPLICATES} half-samples",
        None if others is None else statistic(real, others),
        FLOOR if others is not None else "none: there are no other reals",
        {"real": len(real), "fake": len(fake)},
        settings={**settings, "seed": seed},
        reference="rows",
    )


def _shapes(real: RowSet, fake: RowSet) -> float:
    found = []
    for index, ordered in enumerate(real.ordered):
        one, two = (side.values[:, index][~side.missing[:, index]] for side in (real, fake))
        if not len(one) or not len(two):
            found.append(float(len(one) == len(two)))
        elif ordered:
            at = np.unique(np.concatenate([one, two]))
            shares = [np.searchsorted(np.sort(side), at, side="right") / len(side) for side in (one, two)]
            found.append(1 - float(np.abs(shares[0] - shares[1]).max()))
        else:
            most = int(max(one.max(), two.max())) + 1
            counts = [np.bincount(side.astype(int), minlength=most) / len(side) for side in (one, two)]
            found.append(1 - float(np.abs(counts[0] - counts[1]).sum()) / 2)
    return float(np.mean(found))


def _trends(real: RowSet, fake: RowSet) -> float:
    width = real.values.shape[1]
    if width < 2:
        return 1.0
    bins = [_binned(real, fake, index) for index in range(width)]
    found = []
    for first in range(width):
        for second in range(first):
            if real.ordered[first] and real.ordered[second]:
                correlations = [
                    _correlation(side.values[:, first], side.values[:, second]) for side in (real, fake)
                ]
                found.append(1 - abs(correlations[0] - correlations[1]) / 2)
                continue
            size = bins[second][2]
            joint = [
                np.bincount(bins[first][side] * size + bins[second][side], minlength=size * bins[first][2])
                for side in (0, 1)
            ]
            found.append(1 - float(np.abs(joint[0] / len(real) - joint[1] / len(fake)).sum()) / 2)
    return float(np.mean(found))


def _binned(real: RowSet, fake: RowSet, index: int) -> tuple[Array, Array, int]:
    """A column of both sides as whole numbers, by the edges of the reals; and how many there are."""
    sides = [side.values[:, index] for side in (real, fake)]
    if not real.ordered[index]:
        return sides[0].astype(int), sides[1].astype(int), int(max(side.max() for side in sides)) + 1
    known = sides[0][~np.isnan(sides[0])]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    edges = np.linspace(low, high, BINS + 1)[1:-1]
    one, two = (np.where(np.isnan(side), BINS, np.searchsorted(edges, side)).astype(int) for side in sides)
    return one, two, BINS + 1


def _correlation(first: Array, second: Array) -> float:
    known = ~np.isnan(first) & ~np.isnan(second)
    one, two = first[known], second[known]
    if len(one) < 2 or one.std() == 0 or two.std() == 0:
        return 0.0
    return float(np.corrcoef(one, two)[0, 1])


def _missing(real: RowSet, fake: RowSet) -> float:
    return float(np.abs(real.missing.mean(0) - fake.missing.mean(0)).mean())
