"""Precision, recall, density and coverage: which samples lie in the neighbourhoods of the other side."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_pair
from poise.metrics.distances import centred, loosened, squared_radii, tiles
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.floor import NO_FLOOR, floor_of
from poise.metrics.gathered import gather, on_gathered
from poise.metrics.halves import interval, of_many
from poise.metrics.metric import Metric
from poise.metrics.result import Interval, Result
from poise.randomness import derive

NAMES = ("precision", "recall", "density", "coverage")
# The most samples of a part for the interval: each part costs its square.
MOST_IN_A_PART = 500


def precision_recall_density_coverage(
    real: object, fake: object, k: int = 5, *, held_out: object = None, replicates: int = 20, seed: int = 0
) -> Result:
    """The share of fakes near reals and of reals near fakes, by neighbourhoods that reach to the k-th
    neighbour.

    Precision: fakes within some real's neighbourhood. Recall: reals within some fake's. Density: how many
    reals' neighbourhoods a fake lies in, over k; outliers among the reals raise it less than precision.
    Coverage: reals whose neighbourhood holds a fake; fakes far off do not change it, as they do recall. A
    point on the rim is inside, so that duplicated samples, whose neighbourhoods are points, count.

    Args:
        real: Features of reals, `(N, d)`, array or tensor.
        fake: Features of fakes, `(M, d)`.
        k: Which neighbour a neighbourhood reaches to.
        held_out: Features of other reals for the floor; without, the reals are cut in two.
        replicates: Parts for the interval, each of up to 500 samples; 0 for neither interval nor floor.
        seed: Seeds the parts.

    Returns:
        The four by name; density may exceed 1.

    Raises:
        PoiseError: No more than k samples, different widths, or features that are not finite.

    Example:
        >>> import torch
        >>> real = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
        >>> precision_recall_density_coverage(real, real + 100).value["coverage"]
        0.0

    Source: Kynkäänniemi et al. 2019, equations 1 and 2; Naeem et al. 2020, equations 4 and 5.
    """
    started = time.perf_counter()
    if k < 1:
        raise PoiseError(f"k = {k} reaches to no neighbour", hint="set k to 1 or more")
    reals, fakes = as_pair(real, fake, least=k + 1)
    others = (
        None if held_out is None else as_pair(reals, held_out, names=("real", "held-out"), least=k + 1)[1]
    )

    def statistic(first: Tensor, second: Tensor) -> Tensor:
        return shares(first, second, k)

    values = statistic(reals, fakes)
    intervals: Mapping[str, Interval] | None = None
    enough = min(MOST_IN_A_PART / max(len(reals), len(fakes)), 0.5) * min(len(reals), len(fakes)) > k
    method = (
        "none: not asked for (replicates=0)" if replicates == 0 else f"none: needs {2 * k + 2} samples a side"
    )
    if replicates and enough:
        stream = torch.Generator().manual_seed(derive(seed, 0, "half-samples"))
        spreads = of_many(
            statistic, (reals, fakes), values, replicates=replicates, most=MOST_IN_A_PART, stream=stream
        )
        ceilings = dict.fromkeys(NAMES, 1.0) | {"density": float("inf")}
        intervals = {
            name: interval(float(value), seen, low=0.0, high=ceilings[name])
            for name, value, seen in zip(NAMES, values, spreads, strict=True)
        }
        method = f"half-sample bootstrap, {replicates} replicates"
    floor, floor_method = floor_of_shares(reals, fakes, others, k, replicates, seed)
    return Result(
        metric="precision-recall-density-coverage",
        value=dict(zip(NAMES, values.tolist(), strict=True)),
        interval=intervals,
        interval_method=method,
        floor=floor,
        floor_method=floor_method,
        samples={"real": len(reals), "fake": len(fakes)},
        settings={"k": k},
        reference=fingerprint_of_features(reals),
        seconds=time.perf_counter() - started,
    )


def shares(real: Tensor, fake: Tensor, k: int, radii: Tensor | None = None) -> Tensor:
    """Precision, recall, density and coverage, `(4,)`.

    Args:
        real: `(N, d)`, float64.
        fake: `(M, d)`.
        k: Which neighbour a neighbourhood reaches to.
        radii: The reals' squared radii, where they are known.
    """
    real, fake = centred(real, fake)
    of_reals = loosened(squared_radii(real, k) if radii is None else radii, real)
    of_fakes = loosened(squared_radii(fake, k), fake)
    holding = torch.zeros(len(fake), dtype=torch.int32, device=real.device)
    recalled = torch.zeros(len(real), dtype=torch.uint8, device=real.device)
    covered = torch.zeros_like(recalled)
    for rows, columns, tile in tiles(real, fake):
        # As bytes: sums and maxima over them take a fifth of the time of those over bools.
        in_reals = (tile <= of_reals[rows, None]).view(torch.uint8)
        in_fakes = (tile <= of_fakes[columns]).view(torch.uint8)
        holding[columns] += in_reals.sum(0, dtype=torch.int32)
        covered[rows] = torch.maximum(covered[rows], in_reals.amax(1))
        recalled[rows] = torch.maximum(recalled[rows], in_fakes.amax(1))
    counts = holding.to(torch.float64)
    return torch.stack(
        [
            (counts > 0).to(torch.float64).mean(),
            recalled.to(torch.float64).mean(),
            counts.mean() / k,
            covered.to(torch.float64).mean(),
        ]
    )


def floor_of_shares(
    real: Tensor, fake: Tensor, held_out: Tensor | None, k: int, replicates: int, seed: int
) -> tuple[dict[str, float] | None, str]:
    """The four of reals against other reals, and how they were had."""
    if not replicates and held_out is None:
        return None, NO_FLOOR
    if held_out is None and min(len(real), len(fake)) * len(real) // (len(real) + len(fake)) <= k:
        return None, f"none: needs {2 * k + 2} samples a side"
    floor = floor_of(
        lambda one, other: shares(one, other, k),
        real,
        len(fake),
        held_out,
        seed=seed,
        repeats=1 if max(len(real), len(fake)) > 2000 else 4,
    )
    return dict(zip(NAMES, floor.values.tolist(), strict=True)), floor.method


PRECISION_RECALL_DENSITY_COVERAGE = Metric(
    name="precision-recall-density-coverage",
    one_shot=precision_recall_density_coverage,
    accumulate=gather,
    compute=on_gathered(precision_recall_density_coverage),
    summary="Quality (precision, density) and diversity (recall, coverage) as separate numbers.",
    source="Kynkäänniemi et al. 2019; Naeem et al. 2020",
    needs=("real", "fake"),
    lower_is_better=dict.fromkeys(NAMES, False),
)
