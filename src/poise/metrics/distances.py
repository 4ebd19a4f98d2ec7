"""Distances between sets of features, a tile at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

TILE = 1000
WIDE_TILE = 5000


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """Squared Euclidean distances of all pairs of rows in float64, `(n, m)`, never negative."""
    products = torch.addmm(second.square().sum(1), first, second.T, alpha=-2)
    return products.add_(first.square().sum(1, keepdim=True)).clamp_(min=0)


def tiles(first: Tensor, second: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """Squared distances of all pairs, a tile at a time: its rows, its columns, and the distances.

    All tiles of some rows come before any of the next; a tile takes 40 MB.
    """
    squares = second.square().sum(1)
    for top in range(0, len(first), TILE):
        rows = slice(top, min(top + TILE, len(first)))
        of_rows = first[rows].square().sum(1, keepdim=True)
        for left in range(0, len(second), WIDE_TILE):
            columns = slice(left, min(left + WIDE_TILE, len(second)))
            tile = torch.addmm(squares[columns], first[rows], second[columns].T, alpha=-2)
            yield rows, columns, tile.add_(of_rows).clamp_(min=0)


def centred(*sides: Tensor) -> list[Tensor]:
    """All sides about the mean of the first: distances stay, and rounding gets less."""
    centre = sides[0].mean(0)
    return [side - centre for side in sides]


def squared_radii(features: Tensor, k: int) -> Tensor:
    """The squared distance of each sample to its k-th nearest other, `(N,)`; equal samples are others."""
    best = features.new_full((len(features), k), torch.inf)
    for rows, columns, tile in tiles(features, features):
        hide_self(rows, columns, tile)
        found = tile.topk(min(k, tile.shape[1]), dim=1, largest=False, sorted=False).values
        best[rows] = torch.cat([best[rows], found], 1).topk(k, dim=1, largest=False, sorted=False).values
    return best.amax(1)


def nearest(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """The squared distance of each of `first` to its nearest of `second`, and that one's number."""
    return _least(first, second, others_only=False)


def nearest_other(features: Tensor) -> tuple[Tensor, Tensor]:
    """The squared distance of each sample to its nearest other, and that one's number."""
    return _least(features, features, others_only=True)


def _least(first: Tensor, second: Tensor, *, others_only: bool) -> tuple[Tensor, Tensor]:
    least = first.new_full((len(first),), torch.inf)
    numbers = torch.zeros(len(first), dtype=torch.int64, device=first.device)
    for rows, columns, tile in tiles(first, second):
        if others_only:
            hide_self(rows, columns, tile)
        found = tile.min(1)
        nearer = found.values < least[rows]
        least[rows] = torch.where(nearer, found.values, least[rows])
        numbers[rows] = torch.where(nearer, found.indices + columns.start, numbers[rows])
    return least, numbers


def hide_self(rows: slice, columns: slice, tile: Tensor) -> None:
    """Set the distances of samples to themselves to infinity, in a tile of one set against itself."""
    start, stop = max(rows.start, columns.start), min(rows.stop, columns.stop)
    if start < stop:
        tile[
            start - rows.start : stop - rows.start, start - columns.start : stop - columns.start
        ].fill_diagonal_(torch.inf)


def loosened(radii: Tensor, features: Tensor) -> Tensor:
    """Squared radii a little larger, so that an equal distance computed otherwise is within; the features,
    about their mean, give the scale.
    """
    return radii * (1 + 1e-10) + 1e-13 * float(features.square().sum(1).max())
