"""From one image to another without links: residual blocks on a quarter of the grid."""

from typing import Annotated

from pydantic import Field
from torch import nn

from poise.networks.layers import InstanceNorm, ResidualBlock
from poise.networks.network import Network
from poise.networks.shapes import quarterable_sides, translated_shape
from poise.networks.weights import start_normal
from poise.spec import DataSpec


def residual_generator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 64,
    blocks: Annotated[int, Field(ge=1)] | None = None,
    initial_std: Annotated[float, Field(gt=0)] | None = 0.02,
) -> nn.Module:
    """A generator that redraws what it is given: two halvings, residual blocks, two doublings.

    Every normalisation is within a sample and no convolution before one has a bias, which the mean that is
    taken off would cancel.

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
