"""Metrics of tables on rows whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

import poise
from poise.metrics import METRICS
from poise.metrics.row_sets import RowSet, independent_columns


def made(count: int = 1_200, seed: int = 0) -> RowSet:
    """A number that follows the group, a second number that follows the first, and missing cells."""
    stream = np.random.default_rng(seed)
    group = stream.integers(0, 2, count)
    first = np.round(stream.normal(3.0 * group, 1.0), 1)
    second = np.round(first + stream.normal(0, 0.5, count), 1)
    missing = np.zeros((count, 3), dtype=bool)
    missing[:, 1] = stream.random(count) < 0.1
    second[missing[:, 1]] = np.nan
    values = np.stack([first, second, group], 1)
    return RowSet(("first", "second", "group"), values, missing, np.array([True, True, False]), 2)


ROWS = made()
HALVES = ROWS.taken(np.arange(600)), ROWS.taken(np.arange(600, 1_200))


def measured(name: str, *sides: RowSet, **settings: object) -> poise.metrics.Result:
    return METRICS[name].measure(*sides, seed=0, **settings)


@pytest.mark.parametrize(
    ("name", "best"), [("column-shapes", 1.0), ("pair-trends", 1.0), ("missing-share", 0.0)]
)
def test_rows_against_themselves_are_perfect(name: str, best: float) -> None:
    assert float(measured(name, ROWS, ROWS)) == pytest.approx(best)


def test_independent_columns_have_the_shapes_and_not_the_pairs() -> None:
    apart = independent_columns(ROWS, seed=0)
    assert float(measured("column-shapes", ROWS, apart)) == pytest.approx(1.0)
    pairs = measured("pair-trends", ROWS, apart, others=None)
    real = np.corrcoef(ROWS.values[:, :2][~ROWS.missing[:, 1]].T)[0, 1]
    assert float(pairs) < 0.9 and real > 0.9
    assert pairs.intervals["pair-trends"][1] < 0.95


def test_a_column_of_one_value_costs_its_largest_difference() -> None:
    values = ROWS.values.copy()
    values[:, 2] = 0
    other = RowSet(ROWS.names, values, ROWS.missing, ROWS.ordered, 2)
    share = float((ROWS.values[:, 2] != 0).mean())
    assert float(measured("column-shapes", ROWS, other)) == pytest.approx((2 + 1 - share) / 3)


def test_missing_cells_that_are_never_made_are_counted() -> None:
    present = ROWS.taken(np.flatnonzero(~ROWS.missing[:, 1]))
    share = float(ROWS.missing[:, 1].mean())
    assert float(measured("missing-share", ROWS, present)) == pytest.approx(share / 3)


def test_trees_tell_independent_columns_and_not_reals() -> None:
    plain = {"independent": independent_columns(HALVES[0], seed=0), "mixture": made(600, seed=5)}
    result = measured("boosted-detection", *HALVES, others=HALVES[0], plain=plain)
    values = result.values
    assert values["boosted_detection"] > 0.8 and values["boosted_detection_of_mixture"] > 0.8
    assert values["boosted_detection_of_independent"] < 0.5
    low, high = result.intervals["boosted_detection_of_independent"]
    assert low < values["boosted_detection_of_independent"] < high


def test_what_is_learnt_from_reals_is_the_floor_and_from_independent_columns_nothing() -> None:
    plain = {"independent": independent_columns(HALVES[0], seed=0)}
    result = measured("trained-on-fakes", HALVES[0], HALVES[0], HALVES[1], plain=plain)
    values = result.values
    assert values["trained_on_fakes_auc"] == pytest.approx(result.floors["trained_on_fakes_auc"])
    assert values["trained_on_fakes_auc"] > 0.9
    assert abs(values["trained_on_fakes_auc_of_independent"] - 0.5) < 0.25


@pytest.mark.parametrize(("target", "names"), [(0, {"trained_on_fakes_r2"}), (2, {"trained_on_fakes_f1"})])
def test_numbers_and_several_classes_are_targets_too(target: int, names: set[str]) -> None:
    values = HALVES[0].values.copy()
    values[::5, 2] = 2
    first = RowSet(ROWS.names, values, HALVES[0].missing, ROWS.ordered, target)
    result = measured("trained-on-fakes", first, first, first)
    assert set(result.values) == names and min(result.values.values()) > 0.6


def test_copies_are_nearer_to_training_rows() -> None:
    train, unseen = HALVES
    copies = measured("nearer-to-training", train, train.taken(np.arange(300)), unseen)
    honest = measured("nearer-to-training", train, made(600, seed=9), unseen)
    assert float(copies) > 0.8
    assert abs(float(honest) - 0.5) < 0.1


def test_too_few_rows_are_refused() -> None:
    few = ROWS.taken(np.arange(10))
    for name in ("column-shapes", "boosted-detection"):
        with pytest.raises(poise.PoiseError) as caught:
            measured(name, ROWS, few)
        assert caught.value.code == "metrics.too-few-rows"
