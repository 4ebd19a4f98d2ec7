"""What can be wrong with any waves: silence, clipping, and a tone at the frequency of a stride."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["LEAST", "STRIDES", "at_the_ends", "end_of", "peaks", "silent", "stride_powers", "tones"]

LEAST = 256  # Values of a wave from which a tone can be told from the sound around it
STRIDES = (2, 4, 8, 16, 64)  # Between values that a network treats alike, in one layer and in several
_BESIDE = (-5, -4, -3, 3, 4, 5)  # Frequencies from that of a stride to those that it is compared with
_SILENT = 0.05  # Share of the usual peak of reals, 26 decibels below it, under which a wave is silent
_NEAR = 0.999  # Share of the greatest value from which a value is at the end
_NONE = 1e-12


def peaks(waves: Tensor) -> Tensor:
    """The greatest distance of a value from the mean of its wave, `(N,)`, of waves `(N, T)`.

    Example:
        >>> peaks(torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 4.0]]))
        tensor([0., 3.])
    """
    found: Tensor = (waves - waves.mean(1, keepdim=True)).abs().amax(1)
    return found


def silent(waves: Tensor, usual: float) -> Tensor:
    """Which waves have no value beyond a twentieth of the usual peak of reals: 1 or 0, `(N,)`.

    Example:
        >>> silent(torch.tensor([[0.01, -0.01], [0.5, -0.5]]), usual=0.5)
        tensor([1., 0.])
    """
    return (peaks(waves) < _SILENT * usual).to(waves.dtype)


def end_of(real: Tensor) -> float:
    """The greatest value that waves can have: 1, as in files of sound, or that of reals beyond it."""
    return max(1.0, float(real.abs().max()))


def at_the_ends(waves: Tensor, end: float = 1.0) -> Tensor:
    """The share of the values of each wave that lie at `end` or at `-end`, `(N,)`.

    Example:
        >>> at_the_ends(torch.tensor([[0.5, 1.0, -1.0, 0.2]]))
        tensor([0.5000])
    """
    return (waves.abs() >= _NEAR * end).to(waves.dtype).mean(1)


def stride_powers(waves: Tensor) -> Tensor:
    """The power of each wave at the frequency of each stride, then at six around it, `(N, S, 7)`.

    S is the number of `STRIDES` of which the waves hold eight and more; waves have `LEAST` values or more.

    Example:
        >>> stride_powers(torch.zeros(3, 1_024)).shape
        torch.Size([3, 5, 7])
    """
    whole = waves.shape[1] // STRIDES[-1] * STRIDES[-1]
    waves = waves[:, :whole]
    power = torch.fft.rfft(waves - waves.mean(1, keepdim=True)).abs().square()
    places = [
        [whole // stride + step for step in (0, *_BESIDE)] for stride in STRIDES if whole // stride >= 8
    ]
    # beyond the last frequency the spectrum is the same again
    mirrored = [[whole - at if at > whole // 2 else at for at in row] for row in places]
    found: Tensor = power[:, torch.tensor(mirrored, device=power.device)]
    return found


def tones(powers: Tensor) -> Tensor:
    """How far the mean power at the frequency of each stride stands above that around it, `(S,)`.

    Args:
        powers: `(N, S, 7)`, as `stride_powers` has them.

    Example:
        >>> times = torch.arange(1_024)
        >>> noise = torch.randn(50, 1_024, generator=torch.Generator().manual_seed(0))
        >>> [round(one) for one in tones(stride_powers(noise + torch.cos(torch.pi * times / 4))).tolist()]
        [1, 1, 245, 1, 1]
    """
    mean = powers.mean(0)
    # where a spectrum ends or falls steeply, one side says nothing
    sides = torch.maximum(mean[:, 1:4].median(1).values, mean[:, 4:].median(1).values)
    return mean[:, 0] / sides.clamp(min=_NONE)
