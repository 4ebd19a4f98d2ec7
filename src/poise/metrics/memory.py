"""Memorisation: does the generator hand out its training data?"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from poise.metrics.arrays import as_pair
from poise.metrics.distances import centred, nearest, nearest_other
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.gathered import gather, on_gathered
from poise.metrics.halves import NORMAL_QUANTILE, share_interval
from poise.metrics.metric import Metric
from poise.metrics.result import Result


def memorisation(train: object, held_out: object, fake: object, *, pairs: int = 16) -> Result:
    """Whether fakes are nearer to the training data than unseen reals are.

    `c_t` is the Mann-Whitney z of the distances to the nearest training sample, fakes against held-out reals:
    about N(0, 1) for a generator that neither copies nor strays, far below nought for one that copies, far
    above for one whose samples are poor. A generator that copies some and spoils others can hide in between:
    `authentic` is the share of fakes that are farther from their nearest training sample than that one is
    from its own nearest other.

    Args:
        train: Features of what the generator was trained on, `(N, d)`, array or tensor.
        held_out: Features of reals that it has not seen, `(H, d)`.
        fake: Features of fakes, `(M, d)`.
        pairs: How many of the nearest pairs of fake and training sample to give in `details`: look at them.

    Returns:
        `c_t` and `authentic`. The floor is what the held-out reals themselves give.

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
    started = time.perf_counter()
    seen, unseen = as_pair(train, held_out, least=10, names=("training", "held-out"))
    fakes = as_pair(seen, fake, least=10, names=("training", "fake"))[1]
    seen, unseen, fakes = centred(seen, unseen, fakes)
    of_fakes, nearest_train = nearest(fakes, seen)
    of_unseen, nearest_to_unseen = nearest(unseen, seen)
    own = nearest_other(seen)[0]
    z, low, high = mann_whitney(of_fakes, of_unseen)
    authentic = int((of_fakes > own[nearest_train]).sum())
    closest = of_fakes.argsort()[:pairs]
    return Result(
        metric="memorisation",
        value={"c_t": z, "authentic": authentic / len(fakes)},
        interval={"c_t": (low, high), "authentic": share_interval(authentic, len(fakes))},
        interval_method="closed form, for this training set: DeLong for C_T, Wilson for authenticity",
        floor={"c_t": 0.0, "authentic": float((of_unseen > own[nearest_to_unseen]).double().mean())},
        floor_method="C_T: exact; authenticity: that of the held-out reals",
        samples={"train": len(seen), "held_out": len(unseen), "fake": len(fakes)},
        reference=fingerprint_of_features(as_pair(train, held_out, names=("training", "held-out"))[0]),
        seconds=time.perf_counter() - started,
        details={
            "nearest_pairs": [
                [float(of_fakes[number].sqrt()), int(number), int(nearest_train[number])]
                for number in closest
            ]
        },
    )


def mann_whitney(first: Tensor, second: Tensor) -> tuple[float, float, float]:
    """The z of the Mann-Whitney U of two samples, and its 95 % interval.

    Args:
        first: `(n,)`; large values push z up.
        second: `(m,)`.

    Returns:
        z against its null distribution (ties allowed for), and the ends of the interval for its expectation.

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
    one_shot=memorisation,
    accumulate=gather,
    compute=on_gathered(memorisation),
    summary="Whether fakes sit nearer to the training data than unseen reals do.",
    source="Meehan et al. 2020, section 3.1; Alaa et al. 2022, section 3.3",
    needs=("train", "held_out", "fake"),
    lower_is_better={"c_t": None, "authentic": False},
)
