"""DCGAN: the plain convolutional pair: images of sides from 8 to 1,024, and fields of one to three axes."""

import math
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from poise.errors import PoiseError
from poise.networks.layers import LeakyReLU, MinibatchStandardDeviation
from poise.networks.network import Network
from poise.networks.shapes import halved_axes, halved_sides, image_shape
from poise.networks.weights import (
    CONVOLUTIONS,
    NORMALISATIONS,
    TRANSPOSED,
    start_normal,
    with_spectral_norm,
)
from poise.spec import DataSpec


def dcgan_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 64,
    most_multiple: Annotated[int, Field(ge=1)] = 8,
    smallest_side: Literal[1, 2, 4] | None = None,
    batch_norm: bool = True,
    final_convolution: bool = False,
    initial_std: Annotated[float, Field(gt=0)] | None = 0.02,
) -> nn.Module:
    """A generator that projects the latent to a small grid and doubles it by transposed convolutions.

    At 32x32 and width 64: 4x4 of 256 channels, 8x8 of 128, 16x16 of 64, 32x32 of the image's.

    Args:
        spec: Images with sides from 8 to 1,024, or fields of one to three axes of any lengths. A doubling to
            an odd length has a kernel of 3 instead of 4. Images end in a tanh, fields have no bounds.
        latent_size: The size of a latent.
        width: Channels of the largest hidden grid; they double downwards.
        most_multiple: The most times `width` that a grid has channels.
        smallest_side: The most that a side of the first grid has; `None` for 4, and for 2 at 8x8.
        batch_norm: Whether hidden grids are batch-normalised.
        final_convolution: Whether the last doubling keeps `width` channels and a 3x3 convolution follows it,
            as in the small network of the stacked digits test (`width=8`: 64, 32, 16, 8 channels, then the
            image's).
        initial_std: Weights start from N(0, initial_std); `None` for torch's own start.

    Example:
        >>> import torch
        >>> spec = DataSpec("image", (3, 32, 32))
        >>> dcgan_generator(spec, latent_size=16, width=8)(torch.randn(2, 16)).shape
        torch.Size([2, 3, 32, 32])

    Source: Radford et al. 2015, figure 1.
    """
    first, *grids = _grids(spec, smallest_side)
    channels, axes = spec.shape[0], len(first)
    widths = [
        width * min(2**stage, most_multiple) for stage in reversed(range(len(grids) + final_convolution))
    ]
    layers: list[nn.Module] = [
        nn.Linear(latent_size, widths[0] * math.prod(first), bias=not batch_norm),
        nn.Unflatten(1, (widths[0], *first)),
    ]
    kernels = [_kernel(grid) for grid in grids]
    for stage, (before, after) in enumerate(zip(widths, [*widths[1:], None], strict=True)):
        layers += [NORMALISATIONS[axes](before), nn.ReLU()] if batch_norm else [nn.ReLU()]
        if after is not None:
            layers.append(TRANSPOSED[axes](before, after, kernels[stage], 2, 1, bias=not batch_norm))
    if final_convolution:
        layers.append(CONVOLUTIONS[axes](widths[-1], channels, 3, 1, 1))
    else:
        layers.append(TRANSPOSED[axes](widths[-1], channels, kernels[-1], 2, 1))
    if spec.bounded:
        layers.append(nn.Tanh())
    return start_normal(nn.Sequential(*layers), initial_std)


def dcgan_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 64,
    most_multiple: Annotated[int, Field(ge=1)] = 8,
    smallest_side: Literal[1, 2, 4] | None = None,
    batch_norm: bool = False,
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    spectral_norm: bool = False,
    minibatch_standard_deviation: bool = False,
    initial_std: Annotated[float, Field(gt=0)] | None = 0.02,
) -> nn.Module:
    """A discriminator that halves the image by strided convolutions down to a small grid, and scores that.

    BatchNorm is off by default, unlike in the paper: it makes the score of a sample depend on its batch,
    which a gradient penalty takes no account of, and makes that penalty several times dearer. The small
    networks of the stacked digits test are `width=2` ("a quarter") and `width=4` ("a half") with
    `batch_norm=True, slope=0.3`.

    Args:
        spec: Images with sides from 8 to 1,024, or fields of one to three axes of any lengths. An odd length
            is halved by a kernel of 3 instead of 4.
        width: Channels after the first convolution; they double downwards.
        most_multiple: The most times `width` that a grid has channels.
        smallest_side: The most that a side of the last grid has; `None` for 4, and for 2 at 8x8, where a
            single convolution would leave the discriminator nearly linear.
        batch_norm: Whether hidden grids but the first are batch-normalised.
        slope: The slope of the leaky ReLU below 0.
        spectral_norm: Whether every weight is divided by its largest singular value.
        minibatch_standard_deviation: Whether the last layer also sees how much the samples of a batch differ.
        initial_std: Weights start from N(0, initial_std); `None` for torch's own start.

    Example:
        >>> import torch
        >>> spec = DataSpec("image", (3, 32, 32))
        >>> dcgan_discriminator(spec, width=8)(torch.randn(2, 3, 32, 32)).shape
        torch.Size([2])

    Source: Radford et al. 2015, section 3.
    """
    smallest, *larger = _grids(spec, smallest_side)
    grids, channels, axes = larger[::-1], spec.shape[0], len(smallest)
    widths = [width * min(2**stage, most_multiple) for stage in range(len(grids))]
    layers: list[nn.Module] = []
    for stage, (before, after) in enumerate(zip([channels, *widths], widths, strict=False)):
        normalised = batch_norm and stage > 0
        kernel = _kernel(grids[stage])
        layers.append(CONVOLUTIONS[axes](before, after, kernel, 2, 1, bias=not normalised))
        if normalised:
            layers.append(NORMALISATIONS[axes](after))
        layers.append(LeakyReLU(slope))
    if minibatch_standard_deviation:
        layers.append(MinibatchStandardDeviation())
    features = widths[-1] + minibatch_standard_deviation
    layers += [CONVOLUTIONS[axes](features, 1, smallest), nn.Flatten(0)]
    network = start_normal(nn.Sequential(*layers), initial_std)
    return with_spectral_norm(network) if spectral_norm else network


def _kernel(lengths: tuple[int, ...]) -> tuple[int, ...]:
    """The kernel that halves these lengths, rounding up, or doubles to them: stride 2, padding 1."""
    return tuple(4 - length % 2 for length in lengths)


def _grids(spec: DataSpec, smallest: int | None) -> list[tuple[int, ...]]:
    """The grids of a network, from the smallest to the sample's own."""
    axes = spec.shape[1:]
    if spec.bounded or not axes:
        _, height, width = image_shape(spec.shape, network="dcgan")
        return [*halved_sides(height, width, smallest, network="dcgan")[::-1]]
    if len(axes) > max(CONVOLUTIONS) or max(axes) < 2:
        what = f"The network 'dcgan' cannot be built for the shape {spec.shape}"
        why = "it halves and doubles one to three axes"
        raise PoiseError(what, code="networks.no-axes", why=why, hint="use the network 'mlp'")
    return halved_axes(axes, smallest or max(1, min(4, max(axes) // 4)))[::-1]


DCGAN_GENERATOR = Network(
    name="dcgan",
    build=dcgan_generator,
    summary="Transposed convolutions from a 4x4 grid upwards; the classic small image generator.",
    source="Radford et al. 2015, figure 1",
    kinds=("image", "field", "sound", "series"),
    takes_width=True,
)
DCGAN_DISCRIMINATOR = Network(
    name="dcgan",
    build=dcgan_discriminator,
    summary="Strided convolutions down to a 4x4 grid; the classic small image discriminator.",
    source="Radford et al. 2015, section 3",
    kinds=("image", "field", "sound", "series"),
    takes_width=True,
)
