"""Metrics: samples in, numbers out, each with its interval, its floor and its protocol.

A metric is a function that returns a `Result`: the value; a 95 % interval for its expectation at these
numbers of samples; the floor, which is the value of reals against other reals at the same numbers; and the
protocol, without which two numbers cannot be compared (`compare` refuses). `METRICS` is the table of all of
them; `evaluate` measures any of them on images or vectors; `cheap_evaluation` is for use while training.
Features come from `poise.metrics.features`. `docs/metrics.md` says which metric answers which question, how
many samples it needs, and when it misleads.
"""

from poise.metrics.classifiers import (
    classifier_accuracy_score,
    classifier_two_sample_test,
    nearest_neighbour_two_sample_test,
)
from poise.metrics.copies import birthday_test, memorisation
from poise.metrics.evaluation import evaluate
from poise.metrics.frechet import frechet_distance
from poise.metrics.frechet_at_scale import (
    accumulate_moments,
    frechet_distance_extrapolated,
    frechet_distance_of_moments,
)
from poise.metrics.kernel import kernel_distance
from poise.metrics.metric import Metric
from poise.metrics.mixture_modes import mode_statistics
from poise.metrics.neighbours import precision_recall_density_coverage
from poise.metrics.players import duality_gap, latent_path_length
from poise.metrics.ratio import DensityRatio, density_ratio
from poise.metrics.result import Comparison, Result, compare
from poise.metrics.scores import inception_score, vendi_score
from poise.metrics.sliced_wasserstein import mind, sliced_wasserstein_distance
from poise.metrics.table import METRICS
from poise.metrics.translation_errors import cycle_error, translation_errors
from poise.metrics.triangle_f1 import triangle_f1
from poise.metrics.vocoder_errors import vocoder_errors
from poise.metrics.wave_faults import wave_faults
from poise.metrics.while_training import Reference, cheap_distance, cheap_evaluation, reference_of

__all__ = [
    "METRICS",
    "Comparison",
    "DensityRatio",
    "Metric",
    "Reference",
    "Result",
    "accumulate_moments",
    "birthday_test",
    "cheap_distance",
    "cheap_evaluation",
    "classifier_accuracy_score",
    "classifier_two_sample_test",
    "compare",
    "cycle_error",
    "density_ratio",
    "duality_gap",
    "evaluate",
    "frechet_distance",
    "frechet_distance_extrapolated",
    "frechet_distance_of_moments",
    "inception_score",
    "kernel_distance",
    "latent_path_length",
    "memorisation",
    "mind",
    "mode_statistics",
    "nearest_neighbour_two_sample_test",
    "precision_recall_density_coverage",
    "reference_of",
    "sliced_wasserstein_distance",
    "translation_errors",
    "triangle_f1",
    "vendi_score",
    "vocoder_errors",
    "wave_faults",
]
