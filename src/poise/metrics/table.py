"""The table of metrics, in the order in which they are measured."""

from __future__ import annotations

from poise.metrics.classifiers import (
    classifier_accuracy_score,
    classifier_two_sample_test,
    nearest_neighbour_two_sample_test,
)
from poise.metrics.copies import birthday_test, memorisation
from poise.metrics.frechet import frechet_distance
from poise.metrics.frechet_at_scale import frechet_distance_extrapolated
from poise.metrics.graphs import graph_distances, graph_novelty
from poise.metrics.grids import autocorrelation, power_spectrum, value_distribution
from poise.metrics.kernel import kernel_distance
from poise.metrics.metric import Metric
from poise.metrics.mixture_modes import mode_statistics
from poise.metrics.neighbours import precision_recall_density_coverage
from poise.metrics.players import duality_gap, latent_path_length
from poise.metrics.row_copies import nearer_to_training
from poise.metrics.row_models import boosted_detection, trained_on_fakes
from poise.metrics.rows import column_shapes, missing_share, pair_trends
from poise.metrics.scores import inception_score, vendi_score
from poise.metrics.sliced_wasserstein import mind, sliced_wasserstein_distance
from poise.metrics.translation_errors import cycle_error, translation_errors
from poise.metrics.triangle_f1 import triangle_f1
from poise.metrics.vocoder_errors import vocoder_errors
from poise.metrics.wave_faults import wave_faults
from poise.registry import Registry

METRICS: Registry[Metric] = Registry(
    "metric",
    [
        measure.row
        for measure in (
            translation_errors,
            cycle_error,
            vocoder_errors,
            mode_statistics,
            triangle_f1,
            frechet_distance,
            frechet_distance_extrapolated,
            kernel_distance,
            sliced_wasserstein_distance,
            mind,
            precision_recall_density_coverage,
            vendi_score,
            autocorrelation,
            power_spectrum,
            value_distribution,
            wave_faults,
            classifier_two_sample_test,
            nearest_neighbour_two_sample_test,
            inception_score,
            classifier_accuracy_score,
            birthday_test,
            memorisation,
            duality_gap,
            latent_path_length,
            column_shapes,
            pair_trends,
            missing_share,
            boosted_detection,
            trained_on_fakes,
            nearer_to_training,
            graph_novelty,
            graph_distances,
        )
    ],
)


def default_metrics(data: str) -> tuple[str, ...]:
    """The metrics that suit `"samples"`, a `"mixture"`, `"pairs"` or `"domains"`."""
    return tuple(metric.name for metric in METRICS.values() if data in metric.default_for)


def metrics_that_need(*any_of: str) -> tuple[str, ...]:
    """The metrics that need any of these, in the table's order."""
    return tuple(metric.name for metric in METRICS.values() if set(any_of) & set(metric.needs))
