"""Fréchet distances of many halves of the same features: what an interval is made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from poise.metrics.gaussian import distance_of
from poise.metrics.halves import Spread, cuts, spread
from poise.randomness import derive


def default_replicates(real: Tensor, fake: Tensor) -> int:
    """How many half-samples are cheap for features of this size."""
    size = min(len(real) // 2, len(fake) // 2, real.shape[1])
    return 200 if size <= 128 else 40 if size <= 512 else 0


def spread_of_halves(value: float, real: Tensor, fake: Tensor, replicates: int, seed: int) -> Spread:
    """The spread of the distance over complementary halves of both sides."""
    stream = torch.Generator().manual_seed(derive(seed, 0, "half-samples"))
    real_cuts, fake_cuts = (cuts(len(side), replicates, stream) for side in (real, fake))
    if min(len(real), len(fake)) // 2 > real.shape[1]:
        distances = _distances_of_parts(real, fake, _flat(real_cuts), _flat(fake_cuts))
    else:
        products = _Products(real, fake)
        distances = [
            products.distance(*parts) for parts in zip(_flat(real_cuts), _flat(fake_cuts), strict=True)
        ]
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


def _flat(pairs: Sequence[tuple[Tensor, Tensor]]) -> list[Tensor]:
    return [half for pair in pairs for half in pair]
