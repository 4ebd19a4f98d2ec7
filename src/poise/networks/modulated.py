"""Convolutions that a style modulates, and the layers of StyleGAN2's synthesis that are made of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, linear

from poise.networks.equalised import GAIN, EqualisedLinear
from poise.networks.layers import LeakyReLU
from poise.networks.resampling import smoothed


class ModulatedConvolution(nn.Module):
    """A convolution whose input channels are scaled by a style, and whose output channels by their norm.

    The weights of each sample are never made: inputs are scaled, convolved by weights that all samples share,
    and divided by the norms that the scaled weights would have.

    Args:
        before: Channels of its input.
        after: Channels of its output.
        size: Side of the kernel, 1 or 3.
        style_size: The size of a style.
        doubling: Whether the grid is doubled and smoothed.
        demodulate: Whether outputs are divided by the norms.

    Source: Karras et al. 2020 (StyleGAN2), equations 1 and 3.
    """

    def __init__(
        self,
        before: int,
        after: int,
        size: int,
        style_size: int,
        *,
        doubling: bool = False,
        demodulate: bool = True,
    ) -> None:
        super().__init__()
        self.style = EqualisedLinear(style_size, before, bias=1.0)
        self.weight = nn.Parameter(torch.randn(after, before, size, size))
        self.scale = 1.0 if demodulate else 1 / math.sqrt(before * size**2)
        self.doubling, self.demodulate, self.size = doubling, demodulate, size

    def forward(self, features: Tensor, style: Tensor) -> tuple[Tensor, Tensor | None]:
        """The convolved features `(N, C, H, W)` and what each channel is yet to be multiplied with."""
        scales = self.style(style) * self.scale
        seen = features * scales[:, :, None, None]
        if self.doubling:
            made = conv_transpose2d(seen, self.weight.transpose(0, 1), stride=2)
            made = smoothed(made, 1, gain=4.0)
        else:
            made = conv2d(seen, self.weight, padding=self.size // 2)
        if not self.demodulate:
            return made, None
        norms = (linear(scales.square(), self.weight.square().sum((2, 3))) + 1e-8).rsqrt()
        return made, norms[:, :, None, None]


class StyledLayer(nn.Module):
    """A modulated convolution, noise, a bias and a leaky ReLU.

    In training the noise is drawn for each sample, from torch's global random state, which the training loop
    seeds. In eval mode it is a buffer, so that a sample is a function of its style.

    Args:
        before: Channels of its input.
        after: Channels of its output.
        style_size: The size of a style.
        sides: Height and width of the output.
        doubling: Whether the grid is doubled.
    """

    noise: Tensor
    draws = True

    def __init__(
        self, before: int, after: int, style_size: int, sides: tuple[int, int], *, doubling: bool
    ) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(before, after, 3, style_size, doubling=doubling)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(after))
        self.activation = LeakyReLU(0.2)
        self.register_buffer("noise", torch.randn(sides))

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Features `(N, C, H, W)` under styles `(N, style_size)`."""
        made, norms = self.convolution(features, style)
        height, width = self.noise.shape
        made = made[:, :, :height, :width]
        noise = self.noise
        if self.training:
            noise = torch.randn(len(made), 1, height, width, device=made.device, dtype=made.dtype)
        assert norms is not None
        moved = torch.addcmul(self.bias[:, None, None] * GAIN, made, norms * GAIN)
        active: Tensor = self.activation(moved + noise * (self.strength * GAIN))
        return active


class ToImage(nn.Module):
    """Features to the channels of an image, by a modulated 1x1 convolution."""

    def __init__(self, before: int, channels: int, style_size: int) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(before, channels, 1, style_size, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Images `(N, channels, H, W)`."""
        made, _ = self.convolution(features, style)
        image: Tensor = made + self.bias[:, None, None]
        return image
