"""Metrics of tables: columns, pairs, boosted trees that detect fakes, and what is learnt from fakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from poise.errors import PoiseError
from poise.metrics.intervals import NORMAL_QUANTILE, interval, share_interval, splits, spread
from poise.metrics.metric import metric
from poise.metrics.result import Interval, Result
from poise.metrics.row_sets import Array, RowSet
from poise.randomness import derive, torch_stream

REPLICATES = 20
FOLDS, ROUNDS = 3, 150
BINS = 10
LEAST = 50
FLOOR = "other reals against the reals"
COPIES_AT_ONCE = 256
Plain = Mapping[str, RowSet]
"""Rows of generators that need no training to speak of, by their names."""


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


@metric(
    "Whether boosted trees cannot tell fakes from reals: 1 if not at all, 0 if always.",
    "the score of SDMetrics' detection, with gradient boosting in place of logistic regression",
    needs=("real_rows", "fake_rows"),
    lower_is_better=False,
)
def boosted_detection(
    real: RowSet, fake: RowSet, *, others: RowSet | None = None, plain: Plain | None = None, seed: int = 0
) -> Result:
    """1 - (2 AUC - 1) of boosted trees that were trained on two thirds, on the third; AUC at least 0.5.

    The same score of plain generators can stand beside it: one that is no better than a mixture of products
    is not worth its training.

    Args:
        real: Reals.
        fake: Fakes, as many as the reals.
        others: Other reals, for the floor.
        plain: Rows of plain generators by their names: `mixture` and `independent`.
        seed: Draws folds.
    """
    _check(real, fake)
    sides = {"": fake} | {f"_of_{name}": rows for name, rows in (plain or {}).items()}
    found = {f"boosted_detection{of}": _detected(real, rows, seed) for of, rows in sides.items()}
    floor = None if others is None else _score(_detected(real, others, seed)[0])
    scores = {name: _score(auc) for name, (auc, _) in found.items()}
    bounds = {
        name: (_score(auc + NORMAL_QUANTILE * error), _score(auc - NORMAL_QUANTILE * error))
        for name, (auc, error) in found.items()
    }
    alone = len(found) == 1
    return Result(
        "boosted-detection",
        scores["boosted_detection"] if alone else scores,
        bounds["boosted_detection"] if alone else bounds,
        "of the area under the curve: Hanley and McNeil 1982",
        floor if alone or floor is None else {"boosted_detection": floor},
        FLOOR if others is not None else "none: there are no other reals",
        {"real": len(real), "fake": len(fake)},
        settings={"folds": FOLDS, "rounds": ROUNDS, "seed": seed},
        reference="rows",
        details={f"auc of {name}": auc for name, (auc, _) in found.items()},
    )


@metric(
    "How well a model that is trained on fakes predicts reals, beside one trained on reals.",
    "Esteban et al. 2017 (TSTR)",
    needs=("train_rows", "fake_rows", "test_rows"),
    lower_is_better=False,
)
def trained_on_fakes(
    real: RowSet, fake: RowSet, test: RowSet, *, plain: Plain | None = None, seed: int = 0
) -> Result:
    """What boosted trees that are trained on fakes score on reals that nobody was trained on.

    A target of two values: the area under the curve, and F1 of the rarer one. Of several: F1, averaged over
    them. A number: R squared. The floor is the same of trees that are trained on reals.

    Args:
        real: Reals, for the floor.
        fake: Fakes.
        test: Other reals.
        plain: Rows of plain generators by their names: `mixture` and `independent`.
        seed: Of the trees.
    """
    _check(real, fake)
    sides = {"": fake} | {f"_of_{name}": rows for name, rows in (plain or {}).items()}
    measured = {of: _utility(rows, test, seed) for of, rows in sides.items()}
    found = {f"{name}{of}": value for of, (values, _) in measured.items() for name, value in values.items()}
    bounds = {f"{name}{of}": pair for of, (_, pairs) in measured.items() for name, pair in pairs.items()}
    floor, _ = _utility(real, test, seed)
    return Result(
        "trained-on-fakes",
        found,
        bounds,
        "half-samples of the test rows",
        floor,
        "trees that are trained on as many reals",
        {"real": len(real), "fake": len(fake), "test": len(test)},
        settings={"target": real.names[real.target], "rounds": ROUNDS, "seed": seed},
        reference="rows",
    )


@metric(
    "The share of fakes that are nearer to a training row than to an unseen one: one half without copies.",
    "distance to the closest record, both sides of one size, as TabSyn's evaluation says it must be",
    needs=("train_rows", "fake_rows", "test_rows"),
    lower_is_better=True,
)
def nearer_to_training(train: RowSet, fake: RowSet, test: RowSet, *, seed: int = 0) -> Result:
    """Tells of copies. It says nothing of privacy: sets that pass it are open to membership inference.

    The distance is the mean over columns of the difference over the range of the training rows, at most 1,
    or of 0 and 1 for categories. Both sides have as many rows; a tie counts half.

    Args:
        train: Rows that were trained on.
        fake: Fakes.
        test: Rows that were not trained on.
        seed: Draws the rows.
    """
    size = min(len(train), len(test))
    if size < LEAST:
        what = f"There are {size} rows on the smaller side, and {LEAST} are needed"
        raise PoiseError(
            what, code="metrics.too-few-unseen-rows", hint="hold more rows out: --set held_out=0.1"
        )
    chosen = [
        side.taken(np.sort(torch_rows(len(side), size, seed, what)))
        for side, what in ((train, "training rows"), (test, "test rows"))
    ]
    range_of = np.nan_to_num(np.nanmax(train.values, 0) - np.nanmin(train.values, 0))
    near = [_nearest(fake, side, range_of) for side in chosen]
    nearer = (near[0] < near[1]) + 0.5 * (near[0] == near[1])
    share = float(nearer.mean())
    return Result(
        "nearer-to-training",
        share,
        share_interval(share * len(fake), len(fake)),
        "Wilson's, of a share",
        0.5,
        "what fakes without copies score",
        {"train": size, "held_out": size, "fake": len(fake)},
        settings={"seed": seed},
        reference="rows",
    )


def torch_rows(count: int, size: int, seed: int, what: str) -> Array:
    """So many of the rows, drawn by a seed."""
    import torch  # noqa: PLC0415 - one call

    order: Array = torch.randperm(count, generator=torch_stream(seed, 0, what)).numpy()[:size]
    return order


def _check(real: RowSet, fake: RowSet) -> None:
    if min(len(real), len(fake)) < LEAST:
        what = f"There are {min(len(real), len(fake))} rows on the smaller side, and {LEAST} are needed"
        raise PoiseError(what, code="metrics.too-few-rows", hint="measure more: --samples 1000")


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
    _check(real, fake)
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


def _trees(rows: RowSet, columns: Array, *, number: bool = False) -> Any:
    from sklearn import ensemble  # noqa: PLC0415 - a generator is sampled without it

    make = ensemble.HistGradientBoostingRegressor if number else ensemble.HistGradientBoostingClassifier
    return make(max_iter=ROUNDS, categorical_features=~rows.ordered[columns], random_state=0)


def _detected(real: RowSet, fake: RowSet, seed: int) -> tuple[float, float]:
    """The area under the curve, and its standard error."""
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - as above
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415 - as above

    every = np.arange(real.values.shape[1])
    rows = np.concatenate([real.values, fake.values])
    labels = np.repeat([0, 1], [len(real), len(fake)])
    scores = np.zeros(len(rows))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=derive(seed, 0, "folds") % 2**32)
    for train, test in folds.split(rows, labels):
        model = _trees(real, every).fit(rows[train], labels[train])
        scores[test] = model.predict_proba(rows[test])[:, 1]
    auc = float(roc_auc_score(labels, scores))
    return auc, _error_of_auc(auc, len(real), len(fake))


def _error_of_auc(auc: float, first: int, second: int) -> float:
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (first - 1) * (one - auc**2) + (second - 1) * (two - auc**2)
    return math.sqrt(max(variance, 0.0) / (first * second))


def _score(auc: float) -> float:
    return min(1.0, max(0.0, 2 - 2 * max(auc, 0.5)))


def _utility(train: RowSet, test: RowSet, seed: int) -> tuple[dict[str, float], dict[str, Interval]]:
    """What trees that are trained on some rows score on others, by name; and the intervals."""
    from sklearn.metrics import f1_score, r2_score, roc_auc_score  # noqa: PLC0415 - as above

    at = train.target
    rest = np.array([index for index in range(train.values.shape[1]) if index != at])
    number = bool(train.ordered[at])
    sides = [side.taken(np.flatnonzero(~side.missing[:, at])) for side in (train, test)]
    wanted = sides[1].values[:, at]
    if not len(rest) or (not number and len(np.unique(sides[0].values[:, at])) < 2):
        guess = np.full((len(wanted), 2), 0.5)
        model = None
    else:
        model = _trees(train, rest, number=number).fit(sides[0].values[:, rest], sides[0].values[:, at])
        guess = (
            model.predict(sides[1].values[:, rest])
            if number
            else model.predict_proba(sides[1].values[:, rest])
        )
    classes = np.array([0.0, 1.0]) if model is None or number else model.classes_

    def scores(rows: Array) -> dict[str, float]:
        if number:
            return {"trained_on_fakes_r2": float(r2_score(wanted[rows], guess[rows]))}
        said = classes[guess[rows].argmax(1)]
        if len(np.unique(wanted)) == 2 and len(classes) == 2:
            rare = float(min(np.unique(wanted), key=lambda one: (wanted == one).sum()))
            of_rare = (
                guess[rows][:, int(np.flatnonzero(classes == rare)[0])]
                if rare in classes
                else guess[rows][:, 0]
            )
            return {
                "trained_on_fakes_auc": float(roc_auc_score(wanted[rows] == rare, of_rare)),
                "trained_on_fakes_f1": float(f1_score(wanted[rows] == rare, said == rare)),
            }
        return {"trained_on_fakes_f1": float(f1_score(wanted[rows], said, average="macro"))}

    found = scores(np.arange(len(wanted)))
    stream = torch_stream(seed, 0, "test rows")
    pairs = [[scores(half.numpy()) for half in pair] for pair in splits(len(wanted), REPLICATES, stream)]
    bounds = {
        name: interval(
            value, spread(value, [[half[name] for half in pair] for pair in pairs], units=len(wanted))
        )
        for name, value in found.items()
    }
    return found, bounds


def _nearest(fake: RowSet, rows: RowSet, range_of: Array) -> Array:
    """The distance of each fake to its nearest row."""
    found = []
    there = rows.values
    for start in range(0, len(fake), COPIES_AT_ONCE):
        here = fake.values[start : start + COPIES_AT_ONCE]
        total = np.zeros((len(here), len(there)), dtype=np.float32)
        for index, ordered in enumerate(fake.ordered):
            one, two = here[:, index, None], there[None, :, index]
            if ordered:
                gap = np.minimum(np.abs(one - two) / max(range_of[index], 1e-12), 1.0)
                total += np.where(np.isnan(one) & np.isnan(two), 0.0, np.where(np.isnan(gap), 1.0, gap))
            else:
                total += one != two
        found.append(total.min(1))
    return np.concatenate(found)
