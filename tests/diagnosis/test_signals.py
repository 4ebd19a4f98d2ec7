"""The doctor's quantities against closed forms and invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn.metrics import roc_auc_score

from poise.diagnosis.appearance import probes, simple_statistics
from poise.diagnosis.distances import (
    cell_centres,
    cell_shares,
    class_means,
    condition_response,
    copied_share,
    copying_score,
    coverage,
    distances,
    duplicates,
    energy_distance,
    features_of,
    labels_followed,
    mean_distance,
    nearest_training,
    total_variation,
)
from poise.diagnosis.trends import correlation, dominant_period
from poise.diagnosis.window import first_non_finite, held_out_gap, per_sample_scores, roc_auc

numbers = some.lists(some.integers(-5, 5), min_size=1, max_size=30)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=60)
@given(numbers, numbers)
def test_the_auc_is_the_area_under_the_curve_with_ties(higher: list[int], lower: list[int]) -> None:
    found = roc_auc(torch.tensor(higher).float(), torch.tensor(lower).float())
    wanted = roc_auc_score([1] * len(higher) + [0] * len(lower), higher + lower)
    assert found == pytest.approx(wanted)


@settings(max_examples=40)
@given(numbers, numbers)
def test_the_auc_depends_on_ranks_alone(higher: list[int], lower: list[int]) -> None:
    one, other = torch.tensor(higher).double(), torch.tensor(lower).double()
    assert roc_auc(one, other) == roc_auc(torch.exp(one) * 7 - 3, torch.exp(other) * 7 - 3)
    swapped = roc_auc(other, one)
    assert swapped is not None
    assert roc_auc(one, other) == pytest.approx(1 - swapped)


def test_the_auc_of_nothing_and_of_a_nan_is_unknown() -> None:
    assert roc_auc(torch.zeros(0), torch.ones(2)) is None
    assert roc_auc(torch.tensor([math.nan]), torch.ones(2)) is None


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [
        (torch.ones(3, 1), [1.0, 1.0, 1.0]),
        (torch.tensor([[[[0.0, 2.0]]], [[[4.0, 4.0]]]]), [1.0, 4.0]),
        ([torch.zeros(2), torch.full((2, 1, 2, 2), 4.0)], [2.0, 2.0]),
        ({"large": torch.ones(1).half(), "small": torch.zeros(1)}, [0.5]),
        (np.array([[1.0, 3.0], [5.0, 5.0]]), [2.0, 5.0]),
    ],
)
def test_scores_of_every_shape_become_one_number_a_sample(scores: object, wanted: list[float]) -> None:
    assert per_sample_scores(scores).tolist() == wanted


@pytest.mark.parametrize(
    "scores", ["high", [], None, (torch.ones(2), torch.ones(3)), 0.5, torch.tensor(3.0), torch.zeros(0, 1)]
)
def test_what_is_no_score_is_refused(scores: object) -> None:
    with pytest.raises(TypeError):
        per_sample_scores(scores)


def test_the_held_out_gap_is_the_share_of_the_way() -> None:
    training, fake = torch.full((9,), 4.0), torch.zeros(9)
    assert held_out_gap(training, torch.full((9,), 4.0), fake) == 0
    assert held_out_gap(training, torch.full((9,), 1.0), fake) == pytest.approx(0.75)
    assert held_out_gap(training, fake, fake) == 1
    assert held_out_gap(fake, fake, training) is None
    assert held_out_gap(training, torch.zeros(0), fake) is None


def test_the_mean_distance_of_a_normal_distribution() -> None:
    rows = drawn(0, 2000, 3)
    # Two standard normals in three dimensions are 4 / sqrt(pi) apart in the mean: 2.257.
    assert mean_distance(distances(rows, rows)) == pytest.approx(4 / math.sqrt(math.pi), rel=0.02)


def test_duplicates_are_counted() -> None:
    rows = torch.tensor([[0.0], [0.001], [5.0], [9.0]])
    assert duplicates(distances(rows, rows), 0.1) == 0.5
    assert duplicates(distances(rows, rows), 1e-6) == 0.0


def test_the_energy_distance_of_two_points_and_of_shifted_normals() -> None:
    a, b = drawn(1, 1500, 1), drawn(2, 1500, 1)
    own = mean_distance(distances(b, b))
    near = energy_distance(distances(a, b), mean_distance(distances(a, a)), own)
    far = energy_distance(distances(a + 2, b), mean_distance(distances(a, a)), own)
    assert abs(near) < 0.01
    # E|x - y| of N(2, 2) is 2 erf(1) + 2 / sqrt(pi) exp(-1), and E|x - x'| is 2 / sqrt(pi).
    across = 2 * math.erf(1) + 2 / math.sqrt(math.pi) * math.exp(-1)
    wanted = (2 * across - 4 / math.sqrt(math.pi)) / (2 / math.sqrt(math.pi))
    assert far == pytest.approx(wanted, rel=0.06)


def test_equal_rows_are_at_no_distance_that_matters() -> None:
    rows = drawn(3, 40, 100) + 1000
    assert float(distances(rows, rows).diagonal().max()) < 1e-3


@pytest.mark.parametrize(
    ("shape", "wanted"), [((3, 32, 16), 3 * 64), ((1, 4, 4), 16), ((2,), 2), ((5, 7), 35), ((3000,), 256)]
)
def test_features_have_a_modest_width(shape: tuple[int, ...], wanted: int) -> None:
    assert features_of(torch.zeros(2, *shape, dtype=torch.bfloat16)).shape == (2, wanted)


def test_projected_features_keep_distances() -> None:
    rows = drawn(4, 20, 3000)
    before, after = distances(rows, rows), distances(features_of(rows), features_of(rows))
    apart = ~torch.eye(20, dtype=torch.bool)
    assert float((after[apart] / before[apart] - 1).abs().max()) < 0.25


def test_cells_find_clusters_and_shares_count_them() -> None:
    corners = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    rows = corners.repeat_interleave(25, 0) + 0.1 * drawn(5, 100, 2)
    centres = cell_centres(rows, 4)
    assert sorted(distances(centres, corners).argmin(1).tolist()) == [0, 1, 2, 3]
    expected = cell_shares(rows, centres)
    assert expected == pytest.approx((0.25,) * 4)
    only_one = cell_shares(rows[:25], centres)
    assert sorted(only_one) == [0.0, 0.0, 0.0, 1.0]
    assert coverage(only_one, expected) == pytest.approx(0.25)
    assert total_variation(only_one, expected) == pytest.approx(0.75)


def test_more_cells_than_different_rows_is_no_error() -> None:
    centres = cell_centres(torch.tensor([[1.0], [1.0], [2.0], [2.0]]), 4)
    assert sum(cell_shares(torch.tensor([[1.0], [2.0]]), centres)) == 1.0


histograms = some.lists(some.floats(0, 1), min_size=2, max_size=8)


@given(histograms)
def test_total_variation_is_a_distance(weights: list[float]) -> None:
    whole = sum(weights) + 1
    one = [(weight + 1 / len(weights)) / whole for weight in weights]
    other = one[::-1]
    assert 0 <= total_variation(one, other) <= 1
    assert total_variation(one, other) == pytest.approx(total_variation(other, one))
    assert total_variation(one, one) == 0


def test_copies_lie_nearer_than_new_data_and_new_data_do_not() -> None:
    training, new, newer = drawn(6, 500, 4), drawn(7, 200, 4), drawn(8, 200, 4)
    held_out = nearest_training(new, training)
    copies = nearest_training(training[:200] + 0.01 * drawn(9, 200, 4), training)
    assert copying_score(copies, held_out) < -10
    assert copied_share(copies) > 0.95
    # Of draws from one distribution the score is standard normal, but for the shared training set.
    assert abs(copying_score(nearest_training(newer, training), held_out)) < 3
    assert copied_share(held_out) < 0.1


def test_the_copying_score_is_mann_whitneys_z() -> None:
    from scipy.stats import mannwhitneyu

    training = drawn(10, 60, 2)
    fakes, held_out = (nearest_training(drawn(seed, 50, 2), training) for seed in (11, 12))
    u = mannwhitneyu(fakes.first.numpy(), held_out.first.numpy()).statistic
    wanted = (u - 50 * 50 / 2) / math.sqrt(50 * 50 * 101 / 12)
    assert copying_score(fakes, held_out) == pytest.approx(wanted)


def test_a_frame_and_a_range_are_told_by_one_statistic() -> None:
    real, fake = drawn(13, 64, 1, 16, 16).clamp(-1, 1), drawn(14, 64, 1, 16, 16).clamp(-1, 1)
    before = probes(real, fake)
    assert max(area for area, _ in before.values()) < 0.7
    framed = real.clone()
    framed[..., 0, :] = framed[..., -1, :] = framed[..., 0] = framed[..., -1] = 1.0
    area, effect = probes(framed, fake)["border"]
    assert area == 1.0
    assert effect > 5
    wide = probes(2 * real, fake)
    assert wide["deviation"][0] == 1.0
    assert wide["deviation"][1] > 5


def test_statistics_of_vectors_are_their_coordinates() -> None:
    rows = torch.tensor([[3.0, 4.0], [0.0, -1.0]])
    found = simple_statistics(rows)
    assert found["norm"].tolist() == [5.0, 1.0]
    assert found["coordinate 1"].tolist() == [4.0, -1.0]


def test_a_compression_grid_shows() -> None:
    image = torch.zeros(1, 1, 16, 16)
    image[..., 8:] = 1.0
    assert simple_statistics(image)["grid"].item() == pytest.approx(1.0)


def test_conditions_that_are_followed_and_ignored() -> None:
    labels = torch.arange(90) % 3
    means = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    rows = means[labels] + 0.3 * drawn(15, 90, 2)
    names, found = class_means(rows, labels)
    assert labels_followed(rows, labels, names, found) == 1.0
    assert labels_followed(rows.roll(1, 0), labels, names, found) == 0.0
    assert condition_response(rows, rows) == 0.0
    assert condition_response(rows, means[(labels + 1) % 3] + 0.3 * drawn(16, 90, 2)) > 1


@pytest.mark.parametrize("period", [3.0, 4.0, 8.0])
def test_a_sine_is_one_period_and_noise_is_none(period: float) -> None:
    places = np.arange(24)
    share, found = dominant_period(list(2 + np.sin(2 * np.pi * places / period)))
    assert share > 0.95
    assert found == pytest.approx(period, rel=0.1)
    noise = [dominant_period(list(np.random.default_rng(seed).standard_normal(24)))[0] for seed in range(200)]
    assert np.quantile(noise, 0.5) < 0.55


def test_a_trend_a_constant_and_a_short_row_do_not_swing() -> None:
    assert dominant_period([float(place) for place in range(30)]) == (0.0, 0.0)
    assert dominant_period([5.0] * 30) == (0.0, 0.0)
    assert dominant_period([1.0, -1.0] * 3) == (0.0, 0.0)


def test_correlation_is_numpys() -> None:
    one, other = np.random.default_rng(0).standard_normal((2, 20))
    assert correlation(list(one), list(other)) == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert correlation([1.0, 1.0], [0.0, 1.0]) == 0.0


def test_the_first_tensor_that_is_not_finite_is_named() -> None:
    sound, nan, infinite = torch.ones(2), torch.tensor([1.0, math.nan]), torch.tensor(math.inf)
    assert first_non_finite([("a", sound), ("b", infinite), ("c", nan)]) == "b"
    assert first_non_finite([("a", sound), ("counts", torch.ones(2).long())]) is None
