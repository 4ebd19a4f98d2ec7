"""The inception score: whether a classifier is sure of each sample, and finds many classes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.half_sample_bootstrap import NORMAL_QUANTILE
from poise.metrics.metric import Metric, timed
from poise.metrics.result import Result


@timed
def inception_score(probabilities: object, *, real: object = None) -> Result:
    """The exponential of the mean divergence of each sample's class probabilities from their mean.

    It goes from 1 to the number of classes, and is only as good as the classifier: with one that was not
    trained on the domain it means nothing. It does not look at reals, and one good sample of each class has
    the full score. All samples are used at once; the usual splitting biases the score downwards.

    Args:
        probabilities: Class probabilities of fakes, `(N, classes)`, rows that sum to 1; array or tensor.
        real: The same of reals: their score is the level to reach, given as the floor.

    Returns:
        The score. Its interval has a closed form (delta method on the logarithm).

    Raises:
        PoiseError: Rows that are not probabilities, or fewer than 2.

    Example:
        >>> inception_score([[1.0, 0.0], [0.0, 1.0]]).value
        2.0

    Source: Salimans et al. 2016, section 4.
    """
    rows = as_probabilities(probabilities)
    logarithm, error = _logarithm(rows)
    half = NORMAL_QUANTILE * error
    floor, floor_method, reference = None, "none: without reals there is no level to reach; give real=", ""
    if real is not None:
        reals = as_probabilities(real)
        floor, floor_method = math.exp(_logarithm(reals)[0]), f"the score of {len(reals)} reals"
        reference = fingerprint_of_features(reals)
    return Result(
        metric="inception-score",
        value=math.exp(logarithm),
        interval=(math.exp(max(0.0, logarithm - half)), math.exp(logarithm + half)),
        interval_method="closed form: delta method on the logarithm",
        floor=floor,
        floor_method=floor_method,
        samples={"fake": len(rows)},
        settings={"classes": rows.shape[1]},
        reference=reference,
    )


def as_probabilities(probabilities: object) -> Tensor:
    """Rows of class probabilities `(N, classes)`."""
    rows = as_features(probabilities, "class probability")
    if rows.shape[1] < 2 or float(rows.min()) < 0 or float((rows.sum(1) - 1).abs().max()) > 1e-3:
        raise PoiseError(
            "These are not class probabilities",
            code="metrics.not-probabilities",
            why="each row must have two or more numbers from 0 that sum to 1",
            hint="take the softmax of the classifier's logits",
        )
    return rows / rows.sum(1, keepdim=True)


def _logarithm(rows: Tensor) -> tuple[float, float]:
    """The logarithm of the score and its standard error."""
    marginal = rows.mean(0)
    logs = torch.where(marginal > 0, marginal, torch.ones_like(marginal)).log()
    each = -torch.special.entr(rows).sum(1) - rows @ logs
    return max(0.0, float(each.mean())), math.sqrt(float(each.var()) / len(rows))


INCEPTION_SCORE = Metric(
    name="inception-score",
    measure=inception_score,
    summary="Whether a classifier of the domain is sure of each sample and sees all classes.",
    source="Salimans et al. 2016, section 4",
    needs=("probabilities",),
    lower_is_better=False,
)
