"""The Fréchet distance of infinitely many samples."""

from __future__ import annotations

import torch
from torch import Tensor

from poise.metrics.arrays import as_pair
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.frechet import TOO_WIDE, default_replicates, spread_of_halves
from poise.metrics.gaussian import distance_of
from poise.metrics.half_sample_bootstrap import NOT_ASKED, interval, method_of
from poise.metrics.metric import Metric, timed
from poise.metrics.result import Result
from poise.randomness import derive

LEAST_IN_A_PART = 4


@timed
def frechet_distance_extrapolated(
    real: object,
    fake: object,
    *,
    parts: int = 4,
    repeats: int = 4,
    replicates: int | None = None,
    seed: int = 0,
) -> Result:
    """The squared Fréchet distance at infinite N, without the bias of `frechet_distance`.

    Both sides are split into 1, 2, ... `parts` pieces; a line in 1/N is fitted to the distances of the
    pieces, and its value at zero is the result. It may be negative if the two distributions are alike. If the
    smallest piece has fewer samples than dimensions, the bias does not go as 1/N and the result is too high.

    Args:
        real: Features of reals, `(N, d)`, array or tensor.
        fake: Features of fakes, `(M, d)`.
        parts: The largest number of pieces.
        repeats: How often the samples are split at random, for each number of pieces.
        replicates: Half-samples for the interval, as for `frechet_distance`.
        seed: Seeds the splits.

    Returns:
        The distance in squared units of the features. Its interval is for the true distance.

    Raises:
        PoiseError: Fewer than 4 samples in a piece, different widths, or features that are not finite.

    Example:
        >>> import torch
        >>> stream = torch.Generator().manual_seed(0)
        >>> a, b = (torch.randn(1000, 8, generator=stream) for _ in range(2))
        >>> abs(frechet_distance_extrapolated(a, b).value) < 0.02
        True

    Source: Chong and Forsyth 2020, section 4.
    """
    reals, fakes = as_pair(real, fake, least=LEAST_IN_A_PART * max(2, parts))
    at_full_size = distance_of(reals, fakes)
    value = _at_infinity(reals, fakes, at_full_size, parts=max(2, parts), repeats=repeats, seed=seed)
    given = replicates
    replicates = default_replicates(reals, fakes) if given is None else given
    bounds, method = None, NOT_ASKED if given == 0 else TOO_WIDE
    if replicates:
        bounds = interval(value, spread_of_halves(at_full_size, reals, fakes, replicates, seed))
        method = method_of(replicates)
    return Result(
        metric="frechet-distance-extrapolated",
        value=value,
        interval=bounds,
        interval_method=method,
        floor=0.0,
        floor_method="exact: zero in the limit",
        samples={"real": len(reals), "fake": len(fakes)},
        settings={"parts": max(2, parts), "repeats": repeats},
        reference=fingerprint_of_features(reals),
    )


def _at_infinity(
    real: Tensor, fake: Tensor, at_full_size: float, *, parts: int, repeats: int, seed: int
) -> float:
    """The intercept of a line through the distances at 1, 2, ... pieces, against the number of pieces."""
    stream = torch.Generator().manual_seed(derive(seed, 0, "pieces"))
    means = [at_full_size]
    for pieces in range(2, parts + 1):
        found = []
        for _ in range(repeats):
            orders = [torch.randperm(len(side), generator=stream).to(side.device) for side in (real, fake)]
            found += [
                distance_of(real[reals], fake[fakes])
                for reals, fakes in zip(*(order.tensor_split(pieces) for order in orders), strict=True)
            ]
        means.append(sum(found) / len(found))
    counts = torch.arange(1, parts + 1, dtype=torch.float64)
    distances = torch.tensor(means, dtype=torch.float64)
    slope = ((counts - counts.mean()) * distances).sum() / (counts - counts.mean()).square().sum()
    return float(distances.mean() - slope * counts.mean())


FRECHET_DISTANCE_EXTRAPOLATED = Metric(
    name="frechet-distance-extrapolated",
    measure=frechet_distance_extrapolated,
    summary="The Fréchet distance without its bias: comparable between different numbers of samples.",
    source="Chong and Forsyth 2020, section 4",
    needs=("real", "fake"),
    lower_is_better=True,
)
