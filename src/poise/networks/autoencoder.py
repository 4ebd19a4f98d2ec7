"""BEGAN's discriminator: an autoencoder, whose error is the score."""

import itertools
import math
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.network import Network
from poise.networks.shapes import checked_shape
from poise.spec import DataSpec, size_text

SMALLEST_SIDE = 8
LARGEST_UNHALVED_SIDE = 16


class ReconstructionScore(nn.Module):
    """Score samples by how well an autoencoder reproduces them: minus the mean absolute error.

    Source: Berthelot et al. 2017, section 3.1, with norm exponent 1.
    """

    def __init__(self, autoencoder: nn.Module) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, samples: Tensor) -> Tensor:
        """`(N, ...)` to scores `(N,)`, higher for better reproduced."""
        errors: Tensor = (samples - self.autoencoder(samples)).abs()
        return -errors.flatten(1).mean(1)


def autoencoder_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 64,
    code_size: Annotated[int, Field(ge=1)] = 64,
    depth: Annotated[int, Field(ge=1)] = 2,
) -> nn.Module:
    """An autoencoder that scores a sample by minus its mean absolute error: higher is more real.

    Images go through convolutions: `depth` of 3x3 per resolution, with a stride of 2 in between and channels
    that grow by `width` each time, down to a side of at most 8 or an odd one; the decoder mirrors that with
    constant width and nearest-neighbour doubling. Vectors go through fully connected layers.

    Args:
        spec: Any vectors; images whose sides can be halved to at most 16.
        width: Channels at full resolution; for vectors, units of a hidden layer.
        code_size: The size of the code between encoder and decoder.
        depth: Convolutions per resolution; for vectors, hidden layers of the encoder and of the decoder.

    Returns:
        A module from samples `(N, *shape)` to scores `(N,)`, none above 0. Its `autoencoder` is the
        autoencoder.

    Raises:
        PoiseError: The sides of the image cannot be halved often enough.

    Example:
        >>> import torch
        >>> spec = DataSpec("vector", (2,))
        >>> bool((autoencoder_discriminator(spec, width=8)(torch.randn(5, 2)) <= 0).all())
        True

    Source: Berthelot et al. 2017, figure 1.
    """
    sizes = checked_shape(spec.shape, network="autoencoder")
    if len(sizes) == 1:
        return ReconstructionScore(_vector_autoencoder(sizes[0], width, code_size, depth))
    channels, height, image_width = sizes
    return ReconstructionScore(_image_autoencoder(channels, height, image_width, width, code_size, depth))


def _vector_autoencoder(numbers: int, width: int, code_size: int, depth: int) -> nn.Sequential:
    sizes = [numbers, *[width] * depth, code_size, *[width] * depth, numbers]
    layers: list[nn.Module] = []
    for place, (before, after) in enumerate(itertools.pairwise(sizes)):
        # Code and reproduction are linear.
        linear = place in (depth, len(sizes) - 2)
        layers += [nn.Linear(before, after)] if linear else [nn.Linear(before, after), nn.ELU()]
    return nn.Sequential(*layers)


def _image_autoencoder(
    channels: int, height: int, image_width: int, width: int, code_size: int, depth: int
) -> nn.Sequential:
    halvings = _halvings(height, image_width)
    grid = (height >> halvings, image_width >> halvings)
    encoder: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1), nn.ELU()]
    features = width
    for level in range(1, halvings + 2):
        encoder += _convolutions(features, depth)
        if level <= halvings:
            encoder += [nn.Conv2d(features, width * (level + 1), 3, 2, 1), nn.ELU()]
            features = width * (level + 1)
    encoder += [nn.Flatten(), nn.Linear(features * math.prod(grid), code_size)]
    decoder: list[nn.Module] = [
        nn.Linear(code_size, width * math.prod(grid)),
        nn.Unflatten(1, (width, *grid)),
    ]
    for level in range(halvings + 1):
        decoder += _convolutions(width, depth)
        if level < halvings:
            decoder.append(nn.Upsample(scale_factor=2, mode="nearest"))
    decoder.append(nn.Conv2d(width, channels, 3, 1, 1))
    return nn.Sequential(*encoder, *decoder)


def _convolutions(features: int, depth: int) -> list[nn.Module]:
    return [layer for _ in range(depth) for layer in (nn.Conv2d(features, features, 3, 1, 1), nn.ELU())]


def _halvings(height: int, width: int) -> int:
    """How often both sides can be halved until one is at most 8."""
    halvings, rows, columns = 0, height, width
    while rows % 2 == 0 and columns % 2 == 0 and max(rows, columns) > SMALLEST_SIDE:
        halvings, rows, columns = halvings + 1, rows // 2, columns // 2
    if max(rows, columns) > LARGEST_UNHALVED_SIDE:
        step = 2 ** math.ceil(math.log2(max(height, width) / LARGEST_UNHALVED_SIDE))
        sides = size_text(*(max(step, round(side / step) * step) for side in (height, width)))
        raise PoiseError(
            f"The network 'autoencoder' cannot be built for images of {size_text(height, width)}",
            code="networks.too-few-halvings",
            why=f"halving them ends at {size_text(rows, columns)}, and its code needs a grid of at most "
            f"{LARGEST_UNHALVED_SIDE}x{LARGEST_UNHALVED_SIDE}",
            hint=f"resize to {sides}",
        )
    return halvings


AUTOENCODER_DISCRIMINATOR = Network(
    name="autoencoder",
    build=autoencoder_discriminator,
    summary="An autoencoder that scores a sample by minus its error; the loss 'began' is made for it.",
    source="Berthelot et al. 2017, figure 1",
    kinds=("image", "vector"),
    parts={"autoencoder": "autoencoder"},
)
