"""Mean and covariance of features, and how far two Gaussians are apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


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
