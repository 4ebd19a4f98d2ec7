"""Who lies near whom: distances of all pairs a tile at a time; precision, recall, density and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import fingerprint_of_features, with_held_out
from poise.metrics.intervals import HELD_OUT, NOT_ASKED, Floor, floor_of, half_samples, intervals_of
from poise.metrics.metric import Prepared, metric
from poise.metrics.result import Result

TILE = 1000
WIDE_TILE = 5000
NAMES = ("precision", "recall", "density", "coverage")
NEIGHBOUR = 5
MOST_IN_A_PART = 500  # The most samples of a part for the interval: each part costs the square of its size


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """Squared Euclidean distances of all pairs of rows in float64, `(n, m)`, never negative."""
    products = torch.addmm(second.square().sum(1), first, second.T, alpha=-2)
    return products.add_(first.square().sum(1, keepdim=True)).clamp_(min=0)


def tiles(first: Tensor, second: Tensor | None = None) -> Iterator[tuple[slice, slice, Tensor]]:
    """Squared distances of all pairs, a tile at a time: its rows, its columns, and the distances.

    Without a second set these are those of one set's samples to its others; to themselves they are infinite.
    All tiles of some rows come before any of the next. All share one memory, at most 40 MB: memory that is
    new for each tile takes up to a fifth longer.
    """
    others = first if second is None else second
    squares = others.square().sum(1)
    memory = first.new_empty(min(TILE, len(first)) * min(WIDE_TILE, len(others)))
    for top in range(0, len(first), TILE):
        rows = slice(top, min(top + TILE, len(first)))
        of_rows = first[rows].square().sum(1, keepdim=True)
        for left in range(0, len(others), WIDE_TILE):
            columns = slice(left, min(left + WIDE_TILE, len(others)))
            height, width = rows.stop - top, columns.stop - left
            tile = memory[: height * width].view(height, width)
            torch.addmm(squares[columns], first[rows], others[columns].T, alpha=-2, out=tile)
            tile.add_(of_rows).clamp_(min=0)
            start, stop = max(top, left), min(rows.stop, columns.stop)
            if second is None and start < stop:
                tile[start - top : stop - top, start - left : stop - left].fill_diagonal_(torch.inf)
            yield rows, columns, tile


def centred(*sides: Tensor) -> list[Tensor]:
    """All sides about the mean of the first: distances stay, and rounding gets less."""
    centre = sides[0].mean(0)
    return [side - centre for side in sides]


def squared_radii(features: Tensor, k: int) -> Tensor:
    """The squared distance of each sample to its k-th nearest other, `(N,)`; equal samples are others."""
    best = features.new_full((len(features), k), torch.inf)
    for rows, _, tile in tiles(features):
        found = tile.topk(min(k, tile.shape[1]), dim=1, largest=False, sorted=False).values
        best[rows] = torch.cat([best[rows], found], 1).topk(k, dim=1, largest=False, sorted=False).values
    return best.amax(1)


def nearest(first: Tensor, second: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The squared distance of each of `first` to its nearest of `second`, and that one's number.

    Without a second set: to its nearest other of the first.
    """
    least = first.new_full((len(first),), torch.inf)
    numbers = torch.zeros(len(first), dtype=torch.int64, device=first.device)
    for rows, columns, tile in tiles(first, second):
        found = tile.min(1)
        nearer = found.values < least[rows]
        least[rows] = torch.where(nearer, found.values, least[rows])
        numbers[rows] = torch.where(nearer, found.indices + columns.start, numbers[rows])
    return least, numbers


def loosened(radii: Tensor, features: Tensor) -> Tensor:
    """Squared radii a little larger, so that an equal distance computed otherwise is within; the features,
    about their mean, give the scale.
    """
    return radii * (1 + 1e-10) + 1e-13 * float(features.square().sum(1).max())


def prepared_prdc(real: Tensor, *, held_out: Tensor | None, fakes: int, seed: int, others: str) -> Prepared:
    """The four against these reals, whose radii and floors are computed once.

    Intervals take half as many replicates as asked for: they cost the most.
    """
    radii = squared_radii(centred(real)[0], NEIGHBOUR)
    floor = _floor(real, fakes, NEIGHBOUR, held_out, seed=seed, repeats=2, others=others)

    def measure(fakes: Tensor, *, replicates: int, seed: int) -> Result:
        parts = max(2, replicates // 2) if replicates else 0
        return _measured(real, fakes, NEIGHBOUR, floor, radii, replicates=parts, seed=seed)

    return measure


@metric(
    "Quality (precision, density) and diversity (recall, coverage) as separate numbers.",
    "Kynkäänniemi et al. 2019; Naeem et al. 2020",
    lower_is_better=dict.fromkeys(NAMES, False),
    default_for=("samples", "mixture"),
    while_training=prepared_prdc,
)
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
    reals, fakes, others = with_held_out(real, fake, held_out, least=k + 1, least_held_out=k + 1)
    floor = Floor(None, NOT_ASKED)
    if replicates or others is not None:
        repeats = 1 if max(len(reals), len(fakes)) > 2000 else 4
        floor = _floor(reals, len(fakes), k, others, seed=seed, repeats=repeats)
    result = _measured(reals, fakes, k, floor, replicates=replicates, seed=seed)
    return replace(result, reference=fingerprint_of_features(reals))


def _floor(
    real: Tensor,
    fakes: int,
    k: int,
    held_out: Tensor | None,
    *,
    seed: int,
    repeats: int,
    others: str = HELD_OUT,
) -> Floor:
    if held_out is None and min(len(real), fakes) * len(real) // (len(real) + fakes) <= k:
        return Floor(None, _needs(k))
    return floor_of(partial(prdc, k=k), real, fakes, held_out, seed=seed, repeats=repeats, others=others)


def _needs(k: int) -> str:
    return f"none: needs {2 * k + 2} samples a side"


def _measured(
    real: Tensor,
    fake: Tensor,
    k: int,
    floor: Floor,
    radii: Tensor | None = None,
    *,
    replicates: int,
    seed: int,
) -> Result:
    values = prdc(real, fake, k, radii)
    enough = min(MOST_IN_A_PART / max(len(real), len(fake)), 0.5) * min(len(real), len(fake)) > k
    intervals, method = intervals_of(
        partial(prdc, k=k),
        (real, fake),
        values,
        NAMES,
        replicates=replicates if enough else 0,
        most=MOST_IN_A_PART,
        stream=half_samples(seed),
        high={"density": float("inf")},
    )
    return Result(
        metric="precision-recall-density-coverage",
        value=dict(zip(NAMES, values.tolist(), strict=True)),
        interval=intervals,
        interval_method=_needs(k) if replicates and not enough else method,
        floor=floor.named(NAMES),
        floor_method=floor.method,
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
