"""Modes found, high quality and reverse KL, for mixtures whose centres are known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_pair, fingerprint_of_features
from poise.metrics.intervals import NOT_ASKED, share_interval
from poise.metrics.metric import Prepared, metric
from poise.metrics.neighbours import squared_distances
from poise.metrics.result import Result
from poise.randomness import torch_stream

WITHIN = 3.0


def prepared_mode_statistics(centres: Tensor, standard_deviation: float, **_: object) -> Prepared:
    """The statistics for these modes; the intervals cost next to nothing and are always there."""

    def measure(fakes: Tensor, *, replicates: int, seed: int) -> Result:
        return mode_statistics(fakes, centres, standard_deviation, seed=seed)

    return measure


@metric(
    "Modes found, share of high quality, and reverse KL, for mixtures with known centres.",
    "Lin et al. 2018 (PacGAN), section 4.1",
    needs=("fake", "centres", "standard_deviation"),
    lower_is_better={"modes": False, "high_quality": False, "reverse_kl": True},
    default_for=("mixture",),
    while_training=prepared_mode_statistics,
)
def mode_statistics(
    samples: object, centres: object, standard_deviation: float, *, replicates: int = 200, seed: int = 0
) -> Result:
    """How many modes of a known mixture the samples reach, how well, and how evenly.

    A sample is of high quality within three standard deviations of a centre; a mode is found once it has such
    a sample. The reverse KL divergence is log K minus the entropy of the histogram of all samples over their
    nearest centres.

    Args:
        samples: Generated points, `(N, d)`, array or tensor.
        centres: Centres of the equally likely modes, `(K, d)`.
        standard_deviation: Of every mode, in every direction.
        replicates: Bootstrap replicates for the intervals of modes and reverse KL; 0 for no intervals.
        seed: Seeds them.

    Returns:
        `modes` (0 to K), `high_quality` (a share), `reverse_kl` (nats, from 0).

    Raises:
        PoiseError: No sample or centre, different widths, points that are not finite, or no spread.

    Example:
        >>> mode_statistics([[0.0], [0.0], [5.0]], [[0.0], [5.0]], 0.1).value["modes"]
        2.0

    Source: Lin et al. 2018 (PacGAN), section 4.1; Srivastava et al. 2017 (VEEGAN).
    """
    points, middles = as_pair(samples, centres, least=1, names=("generated", "centre"))
    if not standard_deviation > 0:
        raise PoiseError(
            f"A standard deviation of {standard_deviation} leaves no sample near a centre",
            code="metrics.no-deviation",
            hint="give that of the modes",
        )
    count, kinds = len(points), len(middles)
    apart, nearest = squared_distances(points, middles).min(1)
    good = apart <= (WITHIN * standard_deviation) ** 2
    # Cell k: of high quality at centre k; cell K + k: nearest to centre k, but not of high quality.
    cells = torch.bincount(nearest + kinds * (~good), minlength=2 * kinds).cpu()
    value = _statistics(cells[None])[0]
    names = ("modes", "high_quality", "reverse_kl")
    intervals, method = None, NOT_ASKED
    if replicates:
        stream = torch_stream(seed, 0, "bootstrap")
        drawn = torch.multinomial(cells / count, count * replicates, replacement=True, generator=stream)
        drawn = drawn.reshape(replicates, count) + 2 * kinds * torch.arange(replicates)[:, None]
        histograms = torch.bincount(drawn.flatten(), minlength=2 * kinds * replicates).reshape(replicates, -1)
        spread = _statistics(histograms)
        low, high = (spread.quantile(q, dim=0) for q in (0.025, 0.975))
        # Resampling adds the histogram's sampling bias to the divergence a second time.
        bias = float(spread[:, 2].mean() - value[2])
        intervals = {
            "modes": (float(low[0]), float(high[0])),
            "high_quality": share_interval(float(value[1]) * count, count),
            "reverse_kl": (max(0.0, float(low[2]) - bias), max(0.0, float(high[2]) - bias)),
        }
        method = f"bootstrap of the histogram, {replicates} replicates; high quality by Wilson"
    share = float(torch.special.gammainc(torch.tensor(points.shape[1] / 2.0), torch.tensor(WITHIN**2 / 2)))
    return Result(
        metric="mode-statistics",
        value=dict(zip(names, value.tolist(), strict=True)),
        interval=intervals,
        interval_method=method,
        floor={
            "modes": kinds * (1 - (1 - share / kinds) ** count),
            "high_quality": share,
            "reverse_kl": (kinds - 1) / (2 * count),
        },
        floor_method="expectation for samples of the mixture itself (reverse KL: to first order in 1/N)",
        samples={"fake": count},
        settings={"centres": kinds, "standard_deviation": standard_deviation, "within": WITHIN},
        reference=fingerprint_of_features(middles),
    )


def _statistics(cells: Tensor) -> Tensor:
    """Modes, high quality and reverse KL of histograms `(B, 2 K)`, as `(B, 3)`."""
    kinds = cells.shape[1] // 2
    good, rest = cells[:, :kinds].double(), cells[:, kinds:].double()
    count = cells[0].sum()
    entropy = torch.special.entr((good + rest) / count).sum(1)
    return torch.stack(
        [(good > 0).sum(1).double(), good.sum(1) / count, (math.log(kinds) - entropy).clamp(min=0)], 1
    )
