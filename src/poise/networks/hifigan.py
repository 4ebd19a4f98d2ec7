"""HiFi-GAN: from a mel spectrogram to a wave, and a discriminator of waves by periods and by scales."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from poise.errors import PoiseError
from poise.networks.layers import LeakyReLU
from poise.networks.network import Network
from poise.networks.translating import side_by_side
from poise.networks.wavegan import STRIDE, StridedConvolution
from poise.spec import DataSpec

SLOPE = 0.1  # Of every leaky ReLU below 0
FIELDS = ((3, (1, 2)), (5, (2, 6)), (7, (3, 12)))  # Kernels, and their dilations, whose outputs are fused
PERIODS = (2, 3, 5, 7, 11)
SCALES = (1, 2, 4)  # Values that are averaged to one
COARSEST = SCALES[-1] * STRIDE**3  # Waves are padded to a multiple of it


class DilatedBlock(nn.Module):
    """Convolutions of growing dilation along a wave, each added to what it is given."""

    def __init__(self, width: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, width, kernel, padding=by * (kernel - 1) // 2, dilation=by) for by in dilations
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, width, L)` of the same shape."""
        for convolution in self.convolutions:
            features = features + convolution(functional.leaky_relu(features, SLOPE))
        return features


class MultiReceptiveField(nn.Module):
    """Blocks of several kernels and dilations side by side; the output is their mean.

    Source: Kong et al. 2020, section 2.2 and table 5, the smallest of its three generators.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(DilatedBlock(width, kernel, dilations) for kernel, dilations in FIELDS)

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, width, L)` of the same shape."""
        return torch.stack([block(features) for block in self.blocks]).mean(0)


def hifigan_generator(spec: DataSpec, *, width: Annotated[int, Field(ge=4)] = 64) -> nn.Module:
    """A generator of waves from mel spectrograms of any length: transposed convolutions and fused fields.

    Args:
        spec: Waves `(1, T)` whose conditions are `(bands, frames)`, T a multiple of the frames.
        width: Channels of the first features; half as many after each transposed convolution.

    Example:
        >>> spec = DataSpec("sound", (1, 4096), condition=(40, 64))
        >>> hifigan_generator(spec, width=4)(torch.randn(2, 40, 9)).shape
        torch.Size([2, 1, 576])

    Source: Kong et al. 2020, section 2.2; without its weight normalisation.
    """
    if len(spec.shape) != 2 or spec.condition is None or len(spec.condition) != 2:
        raise _not_waves(spec, "it makes waves of mel spectrograms")
    bands, frames = spec.condition
    layers: list[nn.Module] = [nn.Conv1d(bands, width, 7, padding=3)]
    for rate in _rates(spec.shape[1] // frames):
        after = max(2, width // 2)
        edge = rate // 2
        layers += [
            LeakyReLU(SLOPE),
            nn.ConvTranspose1d(width, after, rate + 2 * edge, rate, edge),
            MultiReceptiveField(after),
        ]
        width = after
    layers += [LeakyReLU(SLOPE), nn.Conv1d(width, spec.shape[0], 7, padding=3), nn.Tanh()]
    return nn.Sequential(*layers)


def _rates(hop: int) -> list[int]:
    """How many times longer each transposed convolution makes its input: eights, then the rest.

    Example:
        >>> _rates(64), _rates(256), _rates(96)
        ([8, 8], [8, 8, 4], [8, 6, 2])
    """
    rates: list[int] = []
    while hop > 1:
        rate = next((one for one in range(8, 1, -1) if hop % one == 0), hop)
        rates.append(rate)
        hop //= rate
    return rates


class PeriodDiscriminator(nn.Module):
    """Sees the values of a wave that are a period apart: the wave as a grid, convolved along its columns.

    Source: Kong et al. 2020, section 2.3.
    """

    def __init__(self, period: int, width: int) -> None:
        super().__init__()
        self.period = period
        widths = [1, width, 2 * width, 4 * width, 4 * width]
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, (5, 1), (3 if stage < 3 else 1, 1), (2, 0)), LeakyReLU(SLOPE)
            )
            for stage, (before, after) in enumerate(pairwise(widths))
        )
        self.head = nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, waves: Tensor) -> list[Tensor]:
        """Features of each stage of waves `(N, 1, T)`, then the scores."""
        missing = -waves.shape[2] % self.period
        grid = functional.pad(waves, (0, missing), mode="reflect").unflatten(2, (-1, self.period))
        return _passed(grid, self.stages, self.head)


class ScaleDiscriminator(nn.Module):
    """Sees stretches of a wave, which may be averaged before.

    Source: Kong et al. 2020, section 2.3, after Kumar et al. 2019 (MelGAN), section 2.2.
    """

    def __init__(self, averaged: int, width: int) -> None:
        super().__init__()
        self.averaged = averaged
        widths = [1, width, 2 * width, 4 * width]
        self.stages = nn.ModuleList(
            nn.Sequential(StridedConvolution(before, after), LeakyReLU(SLOPE))
            for before, after in pairwise(widths)
        )
        last = nn.Conv1d(widths[-1], widths[-1], 5, padding=2)
        self.stages.append(nn.Sequential(last, LeakyReLU(SLOPE)))
        self.head = nn.Conv1d(widths[-1], 1, 3, padding=1)

    def forward(self, waves: Tensor) -> list[Tensor]:
        """Features of each stage of waves `(N, 1, T)`, T a multiple of `COARSEST`, then the scores."""
        return _passed(functional.avg_pool1d(waves, self.averaged), self.stages, self.head)


def _passed(features: Tensor, stages: nn.ModuleList, head: nn.Module) -> list[Tensor]:
    grids = []
    for stage in stages:
        features = stage(features)
        grids.append(features)
    return [*grids, head(features)]


class WaveDiscriminator(nn.Module):
    """Discriminators of five periods and three scales, whose scores stand side by side.

    The scores of those that have few are repeated, so that each has about as many, and the mean over all
    counts each alike.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.periods = nn.ModuleList(PeriodDiscriminator(period, width) for period in PERIODS)
        self.scales = nn.ModuleList(ScaleDiscriminator(averaged, width) for averaged in SCALES)

    def __len__(self) -> int:
        return len(self.periods) + len(self.scales)

    def forward(self, waves: Tensor) -> Tensor:
        """Raw scores `(N, places)` of waves `(N, 1, T)`; losses average them within a sample."""
        return self._scores(self._grids(waves))

    def judged(self, waves: Tensor) -> Tensor:
        """The scores, then what every stage makes of the waves as `side_by_side` puts it, in one pass."""
        grids = self._grids(waves)
        seen = side_by_side([grid for own in grids for grid in own[:-1]])
        return torch.cat([self._scores(grids), seen], 1)

    @staticmethod
    def places(length: int) -> int:
        """How many scores a wave of that length has.

        Example:
            >>> WaveDiscriminator.places(2_048)
            612
        """
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            return int(WaveDiscriminator(1)(torch.zeros(1, 1, length)).shape[1])

    def _grids(self, waves: Tensor) -> list[list[Tensor]]:
        padded = functional.pad(waves, (0, -waves.shape[2] % COARSEST))
        return [network(waves) for network in self.periods] + [network(padded) for network in self.scales]

    def _scores(self, grids: Sequence[Sequence[Tensor]]) -> Tensor:
        scores = [own[-1].flatten(1) for own in grids]
        most = max(one.shape[1] for one in scores)
        return torch.cat([one.repeat_interleave(round(most / one.shape[1]), 1) for one in scores], 1)


def hifigan_discriminator(spec: DataSpec, *, width: Annotated[int, Field(ge=1)] = 8) -> nn.Module:
    """Eight discriminators of waves: five that see every second to eleventh value, three at other scales.

    Args:
        spec: Waves `(1, T)`.
        width: Channels after the first convolutions; twice and four times as many after the next.

    Example:
        >>> network = hifigan_discriminator(DataSpec("sound", (1, 4096)), width=2)
        >>> network(torch.randn(3, 1, 4096)).shape
        torch.Size([3, 1216])

    Source: Kong et al. 2020, section 2.3; narrower, and without weight and spectral normalisation.
    """
    if len(spec.shape) != 2 or spec.shape[0] != 1:
        raise _not_waves(spec, "it scores waves of one channel")
    return WaveDiscriminator(width)


def _not_waves(spec: DataSpec, why: str) -> PoiseError:
    what = f"The network 'hifigan' cannot be built for the shape {spec.shape}"
    hint = "take waves and their mel spectrograms: --recipe mel-to-wave"
    return PoiseError(what, code="networks.no-vocoder", why=why, hint=hint)


HIFIGAN_GENERATOR = Network(
    name="hifigan",
    build=hifigan_generator,
    summary="Transposed convolutions from a mel spectrogram to a wave, with fused receptive fields.",
    source="Kong et al. 2020, section 2.2",
    kinds=("sound",),
)
HIFIGAN_DISCRIMINATOR = Network(
    name="hifigan",
    build=hifigan_discriminator,
    summary="Scores of a wave's values at five periods, and of the wave at three scales.",
    source="Kong et al. 2020, section 2.3",
    kinds=("sound",),
)
