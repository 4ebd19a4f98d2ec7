"""Sounds as logarithms of magnitudes, and back: the phase that they lack is found again by Griffin-Lim."""

from __future__ import annotations

import torch
from torch import Tensor

WINDOW, HOP = 128, 64
BINS = WINDOW // 2  # Without the highest frequency, so that they are a power of two
FLOOR = 1e-3  # Magnitude that is added to all, 53 decibels below a full wave: what is fainter is silence
ROUNDS, MOMENTUM = 60, 0.99


def analysed(waves: Tensor) -> Tensor:
    """Waves `(N, T)` in [-1, 1] to complex spectra `(N, BINS + 1, T / HOP)`, a full wave of magnitude 0.5."""
    padded = torch.nn.functional.pad(waves, ((WINDOW - HOP) // 2, (WINDOW - HOP) // 2))
    window = torch.hann_window(WINDOW, dtype=waves.dtype, device=waves.device)
    frames = padded.unfold(-1, WINDOW, HOP) * window
    spectra: Tensor = torch.fft.rfft(frames, dim=-1).transpose(1, 2) * (2 / WINDOW)
    return spectra


def synthesised(spectra: Tensor) -> Tensor:
    """The waves `(N, T)` whose spectra are nearest to these `(N, BINS + 1, frames)`, by least squares.

    Source: Griffin and Lim 1984, equation 6.
    """
    count, _, frames = spectra.shape
    window = torch.hann_window(WINDOW, dtype=spectra.real.dtype, device=spectra.device)
    pieces = torch.fft.irfft(spectra.transpose(1, 2) * (WINDOW / 2), n=WINDOW, dim=-1) * window
    length = (frames - 1) * HOP + WINDOW

    def added(each: Tensor) -> Tensor:
        columns = each.transpose(1, 2)
        whole = torch.nn.functional.fold(columns, (1, length), (1, WINDOW), stride=(1, HOP))
        return whole.reshape(len(each), length)

    weights = added(window.square().expand(1, frames, WINDOW)).clamp(min=1e-8)
    edge = (WINDOW - HOP) // 2
    return (added(pieces) / weights)[:, edge : length - edge].reshape(count, -1)


def log_magnitudes(waves: Tensor) -> Tensor:
    """Waves `(N, T)` to the logarithms of magnitudes `(N, BINS, T / HOP)`, of which FLOOR is silence.

    Example:
        >>> log_magnitudes(torch.zeros(2, 4096)).shape
        torch.Size([2, 64, 64])
    """
    return (analysed(waves)[:, :BINS].abs() + FLOOR).log()


def waves_of(logarithms: Tensor, *, rounds: int = ROUNDS) -> Tensor:
    """Waves `(N, T)` whose magnitudes are nearly those, `(N, BINS, T / HOP)`; the same each time.

    Args:
        logarithms: As `log_magnitudes` makes them.
        rounds: How often phases are replaced by those of the waves found so far.

    Source: Griffin and Lim 1984, section 3; the momentum is that of Perraudin, Balazs and Søndergaard 2013.
    """
    magnitudes = (logarithms.exp() - FLOOR).clamp(min=0)
    magnitudes = torch.cat([magnitudes, torch.zeros_like(magnitudes[:, :1])], 1)
    stream = torch.Generator().manual_seed(0)
    turns = torch.rand(magnitudes.shape[1:], generator=stream, dtype=magnitudes.dtype) * (2 * torch.pi)
    phases = torch.polar(torch.ones_like(turns), turns).to(magnitudes.device)
    before = torch.zeros_like(magnitudes) * phases
    for _ in range(rounds):
        found = analysed(synthesised(magnitudes * phases))
        ahead = found + MOMENTUM * (found - before)
        phases, before = ahead / ahead.abs().clamp(min=1e-12), found
    return synthesised(magnitudes * phases)
