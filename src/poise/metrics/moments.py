"""Mean and scatter of features, merged exactly from batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features
from poise.metrics.fingerprint import RunningFingerprint

BLOCKS = 16


@dataclass(frozen=True)
class Moments:
    """Mean and scatter of a set of features.

    Attributes:
        samples: How many there are.
        mean: `(d,)`, float64.
        scatter: The sum over samples of the outer product of what is left after the mean, `(d, d)`.
    """

    samples: int
    mean: Tensor
    scatter: Tensor

    @property
    def covariance(self) -> Tensor:
        """The scatter over n - 1."""
        return self.scatter / (self.samples - 1)


def moments_of(features: Tensor) -> Moments:
    """The moments of features `(N, d)` in float64.

    Example:
        >>> moments_of(torch.tensor([[0.0], [2.0]], dtype=torch.float64)).covariance
        tensor([[2.]], dtype=torch.float64)
    """
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
    """`rows^T rows`, computed for one triangle in strips: little over half of the work."""
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
class MomentBlocks:
    """Moments of a stream, kept in blocks so that an interval can be had from them.

    Sample i of the stream belongs to block i modulo the number of blocks. Memory: 8 d^2 bytes for each block.

    Attributes:
        blocks: The blocks that hold samples.
        limit: How many blocks there are to be.
        seen: Number of samples so far.
        fingerprint: Of all rows so far.
    """

    blocks: tuple[Moments, ...]
    limit: int
    seen: int
    fingerprint: RunningFingerprint

    @property
    def total(self) -> Moments:
        """The moments of everything."""
        return reduce(merged, self.blocks)


def accumulate_moments(state: MomentBlocks | None, features: object, *, blocks: int = BLOCKS) -> MomentBlocks:
    """The state after a further batch.

    Args:
        state: What was seen before; `None` at the start.
        features: An array or tensor `(n, d)`.
        blocks: How many blocks to keep; more give a better interval and take more memory. Only at the start.

    Raises:
        PoiseError: As `as_features`; or the width differs from that of earlier batches.

    Example:
        >>> state = accumulate_moments(None, [[0.0], [1.0]])
        >>> accumulate_moments(state, [[5.0]]).total.mean
        tensor([2.], dtype=torch.float64)
    """
    rows = as_features(features, "given", least=1)
    state = state or MomentBlocks((), blocks, 0, RunningFingerprint())
    check_width(rows, state.blocks[0].mean.shape[0] if state.blocks else None)
    kept = list(state.blocks)
    for offset in range(min(state.limit, rows.shape[0])):
        index = (state.seen + offset) % state.limit
        part = moments_of(rows[offset :: state.limit].to(kept[0].mean.device if kept else rows.device))
        if index < len(kept):
            kept[index] = merged(kept[index], part)
        else:
            kept.append(part)
    return MomentBlocks(tuple(kept), state.limit, state.seen + rows.shape[0], state.fingerprint.after(rows))


def check_width(rows: Tensor, width: int | None) -> None:
    """Refuse a batch whose features are of another width than those before.

    Raises:
        PoiseError: They are.
    """
    if width is not None and rows.shape[1] != width:
        raise PoiseError(
            f"This batch has features {rows.shape[1]} wide, and those before it were {width} wide",
            hint="use one extractor for the whole set",
        )


def moments_of_blocks(blocks: Iterable[Moments]) -> Moments:
    """The moments of several blocks together."""
    return reduce(merged, blocks)
