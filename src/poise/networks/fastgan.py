"""FastGAN's generator: small grids excite large ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from poise.networks.network import Network
from poise.networks.shapes import grids_of
from poise.networks.weights import start_normal, with_spectral_norm
from poise.spec import DataSpec

INITIAL_STD = 0.02
GENERATOR_MULTIPLES = (16, 8, 4, 2, 2, 1, 0.5, 0.25, 0.125)
"""Channels of the grids of 4, 8, ... 1,024 pixels a side, as multiples of the width."""
GENERATOR_REACH = 4
"""How many doublings lie between a grid and the one that it excites."""
MOST_EXCITED = 4

Grid = tuple[int, int]
Grids = Sequence[Grid]


class Excitation(nn.Module):
    """How much each channel of one grid counts, by the features of another that is smaller or comes earlier.

    Args:
        before: Channels of the features that decide.
        after: Channels that are scaled.
        pooled: Height and width to which the features are averaged.

    Source: Liu et al. 2021 (FastGAN), equation 1 and figure 3.
    """

    def __init__(self, before: int, after: int, pooled: Grid) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(pooled),
            nn.Conv2d(before, after, pooled, bias=False),
            nn.SiLU(),
            nn.Conv2d(after, after, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, deciding: Tensor, scaled: Tensor) -> Tensor:
        """`scaled` `(N, after, H, W)` times a number in [0, 1] for each channel."""
        product: Tensor = scaled * self.layers(deciding)
        return product


class Noise(nn.Module):
    """Features and noise that is equal in all channels, times a learned strength that starts at 0.

    In training the noise is drawn for each sample, from torch's global random state, which the training loop
    seeds. In eval mode it is a buffer, so that a sample is a function of its latent.
    """

    noise: Tensor
    draws = True

    def __init__(self, sides: Grid) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(sides))

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, C, H, W)` to as many."""
        noise = self.noise
        if self.training:
            shape = (len(features), 1, *noise.shape)
            noise = torch.randn(shape, device=features.device, dtype=features.dtype)
        return features + self.strength * noise


class FastGenerator(nn.Module):
    """Doublings with gates, of which every other one is deeper and noisy; small grids excite large ones.

    Args:
        spec: Of the data; a condition is embedded and put beside the latent.
        latent_size: The size of a latent.
        grids: Height and width of each grid, the smallest first.
        widths: Channels of each grid.
    """

    def __init__(self, spec: DataSpec, latent_size: int, grids: Grids, widths: Sequence[int]) -> None:
        super().__init__()
        condition = spec.condition_numbers
        self.reach = min(GENERATOR_REACH, len(grids) - 1)
        excited = range(min(MOST_EXCITED, len(grids) - self.reach))
        taken = latent_size * (2 if condition else 1)
        self.start = nn.Sequential(
            nn.ConvTranspose2d(taken, 2 * widths[0], grids[0], bias=False),
            nn.BatchNorm2d(2 * widths[0]),
            nn.GLU(1),
        )
        self.stages = nn.ModuleList(
            doubling(*pair, grid, deep=place % 2 == 0)
            for place, (pair, grid) in enumerate(zip(itertools.pairwise(widths), grids[1:], strict=True))
        )
        self.excitations = nn.ModuleList(
            Excitation(widths[place], widths[place + self.reach], grids[0]) for place in excited
        )
        self.last = nn.Conv2d(widths[-1], spec.shape[0], 3, padding=1, bias=False)
        with_spectral_norm(start_normal(self, INITIAL_STD))
        # As large as the latent, and free to grow: under spectral norm its norm would be 1.
        self.embedding = nn.Linear(condition, latent_size, bias=False) if condition else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight)

    def forward(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images `(N, C, H, W)` within [-1, 1] of latents `(N, latent_size)`."""
        if self.embedding is not None:
            assert condition is not None
            latent = torch.cat([latent, self.embedding(condition.flatten(1))], 1)
        features: list[Tensor] = [self.start(latent[:, :, None, None])]
        for place, stage in enumerate(self.stages, 1):
            made, deciding = stage(features[-1]), place - self.reach
            if 0 <= deciding < len(self.excitations):
                made = self.excitations[deciding](features[deciding], made)
            features.append(made)
        images: Tensor = self.last(features[-1]).tanh()
        return images


def doubling(before: int, after: int, sides: Grid, *, deep: bool) -> nn.Sequential:
    """The next grid by copies and a gated convolution; one more, and noise before both gates, if deep."""

    def gated(taken: int) -> list[nn.Module]:
        convolution = nn.Conv2d(taken, 2 * after, 3, padding=1, bias=False)
        noise = [Noise(sides)] if deep else []
        return [convolution, *noise, nn.BatchNorm2d(2 * after), nn.GLU(1)]

    return nn.Sequential(nn.Upsample(size=sides), *gated(before), *(gated(after) if deep else []))


def fastgan_generator(
    spec: DataSpec, *, latent_size: int, width: Annotated[int, Field(ge=1)] = 64
) -> nn.Module:
    """The generator of FastGAN.

    The grid of 4 pixels a side scales the channels of that of 64, 8 those of 128, 16 of 256, 32 of 512.
    Smaller images have one such skip, from the first grid to the last.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions; a condition is embedded beside the
            latent.
        latent_size: The size of a latent; 256 in the paper.
        width: Channels of the grid of 128 pixels a side: twice as many from 64 to 32, and again with every
            halving below; half as many with every doubling above.

    Example:
        >>> generator = fastgan_generator(DataSpec("image", (3, 24, 32)), latent_size=16, width=4)
        >>> generator(torch.randn(2, 16)).shape
        torch.Size([2, 3, 24, 32])

    Source: Liu et al. 2021 (FastGAN), section 3.1 and the authors' code.
    """
    grids = grids_of(spec, network="fastgan")
    widths = [max(1, int(times * width)) for times in GENERATOR_MULTIPLES[: len(grids)]]
    return FastGenerator(spec, latent_size, grids, widths)


FASTGAN_GENERATOR = Network(
    name="fastgan",
    build=fastgan_generator,
    summary="Gated doublings whose large grids are scaled by small ones; a generator for few images.",
    source="Liu et al. 2021 (FastGAN), section 3.1",
    kinds=("image",),
    takes_condition=True,
    needs_condition=False,
)
