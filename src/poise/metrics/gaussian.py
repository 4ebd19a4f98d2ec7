"""Mean and covariance of features, at once or in batches, and how far two Gaussians are apart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features, as_pair, digest_of_rows
from poise.metrics.intervals import NOT_ASKED, interval_of_distance, method_of, splits, spread
from poise.metrics.result import Interval, Result, timed
from poise.randomness import derive

LEAST = 4  # Samples of a side


@dataclass(frozen=True)
class Moments:
    """Mean and scatter of a set of features."""

    samples: int  # How many there are
    mean: Tensor  # (d,), float64
    scatter: Tensor  # The sum over samples of the outer product of their differences from the mean, (d, d)

    @property
    def covariance(self) -> Tensor:
        """The scatter over n - 1."""
        return self.scatter / (self.samples - 1)


def moments_of(features: Tensor) -> Moments:
    """The moments of features `(N, d)` in float64."""
    mean = features.mean(0)
    return Moments(features.shape[0], mean, gram(features - mean))


def merged(first: Moments, second: Moments) -> Moments:
    """The moments of two sets together, without loss.

    Source: Chan, Golub and LeVeque 1979, equations 2.1.
    """
    samples = first.samples + second.samples
    difference = second.mean - first.mean
    scatter = first.scatter + second.scatter
    scatter = scatter + torch.outer(difference, difference) * (first.samples * second.samples / samples)
    return Moments(samples, first.mean + difference * (second.samples / samples), scatter)


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
    covariance = moments.covariance
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


BLOCKS = 16


@dataclass(frozen=True)
class MomentBlocks:
    """Moments of the features so far, in blocks so that an interval can be computed from them.

    Sample i belongs to block i modulo the number of blocks. Each block takes 8 d^2 bytes.
    """

    blocks: tuple[Moments, ...]  # The blocks that hold samples
    limit: int  # How many blocks there will be
    seen: int  # Number of samples so far
    digest: Any  # A SHA-256 over all rows so far

    @property
    def total(self) -> Moments:
        """The moments of everything."""
        return reduce(merged, self.blocks)

    def part(self, indices: Tensor) -> Gaussian:
        """The Gaussian of some blocks."""
        return gaussian_of_moments(reduce(merged, (self.blocks[int(index)] for index in indices)))


def accumulate_moments(state: MomentBlocks | None, features: object, *, blocks: int = BLOCKS) -> MomentBlocks:
    """The state after one more batch; the given state does not change.

    Args:
        state: The state so far; `None` at the start.
        features: An array or tensor `(n, d)`.
        blocks: How many blocks to use; more give a better interval and take more memory. Only at the start.

    Raises:
        PoiseError: The features are of the wrong shape or not finite, or their width differs from that of
            earlier batches.

    Example:
        >>> state = accumulate_moments(None, [[0.0], [1.0]])
        >>> accumulate_moments(state, [[5.0]]).total.mean
        tensor([2.], dtype=torch.float64)
    """
    rows = as_features(features, "given", least=1)
    state = state or MomentBlocks((), blocks, 0, hashlib.sha256(f"{rows.shape[1]}".encode()))
    kept = list(state.blocks)
    width = len(kept[0].mean) if kept else rows.shape[1]
    if rows.shape[1] != width:
        raise PoiseError(
            f"This batch has features {rows.shape[1]} wide, and those before it were {width} wide",
            code="metrics.different-widths",
            hint="use one extractor for the whole set",
        )
    for offset in range(min(state.limit, len(rows))):
        index = (state.seen + offset) % state.limit
        part = moments_of(rows[offset :: state.limit].to(kept[0].mean.device if kept else rows.device))
        kept[index : index + 1] = [merged(kept[index], part) if index < len(kept) else part]
    return MomentBlocks(tuple(kept), state.limit, state.seen + len(rows), digest_of_rows(rows, state.digest))


@timed
def frechet_distance_of_moments(
    real: MomentBlocks, fake: MomentBlocks, *, replicates: int = 100, seed: int = 0
) -> Result:
    """The squared Fréchet distance of accumulated moments, with an interval from their blocks.

    Takes what `accumulate_moments` made of reals and of fakes; `replicates` are half-samples of their
    blocks for the interval, 0 for none, which `seed` draws.

    Returns:
        What `frechet_distance` gives for the same rows, without a floor and with a wider interval.

    Raises:
        PoiseError: Fewer than 4 samples on a side, or different widths.
    """
    as_pair(real.total.mean[None], fake.total.mean[None], least=1)
    for name, side in (("real", real), ("fake", fake)):
        as_features(torch.zeros(side.seen, 1), name, least=LEAST)
    value = gaussian_distance(gaussian_of_moments(real.total), gaussian_of_moments(fake.total))
    interval: Interval | None = None
    method = NOT_ASKED
    if replicates and min(real.seen, fake.seen) < 2 * LEAST:
        method = "none: a side has fewer than 4 samples in each half of its blocks"
    elif replicates:
        stream = torch.Generator().manual_seed(derive(seed, 0, "half-samples"))
        halves = (splits(len(side.blocks), replicates, stream) for side in (real, fake))
        pairs = [
            (
                gaussian_distance(real.part(reals[0]), fake.part(fakes[0])),
                gaussian_distance(real.part(reals[1]), fake.part(fakes[1])),
            )
            for reals, fakes in zip(*halves, strict=True)
        ]
        units = min(len(real.blocks), len(fake.blocks))
        interval = interval_of_distance(value, spread(value, pairs, units=units))
        method = f"{method_of(replicates)}, of {units} blocks"
    return Result(
        metric="frechet-distance",
        value=value,
        interval=interval,
        interval_method=method,
        floor=None,
        floor_method="none: moments hold no samples; measure reals against other reals",
        samples={"real": real.seen, "fake": fake.seen},
        reference=real.digest.hexdigest(),
    )
