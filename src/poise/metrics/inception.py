"""The inception score: are samples sure of their class, and classes many?"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features
from poise.metrics.halves import NORMAL_QUANTILE
from poise.metrics.metric import Metric
from poise.metrics.moments import MomentBlocks, accumulate_moments
from poise.metrics.result import Result


def inception_score(probabilities: object, *, real: object = None) -> Result:
    """The exponential of the mean divergence of each sample's class probabilities from their mean.

    From 1 to the number of classes. It is only as good as the classifier: with one that was not trained on
    the domain it means nothing. It looks at no reals, and one fine sample of each class has the full score.
    All samples are taken at once; splitting them, as was usual, biases the score downwards.

    Args:
        probabilities: Class probabilities of fakes, `(N, classes)`, rows that sum to 1; array or tensor.
        real: The same of reals: their score is the level to reach, given as the floor.

    Returns:
        The score. Its interval has a closed form (delta method on the logarithm).

    Raises:
        PoiseError: Rows that are no probabilities, or fewer than 2.

    Example:
        >>> inception_score([[1.0, 0.0], [0.0, 1.0]]).value
        2.0

    Source: Salimans et al. 2016, section 4.
    """
    return compute(accumulate(None, probabilities), None if real is None else accumulate(None, real))


def accumulate(state: MomentBlocks | None, probabilities: object) -> MomentBlocks:
    """The state after a further batch: moments of each row's negative entropy and of its probabilities.

    Args:
        state: What was seen before; `None` at the start.
        probabilities: `(n, classes)`, rows that sum to 1.

    Raises:
        PoiseError: Rows that are no probabilities.
    """
    rows = as_probabilities(probabilities)
    return accumulate_moments(
        state, torch.cat([-torch.special.entr(rows).sum(1, keepdim=True), rows], 1), blocks=1
    )


def compute(fake: MomentBlocks, real: MomentBlocks | None = None) -> Result:
    """The inception score of a stream.

    Args:
        fake: What `accumulate` made of the fakes.
        real: The same of the reals, for the floor.
    """
    started = time.perf_counter()
    if fake.seen < 2:
        raise PoiseError(
            f"There is {fake.seen} fake sample, and this metric needs at least 2", hint="give at least 2"
        )
    logarithm, error = _logarithm(fake)
    half = NORMAL_QUANTILE * error
    facts: dict[str, Any] = {
        "floor": None,
        "floor_method": "none: without reals there is no level to reach; give real=",
    }
    if real is not None:
        facts = {"floor": math.exp(_logarithm(real)[0]), "floor_method": f"the score of {real.seen} reals"}
    return Result(
        metric="inception-score",
        value=math.exp(logarithm),
        interval=(math.exp(max(0.0, logarithm - half)), math.exp(logarithm + half)),
        interval_method="closed form: delta method on the logarithm",
        samples={"fake": fake.seen},
        settings={"classes": fake.total.mean.shape[0] - 1},
        reference=real.fingerprint.hexdigest() if real else "",
        seconds=time.perf_counter() - started,
        **facts,
    )


def as_probabilities(probabilities: object) -> Tensor:
    """Rows of class probabilities `(N, classes)`.

    Raises:
        PoiseError: They are negative or do not sum to 1.
    """
    rows = as_features(probabilities, "class probability", least=1)
    if rows.shape[1] < 2 or float(rows.min()) < 0 or float((rows.sum(1) - 1).abs().max()) > 1e-3:
        raise PoiseError(
            "These are no class probabilities",
            why="each row must have two or more numbers from 0 that sum to 1",
            hint="take the softmax of the classifier's logits",
        )
    return rows / rows.sum(1, keepdim=True)


def _logarithm(state: MomentBlocks) -> tuple[float, float]:
    """The logarithm of the score and its standard error."""
    moments = state.total
    marginal = moments.mean[1:]
    logs = torch.where(marginal > 0, marginal, torch.ones_like(marginal)).log()
    weights = torch.cat([logs.new_ones(1), -logs])
    variance = float(weights @ moments.covariance @ weights) / moments.samples if moments.samples > 1 else 0.0
    return max(0.0, float(weights @ moments.mean)), math.sqrt(max(0.0, variance))


INCEPTION_SCORE = Metric(
    name="inception-score",
    one_shot=inception_score,
    accumulate=accumulate,
    compute=compute,
    summary="Whether a classifier of the domain is sure of each sample and sees all classes.",
    source="Salimans et al. 2016, section 4",
    needs=("probabilities",),
    lower_is_better=False,
)
