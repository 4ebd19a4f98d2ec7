"""The Gaussian of a set of features, and how far two of them are apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poise.metrics.moments import Moments, gram, moments_of


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
