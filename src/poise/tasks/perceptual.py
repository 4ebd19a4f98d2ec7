"""Features that a network can be trained by: those of an extractor's network, with their gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from torch import Tensor
from torch.nn.functional import interpolate

from poise.data import default_cache
from poise.errors import PoiseError
from poise.metrics.arrays import to_range
from poise.metrics.features import EXTRACTORS, ModuleExtractor

SIDES = {"efficientnet-lite0": 224, "dinov2": 224, "inception-v3": 299}
"""Pixels a side that a network takes; others take images as they are."""

LARGEST = 64
"""Larger images of the other networks are resized to this, as the extractor does when it measures."""


@cache
def perceptual_features(name: str, channels: int) -> Callable[[Tensor], Tensor]:
    """Features of images in [-1, 1] that can be differentiated.

    Where an extractor measures it resizes by Pillow, through which no gradient runs; here images are brought
    to its size before by torch's antialiased bicubic filter.

    Args:
        name: Out of `poise.metrics.features.EXTRACTORS`.
        channels: Of the images.

    Returns:
        `(N, C, H, W)` to `(N, d)`.

    Raises:
        PoiseError: There is none of that name, it has no network, or it is trained on labels.

    Example:
        >>> import torch
        >>> perceptual_features("random-convolutions", 3)(torch.zeros(2, 3, 128, 128)).shape
        torch.Size([2, 156])
    """
    kind = EXTRACTORS.named(name)
    settings: dict[str, Any] = {"cache": default_cache()} if "cache" in kind.needs else {}
    extractor = (
        None
        if "labels" in kind.needs
        else kind.build(channels)
        if "channels" in kind.needs
        else kind.build(**settings)
    )
    if not isinstance(extractor, ModuleExtractor):
        raise PoiseError(
            f"A network cannot be trained by the features '{name}'",
            code="tasks.features-without-gradient",
            why="they are trained on labels" if extractor is None else "no gradient runs through them",
            hint=f"choose random-convolutions, {', '.join(SIDES)}",
        )
    module, takes = extractor.module.eval().requires_grad_(False), extractor.takes

    def features(images: Tensor) -> Tensor:
        longest = max(images.shape[2:])
        side, shrink = SIDES.get(name), min(1.0, LARGEST / longest)
        size = [side, side] if side else [max(1, round(one * shrink)) for one in images.shape[2:]]
        if size != list(images.shape[2:]):
            images = interpolate(images, size, mode="bicubic", antialias=True)
        seen = images if takes is None else to_range(images, "-1..1", takes)
        found: Tensor = module.to(images.device)(seen)
        return found

    return features
