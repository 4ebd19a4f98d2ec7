"""Metrics: features in, a number with its protocol out."""

from poise.metrics.birthday import BIRTHDAY_TEST, birthday_test
from poise.metrics.classifier_accuracy import CLASSIFIER_ACCURACY_SCORE, classifier_accuracy_score
from poise.metrics.frechet import FRECHET_DISTANCE, frechet_distance
from poise.metrics.frechet_extrapolated import FRECHET_DISTANCE_EXTRAPOLATED, frechet_distance_extrapolated
from poise.metrics.inception import INCEPTION_SCORE, inception_score
from poise.metrics.kernel import KERNEL_DISTANCE, kernel_distance
from poise.metrics.memory import MEMORISATION, memorisation
from poise.metrics.metric import Metric
from poise.metrics.mixture_modes import MODE_STATISTICS, mode_statistics
from poise.metrics.neighbourhoods import PRECISION_RECALL_DENSITY_COVERAGE, precision_recall_density_coverage
from poise.metrics.path_length import LATENT_PATH_LENGTH, latent_path_length
from poise.metrics.result import Comparison, Result, compare
from poise.metrics.sliced_wasserstein import (
    MIND,
    SLICED_WASSERSTEIN_DISTANCE,
    mind,
    sliced_wasserstein_distance,
)
from poise.metrics.two_sample_tests import (
    CLASSIFIER_TWO_SAMPLE_TEST,
    NEAREST_NEIGHBOUR_TWO_SAMPLE_TEST,
    classifier_two_sample_test,
    nearest_neighbour_two_sample_test,
)
from poise.metrics.vendi import VENDI_SCORE, vendi_score
from poise.metrics.worst_case_players import DUALITY_GAP, duality_gap
from poise.registry import Registry

METRICS: Registry[Metric] = Registry(
    "metric",
    [
        FRECHET_DISTANCE,
        FRECHET_DISTANCE_EXTRAPOLATED,
        KERNEL_DISTANCE,
        PRECISION_RECALL_DENSITY_COVERAGE,
        VENDI_SCORE,
        SLICED_WASSERSTEIN_DISTANCE,
        MIND,
        CLASSIFIER_TWO_SAMPLE_TEST,
        NEAREST_NEIGHBOUR_TWO_SAMPLE_TEST,
        INCEPTION_SCORE,
        CLASSIFIER_ACCURACY_SCORE,
        BIRTHDAY_TEST,
        MEMORISATION,
        DUALITY_GAP,
        LATENT_PATH_LENGTH,
        MODE_STATISTICS,
    ],
)

__all__ = [
    "METRICS",
    "Comparison",
    "Metric",
    "Result",
    "birthday_test",
    "classifier_accuracy_score",
    "classifier_two_sample_test",
    "compare",
    "duality_gap",
    "frechet_distance",
    "frechet_distance_extrapolated",
    "inception_score",
    "kernel_distance",
    "latent_path_length",
    "memorisation",
    "mind",
    "mode_statistics",
    "nearest_neighbour_two_sample_test",
    "precision_recall_density_coverage",
    "sliced_wasserstein_distance",
    "vendi_score",
]
