"""Mel spectrograms of sounds: what a vocoder makes waves of, and what its waves are measured by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poise.data.rows import Array
from poise.data.spectrogram import FLOOR, ROUNDS, analysed, griffin_lim

# Slaney's scale: linear up to 1,000 Hz, with 200 / 3 Hz a mel; above, 27 mels for each factor of 6.4
_PER_MEL, _LINEAR_TO = 200 / 3, 1_000.0
_PER_FACTOR = 27 / math.log(6.4)
_LEAST_SECONDS = 0.03  # Of a window: the next power of two
_NON_NEGATIVE_ROUNDS = 200


@dataclass(frozen=True)
class MelSpectrogram:
    """Logarithms of magnitudes in bands that are as wide as the ear hears: narrow ones below, wide above.

    Args:
        rate: Values of a wave a second.
        hop: Values from one frame to the next; a frame is of four times as many.
        bands: How many bands, from 0 to half of the rate.

    Example:
        >>> mel = MelSpectrogram.for_rate(8_000)
        >>> mel, mel.window
        (MelSpectrogram(rate=8000, hop=64, bands=40), 256)
        >>> mel(torch.zeros(2, 4096)).shape
        torch.Size([2, 40, 64])

    Source: Slaney 1998, Auditory Toolbox, for the scale; Kong et al. 2020 (HiFi-GAN), section 3.2.
    """

    rate: int
    hop: int
    bands: int

    @property
    def window(self) -> int:
        """Values that a frame is of."""
        return 4 * self.hop

    @staticmethod
    def for_rate(rate: int, bands: int | None = None) -> MelSpectrogram:
        """What suits a rate: windows of 30 to 60 milliseconds, and 20 bands more each time they double.

        Example:
            >>> MelSpectrogram.for_rate(22_050)
            MelSpectrogram(rate=22050, hop=256, bands=80)
        """
        doublings = max(6, math.ceil(math.log2(_LEAST_SECONDS * rate)))
        return MelSpectrogram(rate, 2 ** (doublings - 2), bands or max(20, 20 * doublings - 120))

    def __call__(self, waves: Tensor) -> Tensor:
        """Waves `(N, T)`, T a multiple of the hop, to logarithms `(N, bands, T / hop)`; silence is the least.

        It lets gradients through.
        """
        return (self.in_bands(self.magnitudes(waves)) + FLOOR).log()

    def magnitudes(self, waves: Tensor) -> Tensor:
        """Waves `(N, T)` to the magnitudes of all frequencies, `(N, window / 2 + 1, T / hop)`."""
        return analysed(waves, window=self.window, hop=self.hop).abs()

    def in_bands(self, magnitudes: Tensor) -> Tensor:
        """Magnitudes of all frequencies to those of the bands."""
        return self._filters(magnitudes) @ magnitudes

    def waves(self, logarithms: Tensor, *, rounds: int = ROUNDS) -> Tensor:
        """Waves `(N, T)` of logarithms `(N, bands, T / hop)` without a network; the same each time.

        Magnitudes that are not negative and whose bands are nearly those, then phases by Griffin-Lim.

        Args:
            logarithms: As calling it makes them.
            rounds: Those of Griffin-Lim.

        Source: Lee and Seung 2001, theorem 1, for the magnitudes; Griffin and Lim 1984, section 3.
        """
        wanted = (logarithms.exp() - FLOOR).clamp(min=0)
        filters = self._filters(wanted)
        target = filters.T @ wanted
        found = target / filters.T.sum(1, keepdim=True).clamp(min=1e-8)
        for _ in range(_NON_NEGATIVE_ROUNDS):
            found = found * target / (filters.T @ (filters @ found)).clamp(min=1e-12)
        return griffin_lim(found, hop=self.hop, rounds=rounds).clamp(-1, 1)

    def to_json(self) -> dict[str, int]:
        """The settings as JSON, for a generator's folder."""
        return asdict(self)

    @staticmethod
    def from_json(written: Mapping[str, Any]) -> MelSpectrogram:
        """The mel spectrogram that `to_json` wrote."""
        return MelSpectrogram(*(int(written[name]) for name in ("rate", "hop", "bands")))

    def _filters(self, like: Tensor) -> Tensor:
        return torch.from_numpy(mel_filters(self)).to(like)


@lru_cache(maxsize=16)
def mel_filters(mel: MelSpectrogram) -> Array:
    """Triangles of height 1 whose corners are evenly spaced in mels, `(bands, window / 2 + 1)`."""
    highest = float(_mels(np.array([mel.rate / 2]))[0])
    corners = _hertz(np.linspace(0, highest, mel.bands + 2))
    at = np.linspace(0, mel.rate / 2, mel.window // 2 + 1)
    rising = (at - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - at) / np.diff(corners)[1:, None]
    return np.asarray(np.minimum(rising, falling).clip(min=0))


def _mels(hertz: Array) -> Array:
    above = _LINEAR_TO / _PER_MEL + _PER_FACTOR * np.log(np.maximum(hertz, _LINEAR_TO) / _LINEAR_TO)
    return np.where(hertz < _LINEAR_TO, hertz / _PER_MEL, above)


def _hertz(mels: Array) -> Array:
    bend = _LINEAR_TO / _PER_MEL
    above = _LINEAR_TO * np.exp((np.maximum(mels, bend) - bend) / _PER_FACTOR)
    return np.where(mels < bend, mels * _PER_MEL, above)
