"""The Fréchet distance of features that come in batches: memory does not grow with their number."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features, as_pair, digest_of_rows
from poise.metrics.frechet import LEAST
from poise.metrics.gaussian import (
    Gaussian,
    Moments,
    gaussian_distance,
    gaussian_of_moments,
    merged,
    moments_of,
)
from poise.metrics.intervals import NOT_ASKED, interval_of_distance, method_of, splits, spread
from poise.metrics.result import Interval, Result, timed
from poise.randomness import derive

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
