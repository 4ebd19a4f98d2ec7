"""The birthday test: how many different samples the generator can make."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features, as_pair
from poise.metrics.distances import centred, hide_self, loosened, nearest_other, tiles
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.metric import Metric, timed
from poise.metrics.result import Interval, Result

CLOSE_SHARE = 0.01


@timed
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
        threshold = float(nearest_other(centred(reals)[0])[0].quantile(CLOSE_SHARE).sqrt())
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
    z = 1.959963984540054

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
    for rows, columns, tile in tiles(features, features):
        hide_self(rows, columns, tile)
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


BIRTHDAY_TEST = Metric(
    name="birthday-test",
    measure=birthday_test,
    summary="How many different samples the generator has, from duplicates among its samples.",
    source="Arora and Zhang 2018, section 2",
    needs=("fake",),
    lower_is_better={"duplicate_pairs": True, "support": False},
)
