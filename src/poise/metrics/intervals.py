"""Intervals from complementary halves, for statistics that have no closed form; and floors of reals.

Split each side at random into two halves and compute the statistic on both: `a` and `b`. The halves hold
different samples, so `a` and `b` are two independent draws of the statistic at half the sample size, and the
mean of `((a - b) / 2)^2` over many splits estimates half the variance at half the size, which is the variance
at the full size if variances go as 1/N. Unlike a bootstrap with replacement, no sample enters twice: that
matters for nearest neighbours, to which a copy has the distance zero, and for the Fréchet distance, whose
upward bias a bootstrap adds a second time. (McCarthy 1969, "Pseudo-replication: half samples", has the idea
for surveys; Saigo, Shao and Sitter 2001 call it the repeated half-sample bootstrap.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.metrics.result import Interval
from poise.randomness import torch_stream

NORMAL_QUANTILE = 1.959963984540054
NOT_ASKED = "none: not asked for (replicates=0)"
HELD_OUT = "held-out reals"


@dataclass(frozen=True)
class Spread:
    """How much a statistic varies, estimated from halves."""

    variance: float  # The variance of the statistic at full size, if variances go as 1/N
    # How much larger the statistic is, on average, at half size: for a bias that goes as 1/N, the
    # bias at full size
    excess: float
    # The variance of that excess over the splits: the variance that is left if the statistic has no
    # linear part. Zero if the parts were smaller than halves
    excess_variance: float
    freedom: int  # Degrees of freedom of variance, for the quantile


def splits(
    count: int, replicates: int, stream: torch.Generator, *, most: int | None = None
) -> list[tuple[Tensor, Tensor]]:
    """`replicates // 2` random splits of `count` things into two parts of one size, at most `most`."""
    size = min(count // 2, most or count)
    orders = (torch.randperm(count, generator=stream) for _ in range(replicates // 2))
    return [(order[:size], order[size : 2 * size]) for order in orders]


def spread(value: float, pairs: Iterable[Sequence[float]], *, units: int, shrink: float = 0.5) -> Spread:
    """The spread of a statistic from its values on pairs of halves."""
    first, second = torch.tensor([*pairs], dtype=torch.float64).T.contiguous()
    difference, excess = (first - second).square() / 2, (first + second) / 2 - value
    return Spread(
        variance=float(difference.mean()) * shrink,
        excess=float(excess.mean()),
        excess_variance=float(excess.var()) if len(first) > 1 and shrink == 0.5 else 0.0,
        freedom=max(1, min(len(first), units - 1)),
    )


def spreads_of(
    statistic: Callable[..., Tensor],
    sides: Sequence[Tensor],
    values: Tensor,
    *,
    replicates: int,
    most: int,
    stream: torch.Generator,
) -> list[Spread]:
    """The spread of several statistics at once, from parts of at most `most` samples."""
    shrink = min(0.5, most / max(len(side) for side in sides))
    parts = [splits(len(side), replicates, stream, most=max(1, int(shrink * len(side)))) for side in sides]
    pairs = [
        [
            statistic(*(side[pair[half].to(side.device)] for side, pair in zip(sides, of_sides, strict=True)))
            for half in (0, 1)
        ]
        for of_sides in zip(*parts, strict=True)
    ]
    of_each = torch.stack([torch.stack(pair) for pair in pairs]).movedim(2, 0).tolist()
    units = min(len(side) for side in sides)
    return [
        spread(value, found, units=units, shrink=shrink)
        for value, found in zip(values.tolist(), of_each, strict=True)
    ]


def interval(value: float, seen: Spread, *, low: float = -math.inf, high: float = math.inf) -> Interval:
    """The symmetric 95 % interval about a statistic, clipped to the values that it can have."""
    half = quantile(seen.freedom) * math.sqrt(seen.variance)
    return max(low, value - half), min(high, value + half)


def interval_of_distance(value: float, seen: Spread) -> Interval:
    """The 95 % interval for the expectation of a squared distance between two sets of samples.

    Such a distance is never negative and has a linear and a quadratic part in the sampling noise. The linear
    part's variance is proportional to the distance, so a low value comes with too low a variance: the upper
    end therefore solves `(x - value)^2 = q^2 variance (1 + (x - value) / scale)` (a score interval; the scale
    is the value, or its bias if that is larger). Near zero only the quadratic part is left; its variance goes
    as 1/N^2, so that halves show twice of it. The surplus is subtracted as far as the distance has so many
    directions that the estimate of the surplus can be trusted.
    """
    if seen.variance <= 0:
        return max(0.0, value), max(0.0, value)
    directions = 2 * seen.excess**2 / seen.excess_variance if seen.excess_variance > 0 else 0.0
    taken = 0.65 * directions**2 / (directions**2 + 25**2) * seen.excess_variance
    variance = max(seen.variance - taken, seen.variance / 4)
    half = quantile(seen.freedom) * math.sqrt(variance)
    skew = half**2 / (2 * max(value, seen.excess, math.sqrt(variance) / 4))
    return max(0.0, value - half), value + skew + math.hypot(skew, half)


def intervals_of(
    statistic: Callable[..., Tensor],
    sides: Sequence[Tensor],
    values: Tensor,
    names: Sequence[str],
    *,
    replicates: int,
    most: int,
    stream: torch.Generator,
    low: float = 0.0,
    high: Mapping[str, float] | None = None,
) -> tuple[dict[str, Interval] | None, str]:
    """The symmetric intervals of several statistics by name, clipped to `low` and `high` (1 by default); and
    their method.
    """
    if not replicates:
        return None, NOT_ASKED
    found = spreads_of(statistic, sides, values, replicates=replicates, most=most, stream=stream)
    intervals = {
        name: interval(value, seen, low=low, high=(high or {}).get(name, 1.0))
        for name, value, seen in zip(names, values.tolist(), found, strict=True)
    }
    return intervals, method_of(replicates)


def method_of(replicates: int) -> str:
    """The method of an interval from so many half-samples."""
    return f"half-sample bootstrap, {replicates} replicates" if replicates else NOT_ASKED


def half_samples(seed: int) -> torch.Generator:
    """The stream that half-samples are drawn from."""
    return torch_stream(seed, 0, "half-samples")


def interval_of_mean(values: Tensor) -> Interval:
    """The 95 % interval of a mean of independent values `(N,)`."""
    mean, half = float(values.mean()), NORMAL_QUANTILE * float(values.std()) / math.sqrt(len(values))
    return mean - half, mean + half


def quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, by its expansion about the normal; exact to 1 % from 4 on.

    Source: Abramowitz and Stegun 1964, 26.7.5.
    """
    z, v = NORMAL_QUANTILE, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def share_interval(successes: float, trials: int) -> Interval:
    """The 95 % interval of a share, after Wilson.

    Source: Wilson 1927.
    """
    z2 = NORMAL_QUANTILE**2
    share = successes / trials
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(share * (1 - share) * z2 / trials + z2**2 / (4 * trials**2)) / (1 + z2 / trials)
    # Of none or of all, the end is the share itself, but for rounding
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


@dataclass(frozen=True)
class Floor:
    """The statistics `(K,)` of two sets of reals, if there are any, and which reals these were, in words."""

    values: Tensor | None
    method: str

    def named(self, names: Sequence[str]) -> dict[str, float] | None:
        """The statistics by name."""
        return None if self.values is None else dict(zip(names, self.values.tolist(), strict=True))


def floor_of(
    statistic: Callable[[Tensor, Tensor], Tensor],
    real: Tensor,
    fakes: int,
    held_out: Tensor | None,
    *,
    seed: int,
    repeats: int,
    bias_power: float = 0.0,
    others: str = HELD_OUT,
) -> Floor:
    """The statistic of reals against other reals, at the sample sizes of reals against fakes.

    If there are at least as many other reals as fakes, they take the place of the fakes. If not, all reals
    are split at random in the proportion of the two sides, several times, and the mean at the smaller size is
    scaled to the full size by the known rate of the statistic's bias.
    """
    count = real.shape[0]
    if held_out is not None and held_out.shape[0] >= fakes:
        return Floor(statistic(real, held_out[:fakes]), f"reals against {fakes} {others}")
    pool = real if held_out is None else torch.cat([real, held_out])
    shrink = min(1.0, pool.shape[0] / (count + fakes))
    sizes = max(1, int(shrink * count)), max(1, int(shrink * fakes))
    stream = torch_stream(seed, 0, "floor")
    values = []
    for _ in range(repeats):
        order = torch.randperm(pool.shape[0], generator=stream).to(pool.device)
        values.append(statistic(pool[order[: sizes[0]]], pool[order[sizes[0] : sizes[0] + sizes[1]]]))
    at_size = torch.stack(values).mean(0)
    mixed = "reals" if held_out is None else f"reals and {others}"
    method = f"{mixed}, split at random: {sizes[0]} against {sizes[1]}"
    if shrink < 1 and bias_power:
        method += ", brought to the full size"
    return Floor(at_size * shrink**bias_power, method)
