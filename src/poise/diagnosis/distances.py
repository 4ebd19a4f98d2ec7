"""Quantities from the distances between samples: spread, coverage, nearness to the data, copies, labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from poise.diagnosis.window import pairs_above

SIDE = 8
WIDEST = 512
CHANNELS = (1, 3, 4)  # Numbers of channels by which images are known that have them last


def channels_first(samples: Tensor) -> Tensor:
    """Images that have their channels last, with the channels first."""
    last = samples.dim() == 4 and samples.shape[-1] in CHANNELS and samples.shape[1] not in CHANNELS
    return samples.permute(0, 3, 1, 2) if last else samples


def features_of(samples: Tensor) -> Tensor:
    """Rows of at most some hundred numbers, on the CPU: images averaged to 8 x 8, all else flattened.

    Rows of more than 512 numbers are projected on 256 fixed random directions, which keeps distances within
    some percent (Johnson and Lindenstrauss 1984).
    """
    samples = channels_first(samples.detach())
    samples = samples if samples.dtype in (torch.float32, torch.float64) else samples.float()
    if samples.dim() == 4 and min(samples.shape[-2:]) > 1 and max(samples.shape[-2:]) > SIDE:
        height, width = (min(SIDE, side) for side in samples.shape[-2:])
        samples = adaptive_avg_pool2d(samples, (height, width))
    rows = samples.reshape(len(samples), -1).to("cpu", torch.float32)
    if rows.shape[1] <= WIDEST:
        return rows
    directions = torch.randn(rows.shape[1], WIDEST // 2, generator=torch.Generator().manual_seed(0))
    projected: Tensor = rows @ directions / (WIDEST // 2) ** 0.5
    return projected


def distances(first: Tensor, second: Tensor) -> Tensor:
    """Euclidean distances of all pairs of rows `(n, d)` and `(m, d)`, as `(n, m)`.

    They are computed in float64, so that rounding in the products is far below any distance that matters.
    """
    pairs: Tensor = torch.cdist(first.double(), second.double(), compute_mode="use_mm_for_euclid_dist")
    return pairs.float()


def mean_distance(pairs: Tensor) -> float:
    """The mean distance of two different samples."""
    count, own = len(pairs), pairs.numpy()
    return float(own.sum() - own.trace()) / (count * (count - 1))


def likeness(rows: Tensor, pairs: Tensor) -> float:
    """The mean distance of two samples over their own size; 0 if all are identical, near 1 if all differ."""
    values = rows.numpy().ravel()
    size = math.sqrt(np.einsum("i,i", values, values, dtype=np.float64) / len(rows))
    return mean_distance(pairs) / size if size > 0 else 0.0


def apart(first: Tensor, second: Tensor, *, rounds: int = 60) -> float:
    """By how many standard deviations of chance two sets of rows lie apart, by their energy distance.

    Chance is what random halves of both together give; the halves are the same each time.

    Source: Székely and Rizzo 2013, section 3: the permutation test of equal distributions.
    """
    count, rows = len(first), torch.cat([first, second])
    pairs = distances(rows, rows).double()
    stream = torch.Generator().manual_seed(0)
    drawn = [torch.randperm(len(rows), generator=stream)[:count] for _ in range(rounds)]
    sides = torch.zeros(rounds + 1, len(rows), dtype=torch.float64)
    sides.scatter_(1, torch.stack([torch.arange(count), *drawn]), 1.0)
    sums, rest = sides @ pairs, len(rows) - count
    within = (sums * sides).sum(1)
    across = sums.sum(1) - within
    others = pairs.sum() - within - 2 * across
    found = 2 * across / (count * rest) - within / count**2 - others / rest**2
    return float((found[0] - found[1:].mean()) / found[1:].std().clamp_min(1e-12))


def dependence(first: Tensor, second: Tensor) -> float:
    """The correlation of the distances within two sets of rows that belong to each other; near 0 by chance.

    Source: Mantel 1967, "The detection of disease clustering and a generalized regression approach".
    """
    above = torch.triu_indices(len(first), len(first), 1)
    one, other = (distances(rows, rows)[above[0], above[1]] for rows in (first, second))
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other / (one.norm() * other.norm()).clamp_min(1e-12))


def nearest_others(pairs: Tensor) -> Tensor:
    """The distance of each sample to its nearest other, `(N,)`."""
    return pairs.clone().fill_diagonal_(torch.inf).amin(1)


def duplicates(pairs: Tensor, closeness: float) -> float:
    """The share of samples with another one nearer than `closeness`.

    Source: Arora and Zhang 2018, "Do GANs learn the distribution?", section 2.
    """
    return float((nearest_others(pairs) < closeness).float().mean())


def energy_distance(across: Tensor, of_fakes: float, of_reals: float) -> float:
    """The squared energy distance in units of the reals' own mean distance; near 0 for equal distributions.

    2 E|x - y| - E|x - x'| - E|y - y'|, unbiased, so that it may be a little below 0.

    Source: Székely and Rizzo 2013, "Energy statistics", equation 2.5.
    """
    return (2 * float(across.mean()) - of_fakes - of_reals) / max(of_reals, 1e-12)


def cell_centres(rows: Tensor, count: int, *, rounds: int = 8) -> Tensor:
    """Centres of k-means, `(count, d)`; the same for the same rows.

    Lloyd's algorithm, started from rows each farthest from those before; later rounds would bring rows nearer
    to their centres by less than one percent. (scikit-learn's is as good and takes more than a second to
    import, which a short run would notice.)

    Source: Richardson and Weiss 2018, "On GANs and GMMs", section 2: bins for a test of two samples;
        Gonzalez 1985 for the start.
    """
    mean = rows.mean(0)
    rows = rows - mean  # far from the origin, single precision would not tell rows apart
    sizes = rows.square().sum(1)

    def beyond_size(centres: Tensor) -> Tensor:
        """Squared distances less the size of the row, which is the same for all centres."""
        return torch.addmm(centres.square().sum(1), rows, centres.T, alpha=-2)

    chosen, nearest = [0], sizes + beyond_size(rows[:1])[:, 0]
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, sizes + beyond_size(rows[chosen[-1:]])[:, 0])
    centres, before = rows[chosen].clone(), None
    for _ in range(rounds):
        cells = beyond_size(centres).argmin(1)
        if before is not None and torch.equal(cells, before):
            break
        before = cells
        members = torch.nn.functional.one_hot(cells, count).to(rows.dtype)
        counts = members.sum(0)
        sums = members.T @ rows
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp_min(1)[:, None], centres)
    return centres + mean


def cell_shares(rows: Tensor, centres: Tensor) -> tuple[float, ...]:
    """The share of the rows whose nearest centre is each of the centres."""
    counts = torch.bincount(distances(rows, centres).argmin(1), minlength=len(centres))
    return tuple((counts / max(1, len(rows))).tolist())


def coverage(
    found: Sequence[float], expected: Sequence[float], *, least: float = 0.25, count: int | None = None
) -> float:
    """The share of the data that lies in cells with at least a quarter of their due of samples.

    Args:
        found: The share of the samples in each cell.
        expected: The share of the data in each cell, their due.
        least: What of it is enough.
        count: How many samples there are. Few cannot cover all cells: the share is then over what as many
            samples of the data would cover in the mean.

    Example:
        >>> coverage((1.0, 0.0), (0.5, 0.5)), coverage((1.0, 0.0), (0.5, 0.5), count=1)
        (0.5, 1.0)
    """
    covered = sum(due for share, due in zip(found, expected, strict=True) if share >= least * due)
    if count is None:
        return covered
    by_chance = sum(due * at_least(math.ceil(least * due * count), count, due) for due in expected)
    return min(1.0, covered / max(by_chance, 1e-12))


def at_least(wanted: int, count: int, chance: float) -> float:
    """The chance of at least so many successes in `count` draws; binomial."""
    chance = min(max(chance, 0.0), 1.0)
    fewer = (math.comb(count, hits) * chance**hits * (1 - chance) ** (count - hits) for hits in range(wanted))
    return max(0.0, 1.0 - math.fsum(fewer))


def total_variation(first: Sequence[float], second: Sequence[float]) -> float:
    """The total variation between two histograms, from 0 to 1."""
    return sum(abs(one - other) for one, other in zip(first, second, strict=True)) / 2


class Nearest(NamedTuple):
    """Distances of each row to its two nearest training samples, and which the nearest is, `(N,)` each."""

    first: Tensor
    second: Tensor
    place: Tensor


def nearest_training(rows: Tensor, training: Tensor) -> Nearest:
    """Distances to the two nearest training samples, of which there must be two at least."""
    return _two_nearest(distances(rows, training))


def _two_nearest(pairs: Tensor) -> Nearest:
    first, nearest = pairs.min(1)
    return Nearest(first, pairs.scatter_(1, nearest[:, None], torch.inf).amin(1), nearest)


def nearest_other_training(training: Tensor, count: int) -> Nearest:
    """The same of the first training samples, each left out while its own distances are looked at.

    Example:
        >>> nearest_other_training(torch.tensor([[0.0], [1.0], [3.0]]), 2).first.tolist()
        [1.0, 1.0]
    """
    pairs = distances(training[:count], training)
    pairs.fill_diagonal_(torch.inf)
    return _two_nearest(pairs)


def independent_count(rows: Nearest, among: int) -> float:
    """How many independent samples rows are worth, by which of so many training samples they are nearest to.

    Rows of one law as even as that of the training samples meet at one by chance alone, and count in full.
    Rows that all lie at the same one are a single observation, however many there are.

    Source: Kish 1965, "Survey Sampling", section 8.2, on the design effect of samples in clusters.

    Example:
        >>> at = torch.zeros(100).long()
        >>> round(independent_count(Nearest(at, at, at), 1000), 1)
        1.1
    """
    count = len(rows.place)
    pairs = float(torch.bincount(rows.place).double().square().sum())
    by_chance = count + count * (count - 1) / among
    return count * min(1.0, by_chance / pairs)


def copying_score(fakes: Nearest, held_out: Nearest, *, count: float | None = None) -> float:
    """Standard errors by which fakes are farther from the training data than held-out reals; C_T.

    Args:
        fakes: Where fakes lie.
        held_out: Where held-out reals lie.
        count: How many independent samples the fakes are worth; all by default.

    Source: Meehan, Chaudhuri and Dasgupta 2020, section 3.1, over one cell: the z-score of Mann-Whitney's U.
    """
    pairs = len(held_out.first) * len(fakes.first)
    above = pairs_above(fakes.first.numpy(), held_out.first.numpy()) / pairs
    n, m = len(held_out.first), len(fakes.first) if count is None else count
    return (above - 0.5) * math.sqrt(12 * n * m / (n + m + 1))


def copied_share(rows: Nearest, *, share: float = 1 / 3) -> float:
    """The share of rows that are three times as near to one training sample as to any other.

    Source: Yoon et al. 2023, "Diffusion probabilistic models generalize when they fail to memorize",
        section 3.
    """
    return float((rows.first < share * rows.second).float().mean())


def condition_response(asked: Tensor, swapped: Tensor) -> float:
    """How far samples move if only their condition changes, over the mean distance of two samples."""
    moved = float((asked - swapped).norm(dim=1).mean())
    return moved / max(mean_distance(distances(asked, asked)), 1e-12)


def class_means(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The labels that occur and the mean of the rows of each, `(K,)` and `(K, d)`."""
    names: Tensor = torch.unique(labels)
    return names, torch.stack([rows[labels == name].mean(0) for name in names])


def labels_followed(rows: Tensor, labels: Tensor, names: Tensor, means: Tensor) -> float:
    """The share of rows whose nearest class mean is that of their label."""
    return float((names[distances(rows, means).argmin(1)] == labels).float().mean())
