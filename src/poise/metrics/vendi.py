"""The Vendi score: how many different samples there are, in effect."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features, as_pair
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.halves import interval, of_many
from poise.metrics.metric import Metric
from poise.metrics.moments import MomentBlocks, accumulate_moments, gram
from poise.metrics.result import Result
from poise.randomness import derive

NAME = "vendi-score"


def vendi_score(fake: object, *, real: object = None, replicates: int = 40, seed: int = 0) -> Result:
    """The exponential of the entropy of the eigenvalues of the samples' cosine similarities, over N.

    From 1, where all samples are alike, to the smaller of N and d, where none is like another. It looks at no
    reals: noise has a high score. Features with a large common part (all positive, say) look alike to the
        cosine.

    Args:
        fake: Features of fakes, `(N, d)`, array or tensor; no row may be all nought.
        real: Features of reals: their score at the same N is the level to reach, given as the floor.
        replicates: Half-samples for the interval; 0 for none.
        seed: Seeds them, and the choice of reals.

    Returns:
        The effective number of different samples.

    Raises:
        PoiseError: Fewer than 4 samples, features that are not finite, or a row of noughts.

    Example:
        >>> import torch
        >>> round(vendi_score(torch.eye(4).repeat(5, 1)).value, 6)
        4.0

    Source: Friedman and Dieng 2023, definition 3.1 and equation 3 (dual form).
    """
    started = time.perf_counter()
    fakes = _unit(as_features(fake, "fake", least=4), "fake")
    values = effective_number(fakes)
    bounds, method = None, "none: not asked for (replicates=0)"
    if replicates:
        stream = torch.Generator().manual_seed(derive(seed, 0, "half-samples"))
        seen = of_many(effective_number, (fakes,), values, replicates=replicates, most=1000, stream=stream)[0]
        bounds = interval(float(values), seen, low=1.0, high=float(min(fakes.shape)))
        method = f"half-sample bootstrap, {replicates} replicates"
    floor, floor_method, reference = None, "none: without reals there is no level to reach; give real=", ""
    if real is not None:
        reals = _unit(as_pair(fakes, real, names=("fake", "real"), least=4)[1], "real")
        reference = fingerprint_of_features(reals)
        order = torch.randperm(len(reals), generator=torch.Generator().manual_seed(derive(seed, 0, "reals")))
        floor = float(effective_number(reals[order[: len(fakes)].to(reals.device)]))
        floor_method = f"the score of {min(len(reals), len(fakes))} reals"
    return Result(
        metric=NAME,
        value=float(values),
        interval=bounds,
        interval_method=method,
        floor=floor,
        floor_method=floor_method,
        samples={"fake": len(fakes)},
        reference=reference,
        seconds=time.perf_counter() - started,
    )


def effective_number(units: Tensor) -> Tensor:
    """The Vendi score of rows of length 1, `(N, d)`, as `(1,)`; by the smaller of the two Gram matrices."""
    matrix = gram(units if units.shape[0] >= units.shape[1] else units.T) / len(units)
    return _entropy_number(torch.linalg.eigvalsh(matrix))


def accumulate(state: MomentBlocks | None, features: object) -> MomentBlocks:
    """The state after a further batch of fakes: second moments of the rows brought to length 1.

    Args:
        state: What was seen before; `None` at the start.
        features: An array or tensor `(n, d)`.

    Raises:
        PoiseError: As `vendi_score`; or the width differs from that of earlier batches.
    """
    return accumulate_moments(state, _unit(as_features(features, "fake", least=1), "fake"), blocks=1)


def compute(fake: MomentBlocks) -> Result:
    """The Vendi score of a stream.

    Args:
        fake: What `accumulate` made of the fakes.
    """
    started = time.perf_counter()
    moments = fake.total
    matrix = moments.scatter / moments.samples + torch.outer(moments.mean, moments.mean)
    return Result(
        metric=NAME,
        value=float(_entropy_number(torch.linalg.eigvalsh(matrix))),
        interval=None,
        interval_method="none: a stream keeps no samples; use vendi_score",
        floor=None,
        floor_method="none: measure as many reals",
        samples={"fake": fake.seen},
        seconds=time.perf_counter() - started,
    )


def _entropy_number(eigenvalues: Tensor) -> Tensor:
    entropy: Tensor = torch.special.entr(eigenvalues.clamp(min=0)).sum(-1, keepdim=True)
    return entropy.exp()


def _unit(features: Tensor, name: str) -> Tensor:
    lengths = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    if not bool((lengths > 0).all()):
        raise PoiseError(
            f"{int((lengths == 0).sum())} of the {name} samples have features that are all nought",
            why="they have no direction, so that nothing can be said to be like or unlike them",
            hint="use another extractor",
        )
    units: Tensor = features / lengths
    return units


VENDI_SCORE = Metric(
    name=NAME,
    one_shot=vendi_score,
    accumulate=accumulate,
    compute=compute,
    summary="The effective number of different samples; diversity alone, without reals.",
    source="Friedman and Dieng 2023, definition 3.1",
    needs=("fake",),
    lower_is_better=False,
)
