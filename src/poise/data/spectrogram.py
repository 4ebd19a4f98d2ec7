"""Sounds as logarithms of magnitudes, and back: the phase that they lack is found again by Griffin-Lim."""

from __future__ import annotations

import torch
from torch import Tensor

WINDOW, HOP = 128, 64
BINS = WINDOW // 2  # Without the highest frequency, so that they are a power of two
FLOOR = 1e-3  # Magnitude that is added to all, 53 decibels below a full wave: what is fainter is silence
ROUNDS, MOMENTUM = 60, 0.99


def analysed(waves: Tensor, *, window: int = WINDOW, hop: int = HOP) -> Tensor:
    """Waves `(N, T)` in [-1, 1] to complex spectra, a full wave of magnitude 0.5.

    Args:
        waves: T a multiple of the hop.
        window: Values that a spectrum is of.
        hop: Values from one spectrum to the next.

    Returns:
        `(N, window / 2 + 1, T / hop)`.
    """
    padded = torch.nn.functional.pad(waves, ((window - hop) // 2, (window - hop) // 2))
    bell = torch.hann_window(window, dtype=waves.dtype, device=waves.device)
    frames = padded.unfold(-1, window, hop) * bell
    spectra: Tensor = torch.fft.rfft(frames, dim=-1).transpose(1, 2) * (2 / window)
    return spectra


def synthesised(spectra: Tensor, *, hop: int = HOP) -> Tensor:
    """The waves `(N, T)` whose spectra are nearest to these, as `analysed` makes them, by least squares.

    Source: Griffin and Lim 1984, equation 6.
    """
    count, bins, frames = spectra.shape
    window = 2 * (bins - 1)
    bell = torch.hann_window(window, dtype=spectra.real.dtype, device=spectra.device)
    pieces = torch.fft.irfft(spectra.transpose(1, 2) * (window / 2), n=window, dim=-1) * bell
    length = (frames - 1) * hop + window

    def added(each: Tensor) -> Tensor:
        columns = each.transpose(1, 2)
        whole = torch.nn.functional.fold(columns, (1, length), (1, window), stride=(1, hop))
        return whole.reshape(len(each), length)

    weights = added(bell.square().expand(1, frames, window)).clamp(min=1e-8)
    edge = (window - hop) // 2
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
    """
    magnitudes = (logarithms.exp() - FLOOR).clamp(min=0)
    magnitudes = torch.cat([magnitudes, torch.zeros_like(magnitudes[:, :1])], 1)
    return griffin_lim(magnitudes, hop=HOP, rounds=rounds)


def griffin_lim(magnitudes: Tensor, *, hop: int, rounds: int = ROUNDS) -> Tensor:
    """Waves `(N, T)` whose magnitudes are nearly those; the same each time.

    Args:
        magnitudes: Of spectra as `analysed` makes them, `(N, window / 2 + 1, T / hop)`.
        hop: Values from one spectrum to the next.
        rounds: How often phases are replaced by those of the waves found so far.

    Source: Griffin and Lim 1984, section 3; the momentum is that of Perraudin, Balazs and Søndergaard 2013.
    """
    window = 2 * (magnitudes.shape[1] - 1)
    stream = torch.Generator().manual_seed(0)
    turns = torch.rand(magnitudes.shape[1:], generator=stream, dtype=magnitudes.dtype) * (2 * torch.pi)
    phases = torch.polar(torch.ones_like(turns), turns).to(magnitudes.device)
    before = torch.zeros_like(magnitudes) * phases
    for _ in range(rounds):
        found = analysed(synthesised(magnitudes * phases, hop=hop), window=window, hop=hop)
        ahead = found + MOMENTUM * (found - before)
        phases, before = ahead / ahead.abs().clamp(min=1e-12), found
    return synthesised(magnitudes * phases, hop=hop)
