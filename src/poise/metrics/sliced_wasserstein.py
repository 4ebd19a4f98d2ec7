"""The sliced Wasserstein distance: the mean transport cost along random directions."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from poise.metrics.arrays import fingerprint_of_features, with_held_out
from poise.metrics.intervals import (
    NOT_ASKED,
    Floor,
    floor_of,
    half_samples,
    interval_of_distance,
    method_of,
    spreads_of,
)
from poise.metrics.metric import metric
from poise.metrics.result import Result
from poise.randomness import torch_stream


@metric(
    "The transport cost along random lines; works with fewer samples than dimensions.",
    "Bonneel et al. 2015, definition 3",
    lower_is_better=True,
)
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
    sides = with_held_out(real, fake, held_out, least=4)
    return _measured("sliced-wasserstein-distance", math.sqrt, sides, projections, replicates, seed)


@metric(
    "The same, squared and scaled to resemble a Fréchet distance; needs a tenth of its samples.",
    "Berthet et al. 2026 (arXiv 2605.06797)",
    lower_is_better=True,
)
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
    sides = with_held_out(real, fake, held_out, least=4)
    scale = 3.0 * sides[0].shape[1]
    return _measured("mind", lambda squared: scale * squared, sides, projections, replicates, seed)


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
    stream = torch_stream(seed, 0, "directions")
    drawn = torch.randn(width, count, generator=stream, dtype=torch.float64)
    units: Tensor = drawn / torch.linalg.vector_norm(drawn, dim=0)
    return units


def _measured(
    metric: str,
    scaled: Callable[[float], float],
    sides: tuple[Tensor, Tensor, Tensor | None],
    projections: int,
    replicates: int,
    seed: int,
) -> Result:
    """The mean squared distance along lines, on a metric's scale."""
    real, fake, held_out = sides
    along = directions(real.shape[1], projections, seed).to(real.device)
    lines = real @ along, fake @ along
    values = mean_squared_distance(*lines)
    bounds, method = None, method_of(replicates)
    if replicates:
        (seen,) = spreads_of(
            mean_squared_distance,
            lines,
            values,
            replicates=replicates,
            most=2500,
            stream=half_samples(seed),
        )
        low, high = interval_of_distance(float(values), seen)
        bounds, method = (scaled(low), scaled(high)), f"{method}, directions fixed"
    floor = Floor(None, NOT_ASKED)
    if replicates or held_out is not None:
        others = None if held_out is None else held_out @ along
        floor = floor_of(
            mean_squared_distance, lines[0], len(fake), others, seed=seed, repeats=4, bias_power=1.0
        )
    return Result(
        metric=metric,
        value=scaled(float(values)),
        interval=bounds,
        interval_method=method,
        floor=None if floor.values is None else scaled(float(floor.values)),
        floor_method=floor.method,
        samples={"real": len(real), "fake": len(fake)},
        settings={"projections": projections, "seed": seed},
        reference=fingerprint_of_features(real),
    )
