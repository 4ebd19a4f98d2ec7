"""Mel spectrograms: by the published formulas, differentiable, and back to waves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from poise.data.mel import MelSpectrogram, mel_filters
from poise.data.spectrogram import FLOOR
from tones import tone

RANDOM = np.random.default_rng(0)


def by_formula(waves: np.ndarray, mel: MelSpectrogram) -> np.ndarray:
    """Slaney's bands of scipy's transform, band by band and bin by bin."""
    from scipy.signal import get_window

    edge = (mel.window - mel.hop) // 2
    bell = get_window("hann", mel.window)
    padded = np.pad(waves, ((0, 0), (edge, edge)))
    frames = [
        padded[:, start : start + mel.window] * bell
        for start in range(0, padded.shape[1] - mel.window + 1, mel.hop)
    ]
    spectra = np.abs(np.stack([np.fft.fft(frame)[:, : mel.window // 2 + 1] for frame in frames], 2))

    def hertz(mels: float) -> float:
        return mels * 200 / 3 if mels < 15 else 1000 * 6.4 ** ((mels - 15) / 27)

    top = 15 + 27 * math.log(mel.rate / 2 / 1000, 6.4)
    corners = [hertz(top * number / (mel.bands + 1)) for number in range(mel.bands + 2)]
    found = np.zeros((len(waves), mel.bands, spectra.shape[2]))
    for band, (low, middle, high) in enumerate(zip(corners, corners[1:], corners[2:], strict=False)):
        for place in range(spectra.shape[1]):
            at = place * mel.rate / mel.window
            height = (at - low) / (middle - low) if at < middle else (high - at) / (high - middle)
            found[:, band] += max(0.0, height) * spectra[:, place] * 2 / mel.window
    return np.log(found + FLOOR)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050])
def test_the_logarithms_are_those_of_the_formula(rate: int) -> None:
    mel = MelSpectrogram.for_rate(rate)
    waves = RANDOM.uniform(-0.9, 0.9, (2, 8 * mel.window))
    found = mel(torch.from_numpy(waves)).numpy()
    assert found.shape == (2, mel.bands, 32)
    np.testing.assert_allclose(found, by_formula(waves, mel), atol=1e-5)
    in_float = mel(torch.from_numpy(waves).float()).numpy()
    np.testing.assert_allclose(in_float, found, atol=1e-4)


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_every_band_hears_something_and_frequencies_between_bands_count_once(rate: int) -> None:
    filters = mel_filters(MelSpectrogram.for_rate(rate))
    assert (filters.max(1) > 0.2).all(), "a band between two frequencies would be silent for ever"
    first, last = filters[0].argmax() + 1, filters[-1].argmax()
    np.testing.assert_allclose(filters[:, first:last].sum(0), 1)


def test_gradients_are_those_of_finite_differences_and_finite_in_silence() -> None:
    mel = MelSpectrogram(1_000, 4, 3)
    waves = torch.from_numpy(RANDOM.uniform(-1, 1, (1, 24))).requires_grad_()
    assert torch.autograd.gradcheck(mel, (waves,))
    silence = torch.zeros(1, 24, requires_grad=True)
    mel(silence).sum().backward()
    assert silence.grad is not None and bool(torch.isfinite(silence.grad).all())


def test_waves_without_a_network_have_nearly_the_same_spectrogram_each_time_the_same() -> None:
    mel = MelSpectrogram.for_rate(8_000)
    waves = torch.from_numpy(np.stack([tone(pitch, 1, length=2_048) for pitch in (310.0, 1_400.0)])).float()
    made = mel.waves(mel(waves))
    assert made.shape == waves.shape and torch.equal(made, mel.waves(mel(waves)))
    noise = torch.from_numpy(RANDOM.uniform(-0.5, 0.5, waves.shape)).float()
    assert float((mel(made) - mel(waves)).abs().mean()) < 0.15 < float((mel(noise) - mel(waves)).abs().mean())
    assert float(mel.waves(mel(torch.zeros(1, 1_024))).abs().max()) < 1e-6


def test_the_settings_come_back_from_json() -> None:
    mel = MelSpectrogram.for_rate(16_000, 33)
    assert MelSpectrogram.from_json(mel.to_json()) == mel
