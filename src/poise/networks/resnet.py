"""The residual networks of SNGAN, at any sides from 8 to 1,024."""

import math
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from poise.networks.layers import HalvingAverage, ReLU, ResidualBlock
from poise.networks.network import Network
from poise.networks.shapes import grids_of
from poise.networks.weights import WEIGHTED, with_spectral_norm
from poise.spec import DataSpec

PUBLISHED_SIDE = 32
KEPT_SIDE = 8  # The grid that the discriminator does not halve further


class SumOverGrid(nn.Module):
    """The sum of each channel over the grid: `(N, C, H, W)` to `(N, C)`.

    Example:
        >>> import torch
        >>> SumOverGrid()(torch.ones(1, 2, 3, 3))
        tensor([[9., 9.]])
    """

    def forward(self, features: Tensor) -> Tensor:
        """The sum over height and width."""
        return features.sum((2, 3))


def resnet_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 256,
    batch_norm: bool = True,
) -> nn.Module:
    """A generator of residual blocks, each of which doubles the side.

    At 32x32 it is the published one: a 4x4 grid and three blocks of 256 channels. Smaller images take fewer
    blocks; each doubling beyond 32 adds a block with half the channels of the one before.

    Args:
        spec: Images of 1 to 4 channels with sides from 8 to 1,024.
        latent_size: The size of a latent; 128 in the paper.
        width: Channels of the blocks up to 32x32.
        batch_norm: Whether the blocks are batch-normalised.

    Example:
        >>> import torch
        >>> spec = DataSpec("image", (3, 32, 32))
        >>> resnet_generator(spec, latent_size=16, width=8)(torch.randn(2, 16)).shape
        torch.Size([2, 3, 32, 32])

    Source: Miyato et al. 2018, table 4 (a).
    """
    (rows, columns), *grids = grids_of(spec, network="resnet")
    widths = [width]
    layers: list[nn.Module] = [
        nn.Linear(latent_size, width * rows * columns),
        nn.Unflatten(1, (width, rows, columns)),
    ]
    for grid in grids:
        widths.append(_width_at(grid, width))
        layers.append(_up_block(widths[-2], widths[-1], grid, batch_norm=batch_norm))
    layers += [
        *([nn.BatchNorm2d(widths[-1])] if batch_norm else []),
        nn.ReLU(),
        nn.Conv2d(widths[-1], spec.shape[0], 3, 1, 1),
        nn.Tanh(),
    ]
    return _start_glorot(nn.Sequential(*layers))


def resnet_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 128,
    spectral_norm: bool = True,
) -> nn.Module:
    """A discriminator of residual blocks that halve the side down to 8, and two that keep it.

    At 32x32 it is the published one: four blocks of 128 channels. Each doubling beyond 32 adds a block with
    half the channels. There is no BatchNorm.

    Args:
        spec: Images of any number of channels (packed samples have more), with sides from 8 to 1,024.
        width: Channels of the blocks from 32x32 down.
        spectral_norm: Whether every weight is divided by its largest singular value.

    Example:
        >>> import torch
        >>> spec = DataSpec("image", (3, 32, 32))
        >>> resnet_discriminator(spec, width=8)(torch.randn(2, 3, 32, 32)).shape
        torch.Size([2])

    Source: Miyato et al. 2018, table 4 (b).
    """
    whole, *grids = reversed(grids_of(spec, network="resnet"))
    before = _width_at(whole, width)
    layers: list[nn.Module] = [_first_block(spec.shape[0], before)]
    for grid in grids:
        if max(grid) > KEPT_SIDE:
            after = _width_at(grid, width)
            layers.append(_down_block(before, after, halve=True))
            before = after
    layers += [_down_block(before, width, halve=False), _down_block(width, width, halve=False)]
    layers += [ReLU(), SumOverGrid(), nn.Linear(width, 1), nn.Flatten(0)]
    network = _start_glorot(nn.Sequential(*layers))
    return with_spectral_norm(network) if spectral_norm else network


def _width_at(grid: tuple[int, int], width: int) -> int:
    """The channels of a grid: half as many with each doubling beyond 32."""
    doublings = max(0, math.ceil(math.log2(max(grid) / PUBLISHED_SIDE)))
    return max(1, width >> doublings)


# A 1x1 convolution commutes with copying pixels and with averaging them: the shortcuts convolve the smaller
# grid.
def _up_block(before: int, after: int, grid: tuple[int, int], *, batch_norm: bool) -> ResidualBlock:
    bias = not batch_norm

    def copied() -> nn.Module:
        odd = grid[0] % 2 or grid[1] % 2
        return nn.Upsample(size=grid) if odd else nn.Upsample(scale_factor=2, mode="nearest")

    residual = nn.Sequential(
        *([nn.BatchNorm2d(before)] if batch_norm else []),
        nn.ReLU(),
        copied(),
        nn.Conv2d(before, after, 3, 1, 1, bias=bias),
        *([nn.BatchNorm2d(after)] if batch_norm else []),
        nn.ReLU(),
        nn.Conv2d(after, after, 3, 1, 1),
    )
    shortcut = nn.Sequential(nn.Conv2d(before, after, 1), copied())
    return ResidualBlock(residual, shortcut)


def _first_block(channels: int, width: int) -> ResidualBlock:
    residual = nn.Sequential(
        nn.Conv2d(channels, width, 3, 1, 1),
        ReLU(),
        nn.Conv2d(width, width, 3, 1, 1),
        HalvingAverage(),
    )
    return ResidualBlock(residual, nn.Sequential(HalvingAverage(), nn.Conv2d(channels, width, 1)))


def _down_block(before: int, after: int, *, halve: bool) -> ResidualBlock:
    pool: list[nn.Module] = [HalvingAverage()] if halve else []
    residual = nn.Sequential(
        ReLU(),
        nn.Conv2d(before, after, 3, 1, 1),
        ReLU(),
        nn.Conv2d(after, after, 3, 1, 1),
        *pool,
    )
    if before == after and not halve:
        return ResidualBlock(residual, nn.Identity())
    return ResidualBlock(residual, nn.Sequential(*pool, nn.Conv2d(before, after, 1)))


def _start_glorot(network: nn.Module) -> nn.Module:
    """Glorot's uniform start, with gain sqrt(2) for the 3x3 convolutions that a ReLU precedes or follows."""
    for layer in network.modules():
        if isinstance(layer, WEIGHTED):
            wide = isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3)
            nn.init.xavier_uniform_(layer.weight, gain=math.sqrt(2.0) if wide else 1.0)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


RESNET_GENERATOR = Network(
    name="resnet",
    build=resnet_generator,
    summary="Residual blocks that double the side; stronger and slower than 'dcgan'.",
    source="Miyato et al. 2018, table 4 (a)",
    kinds=("image",),
)
RESNET_DISCRIMINATOR = Network(
    name="resnet",
    build=resnet_discriminator,
    summary="Residual blocks under spectral normalisation; stronger and slower than 'dcgan'.",
    source="Miyato et al. 2018, table 4 (b)",
    kinds=("image",),
)
