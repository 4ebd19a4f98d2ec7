"""WaveGAN: convolutions of 25 values at a stride of 4 along a wave, and phases shuffled in the critic."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from poise.errors import PoiseError
from poise.networks.layers import LeakyReLU
from poise.networks.network import Network
from poise.spec import DataSpec

STRIDE, KERNEL = 4, 25
FIRST = 16  # Values of the shortest grid


class PhaseShuffle(nn.Module):
    """Moves a batch along its axis by up to `most` places, one draw for all, reflected at the end.

    In eval mode nothing moves, so that scores, and penalties differentiated twice, are repeatable.

    Source: Donahue et al. 2019, section 3.3.
    """

    draws = True  # many games at once, which would share what is drawn, are refused

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, C, L)`, moved."""
        if not self.training or not self.most:
            return features
        by = int(torch.randint(-self.most, self.most + 1, ()))
        moved = functional.pad(features, (max(by, 0), max(-by, 0)), mode="reflect")
        return moved[..., : features.shape[2]] if by >= 0 else moved[..., -by:]

    def extra_repr(self) -> str:
        """The most places, for `print`."""
        return f"most={self.most}"


class StridedConvolution(nn.Module):
    """A convolution of 25 values at a stride of 4, its stride folded into channels: the same sums, sooner.

    Four values that follow each other become four channels, and the kernel, padded to 28, has 7 taps. With
    one channel the gradient of the plain form takes most of a critic's time on a CPU.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(channels * KERNEL)
        self.weight = nn.Parameter(torch.empty(width, channels, KERNEL).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(width).uniform_(-bound, bound))

    def forward(self, waves: Tensor) -> Tensor:
        """`(N, C, L)` to `(N, width, L / 4)`, L a multiple of 4."""
        width, channels, _ = self.weight.shape
        taps = -(-KERNEL // STRIDE)
        before = (KERNEL - STRIDE + 1) // 2
        padded = functional.pad(waves, (before, taps * STRIDE - STRIDE - before))
        folded = padded.unflatten(2, (-1, STRIDE)).transpose(2, 3).flatten(1, 2)
        kernel = functional.pad(self.weight, (0, taps * STRIDE - KERNEL))
        kernel = kernel.unflatten(2, (taps, STRIDE)).transpose(2, 3).reshape(width, channels * STRIDE, taps)
        return functional.conv1d(folded, kernel, self.bias)

    def extra_repr(self) -> str:
        """Channels and width, for `print`."""
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, kernel_size={KERNEL}, stride={STRIDE}"


def wavegan_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 32,
) -> nn.Module:
    """A generator of waves: many channels of 16 values, then four times as long each time.

    Args:
        spec: Waves `(1, T)`, T 16 times a power of 4, or twice that.
        latent_size: The size of a latent.
        width: Channels before the last layer; the paper has 64.

    Example:
        >>> spec = DataSpec("sound", (1, 4096))
        >>> wavegan_generator(spec, latent_size=8, width=2)(torch.randn(3, 8)).shape
        torch.Size([3, 1, 4096])

    Source: Donahue et al. 2019, table 3.
    """
    first, stages = _stages(spec)
    widths = [width * 2 ** max(0, stages - 1 - stage) for stage in range(stages)]
    layers: list[nn.Module] = [
        nn.Linear(latent_size, widths[0] * first),
        nn.Unflatten(1, (widths[0], first)),
        nn.ReLU(),
    ]
    for before, after in zip(widths, [*widths[1:], None], strict=True):
        made = spec.shape[0] if after is None else after
        layers.append(nn.ConvTranspose1d(before, made, KERNEL, STRIDE, 11, output_padding=1))
        layers.append(nn.Tanh() if after is None else nn.ReLU())
    return nn.Sequential(*layers)


def wavegan_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 32,
    shuffle: Annotated[int, Field(ge=0)] = 2,
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2,
) -> nn.Module:
    """A critic of waves that shortens them to a quarter each time, with phases shuffled in between.

    Args:
        spec: Waves `(1, T)`, T 16 times a power of 4, or twice that.
        width: Channels after the first convolution; they double. The paper has 64.
        shuffle: The most places by which phases are shuffled; 0 for not at all.
        slope: The slope of the leaky ReLU below 0.

    Example:
        >>> spec = DataSpec("sound", (1, 4096))
        >>> wavegan_discriminator(spec, width=2)(torch.randn(3, 1, 4096)).shape
        torch.Size([3])

    Source: Donahue et al. 2019, table 4.
    """
    first, stages = _stages(spec)
    layers: list[nn.Module] = []
    before = spec.shape[0]
    for stage in range(stages):
        after = width * 2**stage
        layers += [StridedConvolution(before, after), LeakyReLU(slope)]
        if shuffle and stage < stages - 1:
            layers.append(PhaseShuffle(shuffle))
        before = after
    layers += [nn.Flatten(), nn.Linear(before * first, 1), nn.Flatten(0)]
    return nn.Sequential(*layers)


def _stages(spec: DataSpec) -> tuple[int, int]:
    """The values of the shortest grid, and how often it becomes four times as long."""
    length = spec.shape[-1]
    first, stages = length, 0
    while first > 2 * FIRST and first % STRIDE == 0:
        first, stages = first // STRIDE, stages + 1
    if len(spec.shape) != 2 or first > 2 * FIRST or not stages:
        what = f"The network 'wavegan' cannot be built for the shape {spec.shape}"
        why = "it makes waves whose length can be divided by 4 down to 16 or 32"
        hint = "take waves of 4,096, 8,192 or 16,384 values: --set encoding=waveform,4096"
        raise PoiseError(what, code="networks.not-waves", why=why, hint=hint)
    return first, stages


WAVEGAN_GENERATOR = Network(
    name="wavegan",
    build=wavegan_generator,
    summary="Transposed convolutions of 25 values that make a wave four times as long each time.",
    source="Donahue et al. 2019, table 3",
    kinds=("sound",),
    takes_width=True,
)
WAVEGAN_DISCRIMINATOR = Network(
    name="wavegan",
    build=wavegan_discriminator,
    summary="Convolutions of 25 values at a stride of 4, with phases shuffled between them.",
    source="Donahue et al. 2019, table 4",
    kinds=("sound",),
    takes_width=True,
)
