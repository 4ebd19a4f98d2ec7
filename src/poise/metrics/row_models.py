"""Metrics of tables by boosted trees: whether they detect fakes, and what they learn from fakes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from poise.metrics.intervals import NORMAL_QUANTILE, interval, splits, spread
from poise.metrics.metric import metric
from poise.metrics.result import Interval, Result
from poise.metrics.row_sets import FLOOR, REPLICATES, Array, RowSet, check_sizes
from poise.randomness import derive, torch_stream

FOLDS, ROUNDS = 3, 150


Plain = Mapping[str, RowSet]
"""Rows of generators that need no training to speak of, by their names."""


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
    check_sizes(real, fake)
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
    check_sizes(real, fake)
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
