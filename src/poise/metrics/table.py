"""The table of metrics."""

from poise.metrics.birthday import BIRTHDAY_TEST
from poise.metrics.classifier_accuracy import CLASSIFIER_ACCURACY_SCORE
from poise.metrics.frechet import FRECHET_DISTANCE
from poise.metrics.frechet_extrapolated import FRECHET_DISTANCE_EXTRAPOLATED
from poise.metrics.inception import INCEPTION_SCORE
from poise.metrics.kernel import KERNEL_DISTANCE
from poise.metrics.memory import MEMORISATION
from poise.metrics.metric import Metric
from poise.metrics.mixture_modes import MODE_STATISTICS
from poise.metrics.neighbourhoods import PRECISION_RECALL_DENSITY_COVERAGE
from poise.metrics.path_length import LATENT_PATH_LENGTH
from poise.metrics.sliced_wasserstein import MIND, SLICED_WASSERSTEIN_DISTANCE
from poise.metrics.translation_errors import CYCLE_ERROR, TRANSLATION_ERRORS
from poise.metrics.two_sample_tests import CLASSIFIER_TWO_SAMPLE_TEST, NEAREST_NEIGHBOUR_TWO_SAMPLE_TEST
from poise.metrics.vendi import VENDI_SCORE
from poise.metrics.worst_case_players import DUALITY_GAP
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
        TRANSLATION_ERRORS,
        CYCLE_ERROR,
    ],
)
