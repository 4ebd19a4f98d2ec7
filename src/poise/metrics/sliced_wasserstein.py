"""The sliced Wasserstein distance: the mean transport cost along random directions."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from poise.metrics.arrays import as_pair, fingerprint_of_features
from poise.metrics.intervals import NOT_ASKED, floor_of, interval_of_distance, method_of, spreads_of
from poise.metrics.result import Interval, Metric, Result, timed
from poise.randomness import derive


@timed
def sliced_wasserstein_distance(
    real: object,
    fake: object,
    *,
    projections: int = 256,
    held_out: object = None,
    replicates: int = 40,
    seed: int = 0,
) -> Result:
    """The root of the mean, over random directions, of the squared Wasserstein-2 distance along the
    direction.

    It only sorts: it forms no covariance and does not need more samples than dimensions. It detects every
    difference that shows along a line, not only those of means and covariances. It is biased upwards, by as
    much as the floor shows.

    Args:
        real: Features of reals, `(N, d)`, array or tensor.
        fake: Features of fakes, `(M, d)`.
        projections: Number of directions.
        held_out: Features of other reals for the floor; without, the reals are split in two.
        replicates: Half-samples for the interval; 0 for neither interval nor floor.
        seed: Draws the directions, and with them the value: it is part of the protocol.

    Returns:
        The distance in units of the features, from 0.

    Raises:
        PoiseError: Fewer than 4 samples, different widths, or features that are not finite.

    Example:
        >>> import torch
        >>> real = torch.randn(100, 1, generator=torch.Generator().manual_seed(0))
        >>> round(sliced_wasserstein_distance(real, real + 2).value, 6)
        2.0

    Source: Bonneel et al. 2015, definition 3.
    """
    sides = real, fake, held_out
    return _measured("sliced-wasserstein-distance", _root, sides, projections, replicates, seed)


@timed
def mind(
    real: object,
    fake: object,
    *,
    projections: int = 1000,
    held_out: object = None,
    replicates: int = 20,
    seed: int = 0,
) -> Result:
    """The Monge inception distance: 3 d times the mean squared Wasserstein-2 distance along random
    directions.

    The factor brings it near the scale of a Fréchet distance. The name stands for any features here;
    published numbers are for Inception's.

    The arguments are those of `sliced_wasserstein_distance`.

    Returns:
        The distance in squared units of the features, from 0.

    Raises:
        PoiseError: Fewer than 4 samples, different widths, or features that are not finite.

    Example:
        >>> import torch
        >>> real = torch.randn(100, 1, generator=torch.Generator().manual_seed(0))
        >>> round(mind(real, real + 2).value, 6)
        12.0

    Source: Berthet et al. 2026 (arXiv 2605.06797).
    """
    sides = real, fake, held_out
    return _measured("mind", lambda squared, d: 3.0 * d * squared, sides, projections, replicates, seed)


def mean_squared_distance(real: Tensor, fake: Tensor) -> Tensor:
    """The squared Wasserstein-2 distance of each column of `(N, P)` and `(M, P)`, averaged, `(1,)`."""
    first, second = (lines.T.contiguous().sort(1).values for lines in (real, fake))
    n, m = first.shape[1], second.shape[1]
    if n == m:
        return (first - second).square().mean().reshape(1)
    # Quantile functions are steps: between two neighbours of all the steps' ends, both are constant.
    ends = torch.unique(torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]))
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    widths = ((ends - starts).to(torch.float64) / (n * m)).to(first.device)
    apart: Tensor = first[:, (starts // m).to(first.device)] - second[:, (starts // n).to(first.device)]
    costs: Tensor = apart.square() @ widths
    return costs.mean().reshape(1)


def directions(width: int, count: int, seed: int) -> Tensor:
    """`count` directions, uniform on the sphere, `(d, count)`; equal on every machine."""
    stream = torch.Generator().manual_seed(derive(seed, 0, "directions"))
    drawn = torch.randn(width, count, generator=stream, dtype=torch.float64)
    units: Tensor = drawn / torch.linalg.vector_norm(drawn, dim=0)
    return units


def _root(squared: float, width: int) -> float:
    return math.sqrt(squared)


def _measured(
    metric: str,
    scaled: Callable[[float, int], float],
    sides: tuple[object, object, object],
    projections: int,
    replicates: int,
    seed: int,
) -> Result:
    """The mean squared distance along lines, on a metric's scale: `(squared distance, d) -> value`."""
    real, fake, held_out = sides
    reals, fakes = as_pair(real, fake, least=4)
    width = reals.shape[1]
    along = directions(width, projections, seed).to(reals.device)
    real_lines, fake_lines = reals @ along, fakes @ along
    values = mean_squared_distance(real_lines, fake_lines)
    interval: Interval | None = None
    method = method_of(replicates)
    if replicates:
        stream = torch.Generator().manual_seed(derive(seed, 0, "half-samples"))
        lines = real_lines, fake_lines
        (seen,) = spreads_of(
            mean_squared_distance, lines, values, replicates=replicates, most=2500, stream=stream
        )
        low, high = interval_of_distance(float(values), seen)
        interval = scaled(low, width), scaled(high, width)
        method += ", directions fixed"
    floor, floor_method = None, NOT_ASKED
    if replicates or held_out is not None:
        other_lines = None
        if held_out is not None:
            other_lines = as_pair(reals, held_out, names=("real", "held-out"))[1] @ along
        found = floor_of(
            mean_squared_distance, real_lines, len(fakes), other_lines, seed=seed, repeats=4, bias_power=1.0
        )
        floor, floor_method = scaled(float(found.values), width), found.method
    return Result(
        metric=metric,
        value=scaled(float(values), width),
        interval=interval,
        interval_method=method,
        floor=floor,
        floor_method=floor_method,
        samples={"real": len(reals), "fake": len(fakes)},
        settings={"projections": projections, "seed": seed},
        reference=fingerprint_of_features(reals),
    )


SLICED_WASSERSTEIN_DISTANCE = Metric(
    name="sliced-wasserstein-distance",
    measure=sliced_wasserstein_distance,
    summary="The transport cost along random lines; works with fewer samples than dimensions.",
    source="Bonneel et al. 2015, definition 3",
    needs=("real", "fake"),
    lower_is_better=True,
)
MIND = Metric(
    name="mind",
    measure=mind,
    summary="The same, squared and scaled to resemble a Fréchet distance; needs a tenth of its samples.",
    source="Berthet et al. 2026 (arXiv 2605.06797)",
    needs=("real", "fake"),
    lower_is_better=True,
)
