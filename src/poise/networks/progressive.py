"""Progressive growing: networks of which more and more is used, from a few pixels a side up to the image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate, linear

from poise.networks.equalised import GAIN, EqualisedConvolution, EqualisedLinear, normalised
from poise.networks.layers import LeakyReLU, MinibatchStandardDeviation, averaged
from poise.networks.network import Network
from poise.networks.shapes import grids_of
from poise.spec import DataSpec

Grids = Sequence[tuple[int, int]]
Positive = Annotated[int, Field(ge=1)]


def level_of(growth: float, doublings: int) -> tuple[int, float]:
    """The grid that is used whole, and the share to which the next one is.

    Each grid is used alone for as long as the next one is then faded in.

    Args:
        growth: From 0, the smallest grid, to 1, all of them.
        doublings: From the smallest grid to the image.

    Example:
        >>> [level_of(growth, 2) for growth in (0.0, 0.25, 0.375, 0.5, 0.875, 1.0)]
        [(0, 0.0), (0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5), (2, 0.0)]
    """
    periods = min(1.0, max(0.0, growth)) * 2 * doublings
    whole = int(periods / 2)
    return whole, max(0.0, periods - 2 * whole - 1)


def faded(images: Tensor, growth: float) -> Tensor:
    """Images as a generator of this growth can make them: finer detail comes in as the next grid does.

    Detail beyond that grid stays; a discriminator of this growth averages it away.

    Args:
        images: `(N, C, H, W)`.
        growth: From 0 to 1.

    Source: Karras et al. 2018 (Progressive growing), section 2 and figure 2.
    """
    grids = grids_of(DataSpec("image", tuple(images.shape[1:])), network="progressive")
    whole, share = level_of(growth, len(grids) - 1)
    if not share:
        return images
    coarse = interpolate(averaged(images, grids[whole]), grids[-1])
    return torch.lerp(coarse, images, share)


class PixelNorm(nn.Module):
    """The features of each place divided by their root mean square.

    Source: Karras et al. 2018 (Progressive growing), section 4.2.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, C, H, W)`, normalised over `C`."""
        return normalised(features)


class First(nn.Module):
    """Latents, normalised, to the features of the smallest grid."""

    def __init__(self, before: int, after: int, sides: tuple[int, int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before, *sides))
        self.bias = nn.Parameter(torch.zeros(after))
        self.scale = GAIN / math.sqrt(before * math.prod(sides))
        self.activation = LeakyReLU(0.2)

    def forward(self, latent: Tensor) -> Tensor:
        """Latents `(N, before)` to `(N, after, H, W)`."""
        weight = self.weight.permute(0, 2, 3, 1).flatten(0, 2) * self.scale
        made = linear(normalised(latent), weight).unflatten(1, (len(self.bias), *self.weight.shape[2:]))
        active: Tensor = self.activation(made + self.bias[:, None, None])
        return active


class ToImage(nn.Module):
    """Features to the channels of an image, by a 1x1 convolution."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.convolution = EqualisedConvolution(before, channels, 1, active=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Images `(N, channels, H, W)`."""
        image: Tensor = self.convolution(features) + self.bias[:, None, None]
        return image


class GrowingGenerator(nn.Module):
    """Blocks on grids that double, of which those up to the level of growth are used.

    In training the growth is an argument, and a buffer keeps the last one, so that samples are made at it.

    Args:
        spec: Of the data; a condition is put beside the latent.
        latent_size: The size of a latent.
        grids: Height and width of each grid, the smallest first.
        widths: Channels of each grid.
    """

    growth: Tensor

    def __init__(self, spec: DataSpec, latent_size: int, grids: Grids, widths: Sequence[int]) -> None:
        super().__init__()
        taken = latent_size + spec.condition_numbers
        first = nn.Sequential(
            First(taken, widths[0], grids[0]),
            PixelNorm(),
            EqualisedConvolution(widths[0], widths[0], 3),
            PixelNorm(),
        )
        self.blocks = nn.ModuleList(
            [first, *(_doubling(*pair, grid) for pair, grid in zip(_pairs(widths), grids[1:], strict=True))]
        )
        self.images = nn.ModuleList(ToImage(width, spec.shape[0]) for width in widths)
        self.grids = tuple(grids)
        self.register_buffer("growth", torch.ones(()))

    def forward(
        self, latent: Tensor, condition: Tensor | None = None, *, growth: float | None = None
    ) -> Tensor:
        """Images `(N, C, H, W)` of latents `(N, latent_size)`; in eval mode they are clamped to [-1, 1].

        Args:
            latent: `(N, latent_size)`.
            condition: `(N, condition_size)`, if the network takes one.
            growth: How much of the network is used, from 0 to 1; that of the last training step if left out.
        """
        if condition is not None:
            latent = torch.cat([latent, condition.flatten(1)], 1)
        whole, share = level_of(_kept(self, growth), len(self.grids) - 1)
        features: Tensor = latent
        for block in self.blocks[: whole + 1]:
            features = block(features)
        images: Tensor = self.images[whole](features)
        if share:
            finer = self.images[whole + 1](self.blocks[whole + 1](features))
            images = torch.lerp(interpolate(images, self.grids[whole + 1]), finer, share)
        if tuple(images.shape[2:]) != self.grids[-1]:
            images = interpolate(images, self.grids[-1])
        return images if self.training else images.clamp(-1, 1)


class GrowingDiscriminator(nn.Module):
    """The generator's grids the other way round, the deviation within the batch, and a score.

    Args:
        spec: Of the data; the score under a condition is the product of the features with its embedding.
        grids: Height and width of each grid, the smallest first.
        widths: Channels of each grid.
        group_size: Samples among which the deviation is taken.
    """

    growth: Tensor

    def __init__(self, spec: DataSpec, grids: Grids, widths: Sequence[int], group_size: int) -> None:
        super().__init__()
        last, condition = widths[0], spec.condition_numbers
        self.images = nn.ModuleList(EqualisedConvolution(spec.shape[0], width, 1) for width in widths)
        self.blocks = nn.ModuleList(
            nn.Sequential(EqualisedConvolution(wide, wide, 3), EqualisedConvolution(wide, narrow, 3))
            for narrow, wide in _pairs(widths)
        )
        self.last = nn.Sequential(
            MinibatchStandardDeviation(group_size),
            EqualisedConvolution(last + 1, last, 3),
            nn.Flatten(),
            EqualisedLinear(last * math.prod(grids[0]), last, active=True),
            EqualisedLinear(last, last if condition else 1),
        )
        self.embedding = EqualisedLinear(condition, last) if condition else None
        self.grids = tuple(grids)
        self.register_buffer("growth", torch.ones(()))

    def forward(
        self, samples: Tensor, condition: Tensor | None = None, *, growth: float | None = None
    ) -> Tensor:
        """Raw scores `(N,)` of images.

        Args:
            samples: `(N, C, H, W)`, averaged to the grid of the level.
            condition: `(N, condition_size)`, if the network takes one.
            growth: How much of the network is used, from 0 to 1; that of the last training step if left out.
        """
        whole, share = level_of(_kept(self, growth), len(self.grids) - 1)
        coarse = averaged(samples, self.grids[whole])
        features: Tensor = self.images[whole](coarse)
        if share:
            finer = self.images[whole + 1](averaged(samples, self.grids[whole + 1]))
            features = torch.lerp(features, self._halved(finer, whole), share)
        for place in range(whole - 1, -1, -1):
            features = self._halved(features, place)
        made: Tensor = self.last(features)
        if self.embedding is None:
            return made.flatten()
        assert condition is not None
        along: Tensor = self.embedding(condition.flatten(1))
        return (made * along).sum(1) / math.sqrt(made.shape[1])

    def _halved(self, features: Tensor, place: int) -> Tensor:
        """The features of a grid from those of the next."""
        return averaged(self.blocks[place](features), self.grids[place])


def passed_by_images(discriminator: nn.Module) -> list[nn.Module]:
    """The modules of the grown discriminator in the order in which an image passes them, then the others."""
    assert isinstance(discriminator, GrowingDiscriminator)
    *coarser, first = discriminator.images
    score = [] if discriminator.embedding is None else [discriminator.embedding]
    return [first, *list(discriminator.blocks)[::-1], discriminator.last, *score, *coarser]


def _kept(network: GrowingGenerator | GrowingDiscriminator, growth: float | None) -> float:
    """The growth of this pass: in training it is written down, without waiting for a device."""
    if growth is None:
        return float(network.growth)
    if network.training:
        network.growth.fill_(growth)
    return growth


def _pairs(widths: Sequence[int]) -> list[tuple[int, int]]:
    return list(itertools.pairwise(widths))


def _doubling(before: int, after: int, sides: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(size=sides),
        EqualisedConvolution(before, after, 3),
        PixelNorm(),
        EqualisedConvolution(after, after, 3),
        PixelNorm(),
    )


def progressive_generator(
    spec: DataSpec, *, latent_size: int, width: Positive = 512, channel_base: Positive = 16_384
) -> nn.Module:
    """The generator of progressive growing.

    A recipe's `growth` says how much of it is used; without one all of it is. Weights have their shapes from
    the start, and those of grids that are not used are neither computed nor changed.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions; a condition is put beside the latent.
        latent_size: The size of a latent; 512 in the paper.
        width: The most channels of a grid.
        channel_base: Channels of a grid times its longer side.

    Example:
        >>> generator = progressive_generator(DataSpec("image", (3, 16, 16)), latent_size=8, width=4)
        >>> coarse = generator(torch.randn(2, 8), growth=0.0)
        >>> coarse.shape, len(coarse[0, 0].unique())
        (torch.Size([2, 3, 16, 16]), 16)

    Source: Karras et al. 2018 (Progressive growing), section 2 and table 2.
    """
    grids = grids_of(spec, network="progressive")
    return GrowingGenerator(spec, latent_size, grids, _widths(grids, width, channel_base))


def progressive_discriminator(
    spec: DataSpec,
    *,
    width: Positive = 512,
    channel_base: Positive = 16_384,
    group_size: Positive = 4,
) -> nn.Module:
    """The discriminator of progressive growing: the generator's grids the other way round.

    Its last layers see how much the samples of a group differ, so a score depends on its batch.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions and any number of channels.
        width: The most channels of a grid.
        channel_base: Channels of a grid times its longer side.
        group_size: Samples among which their deviation is taken.

    Example:
        >>> discriminator = progressive_discriminator(DataSpec("image", (3, 16, 16)), width=4)
        >>> discriminator(torch.randn(4, 3, 16, 16), growth=0.6).shape
        torch.Size([4])

    Source: Karras et al. 2018 (Progressive growing), sections 2 and 3 and table 2.
    """
    grids = grids_of(spec, network="progressive")
    return GrowingDiscriminator(spec, grids, _widths(grids, width, channel_base), group_size)


def _widths(grids: Grids, most: int, base: int) -> list[int]:
    return [max(1, min(base // max(grid), most)) for grid in grids]


PROGRESSIVE_GENERATOR = Network(
    name="progressive",
    build=progressive_generator,
    summary="Doublings of which more and more are used, each faded in; pixel norm and equalised weights.",
    source="Karras et al. 2018 (Progressive growing), table 2",
    kinds=("image",),
    takes_condition=True,
    needs_condition=False,
    grows=True,
)
PROGRESSIVE_DISCRIMINATOR = Network(
    name="progressive",
    build=progressive_discriminator,
    summary="The generator's grids the other way round, and the deviation within the batch.",
    source="Karras et al. 2018 (Progressive growing), table 2",
    kinds=("image",),
    takes_condition=True,
    needs_condition=False,
    grows=True,
    from_image=passed_by_images,
)
