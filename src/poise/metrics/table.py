"""The table of metrics, in the order in which they are measured: the only list of them."""

from poise.metrics.classifiers import (
    CLASSIFIER_ACCURACY_SCORE,
    CLASSIFIER_TWO_SAMPLE_TEST,
    NEAREST_NEIGHBOUR_TWO_SAMPLE_TEST,
)
from poise.metrics.copies import BIRTHDAY_TEST, MEMORISATION
from poise.metrics.frechet import FRECHET_DISTANCE, FRECHET_DISTANCE_EXTRAPOLATED
from poise.metrics.kernel import KERNEL_DISTANCE
from poise.metrics.mixture_modes import MODE_STATISTICS
from poise.metrics.players import DUALITY_GAP, LATENT_PATH_LENGTH
from poise.metrics.prdc import PRECISION_RECALL_DENSITY_COVERAGE
from poise.metrics.result import Metric
from poise.metrics.scores import INCEPTION_SCORE, VENDI_SCORE
from poise.metrics.sliced_wasserstein import MIND, SLICED_WASSERSTEIN_DISTANCE
from poise.metrics.translation_errors import CYCLE_ERROR, TRANSLATION_ERRORS
from poise.registry import Registry

METRICS: Registry[Metric] = Registry(
    "metric",
    [
        TRANSLATION_ERRORS,
        CYCLE_ERROR,
        MODE_STATISTICS,
        FRECHET_DISTANCE,
        FRECHET_DISTANCE_EXTRAPOLATED,
        KERNEL_DISTANCE,
        SLICED_WASSERSTEIN_DISTANCE,
        MIND,
        PRECISION_RECALL_DENSITY_COVERAGE,
        VENDI_SCORE,
        CLASSIFIER_TWO_SAMPLE_TEST,
        NEAREST_NEIGHBOUR_TWO_SAMPLE_TEST,
        INCEPTION_SCORE,
        CLASSIFIER_ACCURACY_SCORE,
        BIRTHDAY_TEST,
        MEMORISATION,
        DUALITY_GAP,
        LATENT_PATH_LENGTH,
    ],
)


def default_metrics(data: str) -> tuple[str, ...]:
    """The metrics that suit `"samples"`, a `"mixture"`, `"pairs"` or `"domains"`."""
    return tuple(metric.name for metric in METRICS.values() if data in metric.default_for)


def metrics_that_need(*any_of: str) -> tuple[str, ...]:
    """The metrics that need any of these, in the table's order."""
    return tuple(metric.name for metric in METRICS.values() if set(any_of) & set(metric.needs))
