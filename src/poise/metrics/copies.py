"""Copies: of the training data (memorisation), and among the samples themselves (the birthday test)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features, as_pair, fingerprint_of_features
from poise.metrics.intervals import NORMAL_QUANTILE, share_interval
from poise.metrics.metric import metric
from poise.metrics.neighbours import centred, loosened, nearest, tiles
from poise.metrics.result import Interval, Result
from poise.randomness import torch_stream


@metric(
    "Whether fakes lie nearer to the training data than held-out reals do.",
    "Meehan et al. 2020, section 3.1; Alaa et al. 2022, section 3.3",
    needs=("train", "held_out", "fake"),
    lower_is_better=dict.fromkeys(("c_t", "authentic")),
)
def memorisation(
    train: object, held_out: object | None, fake: object, *, pairs: int = 16, seed: int = 0
) -> Result:
    """Whether fakes are nearer to the training data than unseen reals are.

    `c_t` is the Mann-Whitney z of the distances to the nearest training sample, fakes against held-out reals:
    about N(0, 1) for a generator that neither copies nor makes poor samples, far below zero for one that
    copies, far above for one whose samples are poor. A generator that copies some samples and spoils others
    may be near zero, too: `authentic` is the share of fakes that are farther from their nearest training
    sample than that one is from its own nearest other. Neither has a better side: samples that are no copies
    lie near the floor, copies below it, and poor samples above.

    Args:
        train: Features of what the generator was trained on, `(N, d)`, array or tensor.
        held_out: Features of reals that it was not trained on, `(H, d)`; if `None`, there is no `c_t`, and
            the floor of `authentic` is that of one half of the training data against the other.
        fake: Features of fakes, `(M, d)`.
        pairs: How many of the nearest pairs of fake and training sample `details` lists: look at them.
        seed: Seeds the halves.

    Returns:
        `c_t` and `authentic`. The floor is that of the held-out reals themselves.

    Raises:
        PoiseError: Fewer than 10 samples in a set, different widths, or features that are not finite.

    Example:
        >>> import torch
        >>> stream = torch.Generator().manual_seed(0)
        >>> train, unseen = (torch.randn(200, 2, generator=stream) for _ in range(2))
        >>> memorisation(train, unseen, train + 1e-4).value["c_t"] < -10
        True

    Source: Meehan et al. 2020, section 3.1 (C_T, with one cell); Alaa et al. 2022, section 3.3
    (authenticity).
    """
    given, fakes = as_pair(train, fake, least=10, names=("training", "fake"))
    unseen = None
    if held_out is not None:
        unseen = as_pair(given, held_out, least=10, names=("training", "held-out"))[1]
    seen, fakes = centred(given, fakes)
    of_fakes, nearest_train = nearest(fakes, seen)
    own = nearest(seen)[0]
    authentic = int((of_fakes > own[nearest_train]).sum())
    value = {"authentic": authentic / len(fakes)}
    intervals = {"authentic": share_interval(authentic, len(fakes))}
    samples = {"train": len(seen), "fake": len(fakes)}
    if unseen is None:
        order = torch.randperm(len(seen), generator=torch_stream(seed, 0, "halves")).to(seen.device)
        one, other = (seen[half] for half in order.tensor_split(2))
        floor = {"authentic": _authentic(other, one, nearest(one)[0])}
        method = "closed form, for this training set: Wilson; no C_T without held-out reals"
        floor_method = f"one half of the training data against the other, {len(other)} samples"
    else:
        unseen = unseen - given.mean(0)
        z, low, high = mann_whitney(of_fakes, nearest(unseen, seen)[0])
        value = {"c_t": z, **value}
        intervals = {"c_t": (low, high), **intervals}
        floor = {"c_t": 0.0, "authentic": _authentic(unseen, seen, own)}
        method = "closed form, for this training set: DeLong for C_T, Wilson for authenticity"
        floor_method = "C_T: exact; authenticity: that of the held-out reals"
        samples = {"train": len(seen), "held_out": len(unseen), "fake": len(fakes)}
    closest = of_fakes.argsort()[:pairs]
    return Result(
        metric="memorisation",
        value=value,
        interval=intervals,
        interval_method=method,
        floor=floor,
        floor_method=floor_method,
        samples=samples,
        reference=fingerprint_of_features(given),
        details={
            "nearest_pairs": [
                [float(of_fakes[number].sqrt()), int(number), int(nearest_train[number])]
                for number in closest
            ]
        },
    )


def _authentic(others: Tensor, seen: Tensor, own: Tensor) -> float:
    """The share of samples farther from their nearest of `seen` than that one is from its nearest other."""
    apart, place = nearest(others, seen)
    return float((apart > own[place]).double().mean())


def mann_whitney(first: Tensor, second: Tensor) -> tuple[float, float, float]:
    """The z of the Mann-Whitney U of two samples, and its 95 % interval.

    Source: Mann and Whitney 1947; DeLong et al. 1988 for the variance away from the null.
    """
    n, m = len(first), len(second)
    shares_1, shares_2 = _shares_below(first, second), 1 - _shares_below(second, first)
    area = float(shares_1.mean())
    counts = torch.unique(torch.cat([first, second]), return_counts=True)[1].double()
    total = n + m
    ties = float((counts**3 - counts).sum()) / (total * (total - 1))
    null = math.sqrt(max((total + 1 - ties) / (12 * n * m), 1e-300))
    z = (area - 0.5) / null
    half = NORMAL_QUANTILE * math.sqrt(float(shares_1.var()) / n + float(shares_2.var()) / m) / null
    return z, z - half, z + half


def _shares_below(values: Tensor, others: Tensor) -> Tensor:
    """The share of the others that lies below each value; ties count half."""
    order = others.sort().values
    ends = torch.searchsorted(order, values) + torch.searchsorted(order, values, right=True)
    return ends.double() / (2 * len(others))


CLOSE_SHARE = 0.01


@metric(
    "How many different samples the generator has, from duplicates among its samples.",
    "Arora and Zhang 2018, section 2",
    needs=("fake",),
    lower_is_better={"duplicate_pairs": True, "support": False},
)
def birthday_test(
    fake: object, *, real: object = None, threshold: float | None = None, pairs: int = 20
) -> Result:
    """The size of the generator's support, from how many pairs among its samples are duplicates.

    Among s samples of a support of n equally likely ones, s (s - 1) / (2 n) pairs are expected to be equal:
    if there is usually a duplicate among s samples, n is about s^2. Two samples count as duplicates if their
    distance is at most `threshold`; look at the pairs in `details` before you believe it.

    Args:
        fake: Features of fakes, `(N, d)`, array or tensor.
        real: Features of reals: the threshold is then the distance that one in a hundred reals has to its
            nearest other real, and the floor the support that as many reals seem to have.
        threshold: The largest distance of duplicates, in units of the features. Without it and without reals
            only equal samples count.
        pairs: How many nearest pairs `details` lists.

    Returns:
        `duplicate_pairs` and `support`, the estimate; infinite if there is no duplicate. The intervals are
        those of a Poisson count.

    Raises:
        PoiseError: Fewer than 10 samples, different widths, or features that are not finite.

    Example:
        >>> import torch
        >>> few = torch.randint(500, (200, 1), generator=torch.Generator().manual_seed(1)).float()
        >>> low, high = birthday_test(few).interval["support"]
        >>> low < 500 < high
        True

    Source: Arora and Zhang 2018, section 2.
    """
    fakes = as_features(fake, "fake", least=10)
    reals = None if real is None else as_pair(fakes, real, least=10, names=("fake", "real"))[1]
    if threshold is not None and threshold < 0:
        raise PoiseError(
            f"A threshold of {threshold} is negative",
            code="metrics.negative-threshold",
            hint="give a distance",
        )
    if threshold is None and reals is not None:
        threshold = float(nearest(centred(reals)[0])[0].quantile(CLOSE_SHARE).sqrt())
    threshold = threshold or 0.0
    count, closest = _close_pairs(centred(fakes)[0], threshold, pairs)
    all_pairs = len(fakes) * (len(fakes) - 1) / 2
    low, high = poisson_interval(count)
    floor, floor_method = None, "none: give real="
    if reals is not None:
        some = reals[: len(fakes)]
        expected = _close_pairs(centred(some)[0], threshold, 0)[0]
        floor = _values(expected, len(some) * (len(some) - 1) / 2)
        floor_method = f"the same test of {len(some)} reals"
    return Result(
        metric="birthday-test",
        value=_values(count, all_pairs),
        interval={"duplicate_pairs": (low, high), "support": (_over(all_pairs, high), _over(all_pairs, low))},
        interval_method="closed form: a Poisson count of pairs",
        floor=floor,
        floor_method=floor_method,
        samples={"fake": len(fakes)},
        settings={"threshold": threshold},
        reference="" if reals is None else fingerprint_of_features(reals),
        details={"nearest_pairs": closest},
    )


def poisson_interval(count: int) -> Interval:
    """The 95 % interval of a Poisson mean, given a count.

    Source: Wilson and Hilferty 1931, for the chi-squared quantiles of Garwood 1936.
    """
    z = NORMAL_QUANTILE

    def quantile_of(n: float, deviate: float) -> float:
        return float(n * (1 - 1 / (9 * n) + deviate / (3 * math.sqrt(n))) ** 3)

    # -log(0.025) is exact for a count of zero.
    high = -math.log(0.025) if count == 0 else quantile_of(count + 1, z)
    return (0.0 if count == 0 else max(0.0, quantile_of(count, -z))), high


def _values(count: int, all_pairs: float) -> dict[str, float]:
    return {"duplicate_pairs": float(count), "support": _over(all_pairs, count)}


def _over(all_pairs: float, count: float) -> float:
    return all_pairs / count if count > 0 else math.inf


def _close_pairs(features: Tensor, threshold: float, keep: int) -> tuple[int, list[list[float]]]:
    """How many pairs are within the threshold, and the nearest ones as [distance, first, second]."""
    limit = float(loosened(torch.tensor(threshold**2, dtype=torch.float64), features))
    count, best = 0, torch.empty(0, 3, dtype=torch.float64)
    for rows, columns, tile in tiles(features):
        count += int((tile <= limit).sum())
        if keep:
            # Each pair is seen from both sides: take it from the side of the lower number.
            first = torch.arange(rows.start, rows.stop, device=tile.device)[:, None]
            second = torch.arange(columns.start, columns.stop, device=tile.device)
            upper = tile.masked_fill(second <= first, torch.inf).flatten()
            values, places = upper.topk(min(keep, len(upper)), largest=False)
            width = columns.stop - columns.start
            found = torch.stack(
                [values.sqrt(), places // width + rows.start, places % width + columns.start], 1
            )
            best = torch.cat([best, found.cpu()])
            best = best[best[:, 0].argsort()[:keep]]
    kept = best[torch.isfinite(best[:, 0])].tolist()
    return count // 2, [[distance, int(first), int(second)] for distance, first, second in kept]
