"""Images in the layout and range that extractors take, and one way to resize them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_tensor

ValueRange = Literal["0..255", "0..1", "-1..1"]
BOUNDS: dict[str, tuple[float, float]] = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
SLACK = 1e-3


def as_samples(samples: Any, name: str) -> Tensor:
    """Samples as a tensor: vectors `(N, d)`, or images `(N, C, H, W)`.

    Images may also be `(N, H, W, C)` with 1, 3 or 4 channels, or `(N, H, W)`.
    """
    given = as_tensor(samples, name)
    if given.dim() == 3:
        return given[:, None]
    if given.dim() == 4:
        channels_last = given.shape[3] in (1, 3, 4) and given.shape[1] not in (1, 3, 4)
        return given.permute(0, 3, 1, 2) if channels_last else given
    if given.dim() == 2:
        return given
    raise PoiseError(
        f"The {name} samples have the shape {tuple(given.shape)}",
        code="metrics.not-samples",
        hint="give vectors (N, d) or images (N, C, H, W)",
    )


def range_of(images: Tensor, name: str) -> ValueRange:
    """The range of the pixels, by their type and extremes."""
    low, high = _ends(images, name)
    seen = _range_between(low, high, of_bytes=images.dtype == torch.uint8)
    if seen is None:
        raise PoiseError(
            f"The {name} images have values from {low:.4g} to {high:.4g}",
            code="metrics.unknown-range",
            why="that is none of the ranges 0..255, 0..1 and -1..1",
            hint="bring them to one of these, and name it by 'value_range'",
        )
    return seen


def check_range(images: Tensor, value_range: ValueRange, name: str) -> None:
    """Refuse images whose values exceed the given range."""
    low, high = _ends(images, name)
    least, most = BOUNDS[value_range]
    slack = SLACK * (most - least)
    if not (least - slack <= low and high <= most + slack):
        seen = _range_between(low, high, of_bytes=images.dtype == torch.uint8) or "no known range"
        raise PoiseError(
            f"The {name} images are in {seen} (from {low:.4g} to {high:.4g}), not in {value_range}",
            code="metrics.different-ranges",
            hint="bring both sides to one range",
        )


def _ends(images: Tensor, name: str) -> tuple[float, float]:
    low, high = (float(end) for end in images.aminmax())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise PoiseError(
            f"The {name} images hold NaN or infinite pixels",
            code="metrics.not-finite",
            hint="find out which step made them",
        )
    return low, high


def _range_between(low: float, high: float, *, of_bytes: bool) -> ValueRange | None:
    if of_bytes or (low >= 0 and 1 + SLACK < high <= 255):
        return "0..255"
    if low >= 0 and high <= 1 + SLACK:
        return "0..1"
    if low >= -1 - SLACK and high <= 1 + SLACK:
        return "-1..1"
    return None


def common_range(real: Tensor, fake: Tensor) -> ValueRange:
    """The one range of both sides."""
    of_real, of_fake = range_of(real, "real"), range_of(fake, "fake")
    if of_real != of_fake:
        raise PoiseError(
            f"The real images are in {of_real} and the fake ones in {of_fake}",
            code="metrics.different-ranges",
            why="the distance would measure the scale and nothing else",
            hint="bring both to one range, or name that of both by 'value_range'",
        )
    return of_real


def to_range(images: Tensor, value_range: ValueRange, wanted: ValueRange) -> Tensor:
    """Images brought from one range to another, as float32."""
    (low, high), (new_low, new_high) = BOUNDS[value_range], BOUNDS[wanted]
    scale = (new_high - new_low) / (high - low)
    return images.to(torch.float32) * scale + (new_low - low * scale)


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Images at another size by Pillow's bicubic filter in float: antialiased, and without rounding to bytes.

    They are float32 on the same device, and their values may overshoot the range a little.

    Source: Parmar et al. 2022 (clean-fid), section 3: how much aliasing moves a Fréchet distance.
    """
    if images.shape[2:] == (height, width):
        return images
    planes = images.detach().to(torch.float32).cpu().flatten(0, 1).numpy()
    resized = np.stack(
        [
            np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC))
            for plane in planes
        ]
    )
    out = torch.from_numpy(resized).reshape(*images.shape[:2], height, width)
    return out.to(images.device)


def as_colour(images: Tensor) -> Tensor:
    """Three channels: grey ones repeated, a fourth (opacity) dropped."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images[:, :3]
