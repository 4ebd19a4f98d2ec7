"""How far images are from those they should be, pixel by pixel and window by window."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

WINDOW = 11
DEVIATION = 1.5
SPAN = 2.0
"""From black to white in the networks' space."""


def absolute_errors(made: Tensor, wanted: Tensor) -> Tensor:
    """The mean absolute difference of each image, `(N,)`, where black and white are 2 apart."""
    return (made.double() - wanted.double()).abs().flatten(1).mean(1)


def peak_signal_to_noise(made: Tensor, wanted: Tensor) -> float:
    """The peak signal-to-noise ratio in decibels, averaged over the images.

    Args:
        made: `(N, C, H, W)` in [-1, 1].
        wanted: What they should be, of the same shape.

    Returns:
        Higher is nearer; identical images count as 100 dB.

    Example:
        >>> round(peak_signal_to_noise(torch.full((1, 1, 8, 8), 0.2), torch.zeros(1, 1, 8, 8)), 6)
        20.0
    """
    return float(signals_to_noise(made, wanted).mean())


def signals_to_noise(made: Tensor, wanted: Tensor) -> Tensor:
    """The peak signal-to-noise ratio of each image, `(N,)`."""
    error = (made.double() - wanted.double()).square().flatten(1).mean(1)
    return 10 * torch.log10(SPAN**2 / error.clamp(min=SPAN**2 * 1e-10))


def structural_similarity(made: Tensor, wanted: Tensor) -> float:
    """The mean structural similarity in Gaussian windows of 11 pixels, averaged over channels and images.

    Images smaller than the window get the largest odd window that fits.

    Args:
        made: `(N, C, H, W)` in [-1, 1].
        wanted: What they should be, of the same shape.

    Returns:
        At most 1, which identical images have.

    Example:
        >>> images = torch.rand(2, 3, 16, 16)
        >>> round(structural_similarity(images, images), 6)
        1.0

    Source: Wang et al. 2004, equation 13, with the window and constants of its section III-C.
    """
    return float(similarities(made, wanted).mean())


def similarities(made: Tensor, wanted: Tensor) -> Tensor:
    """The structural similarity of each image, averaged over its windows and channels, `(N,)`."""
    side = min(WINDOW, *(length - (length + 1) % 2 for length in made.shape[2:]))
    places = torch.arange(side, dtype=torch.float64) - side // 2
    bell = torch.exp(-places.square() / (2 * DEVIATION**2))
    bell /= bell.sum()
    # Its luminance starts at 0 for black.
    first, second = (images.double().add(1).flatten(0, 1).unsqueeze(1) for images in (made, wanted))

    def blurred(images: Tensor) -> Tensor:
        return conv2d(conv2d(images, bell.reshape(1, 1, -1, 1)), bell.reshape(1, 1, 1, -1))

    mean_one, mean_two = blurred(first), blurred(second)
    variance_one = blurred(first * first) - mean_one**2
    variance_two = blurred(second * second) - mean_two**2
    covariance = blurred(first * second) - mean_one * mean_two
    light, contrast = (0.01 * SPAN) ** 2, (0.03 * SPAN) ** 2
    index = (2 * mean_one * mean_two + light) * (2 * covariance + contrast)
    index /= (mean_one**2 + mean_two**2 + light) * (variance_one + variance_two + contrast)
    return index.reshape(len(made), -1).mean(1)
