"""From one image to another: with every grid handed across, or by residual blocks on a smaller grid."""

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.layers import InstanceNorm, NoiseDropout, ResidualBlock, norm_layer
from poise.networks.network import Network
from poise.networks.shapes import quarterable_sides, translated_shape
from poise.networks.weights import start_normal
from poise.spec import DataSpec, size_text

DEEPEST = 8
NOISY_LAYERS = 3


class UNet(nn.Module):
    """Halvings, as many doublings, and a link from each grid on the way down to its like on the way up."""

    def __init__(self, downs: Sequence[nn.Module], ups: Sequence[nn.Module]) -> None:
        super().__init__()
        self.downs, self.ups = nn.ModuleList(downs), nn.ModuleList(ups)

    def forward(self, images: Tensor) -> Tensor:
        """Images `(N, C, H, W)` of one kind to images of the other."""
        grids = [images]
        for down in self.downs:
            grids.append(down(grids[-1]))
        features = grids.pop()
        for up, link in zip(self.ups, [*reversed(grids[1:]), None], strict=True):
            features = up(features)
            if link is not None:
                features = torch.cat([features, link], 1)
        return features


def unet_generator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 64,
    most_multiple: Annotated[int, Field(ge=1)] = 8,
    depth: Annotated[int, Field(ge=2)] | None = None,
    norm: Literal["batch", "instance", "none"] = "batch",
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    initial_std: Annotated[float, Field(gt=0)] | None = 0.02,
) -> nn.Module:
    """A generator that shares structure with its source: line art and colour, map and photograph.

    Args:
        spec: Images whose condition is an image of the same sides; the channels may differ.
        width: Channels after the first halving; they double downwards.
        most_multiple: The most times `width` that a grid has channels.
        depth: How often the grid is halved; `None` for as often as the sides allow, at most 8 times.
        norm: What normalises the features: over the batch, within each sample, or nothing.
        dropout: The share of values that are dropped in the first layers on the way up: the noise.
        initial_std: Weights start from N(0, initial_std); `None` for torch's own start.

    Example:
        >>> network = unet_generator(DataSpec("image", (3, 32, 32), condition=(1, 32, 32)), width=8)
        >>> network(torch.randn(2, 1, 32, 32)).shape
        torch.Size([2, 3, 32, 32])

    Source: Isola et al. 2017, appendix 6.1.1.
    """
    taken, channels, height, side = translated_shape(spec, network="unet")
    possible = min(DEEPEST, *(halvings(length) for length in (height, side)))
    if possible < 2 or (depth or 2) > possible:
        what = f"The network 'unet' cannot halve images of {size_text(height, side)} {depth or 2} times"
        why = f"both sides can be halved {'once' if possible == 1 else f'{possible} times'}"
        hint = "choose sides that can be halved so often: --resolution 64, or 64x48"
        raise PoiseError(what, code="networks.too-many-halvings", why=why, hint=hint)
    deep = depth or possible
    widths = [width * min(2**stage, most_multiple) for stage in range(deep)]
    downs: list[nn.Module] = []
    for stage, (before, after) in enumerate(zip([taken, *widths], widths, strict=False)):
        # As in the paper the first is not normalised; nor is the last, which may be a single point.
        plain = stage in (0, deep - 1) or norm == "none"
        start = [nn.LeakyReLU(0.2)] if stage else []
        convolution = nn.Conv2d(before, after, 4, 2, 1, bias=plain or norm == "instance")
        downs.append(nn.Sequential(*start, convolution, norm_layer("none" if plain else norm, after)))
    noisy = min(NOISY_LAYERS, deep // 2)
    ups: list[nn.Module] = []
    for stage in reversed(range(1, deep)):
        before, after = widths[stage] * (1 if stage == deep - 1 else 2), widths[stage - 1]
        layers: list[nn.Module] = [
            nn.ReLU(),
            nn.ConvTranspose2d(before, after, 4, 2, 1, bias=norm != "batch"),
            norm_layer(norm, after),
        ]
        if len(ups) < noisy:
            layers.append(NoiseDropout(dropout))
        ups.append(nn.Sequential(*layers))
    ups.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], channels, 4, 2, 1), nn.Tanh()))
    return start_normal(UNet(downs, ups), initial_std)


def halvings(side: int) -> int:
    """How often a side can be halved without a remainder."""
    return (side & -side).bit_length() - 1


UNET = Network(
    name="unet",
    build=unet_generator,
    summary="Halvings and doublings with links between grids of one size; for pairs that lie on each other.",
    source="Isola et al. 2017, appendix 6.1.1",
    kinds=("image",),
)


def residual_generator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 64,
    blocks: Annotated[int, Field(ge=1)] | None = None,
    initial_std: Annotated[float, Field(gt=0)] | None = 0.02,
) -> nn.Module:
    """A generator that redraws what it is given: two halvings, residual blocks, two doublings.

    Every normalisation is within a sample and no convolution before one has a bias, which the mean that is
    taken off would cancel. Prefer 16 pixels a side or more: at 8 the blocks normalise four values a
    channel, whose slope is steep where these lie close together, and gradients grow with every block.

    Args:
        spec: Images whose condition is an image of the same sides; the channels may differ.
        width: Channels at full size; twice and four times as many on the smaller grids.
        blocks: Residual blocks; `None` for 9 from 256 pixels a side, else 6.
        initial_std: Weights start from N(0, initial_std); `None` for torch's own start.

    Example:
        >>> import torch
        >>> spec = DataSpec("image", (3, 32, 32), condition=(3, 32, 32))
        >>> network = residual_generator(spec, width=8, blocks=2)
        >>> network(torch.randn(2, 3, 32, 32)).shape
        torch.Size([2, 3, 32, 32])

    Source: Zhu et al. 2017, appendix 7.2.
    """
    taken, channels, height, side = translated_shape(spec, network="residual")
    quarterable_sides(height, side, network="residual", least=8)
    count = blocks or (9 if max(height, side) >= 256 else 6)
    layers: list[nn.Module] = [*_convolved(taken, width, 7), nn.ReLU()]
    for before in (width, 2 * width):
        down = nn.Conv2d(before, 2 * before, 3, 2, 1, bias=False)
        layers += [down, InstanceNorm(2 * before), nn.ReLU()]
    layers += [_residual(4 * width) for _ in range(count)]
    for before in (4 * width, 2 * width):
        up = nn.ConvTranspose2d(before, before // 2, 3, 2, 1, output_padding=1, bias=False)
        layers += [up, InstanceNorm(before // 2), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh()]
    return start_normal(nn.Sequential(*layers), initial_std)


def _residual(channels: int) -> ResidualBlock:
    """Two normalised convolutions, added to their input: R_k of the paper."""
    convolutions = [*_convolved(channels, channels, 3), nn.ReLU(), *_convolved(channels, channels, 3)]
    return ResidualBlock(nn.Sequential(*convolutions), nn.Identity())


def _convolved(before: int, after: int, size: int) -> list[nn.Module]:
    return [
        nn.ReflectionPad2d(size // 2),
        nn.Conv2d(before, after, size, bias=False),
        InstanceNorm(after),
    ]


RESIDUAL = Network(
    name="residual",
    build=residual_generator,
    summary="Two halvings, residual blocks with instance norm, two doublings; for domains without pairs.",
    source="Zhu et al. 2017, appendix 7.2",
    kinds=("image",),
)
