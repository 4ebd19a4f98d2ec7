"""Precision, recall, density and coverage: which samples lie in the neighbourhoods of the other side."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_pair, fingerprint_of_features
from poise.metrics.distances import centred, loosened, squared_radii, tiles
from poise.metrics.intervals import NOT_ASKED, Floor, floor_of, intervals_of, method_of
from poise.metrics.result import Metric, Prepared, Result, timed
from poise.randomness import derive

NAMES = ("precision", "recall", "density", "coverage")
NEIGHBOUR = 5
MOST_IN_A_PART = 500  # The most samples of a part for the interval: each part costs the square of its size


@timed
def precision_recall_density_coverage(
    real: object,
    fake: object,
    k: int = NEIGHBOUR,
    *,
    held_out: object = None,
    replicates: int = 20,
    seed: int = 0,
) -> Result:
    """The share of fakes near reals and of reals near fakes, by neighbourhoods that reach to the k-th
    neighbour.

    Precision: fakes within some real's neighbourhood. Recall: reals within some fake's. Density: how many
    reals' neighbourhoods a fake lies in, over k; outliers among the reals raise it less than precision.
    Coverage: reals whose neighbourhood holds a fake; unlike recall, it does not depend on fakes that are far
    from every real. A point on the rim is inside, so that duplicated samples, whose neighbourhoods are
    points, count.

    `k` is which neighbour a neighbourhood reaches to; `replicates` are parts of up to 500 samples each, 0
    for neither interval nor floor; the other arguments are those of `frechet_distance`.

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
    if k < 1:
        raise PoiseError(
            f"k = {k} reaches to no neighbour", code="metrics.no-neighbour", hint="set k to 1 or more"
        )
    reals, fakes = as_pair(real, fake, least=k + 1)
    others = None
    if held_out is not None:
        others = as_pair(reals, held_out, names=("real", "held-out"), least=k + 1)[1]
    floor, missing = None, NOT_ASKED
    if others is None and replicates and _too_few(len(reals), len(fakes), k):
        missing = f"none: needs {2 * k + 2} samples a side"
    elif replicates or others is not None:
        repeats = 1 if max(len(reals), len(fakes)) > 2000 else 4
        floor = floor_of(partial(prdc, k=k), reals, len(fakes), others, seed=seed, repeats=repeats)
    result = _measured(reals, fakes, k, floor, None, replicates=replicates, seed=seed)
    if floor is None:
        result = replace(result, floor_method=missing)
    return replace(result, reference=fingerprint_of_features(reals))


def prepared_prdc(real: Tensor, *, held_out: Tensor | None, fakes: int, seed: int, others: str) -> Prepared:
    """The four against these reals, whose radii and floors are computed once.

    Intervals take half as many replicates as asked for: they cost the most.
    """
    radii = squared_radii(centred(real)[0], NEIGHBOUR)
    floor = None
    if held_out is not None or not _too_few(len(real), fakes, NEIGHBOUR):
        floor = floor_of(
            partial(prdc, k=NEIGHBOUR), real, fakes, held_out, seed=seed, repeats=2, others=others
        )

    def measure(fakes: Tensor, *, replicates: int, seed: int) -> Result:
        parts = max(2, replicates // 2) if replicates else 0
        return _measured(real, fakes, NEIGHBOUR, floor, radii, replicates=parts, seed=seed)

    return measure


def _measured(
    real: Tensor,
    fake: Tensor,
    k: int,
    floor: Floor | None,
    radii: Tensor | None,
    *,
    replicates: int,
    seed: int,
) -> Result:
    values = prdc(real, fake, k, radii)
    intervals, method = None, method_of(replicates)
    enough = min(MOST_IN_A_PART / max(len(real), len(fake)), 0.5) * min(len(real), len(fake)) > k
    if replicates and not enough:
        method = f"none: needs {2 * k + 2} samples a side"
    elif replicates:
        intervals = intervals_of(
            partial(prdc, k=k),
            (real, fake),
            values,
            NAMES,
            replicates=replicates,
            most=MOST_IN_A_PART,
            stream=torch.Generator().manual_seed(derive(seed, 0, "half-samples")),
            high={"density": float("inf")},
        )
    return Result(
        metric=PRECISION_RECALL_DENSITY_COVERAGE.name,
        value=dict(zip(NAMES, values.tolist(), strict=True)),
        interval=intervals,
        interval_method=method,
        floor=dict(zip(NAMES, floor.values.tolist(), strict=True)) if floor else None,
        floor_method=floor.method if floor else NOT_ASKED,
        samples={"real": len(real), "fake": len(fake)},
        settings={"k": k},
    )


def prdc(real: Tensor, fake: Tensor, k: int, radii: Tensor | None = None) -> Tensor:
    """Precision, recall, density and coverage in float64, `(4,)`; the reals' squared radii may be known."""
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
    counts = holding.double()
    shares = (counts > 0, recalled, counts / k, covered)
    return torch.stack([share.double().mean() for share in shares])


def _too_few(reals: int, fakes: int, k: int) -> bool:
    """Whether the reals are too few to be split in the proportion of the two sides."""
    return min(reals, fakes) * reals // (reals + fakes) <= k


PRECISION_RECALL_DENSITY_COVERAGE = Metric(
    name="precision-recall-density-coverage",
    measure=precision_recall_density_coverage,
    summary="Quality (precision, density) and diversity (recall, coverage) as separate numbers.",
    source="Kynkäänniemi et al. 2019; Naeem et al. 2020",
    needs=("real", "fake"),
    lower_is_better=dict.fromkeys(NAMES, False),
    default_for=("samples", "mixture"),
    while_training=prepared_prdc,
)
