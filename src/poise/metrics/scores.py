"""Scores of fakes alone: the inception score of a classifier, and the Vendi score of diversity."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features, as_pair, fingerprint_of_features
from poise.metrics.frechet import gram
from poise.metrics.intervals import NORMAL_QUANTILE, half_samples, intervals_of
from poise.metrics.metric import metric
from poise.metrics.result import Result
from poise.randomness import torch_stream

NAME = "vendi-score"
NO_REALS = "none: without reals there is no level to reach; give real="


@metric(
    "Whether a classifier of the domain is sure of each sample and sees all classes.",
    "Salimans et al. 2016, section 4",
    needs=("probabilities",),
    lower_is_better=False,
)
def inception_score(probabilities: object, *, real: object = None) -> Result:
    """The exponential of the mean divergence of each sample's class probabilities from their mean.

    It goes from 1 to the number of classes, and is only as good as the classifier: with one that was not
    trained on the domain it means nothing. It does not look at reals, and one good sample of each class has
    the full score. All samples are used at once; the usual splitting biases the score downwards.

    Takes class probabilities `(N, classes)` of fakes, in rows that sum to 1; the score of `real`, the
    same of reals, is the level to reach, given as the floor.

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
    floor, floor_method, reference = None, NO_REALS, ""
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


@metric(
    "The effective number of different samples; diversity alone, without reals.",
    "Friedman and Dieng 2023, definition 3.1",
    needs=("fake",),
    lower_is_better=False,
)
def vendi_score(fake: object, *, real: object = None, replicates: int = 40, seed: int = 0) -> Result:
    """The exponential of the entropy of the eigenvalues of the samples' cosine similarities, over N.

    It is 1 if all samples are alike, and the smaller of N and d if no two are. It does not look at reals:
    noise has a high score. Features with a large common part (all positive, say) have similar directions.

    `fake` are features `(N, d)` without a row of zeros, and `real` those of reals, whose score at the
    same N is the level to reach, given as the floor; `replicates` and `seed` are those of
    `frechet_distance`.

    Returns:
        The effective number of different samples.

    Raises:
        PoiseError: Fewer than 4 samples, features that are not finite, or a row of zeros.

    Example:
        >>> import torch
        >>> round(vendi_score(torch.eye(4).repeat(5, 1)).value, 6)
        4.0

    Source: Friedman and Dieng 2023, definition 3.1 and equation 3 (dual form).
    """
    fakes = _unit(as_features(fake, "fake", least=4), "fake")
    values = effective_number(fakes)
    intervals, method = intervals_of(
        effective_number,
        (fakes,),
        values,
        [NAME],
        replicates=replicates,
        most=1000,
        stream=half_samples(seed),
        low=1.0,
        high={NAME: float(min(fakes.shape))},
    )
    floor, floor_method, reference = None, NO_REALS, ""
    if real is not None:
        reals = _unit(as_pair(fakes, real, names=("fake", "real"), least=4)[1], "real")
        reference = fingerprint_of_features(reals)
        order = torch.randperm(len(reals), generator=torch_stream(seed, 0, "reals"))
        floor = float(effective_number(reals[order[: len(fakes)].to(reals.device)]))
        floor_method = f"the score of {min(len(reals), len(fakes))} reals"
    return Result(
        metric=NAME,
        value=float(values),
        interval=intervals and intervals[NAME],
        interval_method=method,
        floor=floor,
        floor_method=floor_method,
        samples={"fake": len(fakes)},
        reference=reference,
    )


def effective_number(units: Tensor) -> Tensor:
    """The Vendi score of rows of length 1, `(N, d)`, as `(1,)`; by the smaller of the two Gram matrices."""
    matrix = gram(units if units.shape[0] >= units.shape[1] else units.T) / len(units)
    eigenvalues = torch.linalg.eigvalsh(matrix)
    entropy: Tensor = torch.special.entr(eigenvalues.clamp(min=0)).sum(-1, keepdim=True)
    return entropy.exp()


def _unit(features: Tensor, name: str) -> Tensor:
    lengths = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    if not bool((lengths > 0).all()):
        raise PoiseError(
            f"{int((lengths == 0).sum())} of the {name} samples have features that are all zero",
            code="metrics.zero-features",
            why="they have no direction, so their similarity to others is not defined",
            hint="use another extractor",
        )
    units: Tensor = features / lengths
    return units
