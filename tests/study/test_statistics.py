"""The statistics of studies keep what they promise, by simulation and by closed forms."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from poise.studies.best_of import best_bands, expected_best
from poise.studies.pairs import compared, holm, seeds_needed, signed_rank_p
from poise.studies.statistics import marginals, median_interval


def heavy(stream: np.random.Generator, *shape: int) -> Any:
    """Scores with a heavy tail to the bad side, as searches have them."""
    return 10 + np.exp(stream.standard_normal(shape) * 1.2)


def test_the_expected_best_is_the_mean_over_all_choices() -> None:
    scores = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]
    for k in range(1, 7):
        exact = np.mean([min(chosen) for chosen in combinations(scores, k)])
        assert expected_best(scores)[k - 1] == pytest.approx(exact)


def test_the_expected_best_of_k_is_unbiased() -> None:
    stream = np.random.default_rng(0)
    curves = np.mean([expected_best(heavy(stream, 50)) for _ in range(600)], axis=0)
    true = [heavy(stream, 20_000, k).min(1).mean() for k in (1, 5, 20)]
    assert curves[[0, 4, 19]] == pytest.approx(true, rel=0.02)


def test_a_trial_without_a_score_is_worst_and_not_dropped() -> None:
    assert expected_best([1.0, 2.0, math.inf]).tolist() == expected_best([1.0, 2.0, 2.0]).tolist()
    assert expected_best([1.0, math.inf], worst=9.0)[0] == 5.0


def test_bands_cover_where_they_are_drawn_and_are_not_drawn_beyond() -> None:
    stream = np.random.default_rng(1)
    studies, count = 300, 50
    true = np.array([heavy(stream, 40_000, k).min(1).mean() for k in range(1, count // 5 + 1)])
    inside = np.zeros(count // 5)
    for study in range(studies):
        bands = best_bands(heavy(stream, count), seed=study, replicates=400)
        assert bands.shape == (10, 2)
        inside += (bands[:, 0] <= true) & (true <= bands[:, 1])
    coverage = inside / studies
    assert coverage[0] > 0.88  # a mean of a heavy tail
    assert (coverage[1:] > 0.93).all()


@pytest.mark.parametrize("count", [6, 10, 25])
def test_the_interval_of_a_median_covers_whatever_the_distribution(count: int) -> None:
    stream = np.random.default_rng(2)
    inside = 0
    for scores in heavy(stream, 2_000, count):
        low, high = median_interval(scores) or (0, 0)
        inside += low <= 11 <= high  # exp(0) + 10
    assert inside / 2_000 > 0.94
    assert median_interval(list(range(5))) is None


def test_signed_ranks_agree_with_scipy() -> None:
    stream = np.random.default_rng(3)
    for count in (6, 9, 12, 14):
        a, b = stream.standard_normal((2, count))
        wanted = stats.wilcoxon(a, b + 0.4, method="exact").pvalue
        assert signed_rank_p(a, b + 0.4) == pytest.approx(wanted)
    a, b = stream.standard_normal((2, 40))
    assert signed_rank_p(a, b + 0.3) == pytest.approx(stats.wilcoxon(a, b + 0.3).pvalue, abs=0.01)


def test_failures_count_as_the_worst_in_a_comparison() -> None:
    good, bad = [1.0] * 10, [math.inf] * 10
    assert compared({"good": good, "bad": bad})[0].verdict == "first"
    assert signed_rank_p(bad, bad) == 1.0


def test_holm_agrees_with_its_definition() -> None:
    stream = np.random.default_rng(4)
    for _ in range(20):
        tests = stream.random(7).tolist()
        ordered = sorted(tests)
        for p, adjusted in zip(tests, holm(tests), strict=True):
            rank = ordered.index(p)
            wanted = max(min(1.0, (7 - place) * ordered[place]) for place in range(rank + 1))
            assert adjusted == pytest.approx(wanted)


def test_seven_equal_recipes_are_told_apart_in_at_most_one_study_of_twenty() -> None:
    stream = np.random.default_rng(5)
    false = 0
    studies = 300
    for _ in range(studies):
        scores = {str(recipe): heavy(stream, 10) for recipe in range(7)}
        false += any(pair.verdict != "cannot tell" for pair in compared(scores))
    # 5 % and two standard errors of so many studies
    assert false / studies <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / studies)


def test_confirmation_removes_the_winners_curse() -> None:
    """Settings differ by 1, seeds by 3: the best of a search looks better than it is, the confirmed is true.

    The three best of the search are screened with fresh seeds, and the best of these gets others.
    """
    stream = np.random.default_rng(7)
    searched, screened, confirmed, truth = [], [], [], []
    for _ in range(2_000):
        settings = 20 + stream.standard_normal(30)
        search = settings + 3 * stream.standard_normal(30)
        shortlist = np.argsort(search)[:3]
        screening = np.median(settings[shortlist, None] + 3 * stream.standard_normal((3, 3)), axis=1)
        chosen = settings[shortlist[np.argmin(screening)]]
        searched.append(search.min())
        screened.append(screening.min())
        confirmed.append(np.median(chosen + 3 * stream.standard_normal(10)))
        truth.append(chosen)
    error = 3 * np.std(confirmed) / math.sqrt(len(confirmed))
    assert np.mean(searched) < np.mean(truth) - 3  # the curse is there,
    assert np.mean(screened) < np.mean(truth) - 1  # in what has chosen the setting, too,
    assert abs(np.mean(confirmed) - np.mean(truth)) < error  # and is gone


def test_the_number_of_seeds_that_is_named_does() -> None:
    stream = np.random.default_rng(8)
    needed = seeds_needed(stream.standard_normal(4_000) - 1.0, tests=1)
    assert needed is not None
    assert 9 <= needed <= 13
    seen = sum(signed_rank_p((stream.standard_normal(needed) - 1.0).tolist(), [0.0] * needed) <= 0.05
               for _ in range(400))  # fmt: skip
    assert seen / 400 > 0.75
    assert seeds_needed([1.0, -1.0, 1.0, -1.0], tests=1) is None


def test_five_seeds_cannot_tell_and_the_study_says_how_many_would_do() -> None:
    pair = compared({"a": [1.0, 1.1, 1.2, 1.3, 1.4], "b": [2.0, 2.3, 2.4, 2.2, 2.6]})[0]
    assert (pair.verdict, pair.p) == ("cannot tell", 0.0625)
    assert pair.seeds is not None
    assert pair.seeds >= 6


def test_marginals_divide_a_range_into_parts_of_equal_size() -> None:
    values = np.linspace(0, 1, 40).tolist()
    found = marginals(values, [value**2 for value in values])
    assert [one.count for one in found] == [10] * 4
    assert [one.median for one in found] == sorted(one.median for one in found)
    assert all(one.interval and one.interval[0] <= one.median <= one.interval[1] for one in found)
