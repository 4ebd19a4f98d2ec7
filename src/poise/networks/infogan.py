"""The InfoGAN networks, in the form in which losses were compared at scale."""

from typing import Annotated

from pydantic import Field
from torch import nn

from poise.networks.layers import CentredSigmoid, LeakyReLU
from poise.networks.network import Network
from poise.networks.shapes import check_sides, halving_kernel, image_shape
from poise.networks.weights import start_normal, with_spectral_norm
from poise.spec import DataSpec

Sides = tuple[int, int]


def infogan_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 64,
    hidden_size: Annotated[int, Field(ge=1)] = 1024,
    batch_norm: bool = True,
    initial_std: Annotated[float, Field(gt=0)] | None = 0.02,
) -> nn.Module:
    """Two fully connected layers, then two transposed convolutions.

    The published network ends in a sigmoid and its images lie in [0, 1]. Images here lie in [-1, 1]; the same
    network ends in `2 sigmoid(x) - 1 = tanh(x / 2)`.

    Args:
        spec: Images of 1 to 4 channels with sides from 4 to 1,024. A doubling to an odd side has a 3x3
            kernel instead of 4x4.
        latent_size: The size of a latent.
        width: Channels at half the side; at a quarter there are twice as many.
        hidden_size: Units of the first layer.
        batch_norm: Whether hidden layers are batch-normalised.
        initial_std: Weights start from N(0, initial_std); `None` for torch's own start.

    Example:
        >>> import torch
        >>> build = infogan_generator
        >>> spec = DataSpec("image", (1, 28, 28))
        >>> build(spec, latent_size=64, width=4, hidden_size=8)(torch.rand(2, 64)).shape
        torch.Size([2, 1, 28, 28])

    Source: Chen et al. 2016, appendix C.1; Lucic et al. 2018, section 5 (architecture).
    """
    channels, whole, half, (rows, columns) = _grids(spec)
    grid = (2 * width, rows, columns)
    flat = 2 * width * rows * columns
    bias = not batch_norm
    layers: list[nn.Module] = [
        nn.Linear(latent_size, hidden_size, bias=bias),
        *([nn.BatchNorm1d(hidden_size)] if batch_norm else []),
        nn.ReLU(),
        nn.Linear(hidden_size, flat, bias=bias),
        *([nn.BatchNorm1d(flat)] if batch_norm else []),
        nn.ReLU(),
        nn.Unflatten(1, grid),
        nn.ConvTranspose2d(2 * width, width, halving_kernel(*half), 2, 1, bias=bias),
        *([nn.BatchNorm2d(width)] if batch_norm else []),
        nn.ReLU(),
        nn.ConvTranspose2d(width, channels, halving_kernel(*whole), 2, 1),
        CentredSigmoid(),
    ]
    return start_normal(nn.Sequential(*layers), initial_std)


def infogan_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 64,
    hidden_size: Annotated[int, Field(ge=1)] = 1024,
    batch_norm: bool = False,
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    spectral_norm: bool = False,
    initial_std: Annotated[float, Field(gt=0)] | None = 0.02,
) -> nn.Module:
    """Two strided convolutions, then two fully connected layers.

    Args:
        spec: Images of any number of channels (packed samples have more), with sides from 4 to 1,024. An odd
            side is halved by a 3x3 kernel instead of 4x4.
        width: Channels of the first convolution; the second has twice as many.
        hidden_size: Units of the layer before the score.
        batch_norm: Whether the second and the third layer are batch-normalised; off by default, since that
            makes the score of a sample depend on its batch, which a gradient penalty takes no account of.
        slope: The slope of the leaky ReLU below 0.
        spectral_norm: Whether every weight is divided by its largest singular value.
        initial_std: Weights start from N(0, initial_std); `None` for torch's own start.

    Example:
        >>> import torch
        >>> spec = DataSpec("image", (1, 28, 28))
        >>> infogan_discriminator(spec, width=4, hidden_size=8)(torch.rand(2, 1, 28, 28)).shape
        torch.Size([2])

    Source: Chen et al. 2016, appendix C.1; Lucic et al. 2018, section 5 (architecture).
    """
    channels, whole, half, (rows, columns) = _grids(spec)
    bias = not batch_norm
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, halving_kernel(*whole), 2, 1),
        LeakyReLU(slope),
        nn.Conv2d(width, 2 * width, halving_kernel(*half), 2, 1, bias=bias),
        *([nn.BatchNorm2d(2 * width)] if batch_norm else []),
        LeakyReLU(slope),
        nn.Flatten(),
        nn.Linear(2 * width * rows * columns, hidden_size, bias=bias),
        *([nn.BatchNorm1d(hidden_size)] if batch_norm else []),
        LeakyReLU(slope),
        nn.Linear(hidden_size, 1),
        nn.Flatten(0),
    ]
    network = start_normal(nn.Sequential(*layers), initial_std)
    return with_spectral_norm(network) if spectral_norm else network


def _grids(spec: DataSpec) -> tuple[int, Sides, Sides, Sides]:
    """Channels; height and width; half of them and a quarter of them, rounded up."""
    channels, height, width = image_shape(spec.shape, network="infogan")
    check_sides(height, width, network="infogan", least=4)
    half = -(-height // 2), -(-width // 2)
    return channels, (height, width), half, (-(-half[0] // 2), -(-half[1] // 2))


INFOGAN_GENERATOR = Network(
    name="infogan",
    build=infogan_generator,
    summary="Two fully connected layers, two transposed convolutions; the network of the large comparison.",
    source="Lucic et al. 2018, section 5; Chen et al. 2016, appendix C.1",
    kinds=("image",),
)
INFOGAN_DISCRIMINATOR = Network(
    name="infogan",
    build=infogan_discriminator,
    summary="Two strided convolutions, two fully connected layers; the network of the large comparison.",
    source="Lucic et al. 2018, section 5; Chen et al. 2016, appendix C.1",
    kinds=("image",),
)
