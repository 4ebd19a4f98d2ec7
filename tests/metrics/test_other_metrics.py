"""Closed forms and known cases of the remaining metrics."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor, nn
from torchmetrics.image.inception import InceptionScore

from poise.errors import PoiseError
from poise.metrics import (
    birthday_test,
    classifier_accuracy_score,
    classifier_two_sample_test,
    duality_gap,
    inception_score,
    latent_path_length,
    memorisation,
    mind,
    mode_statistics,
    sliced_wasserstein_distance,
    vendi_score,
)
from poise.metrics.copies import mann_whitney, poisson_interval
from poise.metrics.intervals import quantile, share_interval
from poise.metrics.sliced_wasserstein import mean_squared_distance


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_quantiles_and_closed_intervals_agree_with_scipy() -> None:
    for freedom in (4, 10, 100):
        assert quantile(freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), rel=0.01)
    exact = scipy.stats.binomtest(7, 50).proportion_ci(method="wilson")
    assert share_interval(7, 50) == pytest.approx((exact.low, exact.high), rel=1e-6)
    for count in (0, 1, 5, 40):
        low, high = scipy.stats.chi2.ppf(0.025, 2 * count) / 2, scipy.stats.chi2.ppf(0.975, 2 * count + 2) / 2
        assert poisson_interval(count) == pytest.approx((0 if count == 0 else low, high), abs=0.03)


class TestVendi:
    def test_copies_and_orthogonal_samples(self) -> None:
        assert float(vendi_score(torch.ones(9, 4))) == pytest.approx(1.0)
        assert float(vendi_score(torch.eye(6))) == pytest.approx(6.0)

    def test_both_forms_are_one(self) -> None:
        units = nn.functional.normalize(normal(0, 30, 12))
        values = torch.linalg.eigvalsh(units @ units.T / 30).clamp(min=1e-300)
        expected = float((-(values * values.log()).sum()).exp())
        assert float(vendi_score(normal(0, 30, 12))) == pytest.approx(expected)

    def test_rows_of_noughts_are_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.zero-features"):
            vendi_score(torch.cat([torch.ones(5, 2), torch.zeros(1, 2)]))


class TestSlicedWasserstein:
    def test_one_dimension_is_that_of_scipy(self) -> None:
        # Unequal sizes: repeat each point so that sizes are equal, which changes neither distribution.
        real, fake = normal(0, 9, 2), normal(1, 6, 2)
        repeated = mean_squared_distance(real.repeat_interleave(2, 0), fake.repeat_interleave(3, 0))
        assert float(mean_squared_distance(real, fake)) == pytest.approx(float(repeated))

    def test_a_shift_is_its_share_along_a_line(self) -> None:
        # Along a direction u a shift s costs (s.u)^2: on the mean |s|^2 / d.
        real = normal(0, 200, 5)
        result = sliced_wasserstein_distance(real, real + 2, projections=2000)
        assert float(result) == pytest.approx(2.0, rel=0.05)
        assert float(mind(real, real + 2, projections=2000)) == pytest.approx(3 * 5 * 4.0, rel=0.1)

    def test_scaled_gaussians(self) -> None:
        # N(0, 1) against N(0, s^2) is (1 - s)^2 along every line.
        result = sliced_wasserstein_distance(normal(0, 1500, 3), 2 * normal(1, 1500, 3), projections=64)
        low, high = result.intervals["sliced-wasserstein-distance"]
        assert low < 1.0 < high
        assert result.floors["sliced-wasserstein-distance"] < 0.1


class TestTwoSamples:
    def test_one_distribution_is_not_told_apart(self) -> None:
        # Under the null the p-value is uniform: below 0.001 once in a thousand.
        result = classifier_two_sample_test(normal(0, 400, 5), normal(1, 300, 5))
        assert result.details["p_value"] > 1e-3
        assert abs(float(result) - 0.5) < 4 * math.sqrt(1 / (4 * 300))

    def test_a_shift_is_told_as_well_as_can_be(self) -> None:
        # The best classifier of N(0, 1) and N(2, 1) is right with probability Phi(1).
        real, fake = normal(0, 2000, 1), normal(1, 2000, 1) + 2
        result = classifier_two_sample_test(real, fake)
        assert float(result) == pytest.approx(scipy.stats.norm.cdf(1), abs=0.03)
        assert result.details["p_value"] < 1e-10

    def test_the_seed_decides(self) -> None:
        real, fake = normal(0, 100, 3), normal(1, 100, 3) + 0.5
        assert float(classifier_two_sample_test(real, fake)) == float(classifier_two_sample_test(real, fake))

    def test_rounding_of_a_feature_tells_nothing(self) -> None:
        real, fake = normal(0, 400, 3), normal(1, 400, 3)
        ends = [torch.full((400, 1), 1 + sign * 2e-7) for sign in (1, -1)]
        rounded = [torch.cat([side, end], 1) for side, end in zip((real, fake), ends, strict=True)]
        assert float(classifier_two_sample_test(*rounded)) < 0.6
        moved = torch.cat([fake, torch.full((400, 1), 0.9)], 1)
        assert float(classifier_two_sample_test(rounded[0], moved)) > 0.99


class TestInceptionScore:
    def test_it_is_that_of_torchmetrics(self) -> None:
        logits = normal(0, 200, 10) * 3
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer = InceptionScore(feature=nn.Identity(), splits=1).set_dtype(torch.float64)
            peer.features = [logits]
            expected = float(peer.compute()[0])
        assert float(inception_score(logits.softmax(1))) == pytest.approx(expected, rel=1e-12)

    def test_sure_and_even_is_the_number_of_classes(self) -> None:
        assert float(inception_score(torch.eye(7).repeat(3, 1))) == pytest.approx(7.0)
        assert float(inception_score(torch.full((5, 4), 0.25))) == pytest.approx(1.0)

    def test_the_interval_covers(self) -> None:
        # 200 repetitions at 95 %: between 88 % and 99.5 %.
        truth = math.log(float(inception_score((normal(10**6, 200_000, 4) * 2).softmax(1))))
        hits = 0
        for seed in range(200):
            low, high = inception_score((normal(seed, 400, 4) * 2).softmax(1)).intervals["inception-score"]
            hits += math.log(low) <= truth <= math.log(high)
        assert 176 <= hits <= 199

    def test_what_is_no_probability_is_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-probabilities"):
            inception_score(normal(0, 5, 3))


class TestClassifierAccuracy:
    def test_fakes_that_teach_and_fakes_that_do_not(self) -> None:
        real = normal(0, 300, 2)
        labels = (real[:, 0] > 0).long()
        wrong = classifier_accuracy_score(
            real, labels, normal(1, 300, 2), (normal(1, 300, 2)[:, 0] < 0).long()
        )
        right = classifier_accuracy_score(
            real, labels, normal(1, 300, 2), (normal(1, 300, 2)[:, 0] > 0).long()
        )
        assert float(right) > 0.95
        assert float(wrong) < 0.05
        assert right.floors["classifier-accuracy-score"] > 0.93

    def test_labels_that_do_not_match_are_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.labels-do-not-match"):
            classifier_accuracy_score(normal(0, 30, 2), torch.zeros(30), normal(1, 30, 2), torch.zeros(29))
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-class-numbers"):
            classifier_accuracy_score(
                normal(0, 30, 2), torch.full((30,), 0.5), normal(1, 30, 2), torch.zeros(30)
            )


class TestBirthday:
    def test_the_support_of_a_die(self) -> None:
        throws = torch.randint(300, (400, 1), generator=torch.Generator().manual_seed(0)).double()
        result = birthday_test(throws)
        counts = torch.bincount(throws[:, 0].long()).double()
        assert result.values["duplicate_pairs"] == float((counts * (counts - 1) / 2).sum())
        low, high = result.intervals["support"]
        assert low < 300 < high

    def test_no_duplicate_is_an_unbounded_support(self) -> None:
        result = birthday_test(normal(0, 50, 3))
        assert result.values == {"duplicate_pairs": 0.0, "support": math.inf}
        assert result.to_json()["value"]["support"] is None
        assert result.intervals["support"][0] == pytest.approx(50 * 49 / 2 / 3.689, rel=0.01)

    def test_nearest_pairs_come_nearest_first(self) -> None:
        points = normal(0, 40, 3)
        points[7] = points[3] + 1e-3
        distance, first, second = birthday_test(points, real=normal(1, 200, 3)).details["nearest_pairs"][0]
        assert (first, second) == (3, 7)
        assert distance == pytest.approx(1e-3 * math.sqrt(3), rel=1e-4)


class TestMemorisation:
    def test_the_z_is_that_of_scipy(self) -> None:
        first, second = (
            normal(0, 40, 1)[:, 0].round(decimals=1),
            normal(1, 50, 1)[:, 0].round(decimals=1) + 0.2,
        )
        test = scipy.stats.mannwhitneyu(first, second, use_continuity=False, method="asymptotic")
        z = mann_whitney(first, second)[0]
        assert 2 * scipy.stats.norm.sf(abs(z)) == pytest.approx(test.pvalue, rel=1e-9)

    def test_copies_strangers_and_honest_samples(self) -> None:
        train, held_out, honest = normal(0, 300, 3), normal(1, 200, 3), normal(2, 250, 3)
        copied, stray = (
            memorisation(train, held_out, train[:200] + 1e-5),
            memorisation(train, held_out, honest * 4),
        )
        fair = memorisation(train, held_out, honest)
        assert copied.values["c_t"] < -10
        assert copied.values["authentic"] < 0.05
        assert stray.values["c_t"] > 5
        low, high = fair.intervals["c_t"]
        assert low < 0 < high
        distance, fake, of_train = copied.details["nearest_pairs"][0]
        assert fake == of_train
        assert distance == pytest.approx(1e-5 * math.sqrt(3), rel=0.01)


class _Number(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))


def _saddle(generator: nn.Module, discriminator: nn.Module, real: Tensor, latents: Tensor) -> Tensor:
    u, v = next(generator.parameters()), next(discriminator.parameters())
    return u * v + u**2 / 2 - v**2 / 2 + 0 * real[:, 0]


class TestDualityGap:
    def test_a_saddle_has_the_gap_of_its_closed_form(self) -> None:
        # max over v' is u^2, min over u' is -v^2: the gap is u^2 + v^2.
        generator, discriminator = _Number(0.5), _Number(-1.0)
        result = duality_gap(
            generator,
            discriminator,
            _saddle,
            normal(0, 40, 2),
            latent=lambda count, stream: torch.zeros(count, 1),
            steps=300,
            learning_rate=0.05,
        )
        assert result.values["duality_gap"] == pytest.approx(0.25 + 1.0, abs=0.01)
        assert (generator.value.item(), discriminator.value.item()) == (0.5, -1.0)
        assert generator.value.requires_grad

    def test_an_objective_of_one_number_is_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.objective-shape"):
            duality_gap(
                _Number(1.0),
                _Number(1.0),
                lambda *given: _saddle(*given).mean(),
                normal(0, 8, 2),
                latent=lambda count, stream: torch.zeros(count, 1),
                steps=1,
            )


class TestPathLength:
    def test_a_linear_generator_has_the_closed_form(self) -> None:
        # |A (z2 - z1)|^2 is 2 |A|^2 on the mean for standard normal latents.
        matrix = normal(0, 6, 5)

        def latent(count: int, stream: torch.Generator) -> Tensor:
            return torch.randn(count, 5, generator=stream, dtype=torch.float64)

        result = latent_path_length(
            lambda z: z @ matrix.T, latent, interpolation="linear", trim=0, samples=4000
        )
        low, high = result.intervals["latent-path-length"]
        assert low < 2 * float(matrix.square().sum()) < high

    def test_a_great_circle_is_walked_evenly(self) -> None:
        # For a linear generator of unit latents the speed is the angle: E angle^2 in the plane is pi^2 / 3.
        def latent(count: int, stream: torch.Generator) -> Tensor:
            return nn.functional.normalize(torch.randn(count, 2, generator=stream, dtype=torch.float64))

        result = latent_path_length(lambda z: z, latent, trim=0, samples=4000)
        assert float(result) == pytest.approx(math.pi**2 / 3, rel=0.05)

    def test_a_module_is_put_back_into_training(self) -> None:
        module = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.9)).double()

        def latent(count: int, stream: torch.Generator) -> Tensor:
            return torch.randn(count, 3, generator=stream, dtype=torch.float64)

        assert float(latent_path_length(module, latent, samples=40)) < 100
        assert module.training


class TestModes:
    ring = torch.stack(
        [torch.tensor([math.cos(a), math.sin(a)]) for a in np.arange(8) * math.pi / 4]
    ).double()

    def test_samples_of_the_mixture_reach_its_ceiling(self) -> None:
        points = self.ring.repeat(1000, 1) + 0.01 * normal(0, 8000, 2)
        result = mode_statistics(points, self.ring, 0.01)
        assert result.values["modes"] == 8
        assert result.values["reverse_kl"] == 0.0
        # Within three standard deviations in the plane: 1 - exp(-9 / 2).
        assert result.values["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.004)
        assert result.floors["high_quality"] == pytest.approx(1 - math.exp(-4.5), rel=1e-6)

    def test_three_of_eight_modes(self) -> None:
        # 2/4, 1/4, 1/4 over 8 modes: log 8 - 1.5 log 2 = 1.5 log 2.
        points = self.ring[[0] * 50 + [3] * 25 + [5] * 25]
        result = mode_statistics(points, self.ring, 0.01)
        assert result.values["modes"] == 3
        assert result.values["high_quality"] == 1.0
        assert result.values["reverse_kl"] == pytest.approx(1.5 * math.log(2))
        low, high = result.intervals["reverse_kl"]
        assert low < 1.5 * math.log(2) < high

    def test_samples_between_modes_count_for_the_histogram_alone(self) -> None:
        points = 0.5 * self.ring
        result = mode_statistics(points, self.ring, 0.01)
        assert result.values == {"modes": 0.0, "high_quality": 0.0, "reverse_kl": 0.0}

    def test_no_spread_is_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.no-deviation"):
            mode_statistics(self.ring, self.ring, 0)
