"""Spectrum: the power of fakes at each wave number is held to that of reals."""

from __future__ import annotations

import torch
from torch import Tensor

from poise.regularisers.regulariser import Regulariser, SeenByRegularisers
from poise.spectra import NEGLIGIBLE, radial_power

TINY = 1e-6
"""Added inside the square root, whose slope is infinite at 0."""


def spectrum(view: SeenByRegularisers) -> Tensor:
    """How far the amplitudes of fakes are from those of reals, rank by rank, over the reals' own.

    At each wave number the amplitudes of the batch, one a sample, are put in order on both sides: the mean
    squared difference is the squared Wasserstein-2 distance between them. So a soft fake is moved to a soft
    real and a loud one to a loud real, and samples are not all made alike.

    A run that pays this matches the power of wave numbers by construction. The power spectrum then says how
    well that was paid, and no longer measures the generator independently: look at values, extremes and
    two-sample tests.

    Args:
        view: With reals and fakes `(N, C, *axes)` of one to three axes; rows `(N, d)` have one axis.

    Returns:
        The mean over channels and wave numbers at each rank, `(N,)`.

    Example:
        >>> from types import SimpleNamespace
        >>> real = torch.randn(4, 1, 8, generator=torch.Generator().manual_seed(0))
        >>> spectrum(SimpleNamespace(real=real, fake=2 * real[[3, 1, 0, 2]])).mean().round(decimals=3)
        tensor(1.)

    Source: ours, after the spectral regularisation of Durall et al. 2020.
    """
    real, fake = (radial_power(_on_grid(side)) for side in (view.real, view.fake))
    mean = real.detach().mean(0)
    counted = mean > NEGLIGIBLE * mean.amax()
    share = torch.where(counted, 1 / mean.clamp(min=torch.finfo(mean.dtype).tiny), torch.zeros_like(mean))
    ordered = [(power * share + TINY).sqrt().sort(dim=0).values for power in (real.detach(), fake)]
    apart = (ordered[1] - ordered[0]).square().flatten(1).sum(1)
    return apart / counted.sum().clamp(min=1)


def _on_grid(samples: Tensor) -> Tensor:
    """Samples `(N, C, *axes)` in single precision at least, as Fourier transforms need it."""
    precise = samples.to(torch.promote_types(samples.dtype, torch.float32))
    return precise[:, None] if precise.dim() == 2 else precise


SPECTRUM = Regulariser(
    name="spectrum",
    player="generator",
    value=spectrum,
    weight=10.0,
    summary="Holds the power of samples at each wave number to that of reals.",
    source="ours, after the spectral regularisation of Durall et al. 2020",
)
