"""The Vendi score: how many different samples there are, in effect."""

from __future__ import annotations

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features, as_pair
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.gaussian import gram
from poise.metrics.half_sample_bootstrap import intervals_of, method_of
from poise.metrics.metric import Metric, timed
from poise.metrics.result import Interval, Result
from poise.randomness import derive

NAME = "vendi-score"


@timed
def vendi_score(fake: object, *, real: object = None, replicates: int = 40, seed: int = 0) -> Result:
    """The exponential of the entropy of the eigenvalues of the samples' cosine similarities, over N.

    It is 1 if all samples are alike, and the smaller of N and d if no two are. It does not look at reals:
    noise has a high score. Features with a large common part (all positive, say) have similar directions.

    Args:
        fake: Features of fakes, `(N, d)`, array or tensor; no row may be all zero.
        real: Features of reals: their score at the same N is the level to reach, given as the floor.
        replicates: Half-samples for the interval; 0 for none.
        seed: Seeds them, and the choice of reals.

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
    intervals: dict[str, Interval] = {}
    if replicates:
        intervals = intervals_of(
            effective_number,
            (fakes,),
            values,
            [NAME],
            replicates=replicates,
            most=1000,
            stream=torch.Generator().manual_seed(derive(seed, 0, "half-samples")),
            low=1.0,
            high={NAME: float(min(fakes.shape))},
        )
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
        interval=intervals.get(NAME),
        interval_method=method_of(replicates),
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


VENDI_SCORE = Metric(
    name=NAME,
    measure=vendi_score,
    summary="The effective number of different samples; diversity alone, without reals.",
    source="Friedman and Dieng 2023, definition 3.1",
    needs=("fake",),
    lower_is_better=False,
)
