"""Features that nobody trained: random convolutions, colours and edges, and the samples' own numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from poise.metrics.arrays import planes_of, resize
from poise.metrics.features.extractor import FunctionExtractor, ModuleExtractor
from poise.randomness import derive

NO_WEIGHTS = ""

WIDTHS = (16, 32, 48)
GRIDS = (2, 1, 1)
LOW = 2
LARGEST = 64  # Pixels on a side above which images are resized before random convolutions
GRID, LEVELS, DIRECTIONS = 8, 4, 8
BETWEEN = 1e-4  # How far below the border of two directions an edge still counts as one of the upper
PARTS = (0.2, 3.0, 3.0)  # Weights of places, colours and edges; chosen so that none of them dominates


class RandomConvolutions(nn.Module):
    """Three layers of random 3 x 3 filters; the absolute responses are averaged over the image.

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

    `seed` draws the filters: another seed is another extractor, with another hash.

    Example:
        >>> random_convolutions(3)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 156])
    """
    preparation = f"images over {LARGEST} pixels to {LARGEST} by Pillow bicubic in float"
    return ModuleExtractor("random-convolutions", RandomConvolutions(channels, seed), "-1..1", preparation)


def spectrogram_convolutions(*, seed: int = 0) -> ModuleExtractor:
    """The default extractor for sounds: random convolutions of the logarithms of magnitudes.

    It takes planes `(N, 1, 1, frequencies, frames)` of mean 0 and deviation 1; 3 deviations become 1.

    Example:
        >>> spectrogram_convolutions()(torch.zeros(2, 1, 1, 64, 64)).shape
        torch.Size([2, 148])
    """
    preparation = "3 deviations of each frequency to 1, what lies beyond cut off"
    return ModuleExtractor("spectrogram-convolutions", OfSpectrograms(seed), preparation=preparation)


class OfSpectrograms(nn.Module):
    """Random convolutions of spectrograms, which lie about 0 without an end."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.convolutions = RandomConvolutions(1, seed)

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Standardised spectrograms `(N, 1, 1, frequencies, frames)` to features `(N, d)`."""
        features: Tensor = self.convolutions(planes_of(spectrograms.float() / 3).clamp(-1, 1))
        return features


def pixels() -> FunctionExtractor:
    """Pixels in -1..1, flattened: exact for tiny images, blind to small shifts.

    Example:
        >>> pixels()(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 64])
    """
    return FunctionExtractor("pixels", _flat, takes="-1..1", weights_hash=NO_WEIGHTS)


def identity() -> FunctionExtractor:
    """Vectors as they are.

    Example:
        >>> identity()(torch.ones(2, 3)).shape
        torch.Size([2, 3])
    """
    return FunctionExtractor("identity", _flat, weights_hash=NO_WEIGHTS)


def colours_and_shapes() -> FunctionExtractor:
    """Untrained features that distinguish things better than random filters do.

    Three parts side by side: the image at 8x8 pixels; the root of the share of pixels in each cell of colour
    space, four levels to a channel; and the root of how much edge runs in each of eight directions within
    each cell of an 8x8 grid, over the image's whole (Dalal and Triggs 2005, without their blocks).

    Example:
        >>> colours_and_shapes()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 768])
    """
    return FunctionExtractor(
        "colours-and-shapes",
        _features,
        takes="-1..1",
        preparation=f"grid {GRID}, {LEVELS} levels, {DIRECTIONS} directions",
        weights_hash=NO_WEIGHTS,
    )


def _features(images: Tensor) -> Tensor:
    """Images `(N, C, H, W)` in [-1, 1] to `(N, d)`; d is 512 and 64 for each channel, and 4 to its power."""
    places = functional.adaptive_avg_pool2d(images, GRID).flatten(1)
    parts = [places, _colours(images), _edges(images.mean(1))]
    return torch.cat([weight * part for weight, part in zip(PARTS, parts, strict=True)], 1)


def _colours(images: Tensor) -> Tensor:
    """The root of the share of pixels of each colour: `(N, LEVELS ** C)`."""
    count, channels = images.shape[:2]
    levels = ((images + 1) * (LEVELS / 2)).floor().clamp(0, LEVELS - 1).long()
    code = torch.zeros_like(levels[:, 0])
    for channel in range(channels):
        code = code * LEVELS + levels[:, channel]
    shares = torch.zeros(count, LEVELS**channels, device=images.device)
    flat = code.flatten(1)
    ones = torch.ones_like(flat, dtype=shares.dtype)
    return (shares.scatter_add_(1, flat, ones) / flat.shape[1]).sqrt()


def _edges(grey: Tensor) -> Tensor:
    """The root of the share of edge in each cell and direction: `(N, DIRECTIONS * GRID * GRID)`."""
    down, right = torch.gradient(grey, dim=(1, 2))
    strength = torch.hypot(down, right)
    angle = torch.remainder(torch.atan2(down, right), torch.pi) * (DIRECTIONS / torch.pi)
    # Edges along the axes and the diagonals lie between two directions; rounding must not choose.
    direction = (angle + BETWEEN).floor().long() % DIRECTIONS
    planes = functional.one_hot(direction, DIRECTIONS).permute(0, 3, 1, 2) * strength[:, None]
    cells = functional.adaptive_avg_pool2d(planes.to(grey.dtype), GRID).flatten(1)
    whole = torch.linalg.vector_norm(cells, dim=1, keepdim=True).clamp(min=1e-6)
    edges: Tensor = (cells / whole).sqrt()
    return edges


def _flat(samples: Tensor) -> Tensor:
    return samples.flatten(1)
