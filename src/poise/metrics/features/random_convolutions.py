"""Features of a small convolutional network that nobody trained: the default for images."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from poise.metrics.features.extractor import ModuleExtractor
from poise.metrics.features.images import resize
from poise.randomness import derive

WIDTHS = (16, 32, 48)
GRIDS = (2, 1, 1)
LOW = 2
LARGEST = 64


class RandomConvolutions(nn.Module):
    """Three layers of random 3 x 3 filters, the size of whose responses is averaged over the image.

    Takes images of `channels` in -1..1. Features: the image at 2 x 2 pixels; then after each layer the mean
    absolute response of each filter, in each quarter of the image for the first layer, over the whole for the
    others. Absolute values, so that a filter sees an edge of either sign and texture does not average out;
    between layers the image is halved. It needs no labels and no download, and its Fréchet distance rises
    with noise, blur, dropped modes, duplicates and foreign samples (`benchmarks/damage.py` shows how far).
    """

    def __init__(self, channels: int, seed: int = 0) -> None:
        super().__init__()
        stream = torch.Generator().manual_seed(derive(seed, 0, "random convolutions"))
        inputs = channels
        for layer, width in enumerate(WIDTHS):
            filters = torch.randn(width, inputs * 9, generator=stream)
            filters /= torch.linalg.vector_norm(filters, dim=1, keepdim=True)
            self.register_buffer(f"filters_{layer}", filters.reshape(width, inputs, 3, 3))
            inputs = width

    def forward(self, images: Tensor) -> Tensor:
        """Images `(N, C, H, W)` to features `(N, d)`; d is 144 and 4 for each channel."""
        if max(images.shape[2:]) > LARGEST:
            shrink = LARGEST / max(images.shape[2:])
            images = resize(images, *(max(1, math.ceil(side * shrink)) for side in images.shape[2:]))
        features = [functional.adaptive_avg_pool2d(images, LOW).flatten(1)]
        for layer, grid in enumerate(GRIDS):
            padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
            images = functional.conv2d(padded, self.get_buffer(f"filters_{layer}")).abs()
            features.append(functional.adaptive_avg_pool2d(images, grid).flatten(1))
            if min(images.shape[2:]) >= 4:
                images = functional.avg_pool2d(images, 2)
        return torch.cat(features, 1)


def random_convolutions(channels: int, *, seed: int = 0) -> ModuleExtractor:
    """The default extractor for images.

    Args:
        channels: Of the images.
        seed: Draws the filters; another seed is another extractor, with another hash.

    Example:
        >>> random_convolutions(3)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 156])
    """
    preparation = f"images over {LARGEST} pixels to {LARGEST} by Pillow bicubic in float"
    return ModuleExtractor("random-convolutions", RandomConvolutions(channels, seed), "-1..1", preparation)
