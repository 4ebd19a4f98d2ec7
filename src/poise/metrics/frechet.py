"""The Fréchet distance of means and covariances of two sets of features, its interval and its floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from poise.metrics.arrays import fingerprint_of_features, with_held_out
from poise.metrics.intervals import (
    HELD_OUT,
    NOT_ASKED,
    Floor,
    Spread,
    floor_of,
    half_samples,
    interval_of_distance,
    method_of,
    splits,
    spread,
)
from poise.metrics.metric import Prepared, metric
from poise.metrics.neighbours import centred
from poise.metrics.result import Result

LEAST = 4  # Samples of a side
TOO_WIDE = "none: it would take many times as long as the distance; ask for it with replicates=20"


@dataclass(frozen=True)
class Moments:
    """Mean and scatter of a set of features."""

    samples: int  # How many there are
    mean: Tensor  # (d,), float64
    scatter: Tensor  # The sum over samples of the outer product of their differences from the mean, (d, d)


def moments_of(features: Tensor) -> Moments:
    """The moments of features `(N, d)` in float64."""
    mean = features.mean(0)
    return Moments(len(features), mean, gram(features - mean))


def gram(rows: Tensor) -> Tensor:
    """`rows^T rows`; if wide, computed for one triangle in strips, which is little over half of the work."""
    width = rows.shape[1]
    if width < 512:
        return rows.T @ rows
    edges = [round(width * part / 8) for part in range(9)]
    out = rows.new_empty(width, width)
    for start, stop in pairwise(edges):
        strip = rows[:, start:stop].T @ rows[:, start:]
        out[start:stop, start:] = strip
        out[start:, start:stop] = strip.T
    return out


@dataclass(frozen=True)
class Gaussian:
    """The Gaussian fitted to a set of features, its covariance as `factor^T factor`."""

    mean: Tensor  # (d,)
    trace: float  # Of the covariance
    factor: Tensor  # (r, d); r is d, or the rank if that is smaller
    full_rank: bool  # Whether the covariance is far from singular


def gaussian_of(features: Tensor) -> Gaussian:
    """The Gaussian of features `(N, d)`; with no more samples than dimensions no covariance is formed."""
    samples, width = features.shape
    if samples > width:
        return gaussian_of_moments(moments_of(features))
    mean = features.mean(0)
    factor = (features - mean) / (samples - 1) ** 0.5
    return Gaussian(mean, float(factor.square().sum()), factor, full_rank=False)


def gaussian_of_moments(moments: Moments) -> Gaussian:
    """The Gaussian of a mean and a scatter: by Cholesky, or by eigenvalues if that is nearly singular."""
    covariance = moments.scatter / (moments.samples - 1)
    trace = float(covariance.trace())
    lower, failed = torch.linalg.cholesky_ex(covariance)
    pivots = lower.diagonal().square()
    if int(failed) == 0 and float(pivots.min()) > 1e-9 * float(pivots.max()):
        return Gaussian(moments.mean, trace, lower.T, full_rank=True)
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > values.shape[0] * torch.finfo(values.dtype).eps * values[-1]
    factor = values[kept].sqrt()[:, None] * vectors.T[kept]
    return Gaussian(moments.mean, trace, factor, full_rank=False)


def gaussian_distance(first: Gaussian, second: Gaussian) -> float:
    """The squared Fréchet distance of two Gaussians; never negative and never complex.

    `tr sqrt(S1 S2)` is the nuclear norm of `R1 R2^T` for `S = R^T R`. For wide features it is computed from
    the eigenvalues of that product's Gram matrix, which takes half the time of its singular values, if a
    bound on the rounding error allows that.

    Source: Dowson and Landau 1982, equation 16; Heusel et al. 2017, equation 6.
    """
    apart = float((first.mean - second.mean).square().sum()) + first.trace + second.trace
    product = first.factor @ second.factor.T
    if first.full_rank and second.full_rank and product.shape[0] >= 256:
        squares = torch.linalg.eigvalsh(gram(product.T)).clamp(min=0)
        roots = squares.sqrt()
        distance = apart - 2 * float(roots.sum())
        epsilon = 8 * torch.finfo(squares.dtype).eps
        error = float((epsilon * squares[-1] / roots.clamp(min=float(epsilon * roots[-1]))).sum())
        if error < 1e-8 * distance:
            return distance
    return max(0.0, apart - 2 * float(torch.linalg.svdvals(product).sum()))


def distance_of(real: Tensor, fake: Tensor) -> float:
    """The squared Fréchet distance of two sets of features `(N, d)` and `(M, d)` in float64."""
    return gaussian_distance(gaussian_of(real), gaussian_of(fake))


def prepared_frechet_distance(
    real: Tensor, *, held_out: Tensor | None, fakes: int, seed: int, others: str
) -> Prepared:
    """The distance to these reals, its floor computed once for a number of fakes."""
    floor = _floor(real, fakes, held_out, seed=seed, repeats=4, others=others)

    def measure(fakes: Tensor, *, replicates: int, seed: int) -> Result:
        return _measured(real, fakes, floor, replicates=replicates, seed=seed)

    return measure


@metric(
    "How far apart mean and covariance of the features are: quality and diversity in one number.",
    "Heusel et al. 2017, equation 6",
    lower_is_better=True,
    default_for=("samples", "mixture", "pairs", "domains"),
    while_training=prepared_frechet_distance,
)
def frechet_distance(
    real: object, fake: object, *, held_out: object = None, replicates: int | None = None, seed: int = 0
) -> Result:
    """The squared Fréchet distance between the Gaussians fitted to two sets of features.

    It is biased upwards, by about c/N: even two sets from one distribution have a distance above zero. The
    floor shows by how much, the interval is for the expectation at these sample sizes, and
    `frechet_distance_extrapolated` removes the bias.

    Args:
        real: Features of reals, `(N, d)`, array or tensor.
        fake: Features of fakes, `(M, d)`.
        held_out: Features of other reals for the floor, best as many as fakes; without, the reals are split.
        replicates: Half-samples for the interval; 0 for neither interval nor floor. By default 200 for up to
            128 dimensions or samples in a half, 40 for up to 512, none beyond.
        seed: Seeds the half-samples.

    Returns:
        The distance in squared units of the features, from 0.

    Raises:
        PoiseError: Fewer than 4 samples, different widths, or features that are not finite.

    Example:
        >>> import torch
        >>> real = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
        >>> round(frechet_distance(real, real + 1).value, 6)
        4.0

    Source: Heusel et al. 2017, equation 6.
    """
    reals, fakes, others = with_held_out(real, fake, held_out, least=LEAST)
    count = default_replicates(reals, fakes) if replicates is None else replicates
    floor = Floor(None, NOT_ASKED)
    if count or others is not None:
        floor = _floor(reals, len(fakes), others, seed=seed, repeats=max(1, count // 20))
    result = _measured(reals, fakes, floor, replicates=count, seed=seed)
    if not count and replicates is None:
        result = replace(result, interval_method=TOO_WIDE)
    return replace(result, reference=fingerprint_of_features(reals))


def _floor(
    real: Tensor, fakes: int, held_out: Tensor | None, *, seed: int, repeats: int, others: str = HELD_OUT
) -> Floor:
    def statistic(first: Tensor, second: Tensor) -> Tensor:
        return torch.tensor([distance_of(first, second)], dtype=torch.float64)

    return floor_of(
        statistic, real, fakes, held_out, seed=seed, repeats=repeats, bias_power=1.0, others=others
    )


def _measured(real: Tensor, fake: Tensor, floor: Floor, *, replicates: int, seed: int) -> Result:
    value = distance_of(real, fake)
    seen = spread_of_halves(value, real, fake, replicates, seed) if replicates else None
    return Result(
        metric="frechet-distance",
        value=value,
        interval=interval_of_distance(value, seen) if seen else None,
        interval_method=method_of(replicates),
        floor=None if floor.values is None else float(floor.values),
        floor_method=floor.method,
        samples={"real": len(real), "fake": len(fake)},
    )


def default_replicates(real: Tensor, fake: Tensor) -> int:
    """How many half-samples are cheap for features of this size."""
    size = min(len(real) // 2, len(fake) // 2, real.shape[1])
    return 200 if size <= 128 else 40 if size <= 512 else 0


def spread_of_halves(value: float, real: Tensor, fake: Tensor, replicates: int, seed: int) -> Spread:
    """The spread of the distance over complementary halves of both sides."""
    stream = half_samples(seed)
    real_parts, fake_parts = (
        [half.to(side.device) for pair in splits(len(side), replicates, stream) for half in pair]
        for side in (real, fake)
    )
    wide = min(len(real), len(fake)) // 2 <= real.shape[1]
    real, fake = centred(real, fake)
    distances = (_by_products if wide else _by_moments)(real, fake, real_parts, fake_parts)
    return spread(value, zip(distances[::2], distances[1::2], strict=True), units=min(len(real), len(fake)))


def _by_moments(
    real: Tensor, fake: Tensor, real_parts: Sequence[Tensor], fake_parts: Sequence[Tensor]
) -> list[float]:
    """The distance of each part of the reals to the same part of the fakes, many parts in one call."""
    at_once = max(1, 4_000_000 // (real_parts[0].numel() + fake_parts[0].numel()) // real.shape[1])
    distances: list[float] = []
    for start in range(0, len(real_parts), at_once):
        reals, fakes = real_parts[start : start + at_once], fake_parts[start : start + at_once]
        sides = [_moments_of_parts(real, reals), _moments_of_parts(fake, fakes)]
        roots, failed = zip(*(torch.linalg.cholesky_ex(covariances) for _, covariances in sides), strict=True)
        if any(bool(code.any()) for code in failed):
            distances += [distance_of(real[r], fake[f]) for r, f in zip(reals, fakes, strict=True)]
            continue
        traces = sum(covariances.diagonal(dim1=1, dim2=2).sum(1) for _, covariances in sides)
        nuclear = torch.linalg.svdvals(roots[0].mT @ roots[1]).sum(1)
        distances += ((sides[0][0] - sides[1][0]).square().sum(1) + traces - 2 * nuclear).tolist()
    return distances


def _moments_of_parts(features: Tensor, parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Means `(B, d)` and covariances `(B, d, d)` of parts of one size."""
    rows = features[torch.stack([*parts])]
    means = rows.mean(1)
    scatters = rows.mT @ rows - rows.shape[1] * means[:, :, None] * means[:, None, :]
    return means, scatters / (rows.shape[1] - 1)


def _by_products(
    real: Tensor, fake: Tensor, real_parts: Sequence[Tensor], fake_parts: Sequence[Tensor]
) -> list[float]:
    """The same from the inner products of all reals with all fakes.

    With r reals and f fakes in a half, its covariances' roots have the nuclear norm of an r x f matrix,
    however wide the features are.
    """
    products = real @ fake.T
    squares = real.square().sum(1), fake.square().sum(1)
    distances = []
    for parts in zip(real_parts, fake_parts, strict=True):
        product = products[parts[0]][:, parts[1]]
        product = product - product.mean(0) - product.mean(1, keepdim=True) + product.mean()
        r, f = len(parts[0]), len(parts[1])
        means = real[parts[0]].mean(0), fake[parts[1]].mean(0)
        traces = [
            (float(square[part].sum()) - len(part) * float(mean.square().sum())) / (len(part) - 1)
            for square, part, mean in zip(squares, parts, means, strict=True)
        ]
        root = float(torch.linalg.svdvals(product).sum()) / ((r - 1) * (f - 1)) ** 0.5
        distances.append(float((means[0] - means[1]).square().sum() + sum(traces) - 2 * root))
    return distances
