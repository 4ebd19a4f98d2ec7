"""The record that a network is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Network:
    """A generator or a discriminator that can be built for the shape of the data.

    `build(shape, **settings)` takes the shape of one sample, `(channels, height, width)` for images or
    `(numbers,)` for vectors; its keyword-only parameters with defaults are the settings. A generator's
    builder takes `latent_size` besides, and its module maps latents `(N, latent_size)` to samples `(N,
    *shape)`: within [-1, 1] for images, unbounded for vectors. A discriminator's module maps samples `(N,
    *shape)` to raw scores `(N,)`, higher for more real. Weights are drawn from torch's global random state.

    Attributes:
        name: What people type.
        build: The builder.
        summary: One sentence on what it is.
        source: Paper and table or figure.
        kinds: What it makes or scores: `"image"`, `"vector"`, or both.

    Example:
        >>> import torch
        >>> from poise.networks import DISCRIMINATORS, GENERATORS
        >>> generator = GENERATORS["dcgan"].build((1, 32, 32), latent_size=16, width=8)
        >>> discriminator = DISCRIMINATORS["dcgan"].build((1, 32, 32), width=8)
        >>> discriminator(generator(torch.randn(5, 16))).shape
        torch.Size([5])
    """

    name: str
    build: Callable[..., nn.Module]
    summary: str
    source: str
    kinds: tuple[str, ...]
