"""Metrics of samples on a grid of one to three axes: power spectra, values and their extremes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_tensor, fingerprint
from poise.metrics.intervals import NOT_ASKED, Floor, floor_of, half_samples, intervals_of
from poise.metrics.metric import metric
from poise.metrics.result import Result
from poise.spectra import NEGLIGIBLE, radial_power

BINS = 256  # Of a histogram of values
PLACES = 65  # Quantiles that two sets of extremes are compared at
LEAST = 4  # Samples of a side


def on_grid(samples: object, name: str) -> Tensor:
    """Samples `(N, C, *axes)` in float64 without axes of length 1; rows `(N, d)` are one channel.

    Example:
        >>> on_grid(torch.zeros(5, 2, 1, 1, 9), "real").shape
        torch.Size([5, 2, 9])
    """
    given = as_tensor(samples, name).double()
    if given.dim() == 2:
        given = given[:, None]
    if given.dim() < 3 or len(given) < LEAST:
        raise PoiseError(
            f"The {name} samples have the shape {tuple(given.shape)}",
            code="metrics.not-on-a-grid",
            why=f"at least {LEAST} samples (N, C, *axes) are needed",
            hint="give fields, series or images",
        )
    axes = [length for length in given.shape[2:] if length > 1] or [1]
    return given.reshape(*given.shape[:2], *axes)


@metric(
    "How far the power of each wave number is from that of reals, as a share.",
    "Radially averaged periodogram; Durall et al. 2020, equation 3",
    needs=("real_samples", "fake_samples"),
    lower_is_better={"spectrum_error": True, "spectrum_worst": True},
)
def power_spectrum(
    real_samples: object,
    fake_samples: object,
    *,
    held_out_samples: object = None,
    replicates: int = 40,
    seed: int = 0,
) -> Result:
    """The mean and the greatest relative error of the power of each wave number and channel.

    Args:
        real_samples: `(N, C, *axes)` of one to three axes, array or tensor.
        fake_samples: `(M, C, *axes)`.
        held_out_samples: Other reals for the floor; without, the reals are split in two.
        replicates: Half-samples for the interval; 0 for neither interval nor floor.
        seed: Seeds them.

    Returns:
        `spectrum_error`, the mean over wave numbers of `|P_fake / P_real - 1|`, and `spectrum_worst`, the
        greatest; `details` holds both spectra, averaged over samples, `(C, K)` as lists.

    Raises:
        PoiseError: Fewer than 4 samples, or no grid.

    Example:
        >>> real = torch.randn(50, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> round(power_spectrum(real, 1.1 * real).value["spectrum_error"], 3)
        0.21

    Source: Durall, Keuper and Keuper 2020, "Watch your up-convolution", equation 3.
    """
    spectra = [
        radial_power(on_grid(side, name)) for side, name in ((real_samples, "real"), (fake_samples, "fake"))
    ]
    others = None if held_out_samples is None else radial_power(on_grid(held_out_samples, "held-out"))
    shape = spectra[0].shape[1:]

    def errors(real: Tensor, fake: Tensor) -> Tensor:
        expected = real.mean(0)
        counted = expected > NEGLIGIBLE * expected.max()
        ratios = (fake.mean(0)[counted] / expected[counted] - 1).abs()
        return torch.stack([ratios.mean(), ratios.max()])

    result = compared(
        "power-spectrum",
        ("spectrum_error", "spectrum_worst"),
        errors,
        [side.flatten(1) for side in spectra],
        None if others is None else others.flatten(1),
        fingerprint(as_tensor(real_samples, "real")),
        replicates=replicates,
        seed=seed,
    )
    means = {
        name: side.mean(0).reshape(shape).tolist()
        for name, side in zip(("real", "fake"), spectra, strict=True)
    }
    return replace(result, details=means)


@metric(
    "How far values, and the least and the greatest of each sample, are from those of reals.",
    "Wasserstein-1 distances of values in deviations of the reals",
    needs=("real_samples", "fake_samples"),
    lower_is_better={"histogram_distance": True, "extremes_distance": True},
)
def value_distribution(
    real_samples: object,
    fake_samples: object,
    *,
    held_out_samples: object = None,
    replicates: int = 40,
    seed: int = 0,
) -> Result:
    """How far single values, and the extremes of samples, would have to be moved, in deviations of the reals.

    The arguments are those of `power_spectrum`.

    Returns:
        `histogram_distance`, the Wasserstein-1 distance between all values, and `extremes_distance`, the mean
        of those between the greatest values of samples and between the least; both are means over channels.

    Raises:
        PoiseError: Fewer than 4 samples, or no grid.

    Example:
        >>> real = torch.randn(50, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> moved = value_distribution(real, real + 1.0).value
        >>> round(moved["histogram_distance"], 1), round(moved["extremes_distance"], 1)
        (1.0, 1.0)
    """
    sides = [on_grid(real_samples, "real"), on_grid(fake_samples, "fake")]
    if held_out_samples is not None:
        sides.append(on_grid(held_out_samples, "held-out"))
    together = (0, *range(2, sides[0].dim()))
    mean, deviation = sides[0].mean(together), sides[0].std(together).clamp(min=1e-12)
    spread = (1, -1, *[1] * (sides[0].dim() - 2))
    scaled = [((side - mean.reshape(spread)) / deviation.reshape(spread)).flatten(2) for side in sides]
    low = float(scaled[0].min()) - 1
    step = (float(scaled[0].max()) + 1 - low) / BINS
    rows = [_described(side, low, step) for side in scaled]
    channels = scaled[0].shape[1]

    def distances(real: Tensor, fake: Tensor) -> Tensor:
        shares = [side[:, : channels * BINS].mean(0).reshape(channels, BINS) for side in (real, fake)]
        apart = (shares[0].cumsum(1) - shares[1].cumsum(1)).abs().sum(1) * step
        at = torch.linspace(0, 1, PLACES, dtype=real.dtype, device=real.device)
        ends = [torch.quantile(side[:, channels * BINS :], at, dim=0) for side in (real, fake)]
        return torch.stack([apart.mean(), (ends[0] - ends[1]).abs().mean()])

    return compared(
        "value-distribution",
        ("histogram_distance", "extremes_distance"),
        distances,
        rows[:2],
        rows[2] if len(rows) > 2 else None,
        fingerprint(as_tensor(real_samples, "real")),
        replicates=replicates,
        seed=seed,
    )


def lagged(series: Tensor) -> Tensor:
    """Correlations of each channel with each channel some steps later, `(N, C, C, lags)`, of `(N, C, T)`.

    Lags go to a quarter of the length. A channel that stands still has none.
    """
    length = series.shape[-1]
    lags = max(1, length // 4)
    still = series - series.mean(2, keepdim=True)
    size = still.square().mean(2).sqrt()
    spectrum = torch.fft.rfft(still, n=2 * length)
    products = torch.fft.irfft(spectrum[:, :, None].conj() * spectrum[:, None], n=2 * length)[..., : lags + 1]
    scale = (size[:, :, None] * size[:, None])[..., None] * length
    return torch.where(scale > NEGLIGIBLE, products / scale.clamp(min=NEGLIGIBLE), torch.zeros_like(products))


@metric(
    "How far correlations in time, within and between channels, are from those of reals.",
    "Sample autocorrelation and cross-correlation functions",
    needs=("real_samples", "fake_samples"),
    lower_is_better={"autocorrelation_error": True, "cross_correlation_error": True},
)
def autocorrelation(
    real_samples: object,
    fake_samples: object,
    *,
    held_out_samples: object = None,
    replicates: int = 40,
    seed: int = 0,
) -> Result:
    """The mean absolute differences of correlations up to a quarter of the length, averaged over samples.

    The arguments are those of `power_spectrum`; samples have one axis, others are flattened.

    Returns:
        `autocorrelation_error`, of each channel with itself from a lag of 1, and `cross_correlation_error`,
        of each with each other from 0; that is 0 if there is one channel.

    Raises:
        PoiseError: Fewer than 4 samples, or no grid.

    Example:
        >>> real = torch.randn(50, 2, 64, generator=torch.Generator().manual_seed(0))
        >>> round(autocorrelation(real, 2 * real + 1).value["autocorrelation_error"], 5)
        0.0
    """
    sides = [(real_samples, "real"), (fake_samples, "fake")]
    if held_out_samples is not None:
        sides.append((held_out_samples, "held-out"))
    rows = [lagged(on_grid(side, name).flatten(2)) for side, name in sides]
    channels = rows[0].shape[1]
    same = torch.eye(channels, dtype=torch.bool, device=rows[0].device)

    def errors(real: Tensor, fake: Tensor) -> Tensor:
        apart = (real.mean(0) - fake.mean(0)).abs().reshape(channels, channels, -1)
        others = apart[~same]
        return torch.stack([apart[same][:, 1:].mean(), others.mean() if len(others) else apart.new_zeros(())])

    flat = [side.flatten(1) for side in rows]
    return compared(
        "autocorrelation",
        ("autocorrelation_error", "cross_correlation_error"),
        errors,
        flat[:2],
        flat[2] if len(flat) > 2 else None,
        fingerprint(as_tensor(real_samples, "real")),
        replicates=replicates,
        seed=seed,
    )


def _described(values: Tensor, low: float, step: float) -> Tensor:
    """A row for each sample: the share of its values in each bin of each channel, then its extremes."""
    bins = ((values - low) / step).floor().clamp(0, BINS - 1).long()
    shares = values.new_zeros(*values.shape[:2], BINS)
    shares.scatter_add_(2, bins, torch.ones_like(values))
    ends = torch.cat([values.amax(2), values.amin(2)], 1)
    return torch.cat([(shares / values.shape[2]).flatten(1), ends], 1)


def compared(
    name: str,
    numbers: Sequence[str],
    statistic: Callable[[Tensor, Tensor], Tensor],
    sides: Sequence[Tensor],
    others: Tensor | None,
    reference: str,
    *,
    replicates: int,
    seed: int,
) -> Result:
    """The result of statistics of two sides, of which each sample is a row, with intervals and floors."""
    real, fake = sides
    values = statistic(real, fake)
    limits = dict.fromkeys(numbers, float("inf"))
    intervals, method = intervals_of(
        statistic,
        sides,
        values,
        numbers,
        replicates=replicates,
        most=2_000,
        stream=half_samples(seed),
        high=limits,
    )
    floor = Floor(None, NOT_ASKED)
    if replicates or others is not None:
        floor = floor_of(statistic, real, len(fake), others, seed=seed, repeats=4, bias_power=0.5)
    return Result(
        metric=name,
        value=dict(zip(numbers, values.tolist(), strict=True)),
        interval=intervals,
        interval_method=method,
        floor=floor.named(numbers),
        floor_method=floor.method,
        samples={"real": len(real), "fake": len(fake)},
        settings={"seed": seed},
        reference=reference,
    )
