"""The Fréchet distance of features that come in batches, and that of infinitely many."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features, as_pair, digest_of_rows, fingerprint_of_features
from poise.metrics.frechet import (
    LEAST,
    TOO_WIDE,
    Gaussian,
    Moments,
    default_replicates,
    distance_of,
    gaussian_distance,
    gaussian_of_moments,
    moments_of,
    spread_of_halves,
)
from poise.metrics.intervals import (
    NOT_ASKED,
    half_samples,
    interval,
    interval_of_distance,
    method_of,
    splits,
    spread,
)
from poise.metrics.metric import metric, timed
from poise.metrics.result import Result
from poise.randomness import torch_stream

BLOCKS = 16
LEAST_IN_A_PART = 4


def merged(first: Moments, second: Moments) -> Moments:
    """The moments of two sets together, without loss.

    Source: Chan, Golub and LeVeque 1979, equations 2.1.
    """
    samples = first.samples + second.samples
    difference = second.mean - first.mean
    scatter = first.scatter + second.scatter
    scatter = scatter + torch.outer(difference, difference) * (first.samples * second.samples / samples)
    return Moments(samples, first.mean + difference * (second.samples / samples), scatter)


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
    bounds, method = None, NOT_ASKED
    if replicates and min(real.seen, fake.seen) < 2 * LEAST:
        method = "none: a side has fewer than 4 samples in each half of its blocks"
    elif replicates:
        stream = half_samples(seed)
        halves = (splits(len(side.blocks), replicates, stream) for side in (real, fake))
        pairs = [
            [
                gaussian_distance(real.part(one), fake.part(other))
                for one, other in zip(*of_sides, strict=True)
            ]
            for of_sides in zip(*halves, strict=True)
        ]
        units = min(len(real.blocks), len(fake.blocks))
        bounds = interval_of_distance(value, spread(value, pairs, units=units))
        method = f"{method_of(replicates)}, of {units} blocks"
    return Result(
        metric="frechet-distance",
        value=value,
        interval=bounds,
        interval_method=method,
        floor=None,
        floor_method="none: moments hold no samples; measure reals against other reals",
        samples={"real": real.seen, "fake": fake.seen},
        reference=real.digest.hexdigest(),
    )


@metric(
    "The Fréchet distance without its bias: comparable between different numbers of samples.",
    "Chong and Forsyth 2020, section 4",
    lower_is_better=True,
)
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

    `parts` is the largest number of pieces, and `repeats` how often the samples are split at random for
    each number of them; the other arguments are those of `frechet_distance`.

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
    parts = max(2, parts)
    reals, fakes = as_pair(real, fake, least=LEAST_IN_A_PART * parts)
    at_full_size = distance_of(reals, fakes)
    value = _at_infinity(reals, fakes, at_full_size, parts=parts, repeats=repeats, seed=seed)
    count = default_replicates(reals, fakes) if replicates is None else replicates
    seen = spread_of_halves(at_full_size, reals, fakes, count, seed) if count else None
    return Result(
        metric="frechet-distance-extrapolated",
        value=value,
        interval=interval(value, seen) if seen else None,
        interval_method=method_of(count) if count or replicates == 0 else TOO_WIDE,
        floor=0.0,
        floor_method="exact: zero in the limit",
        samples={"real": len(reals), "fake": len(fakes)},
        settings={"parts": parts, "repeats": repeats},
        reference=fingerprint_of_features(reals),
    )


def _at_infinity(
    real: Tensor, fake: Tensor, at_full_size: float, *, parts: int, repeats: int, seed: int
) -> float:
    """The intercept of a line through the distances at 1, 2, ... pieces, against the number of pieces."""
    stream = torch_stream(seed, 0, "pieces")
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
