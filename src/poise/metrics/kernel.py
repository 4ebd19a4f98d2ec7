"""The kernel distance: an unbiased squared maximum mean discrepancy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from poise.errors import unknown_name
from poise.metrics.arrays import as_pair, fingerprint_of_features
from poise.metrics.intervals import NORMAL_QUANTILE
from poise.metrics.metric import metric
from poise.metrics.neighbours import TILE, squared_distances
from poise.metrics.result import Result

Kernel = Callable[[Tensor, Tensor], Tensor]


@metric(
    "An unbiased distance: comparable between numbers of samples, and good for few of them.",
    "Bińkowski et al. 2018, equation 4",
    lower_is_better=True,
    default_for=("samples",),
)
def kernel_distance(
    real: object,
    fake: object,
    *,
    kernel: Literal["polynomial", "rbf"] = "polynomial",
    bandwidth: float | None = None,
) -> Result:
    """The unbiased squared maximum mean discrepancy, over all pairs of samples.

    For equal distributions its expectation is zero at any number of samples, so that it may be negative and
    needs no floor. The polynomial kernel, `(x.y / d + 1)^3`, compares the first three moments; the Gaussian
    one (`"rbf"`), `exp(-|x - y|^2 / (2 bandwidth^2))`, detects every difference, best at distances near its
    bandwidth.

    Args:
        real: Features of reals, `(N, d)`, array or tensor.
        fake: Features of fakes, `(M, d)`.
        kernel: `"polynomial"` or `"rbf"`.
        bandwidth: Of the Gaussian kernel, in units of the features; by default the median distance among the
            first 1,000 reals. It is part of the protocol.

    Returns:
        The squared distance; the interval has a closed form.

    Raises:
        PoiseError: Fewer than 4 samples, different widths, features that are not finite, or an unknown
            kernel.

    Example:
        >>> import torch
        >>> stream = torch.Generator().manual_seed(0)
        >>> a, b = (torch.randn(300, 4, generator=stream) for _ in range(2))
        >>> low, high = kernel_distance(a, b).interval
        >>> low < 0 < high
        True

    Source: Bińkowski et al. 2018, equation 4; variance after Hoeffding 1948 as in Sutherland et al. 2017.
    """
    reals, fakes = as_pair(real, fake, least=4)
    settings: dict[str, str | float] = {"kernel": kernel}
    of: Kernel = polynomial
    if kernel == "rbf":
        settings["bandwidth"] = median_distance(reals) if bandwidth is None else bandwidth
        of = gaussian(float(settings["bandwidth"]))
    elif kernel != "polynomial":
        raise unknown_name("kernel", kernel, ("polynomial", "rbf"))
    within_reals, within_fakes, across = _pairs(reals, of), _pairs(fakes, of), _pairs(reals, of, fakes)
    value = float(within_reals.mean + within_fakes.mean - 2 * across.mean)
    half = NORMAL_QUANTILE * math.sqrt(_variance(within_reals, within_fakes, across))
    return Result(
        metric="kernel-distance",
        value=value,
        interval=(value - half, value + half),
        interval_method="closed form: variance of a U-statistic",
        floor=0.0,
        floor_method="exact: the expectation is zero at any number of samples",
        samples={"real": len(reals), "fake": len(fakes)},
        settings=settings,
        reference=fingerprint_of_features(reals),
    )


def polynomial(first: Tensor, second: Tensor) -> Tensor:
    """`(x.y / d + 1)^3` of all pairs, `(n, m)`."""
    products = (first @ second.T).div_(first.shape[1]).add_(1)
    return products.square().mul_(products)


def gaussian(bandwidth: float) -> Kernel:
    """`exp(-|x - y|^2 / (2 bandwidth^2))` of all pairs, `(n, m)`."""
    return lambda first, second: squared_distances(first, second).div_(-2 * bandwidth**2).exp_()


def median_distance(features: Tensor, *, most: int = 1000) -> float:
    """The median distance among the first `most` samples; 1 if that is zero."""
    some = features[:most]
    upper = torch.triu_indices(len(some), len(some), offset=1, device=features.device)
    return float(squared_distances(some, some)[upper[0], upper[1]].median().sqrt()) or 1.0


@dataclass(frozen=True)
class _Pairs:
    """Kernel values of pairs: their mean, the mean of each row and column, and their mean square."""

    mean: float
    rows: Tensor
    columns: Tensor
    square: float


def _pairs(first: Tensor, kernel: Kernel, second: Tensor | None = None) -> _Pairs:
    """The pairs of two sets; without a second those of different samples of the first."""
    others = first if second is None else second
    rows, columns, squares = [], others.new_zeros(len(others)), 0.0
    partners = len(others) - (second is None)
    for start in range(0, len(first), TILE):
        tile = kernel(first[start : start + TILE], others)
        if second is None:
            tile.diagonal(offset=start).zero_()
        else:
            columns += tile.sum(0)
        rows.append(tile.sum(1))
        squares += float(tile.square().sum())
    means = torch.cat(rows) / partners
    of_columns = means if second is None else columns / len(first)
    return _Pairs(float(means.mean()), means, of_columns, squares / (len(first) * partners))


def _variance(within_reals: _Pairs, within_fakes: _Pairs, across: _Pairs) -> float:
    """The variance of the discrepancy: the part of the samples and the remaining part of the pairs.

    The samples' part is the variance of each sample's mean kernel value; as that mean itself is noisy, it
    contains the pairs' part twice, of which one is subtracted.
    """
    n, m = len(within_reals.rows), len(within_fakes.rows)
    samples = 4 * float((within_reals.rows - across.rows).var()) / n
    samples += 4 * float((within_fakes.rows - across.columns).var()) / m
    pairs = (
        2 * _variance_of_pairs(within_reals) / (n * (n - 1))
        + 2 * _variance_of_pairs(within_fakes) / (m * (m - 1))
        + 4 * _variance_of_pairs(across) / (n * m)
    )
    return max(samples - pairs, pairs)


def _variance_of_pairs(pairs: _Pairs) -> float:
    """The variance of kernel values that is not explained by their row and column."""
    explained = float(pairs.rows.var(correction=0) + pairs.columns.var(correction=0))
    return max(0.0, pairs.square - pairs.mean**2 - explained)
