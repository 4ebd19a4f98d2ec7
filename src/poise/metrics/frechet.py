"""The Fréchet distance: how far apart the means and covariances of two sets of features are."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from poise.metrics.arrays import as_features, as_pair
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.floor import NO_FLOOR, floor_of
from poise.metrics.frechet_halves import default_replicates, spread_of_halves
from poise.metrics.gaussian import Gaussian, distance_of, gaussian_distance, gaussian_of_moments
from poise.metrics.halves import cuts, interval_of_distance, spread
from poise.metrics.metric import Metric
from poise.metrics.moments import MomentBlocks, accumulate_moments, moments_of_blocks
from poise.metrics.result import Interval, Result
from poise.randomness import derive

LEAST = 4
NO_INTERVAL = "none: not asked for (replicates=0)"
TOO_WIDE = "none: it would take many times as long as the distance; ask for it with replicates=20"


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
