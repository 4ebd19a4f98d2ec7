"""Layers with an equalised learning rate, whose weights are scaled when used; the mapping made of them."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from poise.networks.layers import LeakyReLU
from poise.networks.resampling import halved, smoothed, with_even_sides

GAIN = math.sqrt(2.0)
"""What a leaky ReLU is multiplied with, so that the size of features stays."""


class EqualisedLinear(nn.Module):
    """A linear layer whose weights start at N(0, 1) and are scaled when they are used.

    So the optimiser's steps are as large for every layer, whatever its number of inputs.

    Args:
        before: Inputs.
        after: Outputs.
        bias: What the bias starts at.
        rate: How much slower the layer learns than others: 0.01 for a hundredth.
        active: Whether a leaky ReLU follows.

    Source: Karras et al. 2018 ("Progressive growing"), section 4.1.
    """

    def __init__(
        self, before: int, after: int, *, bias: float = 0.0, rate: float = 1.0, active: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before) / rate)
        self.bias = nn.Parameter(torch.full((after,), bias))
        self.activation = LeakyReLU(0.2) if active else nn.Identity()
        # A leaky ReLU commutes with the gain, which costs less on the weights.
        self.rate = rate * (GAIN if active else 1.0)
        self.scale = self.rate / math.sqrt(before)

    def forward(self, values: Tensor) -> Tensor:
        """Values `(N, before)` to `(N, after)`."""
        made: Tensor = self.activation(linear(values, self.weight * self.scale, self.bias * self.rate))
        return made


class EqualisedConvolution(nn.Module):
    """A convolution with weights as those of `EqualisedLinear`, which may halve the grid.

    Args:
        before: Channels of its input.
        after: Channels of its output.
        size: Side of the kernel, 1 or 3.
        halve: Whether the grid is smoothed and halved.
        active: Whether a leaky ReLU follows; without there is no bias.
    """

    def __init__(
        self, before: int, after: int, size: int, *, halve: bool = False, active: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before, size, size))
        self.bias = nn.Parameter(torch.zeros(after)) if active else None
        self.activation = LeakyReLU(0.2) if active else nn.Identity()
        self.gain = GAIN if active else 1.0
        self.scale = self.gain / math.sqrt(before * size**2)
        self.size, self.halve = size, halve

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, C, H, W)`; a half of an odd side is rounded up."""
        stride, padding = 1, self.size // 2
        if self.halve and self.size == 1:
            features = halved(features)
        elif self.halve:
            features, stride, padding = smoothed(with_even_sides(features), 2), 2, 0
        bias = None if self.bias is None else self.bias * self.gain
        convolved = conv2d(features, self.weight * self.scale, bias, stride=stride, padding=padding)
        made: Tensor = self.activation(convolved)
        return made


class Mapping(nn.Module):
    """From latents and conditions to styles, through layers that learn slowly.

    Args:
        latent_size: The size of a latent; 0 if only conditions are mapped.
        condition_size: The size of a condition; 0 for none.
        style_size: The size of a style.
        layers: How many.

    Source: Karras et al. 2019 (StyleGAN), section 2; Karras et al. 2020 ("Limited data"), appendix C, for
    conditions.
    """

    def __init__(self, latent_size: int, condition_size: int, style_size: int, layers: int) -> None:
        super().__init__()
        self.embedding = EqualisedLinear(condition_size, style_size) if condition_size else None
        first = latent_size + (style_size if condition_size else 0)
        sizes = [first, *[style_size] * layers]
        self.layers = nn.Sequential(
            *(
                EqualisedLinear(before, after, rate=0.01, active=True)
                for before, after in itertools.pairwise(sizes)
            )
        )

    def forward(self, latent: Tensor | None, condition: Tensor | None = None) -> Tensor:
        """Styles `(N, style_size)` of latents `(N, latent_size)` and conditions `(N, condition_size)`."""
        parts = [] if latent is None else [normalised(latent)]
        if self.embedding is not None:
            assert condition is not None
            parts.append(normalised(self.embedding(condition.flatten(1))))
        styles: Tensor = self.layers(torch.cat(parts, 1))
        return styles


def normalised(values: Tensor) -> Tensor:
    """Values `(N, C, ...)` divided by their root mean square over `C`."""
    return values * (values.square().mean(1, keepdim=True) + 1e-8).rsqrt()
