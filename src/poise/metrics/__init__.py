"""Metrics: samples in, numbers out, each with its interval, its floor and its protocol.

A metric is a function that gives a `Result`: the value; a 95 % interval for its expectation at these numbers
of samples; the floor, which is what reals give against other reals at the same numbers; and the protocol,
without which two numbers cannot be compared (`compare` refuses). `METRICS` is the table of all; `evaluate`
runs any of them on images or vectors; `cheap_evaluation` is for use while training. Features come from
`poise.metrics.features`.

What each tells, when it lies, and how many samples it wants:

`frechet_distance`
    Whether mean and covariance of the features agree: quality and diversity in one number. Lies with few
    samples (biased upwards by about c/N: look at the floor), and where two distributions differ in more than
    mean and covariance. Want N several times d: 500 for the default features, 10,000 and more for
    Inception's.
`frechet_distance_extrapolated`
    The same without the bias, so that different N compare. Lies where a quarter of the samples are fewer than
    d.
`kernel_distance`
    Whether features agree up to third moments (polynomial), or at one scale (rbf). Unbiased, so that it may
    be negative. Lies little; with a few samples it says little. From 100 samples on.
`precision_recall_density_coverage`
    Where it fails: precision and density for quality, recall and coverage for diversity. Precision and recall
    lie with outliers (one outlier's neighbourhood is huge); all four depend on N and k, and in many
    dimensions even reals have a low precision: look at the floor. From 500 samples on.
`vendi_score`
    How many different samples there are, in effect. Looks at no reals, so noise has a high score. From 500
    on.
`sliced_wasserstein_distance`, `mind`
    Whether features agree along random lines, in all moments. Blind to differences that no line shows well.
    From 500 samples on, also with fewer samples than dimensions.
`classifier_two_sample_test`
    Whether a network can tell fakes from reals. 1 says only that there is a difference, be it one that nobody
    minds; near 1/2 with few samples says nothing. From 500 samples on.
`nearest_neighbour_two_sample_test`
    Apart (above 1/2), or copied (below). Lies in many dimensions, where distances are all alike.
`inception_score`
    Whether a classifier is sure of each sample and sees all classes. Means nothing without a classifier of
    the domain; one good sample of each class has the full score. From 1,000 samples on.
`classifier_accuracy_score`
    Whether fakes teach a classifier what reals do; by class, in the details. For conditional generators.
`birthday_test`
    How many different samples the generator has. Lies as far as its threshold does: look at the nearest
    pairs.
`memorisation`
    Whether fakes are copies of the training set. A generator that copies some and spoils others can hide in
    C_T; look at the authentic share and the pairs. Features must see what makes a copy: pixels do.
`duality_gap`
    Whether the game has converged, without features and labels. Too small where the worst-case players train
    for too few steps.
`latent_path_length`
    Whether samples change smoothly with the latent. A generator of one image has 0.
`mode_statistics`
    Modes found, share of high quality, reverse KL, where the centres are known. Blind to the shape of modes.
`translation_errors`, `cycle_error`
    How far translated images are from their targets, and from themselves after the way back. Where several
    answers are right, the first likes their mean best; a generator that hides its source passes the second.
"""

from poise.metrics.birthday import birthday_test
from poise.metrics.classifier_accuracy import classifier_accuracy_score
from poise.metrics.evaluation import evaluate
from poise.metrics.frechet import frechet_distance
from poise.metrics.frechet_extrapolated import frechet_distance_extrapolated
from poise.metrics.inception import inception_score
from poise.metrics.kernel import kernel_distance
from poise.metrics.memory import memorisation
from poise.metrics.metric import Metric
from poise.metrics.mixture_modes import mode_statistics
from poise.metrics.neighbourhoods import precision_recall_density_coverage
from poise.metrics.path_length import latent_path_length
from poise.metrics.result import Comparison, Result, compare
from poise.metrics.sliced_wasserstein import mind, sliced_wasserstein_distance
from poise.metrics.table import METRICS
from poise.metrics.translation_errors import cycle_error, translation_errors
from poise.metrics.two_sample_tests import classifier_two_sample_test, nearest_neighbour_two_sample_test
from poise.metrics.vendi import vendi_score
from poise.metrics.while_training import Reference, cheap_distance, cheap_evaluation, reference_of
from poise.metrics.worst_case_players import duality_gap

__all__ = [
    "METRICS",
    "Comparison",
    "Metric",
    "Reference",
    "Result",
    "birthday_test",
    "cheap_distance",
    "cheap_evaluation",
    "classifier_accuracy_score",
    "classifier_two_sample_test",
    "compare",
    "cycle_error",
    "duality_gap",
    "evaluate",
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
    "reference_of",
    "sliced_wasserstein_distance",
    "translation_errors",
    "vendi_score",
]
