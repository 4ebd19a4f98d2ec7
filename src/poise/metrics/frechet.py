"""The Fréchet distance: how far apart the means and covariances of two sets of features are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.metrics.arrays import as_features, as_pair
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.floor import NO_FLOOR, floor_of
from poise.metrics.halves import Spread, cuts, interval_of_distance, spread
from poise.metrics.metric import Metric
from poise.metrics.moments import (
    MomentBlocks,
    Moments,
    accumulate_moments,
    gram,
    moments_of,
    moments_of_blocks,
)
from poise.metrics.result import Interval, Result
from poise.randomness import derive

LEAST = 4
NO_INTERVAL = "none: not asked for (replicates=0)"
TOO_WIDE = "none: it would take many times as long as the distance; ask for it with replicates=20"


@dataclass(frozen=True)
class Gaussian:
    """The Gaussian fitted to a set of features, its covariance as `factor^T factor`.

    Attributes:
        samples: How many features it was fitted to.
        mean: `(d,)`.
        trace: Of the covariance.
        factor: `(r, d)`; r is d, or the rank where that is smaller.
        full_rank: Whether the covariance is far from singular.
    """

    samples: int
    mean: Tensor
    trace: float
    factor: Tensor
    full_rank: bool


def gaussian_of(features: Tensor) -> Gaussian:
    """The Gaussian of features `(N, d)`; with no more samples than dimensions no covariance is formed."""
    samples, width = features.shape
    if samples > width:
        return gaussian_of_moments(moments_of(features))
    mean = features.mean(0)
    factor = (features - mean) / (samples - 1) ** 0.5
    return Gaussian(samples, mean, float(factor.square().sum()), factor, full_rank=False)


def gaussian_of_moments(moments: Moments) -> Gaussian:
    """The Gaussian of a mean and a scatter: by Cholesky, or by eigenvalues where that is nearly singular."""
    covariance = moments.covariance
    trace = float(covariance.trace())
    lower, failed = torch.linalg.cholesky_ex(covariance)
    pivots = lower.diagonal().square()
    if int(failed) == 0 and float(pivots.min()) > 1e-9 * float(pivots.max()):
        return Gaussian(moments.samples, moments.mean, trace, lower.T, full_rank=True)
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > values.shape[0] * torch.finfo(values.dtype).eps * values[-1]
    factor = values[kept].sqrt()[:, None] * vectors.T[kept]
    return Gaussian(moments.samples, moments.mean, trace, factor, full_rank=False)


def gaussian_distance(first: Gaussian, second: Gaussian) -> float:
    """The squared Fréchet distance of two Gaussians; never negative and never complex.

    `tr sqrt(S1 S2)` is the nuclear norm of `R1 R2^T` where `S = R^T R`. For wide features it is taken from
    the eigenvalues of that product's Gram matrix, which takes half the time of its singular values, wherever
    a bound on the rounding error allows that.

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


def frechet_distance(
    real: object, fake: object, *, held_out: object = None, replicates: int | None = None, seed: int = 0
) -> Result:
    """The squared Fréchet distance between the Gaussians fitted to two sets of features.

    It is biased upwards, by about c/N: two sets from one distribution are apart, too. The floor says by how
    much, the interval is for the expectation at these sample sizes, and `frechet_distance_extrapolated` takes
    the bias off.

    Args:
        real: Features of reals, `(N, d)`, array or tensor.
        fake: Features of fakes, `(M, d)`.
        held_out: Features of other reals for the floor, best as many as fakes; without, the reals are halved.
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
    started = time.perf_counter()
    reals, fakes = as_pair(real, fake, least=LEAST)
    others = None if held_out is None else as_pair(reals, held_out, names=("real", "held-out"))[1]
    value = distance_of(reals, fakes)
    given = replicates
    replicates = default_replicates(reals, fakes) if given is None else given
    seen, interval_method = None, NO_INTERVAL if given == 0 else TOO_WIDE
    if replicates:
        interval_method = f"half-sample bootstrap, {replicates} replicates"
        seen = spread_of_halves(value, reals, fakes, replicates, seed)
    floor, floor_method = floor_of_distance(reals, len(fakes), others, replicates, seed)
    return Result(
        metric="frechet-distance",
        value=value,
        interval=interval_of_distance(value, seen) if seen else None,
        interval_method=interval_method,
        floor=floor,
        floor_method=floor_method,
        samples={"real": len(reals), "fake": len(fakes)},
        reference=fingerprint_of_features(reals),
        seconds=time.perf_counter() - started,
    )


def compute(real: MomentBlocks, fake: MomentBlocks, *, replicates: int = 100, seed: int = 0) -> Result:
    """The squared Fréchet distance of two streams, with an interval from the blocks of their moments.

    Args:
        real: What `accumulate_moments` made of the reals.
        fake: The same of the fakes.
        replicates: Half-samples (of blocks) for the interval; 0 for none.
        seed: Seeds them.

    Raises:
        PoiseError: Fewer than 4 samples on a side, or different widths.
    """
    started = time.perf_counter()
    as_pair(real.total.mean[None], fake.total.mean[None], least=1)
    for name, side in (("real", real), ("fake", fake)):
        as_features(torch.zeros(side.seen, 1), name, least=LEAST)
    value = gaussian_distance(gaussian_of_moments(real.total), gaussian_of_moments(fake.total))
    interval: Interval | None = None
    method = (
        NO_INTERVAL if not replicates else "none: a side has fewer than 4 samples in each half of its blocks"
    )
    if replicates and min(real.seen, fake.seen) >= 2 * LEAST:
        stream = torch.Generator().manual_seed(derive(seed, 0, "half-samples"))
        halves = zip(
            cuts(len(real.blocks), replicates, stream),
            cuts(len(fake.blocks), replicates, stream),
            strict=True,
        )
        pairs = []
        for real_cut, fake_cut in halves:
            first, second = (
                gaussian_distance(_gaussian_of_some(real, real_half), _gaussian_of_some(fake, fake_half))
                for real_half, fake_half in zip(real_cut, fake_cut, strict=True)
            )
            pairs.append((first, second))
        units = min(len(real.blocks), len(fake.blocks))
        interval = interval_of_distance(value, spread(value, pairs, units=units))
        method = f"half-sample bootstrap of {units} blocks, {replicates} replicates"
    return Result(
        metric="frechet-distance",
        value=value,
        interval=interval,
        interval_method=method,
        floor=None,
        floor_method="none: a stream keeps no samples; measure reals against other reals",
        samples={"real": real.seen, "fake": fake.seen},
        reference=real.fingerprint.hexdigest(),
        seconds=time.perf_counter() - started,
    )


def default_replicates(real: Tensor, fake: Tensor) -> int:
    """How many half-samples are cheap for features of this size."""
    size = min(len(real) // 2, len(fake) // 2, real.shape[1])
    return 200 if size <= 128 else 40 if size <= 512 else 0


def spread_of_halves(value: float, real: Tensor, fake: Tensor, replicates: int, seed: int) -> Spread:
    """The spread of the distance over complementary halves of both sides."""
    stream = torch.Generator().manual_seed(derive(seed, 0, "half-samples"))
    real_cuts, fake_cuts = (cuts(len(side), replicates, stream) for side in (real, fake))
    if min(len(real), len(fake)) // 2 > real.shape[1]:
        distances = _distances_of_parts(real, fake, _flat(real_cuts), _flat(fake_cuts))
    else:
        products = _Products(real, fake)
        distances = [
            products.distance(*parts) for parts in zip(_flat(real_cuts), _flat(fake_cuts), strict=True)
        ]
    pairs = list(zip(distances[::2], distances[1::2], strict=True))
    return spread(value, pairs, units=min(len(real), len(fake)))


def floor_of_distance(
    real: Tensor, fakes: int, held_out: Tensor | None, replicates: int, seed: int
) -> tuple[float | None, str]:
    """The distance of reals to other reals, and how it was had."""
    if not replicates and held_out is None:
        return None, NO_FLOOR
    floor = floor_of(
        lambda one, other: torch.tensor([distance_of(one, other)], dtype=torch.float64),
        real,
        fakes,
        held_out,
        seed=seed,
        repeats=max(1, replicates // 20),
        bias_power=1.0,
    )
    return float(floor.values), floor.method


def _distances_of_parts(
    real: Tensor, fake: Tensor, real_parts: Sequence[Tensor], fake_parts: Sequence[Tensor]
) -> list[float]:
    """The distance of each part of the reals to the same part of the fakes, many parts in one call."""
    centre = real.mean(0)
    real, fake = real - centre, fake - centre
    at_once = max(1, 4_000_000 // (real_parts[0].numel() + fake_parts[0].numel()) // real.shape[1])
    distances: list[float] = []
    for start in range(0, len(real_parts), at_once):
        stop = start + at_once
        sides = [
            _moments_of_parts(real, real_parts[start:stop]),
            _moments_of_parts(fake, fake_parts[start:stop]),
        ]
        roots, failed = zip(*(torch.linalg.cholesky_ex(covariances) for _, covariances in sides), strict=True)
        if any(bool(code.any()) for code in failed):
            distances += [
                distance_of(real[r.to(real.device)], fake[f.to(fake.device)])
                for r, f in zip(real_parts[start:stop], fake_parts[start:stop], strict=True)
            ]
            continue
        traces = sum(covariances.diagonal(dim1=1, dim2=2).sum(1) for _, covariances in sides)
        nuclear = torch.linalg.svdvals(roots[0].mT @ roots[1]).sum(1)
        distances += ((sides[0][0] - sides[1][0]).square().sum(1) + traces - 2 * nuclear).tolist()
    return distances


def _moments_of_parts(features: Tensor, parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Means `(B, d)` and covariances `(B, d, d)` of parts of one size."""
    rows = features[torch.stack(list(parts)).to(features.device)]
    means = rows.mean(1)
    scatters = rows.mT @ rows - rows.shape[1] * means[:, :, None] * means[:, None, :]
    return means, scatters / (rows.shape[1] - 1)


class _Products:
    """Inner products of all reals with all fakes: a half-sample's distance then needs no features again.

    With r reals and f fakes in a half, its covariances' roots have the nuclear norm of an r x f matrix,
    however wide the features are.
    """

    def __init__(self, real: Tensor, fake: Tensor) -> None:
        centre = real.mean(0)
        self._real, self._fake = real - centre, fake - centre
        self._products = self._real @ self._fake.T
        self._squares = self._real.square().sum(1), self._fake.square().sum(1)

    def distance(self, reals: Tensor, fakes: Tensor) -> float:
        reals, fakes = reals.to(self._real.device), fakes.to(self._fake.device)
        r, f = len(reals), len(fakes)
        product = self._products[reals][:, fakes]
        product = product - product.mean(0) - product.mean(1, keepdim=True) + product.mean()
        means = self._real[reals].mean(0), self._fake[fakes].mean(0)
        traces = [
            (float(squares[kept].sum()) - n * float(mean.square().sum())) / (n - 1)
            for squares, kept, n, mean in zip(self._squares, (reals, fakes), (r, f), means, strict=True)
        ]
        root = float(torch.linalg.svdvals(product).sum()) / ((r - 1) * (f - 1)) ** 0.5
        return float((means[0] - means[1]).square().sum() + sum(traces) - 2 * root)


def _flat(pairs: Sequence[tuple[Tensor, Tensor]]) -> list[Tensor]:
    return [half for pair in pairs for half in pair]


def _gaussian_of_some(state: MomentBlocks, indices: Tensor) -> Gaussian:
    return gaussian_of_moments(moments_of_blocks(state.blocks[int(index)] for index in indices))


FRECHET_DISTANCE = Metric(
    name="frechet-distance",
    one_shot=frechet_distance,
    accumulate=accumulate_moments,
    compute=compute,
    summary="How far apart mean and covariance of the features are: quality and diversity in one number.",
    source="Heusel et al. 2017, equation 6",
    needs=("real", "fake"),
    lower_is_better=True,
)
