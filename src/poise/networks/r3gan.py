"""R3GAN: residual blocks of grouped convolutions without normalisation, for both players alike."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Annotated, TypeVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.grouped import GroupedConv2d
from poise.networks.layers import LeakyReLU
from poise.networks.network import Network
from poise.networks.resampling import doubled, halved
from poise.networks.shapes import grids_of
from poise.spec import DataSpec

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
EXPANSION = 2  # Channels within a block, as a multiple of those that pass it by

Grids = Sequence[tuple[int, int]]
Positive = Annotated[int, Field(ge=1)]
Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


class ResidualBlock(nn.Module):
    """The input, and what two 1x1 convolutions around a grouped 3x3 convolution add to it: at first nothing.

    Args:
        width: Channels.
        group_width: Channels of a group of the 3x3 convolution.
        blocks: Residual blocks of the whole network; the deeper, the smaller their weights start.

    Source: Huang et al. 2024 (R3GAN), section 3.2 and appendix; Zhang et al. 2019 (Fixup) for the start.
    """

    def __init__(self, width: int, group_width: int, blocks: int) -> None:
        super().__init__()
        inner = EXPANSION * width
        gain, groups = GAIN * blocks**-0.25, max(1, inner // group_width)
        first = started(nn.Conv2d(width, inner, 1), gain)
        middle = started(GroupedConv2d(inner, inner, 3, padding=1, groups=groups), gain)
        last = nn.Conv2d(inner, width, 1, bias=False)
        nn.init.zeros_(last.weight)
        self.residual = nn.Sequential(first, LeakyReLU(SLOPE), middle, LeakyReLU(SLOPE), last)

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, width, H, W)` to as many."""
        total: Tensor = features + self.residual(features)
        return total


def started(layer: Layer, gain: float = 1.0) -> Layer:
    """The layer with weights from N(0, gain / sqrt(fan in)) and biases of 0.

    Example:
        >>> layer = started(nn.Linear(400, 300), gain=2.0)
        >>> bool((layer.weight.detach().std() - 0.1).abs() < 0.002), bool(layer.bias.any())
        (True, False)
    """
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ResidualGenerator(nn.Module):
    """A learned map times a linear function of the latent, then stages of residual blocks, each doubled.

    Args:
        spec: Of the data.
        latent_size: The size of a latent.
        grids: Height and width of each stage, the smallest first.
        widths: Channels of each stage.
        blocks: Residual blocks of a stage.
        group_width: Channels of a group of the 3x3 convolutions.
    """

    def __init__(
        self,
        spec: DataSpec,
        latent_size: int,
        grids: Grids,
        widths: Sequence[int],
        blocks: int,
        group_width: int,
    ) -> None:
        super().__init__()
        condition, total = spec.condition_numbers, blocks * len(widths)
        self.embedding = started(nn.Linear(condition, latent_size, bias=False)) if condition else None
        self.start = nn.Parameter(torch.randn(widths[0], *grids[0]))
        taken = latent_size * (2 if condition else 1)
        self.scale = started(nn.Linear(taken, widths[0], bias=False))
        self.stages = nn.ModuleList(_stage(width, blocks, group_width, total) for width in widths)
        self.narrowed = nn.ModuleList(_changed(*pair) for pair in itertools.pairwise(widths))
        self.last = started(nn.Conv2d(widths[-1], spec.shape[0], 1, bias=False))
        self.grids = tuple(grids)

    @property
    def middle(self) -> Tensor:
        """Weights of a 3x3 convolution, which tell in which order channels lie; those of 1x1 lie in both."""
        block = cast(nn.Sequential, self.stages[0])[0]
        return cast(nn.Conv2d, cast(ResidualBlock, block).residual[2]).weight

    def forward(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images `(N, C, H, W)` of latents `(N, latent_size)`; in eval mode they are clamped to [-1, 1]."""
        if self.embedding is not None:
            assert condition is not None
            latent = torch.cat([latent, self.embedding(condition.flatten(1))], 1)
        features = self.start * self.scale(latent)[:, :, None, None]
        if self.middle.is_contiguous(memory_format=torch.channels_last):
            features = features.contiguous(memory_format=torch.channels_last)
        features = self.stages[0](features)
        for (height, width), narrowed, stage in zip(
            self.grids[1:], self.narrowed, list(self.stages)[1:], strict=True
        ):
            features = stage(doubled(narrowed(features))[:, :, :height, :width])
        images: Tensor = self.last(features)
        return images if self.training else images.clamp(-1, 1)


class ResidualDiscriminator(nn.Module):
    """The generator's stages the other way round, a convolution of the whole grid by channel, and a score.

    Args:
        spec: Of the data; the score under a condition is the product of the features with its embedding.
        grids: Height and width of each stage, the smallest first.
        widths: Channels of each stage.
        blocks: Residual blocks of a stage.
        group_width: Channels of a group of the 3x3 convolutions.
    """

    def __init__(
        self, spec: DataSpec, grids: Grids, widths: Sequence[int], blocks: int, group_width: int
    ) -> None:
        super().__init__()
        downwards, total = widths[::-1], blocks * len(widths)
        condition, last = spec.condition_numbers, widths[0]
        self.first = started(nn.Conv2d(spec.shape[0], downwards[0], 1, bias=False))
        self.stages = nn.ModuleList(_stage(width, blocks, group_width, total) for width in downwards)
        self.widened = nn.ModuleList(_changed(*pair) for pair in itertools.pairwise(downwards))
        self.whole = started(GroupedConv2d(last, last, grids[0], groups=last, bias=False))
        self.score = started(nn.Linear(last, last if condition else 1, bias=False))
        self.embedding = None
        if condition:
            self.embedding = started(nn.Linear(condition, last, bias=False), 1 / math.sqrt(last))

    def forward(self, samples: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw scores `(N,)` of images `(N, C, H, W)` under conditions `(N, condition_size)`."""
        features = self.stages[0](self.first(samples))
        for widened, stage in zip(self.widened, list(self.stages)[1:], strict=True):
            features = stage(widened(halved(features)))
        made: Tensor = self.score(self.whole(features).flatten(1))
        if self.embedding is None:
            return made.flatten()
        assert condition is not None
        along: Tensor = self.embedding(condition.flatten(1))
        return (made * along).sum(1)


def passed_by_images(discriminator: nn.Module) -> list[nn.Module]:
    """The modules of the discriminator in the order in which an image passes them."""
    assert isinstance(discriminator, ResidualDiscriminator)
    further = zip(discriminator.widened, list(discriminator.stages)[1:], strict=True)
    last = [discriminator.whole, discriminator.score]
    return [discriminator.first, discriminator.stages[0], *itertools.chain(*further), *last]


def r3gan_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Positive = 768,
    full_until: Positive = 32,
    blocks: Positive = 2,
    group_width: Positive = 16,
) -> nn.Module:
    """The generator of R3GAN.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions and any number of channels. A condition is
            embedded and put beside the latent.
        latent_size: The size of a latent; 64 in the paper.
        width: Channels of the stages up to `full_until`; half as many with every doubling beyond. The paper
            has 768, and 1,536 for ImageNet.
        full_until: Pixels of the longer side up to which a stage has all channels; 64 for ImageNet.
        blocks: Residual blocks of a stage.
        group_width: Channels of a group of the 3x3 convolutions; 32 for ImageNet.

    Raises:
        PoiseError: The channels of a stage do not fall into groups.

    Example:
        >>> generator = r3gan_generator(DataSpec("image", (3, 16, 24)), latent_size=8, width=32)
        >>> generator(torch.randn(2, 8)).shape
        torch.Size([2, 3, 16, 24])

    Source: Huang et al. 2024 (R3GAN), section 3 and appendix.
    """
    grids, widths = _stages(spec, width, full_until, group_width)
    return ResidualGenerator(spec, latent_size, grids, widths, blocks, group_width)


def r3gan_discriminator(
    spec: DataSpec,
    *,
    width: Positive = 768,
    full_until: Positive = 32,
    blocks: Positive = 2,
    group_width: Positive = 16,
) -> nn.Module:
    """The discriminator of R3GAN: the generator's stages the other way round.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions and any number of channels.
        width: Channels of the stages up to `full_until`; half as many with every doubling beyond.
        full_until: Pixels of the longer side up to which a stage has all channels.
        blocks: Residual blocks of a stage.
        group_width: Channels of a group of the 3x3 convolutions.

    Raises:
        PoiseError: The channels of a stage do not fall into groups.

    Example:
        >>> discriminator = r3gan_discriminator(DataSpec("image", (3, 16, 24)), width=32)
        >>> discriminator(torch.randn(2, 3, 16, 24)).shape
        torch.Size([2])

    Source: Huang et al. 2024 (R3GAN), section 3 and appendix.
    """
    grids, widths = _stages(spec, width, full_until, group_width)
    return ResidualDiscriminator(spec, grids, widths, blocks, group_width)


def _stages(spec: DataSpec, width: int, full_until: int, group_width: int) -> tuple[Grids, list[int]]:
    """The grids from the smallest up, and the channels of each."""
    grids = grids_of(spec, network="r3gan")
    beyond = sum(max(grid) > full_until for grid in grids)
    doublings = [0] * (len(grids) - beyond) + list(range(1, beyond + 1))
    widths = [max(1, width >> times) for times in doublings]
    wrong = [one for one in widths if EXPANSION * one > group_width and EXPANSION * one % group_width]
    if wrong:
        times = group_width << beyond
        raise PoiseError(
            f"The network 'r3gan' cannot divide {EXPANSION * wrong[0]} channels into groups of {group_width}",
            code="networks.channels-of-no-groups",
            why=f"a width of {width} gives stages of {wrong[0]} channels, twice as many within a block",
            hint=f"give a width that is a multiple of {math.ceil(times / EXPANSION)}, or another group_width",
        )
    return grids, widths


def _stage(width: int, blocks: int, group_width: int, total: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width, group_width, total) for _ in range(blocks)))


def _changed(before: int, after: int) -> nn.Module:
    """A 1x1 convolution where the number of channels changes."""
    return nn.Identity() if before == after else started(nn.Conv2d(before, after, 1, bias=False))


R3GAN_GENERATOR = Network(
    name="r3gan",
    build=r3gan_generator,
    summary="Residual blocks of grouped convolutions without normalisation; the generator of R3GAN.",
    source="Huang et al. 2024 (R3GAN), section 3",
    kinds=("image",),
    takes_condition=True,
    needs_condition=False,
)
R3GAN_DISCRIMINATOR = Network(
    name="r3gan",
    build=r3gan_discriminator,
    summary="The generator's stages the other way round, then a product with the class.",
    source="Huang et al. 2024 (R3GAN), section 3",
    kinds=("image",),
    takes_condition=True,
    needs_condition=False,
    from_image=passed_by_images,
)
