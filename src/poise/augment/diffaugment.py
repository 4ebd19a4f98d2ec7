"""DiffAugment: colour, translation and cutout of every sample that the discriminator sees."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from poise.augment.augmentation import Augmentation, AugmentContext

Share = Annotated[float, Field(ge=0, le=1)]


def recoloured(images: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    """Images with a brightness added, then the distance to grey, then to the mean of the image scaled.

    Args:
        images: `(N, C, H, W)`.
        brightness: What is added, `(N, 1, 1, 1)`.
        saturation: Factor of the distance of each pixel to the mean of its channels, `(N, 1, 1, 1)`.
        contrast: Factor of the distance of each value to the mean of its image, `(N, 1, 1, 1)`.

    Example:
        >>> one = torch.ones(1, 1, 1, 1)
        >>> recoloured(torch.eye(2).reshape(1, 1, 2, 2), 0.5 * one, one, 0 * one).flatten().tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    images = images + brightness
    grey = images.mean(1, keepdim=True)
    images = grey + saturation * (images - grey)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + contrast * (images - mean)


def moved(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Images moved by whole pixels; zeros come in from outside.

    Rows and columns are chosen by products with matrices of zeros and ones, which are differentiated twice
    without scattering.

    Args:
        images: `(N, C, H, W)`.
        down: Pixels by which each moves down, `(N,)` integers.
        right: Pixels by which each moves to the right, `(N,)` integers.

    Example:
        >>> image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> moved(image, torch.tensor([1]), torch.tensor([0]))[0, 0].tolist()
        [[0.0, 0.0], [1.0, 2.0]]
    """
    rows = _chosen(images.shape[-2], down, images.dtype)
    columns = _chosen(images.shape[-1], right, images.dtype)
    return rows[:, None] @ images @ columns[:, None].mT


def _chosen(side: int, by: Tensor, dtype: torch.dtype) -> Tensor:
    """The matrices `(N, side, side)` that move a line by so many places."""
    places = torch.arange(side, device=by.device)
    return (places[:, None] - by[:, None, None] == places).to(dtype)


def cut_out(images: Tensor, row: Tensor, column: Tensor, height: int, width: int) -> Tensor:
    """Images with a rectangle of zeros.

    Args:
        images: `(N, C, H, W)`.
        row: The first row of each rectangle, `(N,)` integers; it may lie outside.
        column: The first column of each, `(N,)` integers.
        height: Rows of a rectangle.
        width: Columns of a rectangle.

    Example:
        >>> cut_out(torch.ones(1, 1, 2, 2), torch.tensor([-1]), torch.tensor([1]), 2, 2)[0, 0].tolist()
        [[1.0, 0.0], [1.0, 1.0]]
    """
    rows = torch.arange(images.shape[-2], device=images.device) - row[:, None]
    columns = torch.arange(images.shape[-1], device=images.device) - column[:, None]
    inside_rows = ((rows >= 0) & (rows < height))[:, None, :, None]
    inside_columns = ((columns >= 0) & (columns < width))[:, None, None, :]
    return images * ~(inside_rows & inside_columns)


def diffaugment(
    samples: Tensor,
    context: AugmentContext,
    *,
    colour: bool = True,
    translation: Share = 0.125,
    cutout: Share = 0.5,
) -> Tensor:
    """Images of other colours, moved and cut, each by draws of its own.

    Args:
        samples: `(N, C, H, W)`.
        context: With the randomness.
        colour: Whether brightness changes by up to 0.5 either way, saturation by a factor up to 2, contrast
            by a factor of 0.5 to 1.5.
        translation: Largest move, as a share of the side.
        cutout: Side of the square that is cut out, as a share of the image's; 0 for none.

    Source: Zhao et al. 2020 (Differentiable Augmentation for Data-Efficient GAN Training), section 4.
    """
    count, _, height, width = samples.shape
    stream, device = context.randomness, samples.device

    def factor(low: float, high: float) -> Tensor:
        drawn = torch.rand((count, 1, 1, 1), generator=stream, device=device, dtype=samples.dtype)
        return low + (high - low) * drawn

    def whole(low: int, high: int) -> Tensor:
        return torch.randint(low, high + 1, (count,), generator=stream, device=device)

    if colour:
        samples = recoloured(samples, factor(-0.5, 0.5), factor(0.0, 2.0), factor(0.5, 1.5))
    if translation:
        down, right = (int(side * translation + 0.5) for side in (height, width))
        samples = moved(samples, whole(-down, down), whole(-right, right))
    if cutout:
        tall, wide = (int(side * cutout + 0.5) for side in (height, width))
        # The middle of the square lies anywhere in the image, on the edge between pixels if its side is even.
        row = whole(0, height - tall % 2) - tall // 2
        column = whole(0, width - wide % 2) - wide // 2
        samples = cut_out(samples, row, column, tall, wide)
    return samples


DIFFAUGMENT = Augmentation(
    name="diffaugment",
    apply=diffaugment,
    summary="Recolours, moves and cuts every image that the discriminator sees; for few images.",
    source="Zhao et al. 2020, section 4",
    kinds=("image",),
)
