"""Memorisation: whether the generator copies its training data."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poise.metrics.arrays import as_pair
from poise.metrics.distances import centred, nearest, nearest_other
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.half_sample_bootstrap import NORMAL_QUANTILE, share_interval
from poise.metrics.metric import Metric, timed
from poise.metrics.result import Result
from poise.randomness import derive


@timed
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
    own = nearest_other(seen)[0]
    authentic = int((of_fakes > own[nearest_train]).sum())
    value = {"authentic": authentic / len(fakes)}
    intervals = {"authentic": share_interval(authentic, len(fakes))}
    samples = {"train": len(seen), "fake": len(fakes)}
    if unseen is None:
        stream = torch.Generator().manual_seed(derive(seed, 0, "halves"))
        order = torch.randperm(len(seen), generator=stream).to(seen.device)
        one, other = (seen[half] for half in order.tensor_split(2))
        floor = {"authentic": _authentic(other, one, nearest_other(one)[0])}
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
    low, high = (
        torch.searchsorted(second.sort().values, first),
        torch.searchsorted(second.sort().values, first, right=True),
    )
    shares_1 = (low + high).double() / (2 * m)
    below, upto = (
        torch.searchsorted(first.sort().values, second),
        torch.searchsorted(first.sort().values, second, right=True),
    )
    shares_2 = 1 - (below + upto).double() / (2 * n)
    area = float(shares_1.mean())
    counts = torch.unique(torch.cat([first, second]), return_counts=True)[1].double()
    total = n + m
    ties = float((counts**3 - counts).sum()) / (total * (total - 1))
    null = math.sqrt(max((total + 1 - ties) / (12 * n * m), 1e-300))
    z = (area - 0.5) / null
    half = NORMAL_QUANTILE * math.sqrt(float(shares_1.var()) / n + float(shares_2.var()) / m) / null
    return z, z - half, z + half


MEMORISATION = Metric(
    name="memorisation",
    measure=memorisation,
    summary="Whether fakes lie nearer to the training data than held-out reals do.",
    source="Meehan et al. 2020, section 3.1; Alaa et al. 2022, section 3.3",
    needs=("train", "held_out", "fake"),
    lower_is_better=dict.fromkeys(("c_t", "authentic")),
)
