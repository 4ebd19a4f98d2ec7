"""StyleGAN2: a mapping from latents to styles, a synthesis of images from them, a residual discriminator."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from poise.networks.equalised import EqualisedConvolution, EqualisedLinear, Mapping
from poise.networks.layers import MinibatchStandardDeviation
from poise.networks.modulated import StyledLayer, ToImage
from poise.networks.network import Network
from poise.networks.resampling import doubled
from poise.networks.shapes import grids_of
from poise.spec import DataSpec

MEAN_STYLE_RATE = 0.005
"""How much of the running mean of styles each batch replaces."""

MEAN_OF = 256
"""Latents over which the mean style under a condition is taken."""

Grids = Sequence[tuple[int, int]]


class Synthesis(nn.Module):
    """From styles to images: two layers on each grid, whose images are doubled and summed.

    Args:
        channels: Of the image.
        grids: Height and width of each grid, the smallest first.
        widths: Channels of the features of each grid.
        style_size: The size of a style.

    Source: Karras et al. 2020 (StyleGAN2), figure 7 (b): output skips.
    """

    def __init__(self, channels: int, grids: Grids, widths: Sequence[int], style_size: int) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(1, widths[0], *grids[0]))
        self.layers, self.images = nn.ModuleList(), nn.ModuleList()
        before = widths[0]
        for grid, after in zip(grids, widths, strict=True):
            if len(self.layers):
                self.layers.append(StyledLayer(before, after, style_size, grid, doubling=True))
            self.layers.append(StyledLayer(after, after, style_size, grid, doubling=False))
            self.images.append(ToImage(after, channels, style_size))
            before = after
        self.styles = len(self.layers) + 1

    def forward(self, styles: Tensor) -> Tensor:
        """Images `(N, C, H, W)` of styles `(N, self.styles, style_size)`, one for each layer."""
        # Not len(): a trace would take the size of its example for the only one.
        features = self.start.expand(styles.shape[0], -1, -1, -1)
        if self.start.is_contiguous(memory_format=torch.channels_last):
            features = features.contiguous(memory_format=torch.channels_last)
        image: Tensor | None = None
        for place, layer in enumerate(self.layers):
            features = layer(features, styles[:, place])
            if place % 2 == 0:  # the last layer of a grid
                own = self.images[place // 2](features, styles[:, place + 1])
                height, width = own.shape[2:]
                image = own if image is None else doubled(image)[:, :, :height, :width] + own
        assert image is not None
        return image


class StyleGenerator(nn.Module):
    """A mapping and a synthesis; in training some samples mix the styles of two latents.

    Args:
        mapping: Latents and conditions to styles.
        synthesis: Styles to images.
        style_size: The size of a style.
        mixing: The probability that a sample's further layers have the style of another latent.

    Source: Karras et al. 2020 (StyleGAN2); Karras et al. 2019, section 3.1, for mixing.
    """

    mean_style: Tensor

    def __init__(self, mapping: Mapping, synthesis: Synthesis, style_size: int, mixing: float) -> None:
        super().__init__()
        self.mapping, self.synthesis, self.mixing = mapping, synthesis, mixing
        self.register_buffer("mean_style", torch.zeros(style_size))

    def forward(self, latent: Tensor, condition: Tensor | None = None, *, truncation: float = 1.0) -> Tensor:
        """Images `(N, C, H, W)` of latents; in eval mode they are clamped to [-1, 1].

        Args:
            latent: `(N, latent_size)`.
            condition: `(N, condition_size)`, if the network takes one.
            truncation: How far styles stay from their mean, under a condition from the mean under it: 1 for
                all of the way, less for samples that are more alike and more typical.
        """
        styles = self.styles(latent, condition)
        if truncation != 1:
            mean = self.mean_style if condition is None else self.mean_styles(condition, latent)[:, None]
            styles = torch.lerp(mean.expand_as(styles), styles, truncation)
        images: Tensor = self.synthesis(styles)
        return images if self.training else images.clamp(-1, 1)

    def mean_styles(self, condition: Tensor, latent: Tensor) -> Tensor:
        """The mean style under each condition, `(N, style_size)`, over latents that are always the same.

        Computed rather than averaged in training, so that it is as good for rare conditions as for frequent
        ones, and for lists of tags that the data never held.

        Args:
            condition: `(N, condition_size)`.
            latent: `(N, latent_size)`, for its size and type.
        """
        drawn = torch.randn((MEAN_OF, latent.shape[1]), generator=torch.Generator().manual_seed(0)).to(latent)
        distinct, places = condition.flatten(1).unique(dim=0, return_inverse=True)
        means = [self.mapping(drawn, one.expand(MEAN_OF, -1)).mean(0) for one in distinct]
        return torch.stack(means)[places]

    def styles(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """The styles of each sample, `(N, layers, style_size)`; in training they are mixed and averaged."""
        own: Tensor = self.mapping(latent, condition)
        count, layers = len(own), self.synthesis.styles
        if not self.training:
            return own[:, None].expand(-1, layers, -1)
        with torch.no_grad():
            self.mean_style.lerp_(own.to(self.mean_style.dtype).mean(0), MEAN_STYLE_RATE)
        if not self.mixing:
            return own[:, None].expand(-1, layers, -1)
        other: Tensor = self.mapping(torch.randn_like(latent), condition)
        mixed = torch.rand(count, 1, device=own.device) < self.mixing
        first = torch.randint(1, layers, (count, 1), device=own.device)
        further = torch.arange(layers, device=own.device) >= first
        return torch.where((mixed & further)[:, :, None], other[:, None], own[:, None])


class StyleDiscriminator(nn.Module):
    """Residual blocks down to the smallest grid, the deviation within the batch, and a score.

    Args:
        channels: Of the image.
        grids: Height and width of each grid, the smallest first.
        widths: Channels of the features of each grid.
        condition_size: The size of a condition; 0 for none.
        group_size: Samples among which the deviation is taken.
        mapping_layers: Layers of the mapping of conditions.

    Source: Karras et al. 2020 (StyleGAN2), figure 7 (c): residual nets; Karras et al. 2020 ("Limited data"),
    appendix C, for conditions.
    """

    def __init__(
        self,
        channels: int,
        grids: Grids,
        widths: Sequence[int],
        *,
        condition_size: int,
        group_size: int,
        mapping_layers: int,
    ) -> None:
        super().__init__()
        downwards = widths[::-1]
        self.first = EqualisedConvolution(channels, downwards[0], 1)
        self.blocks = nn.Sequential(
            *(HalvingBlock(before, after) for before, after in itertools.pairwise(downwards))
        )
        last = widths[0]
        self.last = nn.Sequential(
            MinibatchStandardDeviation(group_size),
            EqualisedConvolution(last + 1, last, 3),
            nn.Flatten(),
            EqualisedLinear(last * math.prod(grids[0]), last, active=True),
            EqualisedLinear(last, last if condition_size else 1),
        )
        self.mapping = Mapping(0, condition_size, last, mapping_layers) if condition_size else None

    def forward(self, samples: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw scores `(N,)` of images `(N, C, H, W)` under conditions `(N, condition_size)`."""
        made: Tensor = self.last(self.blocks(self.first(samples)))
        if self.mapping is None:
            return made.flatten()
        assert condition is not None
        along: Tensor = self.mapping(None, condition)
        return (made * along).sum(1) / math.sqrt(made.shape[1])


class HalvingBlock(nn.Module):
    """Two convolutions, the second of which halves the grid, and a 1x1 convolution beside them."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            EqualisedConvolution(before, before, 3), EqualisedConvolution(before, after, 3, halve=True)
        )
        self.shortcut = EqualisedConvolution(before, after, 1, halve=True, active=False)

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, before, H, W)` to `(N, after, H / 2, W / 2)`."""
        total: Tensor = (self.residual(features) + self.shortcut(features)) * math.sqrt(0.5)
        return total


def stylegan2_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 512,
    channel_base: Annotated[int, Field(ge=1)] | None = None,
    style_size: Annotated[int, Field(ge=1)] = 512,
    mapping_layers: Annotated[int, Field(ge=1)] = 8,
    mixing: Annotated[float, Field(ge=0, le=1)] = 0.9,
) -> nn.Module:
    """The generator of StyleGAN2 with output skips (configuration F).

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions; a condition is mapped beside the latent.
        latent_size: The size of a latent; 512 in the paper.
        width: The most channels of a grid.
        channel_base: Channels of a grid times its longer side; `None` for 32,768 from 512 pixels a side, else
            16,384.
        style_size: The size of a style.
        mapping_layers: Layers of the mapping from latents to styles.
        mixing: The probability that a sample in training mixes the styles of two latents.

    Returns:
        A module with the parts `mapping` and `synthesis`. Its samples are within [-1, 1] in eval mode.

    Example:
        >>> spec = DataSpec("image", (3, 24, 32))
        >>> generator = stylegan2_generator(spec, latent_size=16, width=8, style_size=16)
        >>> generator(torch.randn(2, 16)).shape
        torch.Size([2, 3, 24, 32])

    Source: Karras et al. 2020 (StyleGAN2), section 4 and appendix B.
    """
    grids = grids_of(spec, network="stylegan2")
    widths = _widths(grids, width, channel_base)
    mapping = Mapping(latent_size, spec.condition_numbers, style_size, mapping_layers)
    return StyleGenerator(mapping, Synthesis(spec.shape[0], grids, widths, style_size), style_size, mixing)


def stylegan2_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 512,
    channel_base: Annotated[int, Field(ge=1)] | None = None,
    group_size: Annotated[int, Field(ge=1)] = 4,
    mapping_layers: Annotated[int, Field(ge=1)] = 8,
) -> nn.Module:
    """The residual discriminator of StyleGAN2 (configuration F).

    Its last layers see how much the samples of a group differ, so a score depends on its batch.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions and any number of channels.
        width: The most channels of a grid.
        channel_base: Channels of a grid times its longer side; `None` for 32,768 from 512 pixels a side, else
            16,384.
        group_size: Samples among which their deviation is taken.
        mapping_layers: Layers of the mapping of conditions, whose product with the features is the score.

    Example:
        >>> spec = DataSpec("image", (3, 24, 32))
        >>> stylegan2_discriminator(spec, width=8)(torch.randn(4, 3, 24, 32)).shape
        torch.Size([4])

    Source: Karras et al. 2020 (StyleGAN2), section 4 and appendix B.
    """
    grids = grids_of(spec, network="stylegan2")
    return StyleDiscriminator(
        spec.shape[0],
        grids,
        _widths(grids, width, channel_base),
        condition_size=spec.condition_numbers,
        group_size=group_size,
        mapping_layers=mapping_layers,
    )


def r1_weight(spec: DataSpec, batch_size: int) -> float:
    """The weight of R1: 0.0002 for each pixel, divided by the size of a batch.

    Source: Karras et al. 2020 ("Limited data"), the automatic configuration of their code.
    """
    return 0.0002 * math.prod(spec.shape[1:]) / batch_size


def _widths(grids: Grids, most: int, base: int | None) -> list[int]:
    largest = max(grids[-1])
    times = base or (32_768 if largest >= 512 else 16_384)
    return [max(1, min(times // max(grid), most)) for grid in grids]


STYLEGAN2_GENERATOR = Network(
    name="stylegan2",
    build=stylegan2_generator,
    summary="Styles from a mapping scale the features of every layer; the image generator of StyleGAN2.",
    source="Karras et al. 2020 (StyleGAN2), figure 7 (b)",
    kinds=("image",),
    takes_condition=True,
    needs_condition=False,
    parts={"mapping": "mapping", "synthesis": "synthesis"},
)
STYLEGAN2_DISCRIMINATOR = Network(
    name="stylegan2",
    build=stylegan2_discriminator,
    summary="Residual blocks with smoothed halvings, and the deviation within the batch.",
    source="Karras et al. 2020 (StyleGAN2), figure 7 (c)",
    kinds=("image",),
    takes_condition=True,
    needs_condition=False,
    gradient_weight=r1_weight,
)
