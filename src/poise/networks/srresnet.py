"""The networks of the anime recipe: many residual blocks on a small grid, then doublings by pixel shuffle."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

from poise.networks.layers import LeakyReLU, ResidualBlock
from poise.networks.network import Network
from poise.networks.shapes import halved_sides, halving_kernel, image_shape
from poise.networks.weights import WEIGHTED, with_spectral_norm
from poise.spec import DataSpec

FIRST_SIDE = 16
"""The side of the generator's first grid in the paper."""

LAST_SIDE = 2
"""The side of the discriminator's last grid in the paper."""

Positive = Annotated[int, Field(ge=1)]


class Shuffle(nn.Module):
    """Four times as many channels than wanted become pixels: the grid is doubled, and cropped to its sides.

    Source: Shi et al. 2016, section 3.2 (sub-pixel convolution).
    """

    def __init__(self, sides: tuple[int, int]) -> None:
        super().__init__()
        self.sides = sides

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, 4 C, h, w)` to `(N, C, *sides)`."""
        height, width = self.sides
        return pixel_shuffle(features, 2)[:, :, :height, :width]

    def extra_repr(self) -> str:
        """The sides, for `print`."""
        return f"sides={self.sides}"


def srresnet_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Positive = 64,
    blocks: Positive = 16,
    batch_norm: bool = True,
    smallest_side: Annotated[int, Field(ge=1, le=64)] | None = None,
) -> nn.Module:
    """The generator of the anime recipe, after the super-resolution network SRResNet.

    At 128x128 it is the published one: a 16x16 grid of 64 channels, 16 residual blocks with a path around
    all of them, and three doublings.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions and any number of channels.
        latent_size: The size of a latent; 128 in the paper, beside 34 tags.
        width: Channels of all grids.
        blocks: Residual blocks on the first grid.
        batch_norm: Whether features are batch-normalised.
        smallest_side: The most that a side of the first grid has; `None` for 16, and for a quarter of the
            longer side below 64 pixels.

    Example:
        >>> import torch
        >>> generator = srresnet_generator(DataSpec("image", (3, 24, 32)), latent_size=8, width=4, blocks=2)
        >>> generator(torch.randn(2, 8)).shape
        torch.Size([2, 3, 24, 32])

    Source: Jin et al. 2017, figure 4; Ledig et al. 2017 (SRGAN), figure 4.
    """
    channels, height, image_width = image_shape(spec.shape, network="srresnet")
    first = smallest_side or min(FIRST_SIDE, -(-max(height, image_width) // 4))
    (rows, columns), *grids = reversed(halved_sides(height, image_width, first, network="srresnet"))
    norm = partial(_norm, width, batch_norm)
    trunk = [_residual(norm, width) for _ in range(blocks)]
    layers: list[nn.Module] = [
        nn.Linear(latent_size, width * rows * columns),
        nn.Unflatten(1, (width, rows, columns)),
        *norm(),
        nn.ReLU(),
        ResidualBlock(nn.Sequential(*trunk, *norm(), nn.ReLU()), nn.Identity()),
    ]
    for grid in grids:
        layers += [nn.Conv2d(width, 4 * width, 3, 1, 1), Shuffle(grid), *norm(), nn.ReLU()]
    layers += [nn.Conv2d(width, channels, 9, 1, 4), nn.Tanh()]
    return _started(nn.Sequential(*layers))


def srresnet_discriminator(
    spec: DataSpec,
    *,
    width: Positive = 32,
    blocks: Annotated[int, Field(ge=0)] = 2,
    most_multiple: Positive = 32,
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    spectral_norm: bool = False,
) -> nn.Module:
    """The discriminator of the anime recipe: residual blocks without normalisation between halvings.

    At 128x128 it is the published one: a convolution to 64x64 of 32 channels, then five times two residual
    blocks and a halving with twice the channels, down to 2x2 of 1,024.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions and any number of channels.
        width: Channels after the first convolution; they double with every halving.
        blocks: Residual blocks before a halving.
        most_multiple: The most times `width` that a grid has channels.
        slope: The slope of the leaky ReLU below 0.
        spectral_norm: Whether every weight is divided by its largest singular value.

    Example:
        >>> import torch
        >>> srresnet_discriminator(DataSpec("image", (3, 24, 32)), width=4)(torch.randn(2, 3, 24, 32)).shape
        torch.Size([2])

    Source: Jin et al. 2017, figure 5.
    """
    channels, height, image_width = image_shape(spec.shape, network="srresnet")
    *grids, last = halved_sides(height, image_width, LAST_SIDE, network="srresnet")
    widths = [width * min(2**stage, most_multiple) for stage in range(len(grids))]
    layers: list[nn.Module] = [nn.Conv2d(channels, width, halving_kernel(*grids[0]), 2, 1), LeakyReLU(slope)]
    for grid, before, after in zip(grids[1:], widths, widths[1:], strict=False):
        for _ in range(blocks):
            layers += [_plain_residual(before, slope), LeakyReLU(slope)]
        layers += [nn.Conv2d(before, after, halving_kernel(*grid), 2, 1), LeakyReLU(slope)]
    layers += [nn.Flatten(), nn.Linear(widths[-1] * last[0] * last[1], 1), nn.Flatten(0)]
    network = _started(nn.Sequential(*layers))
    return with_spectral_norm(network) if spectral_norm else network


def _started(network: nn.Sequential) -> nn.Sequential:
    """Weights from N(0, 1 / sqrt(fan in)), with which features keep their size at any width."""
    for layer in network.modules():
        if isinstance(layer, WEIGHTED):
            nn.init.normal_(layer.weight, 0.0, 1 / math.sqrt(layer.weight[0].numel()))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def _norm(width: int, batch_norm: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(width)] if batch_norm else []


def _residual(norm: Callable[[], list[nn.Module]], width: int) -> ResidualBlock:
    first, second = nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, width, 3, 1, 1)
    return ResidualBlock(nn.Sequential(first, *norm(), nn.ReLU(), second, *norm()), nn.Identity())


def _plain_residual(width: int, slope: float) -> ResidualBlock:
    first, second = nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, width, 3, 1, 1)
    return ResidualBlock(nn.Sequential(first, LeakyReLU(slope), second), nn.Identity())


SRRESNET_GENERATOR = Network(
    name="srresnet",
    build=srresnet_generator,
    summary="Residual blocks on a small grid, then doublings by pixel shuffle; of the recipe 'anime'.",
    source="Jin et al. 2017, figure 4",
    kinds=("image",),
)
SRRESNET_DISCRIMINATOR = Network(
    name="srresnet",
    build=srresnet_discriminator,
    summary="Residual blocks without normalisation between halvings down to 2x2; of the recipe 'anime'.",
    source="Jin et al. 2017, figure 5",
    kinds=("image",),
)
