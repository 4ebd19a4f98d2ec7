"""The Fréchet distance of means and covariances of two sets of features, and that of infinitely many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from poise.metrics.arrays import as_pair, fingerprint_of_features
from poise.metrics.gaussian import LEAST, distance_of
from poise.metrics.intervals import (
    NOT_ASKED,
    Floor,
    Spread,
    floor_of,
    interval,
    interval_of_distance,
    method_of,
    splits,
    spread,
)
from poise.metrics.result import Metric, Prepared, Result, timed
from poise.randomness import derive

TOO_WIDE = "none: it would take many times as long as the distance; ask for it with replicates=20"


@timed
def frechet_distance(
    real: object, fake: object, *, held_out: object = None, replicates: int | None = None, seed: int = 0
) -> Result:
    """The squared Fréchet distance between the Gaussians fitted to two sets of features.

    It is biased upwards, by about c/N: even two sets from one distribution have a distance above zero. The
    floor shows by how much, the interval is for the expectation at these sample sizes, and
    `frechet_distance_extrapolated` removes the bias.

    Args:
        real: Features of reals, `(N, d)`, array or tensor.
        fake: Features of fakes, `(M, d)`.
        held_out: Features of other reals for the floor, best as many as fakes; without, the reals are split.
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
    reals, fakes = as_pair(real, fake, least=LEAST)
    others = None if held_out is None else as_pair(reals, held_out, names=("real", "held-out"))[1]
    count = default_replicates(reals, fakes) if replicates is None else replicates
    floor = None
    if count or others is not None:
        repeats = max(1, count // 20)
        floor = floor_of(_distance, reals, len(fakes), others, seed=seed, repeats=repeats, bias_power=1.0)
    result = _measured(reals, fakes, floor, replicates=count, seed=seed)
    if not count and replicates is None:
        result = replace(result, interval_method=TOO_WIDE)
    return replace(result, reference=fingerprint_of_features(reals))


def prepared_frechet_distance(
    real: Tensor, *, held_out: Tensor | None, fakes: int, seed: int, others: str
) -> Prepared:
    """The distance to these reals, its floor computed once for a number of fakes."""
    floor = floor_of(_distance, real, fakes, held_out, seed=seed, repeats=4, bias_power=1.0, others=others)

    def measure(fakes: Tensor, *, replicates: int, seed: int) -> Result:
        return _measured(real, fakes, floor, replicates=replicates, seed=seed)

    return measure


def _measured(real: Tensor, fake: Tensor, floor: Floor | None, *, replicates: int, seed: int) -> Result:
    value = distance_of(real, fake)
    seen = spread_of_halves(value, real, fake, replicates, seed) if replicates else None
    return Result(
        metric=FRECHET_DISTANCE.name,
        value=value,
        interval=interval_of_distance(value, seen) if seen else None,
        interval_method=method_of(replicates),
        floor=float(floor.values) if floor else None,
        floor_method=floor.method if floor else NOT_ASKED,
        samples={"real": len(real), "fake": len(fake)},
    )


def _distance(real: Tensor, fake: Tensor) -> Tensor:
    return torch.tensor([distance_of(real, fake)], dtype=torch.float64)


def default_replicates(real: Tensor, fake: Tensor) -> int:
    """How many half-samples are cheap for features of this size."""
    size = min(len(real) // 2, len(fake) // 2, real.shape[1])
    return 200 if size <= 128 else 40 if size <= 512 else 0


def spread_of_halves(value: float, real: Tensor, fake: Tensor, replicates: int, seed: int) -> Spread:
    """The spread of the distance over complementary halves of both sides."""
    stream = torch.Generator().manual_seed(derive(seed, 0, "half-samples"))
    real_parts, fake_parts = (
        [half for pair in splits(len(side), replicates, stream) for half in pair] for side in (real, fake)
    )
    if min(len(real), len(fake)) // 2 > real.shape[1]:
        distances = _distances_of_parts(real, fake, real_parts, fake_parts)
    else:
        products = _Products(real, fake)
        distances = [products.distance(*parts) for parts in zip(real_parts, fake_parts, strict=True)]
    pairs = list(zip(distances[::2], distances[1::2], strict=True))
    return spread(value, pairs, units=min(len(real), len(fake)))


def _distances_of_parts(
    real: Tensor, fake: Tensor, real_parts: Sequence[Tensor], fake_parts: Sequence[Tensor]
) -> list[float]:
    """The distance of each part of the reals to the same part of the fakes, many parts in one call."""
    centre = real.mean(0)
    real, fake = real - centre, fake - centre
    at_once = max(1, 4_000_000 // (real_parts[0].numel() + fake_parts[0].numel()) // real.shape[1])
    distances: list[float] = []
    for start in range(0, len(real_parts), at_once):
        stop = start + at_once
        sides = [
            _moments_of_parts(real, real_parts[start:stop]),
            _moments_of_parts(fake, fake_parts[start:stop]),
        ]
        roots, failed = zip(*(torch.linalg.cholesky_ex(covariances) for _, covariances in sides), strict=True)
        if any(bool(code.any()) for code in failed):
            distances += [
                distance_of(real[r.to(real.device)], fake[f.to(fake.device)])
                for r, f in zip(real_parts[start:stop], fake_parts[start:stop], strict=True)
            ]
            continue
        traces = sum(covariances.diagonal(dim1=1, dim2=2).sum(1) for _, covariances in sides)
        nuclear = torch.linalg.svdvals(roots[0].mT @ roots[1]).sum(1)
        distances += ((sides[0][0] - sides[1][0]).square().sum(1) + traces - 2 * nuclear).tolist()
    return distances


def _moments_of_parts(features: Tensor, parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Means `(B, d)` and covariances `(B, d, d)` of parts of one size."""
    rows = features[torch.stack(list(parts)).to(features.device)]
    means = rows.mean(1)
    scatters = rows.mT @ rows - rows.shape[1] * means[:, :, None] * means[:, None, :]
    return means, scatters / (rows.shape[1] - 1)


class _Products:
    """Inner products of all reals with all fakes: a half-sample's distance then needs no features again.

    With r reals and f fakes in a half, its covariances' roots have the nuclear norm of an r x f matrix,
    however wide the features are.
    """

    def __init__(self, real: Tensor, fake: Tensor) -> None:
        centre = real.mean(0)
        self._real, self._fake = real - centre, fake - centre
        self._products = self._real @ self._fake.T
        self._squares = self._real.square().sum(1), self._fake.square().sum(1)

    def distance(self, reals: Tensor, fakes: Tensor) -> float:
        reals, fakes = reals.to(self._real.device), fakes.to(self._fake.device)
        r, f = len(reals), len(fakes)
        product = self._products[reals][:, fakes]
        product = product - product.mean(0) - product.mean(1, keepdim=True) + product.mean()
        means = self._real[reals].mean(0), self._fake[fakes].mean(0)
        traces = [
            (float(squares[kept].sum()) - n * float(mean.square().sum())) / (n - 1)
            for squares, kept, n, mean in zip(self._squares, (reals, fakes), (r, f), means, strict=True)
        ]
        root = float(torch.linalg.svdvals(product).sum()) / ((r - 1) * (f - 1)) ** 0.5
        return float((means[0] - means[1]).square().sum() + sum(traces) - 2 * root)


FRECHET_DISTANCE = Metric(
    name="frechet-distance",
    measure=frechet_distance,
    summary="How far apart mean and covariance of the features are: quality and diversity in one number.",
    source="Heusel et al. 2017, equation 6",
    needs=("real", "fake"),
    lower_is_better=True,
    default_for=("samples", "mixture", "pairs", "domains"),
    while_training=prepared_frechet_distance,
)


LEAST_IN_A_PART = 4


@timed
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
    reals, fakes = as_pair(real, fake, least=LEAST_IN_A_PART * max(2, parts))
    at_full_size = distance_of(reals, fakes)
    value = _at_infinity(reals, fakes, at_full_size, parts=max(2, parts), repeats=repeats, seed=seed)
    given = replicates
    replicates = default_replicates(reals, fakes) if given is None else given
    bounds, method = None, NOT_ASKED if given == 0 else TOO_WIDE
    if replicates:
        bounds = interval(value, spread_of_halves(at_full_size, reals, fakes, replicates, seed))
        method = method_of(replicates)
    return Result(
        metric="frechet-distance-extrapolated",
        value=value,
        interval=bounds,
        interval_method=method,
        floor=0.0,
        floor_method="exact: zero in the limit",
        samples={"real": len(reals), "fake": len(fakes)},
        settings={"parts": max(2, parts), "repeats": repeats},
        reference=fingerprint_of_features(reals),
    )


def _at_infinity(
    real: Tensor, fake: Tensor, at_full_size: float, *, parts: int, repeats: int, seed: int
) -> float:
    """The intercept of a line through the distances at 1, 2, ... pieces, against the number of pieces."""
    stream = torch.Generator().manual_seed(derive(seed, 0, "pieces"))
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


FRECHET_DISTANCE_EXTRAPOLATED = Metric(
    name="frechet-distance-extrapolated",
    measure=frechet_distance_extrapolated,
    summary="The Fréchet distance without its bias: comparable between different numbers of samples.",
    source="Chong and Forsyth 2020, section 4",
    needs=("real", "fake"),
    lower_is_better=True,
)
