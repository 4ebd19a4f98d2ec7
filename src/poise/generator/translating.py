"""Images made of images, by a generator of pairs or of two domains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from poise.data import Dataset, Target
from poise.errors import PoiseError, unknown_name
from poise.generator.network import task_of
from poise.generator.pictures import opened
from poise.spec import condition_kind

if TYPE_CHECKING:
    from poise.generator.generator import Generator

Way = Callable[[Tensor, Tensor], Tensor]
"""`(latents, images) -> images`, in one direction."""

PIECE = 64  # Images that are translated at once


def ways_of(generator: Generator) -> Mapping[str, Way]:
    """How each direction is translated, by its name; none if samples are made from noise."""
    ways = task_of(generator.description).directions
    return {} if ways is None else ways(generator.module)


def input_shape(generator: Generator, direction: str) -> tuple[int, ...]:
    """The shape `(C, H, W)` of the images that one direction takes.

    Raises:
        PoiseError: The generator makes its samples from noise or from recordings, or has no such direction.
    """
    if condition_kind(generator.condition).sounds:
        what = "This generator makes waves of recordings and translates no images"
        raise PoiseError(what, code="generator.translates-sounds", hint="call vocode(recordings)")
    if not generator.directions or generator.condition is None:
        what = "This generator makes its samples from noise and translates nothing"
        hint = "sample it: poise sample RUN; or train one that does: --pairs line/ colour/"
        raise PoiseError(what, code="generator.not-a-translator", hint=hint)
    if direction not in generator.directions:
        raise unknown_name("direction", direction, generator.directions)
    return tuple(generator.condition["shape"]) if direction == "a-to-b" else generator.shape


def translatable(generator: Generator, images: Any, *, direction: str, refuse_above: float = 0.01) -> Dataset:
    """Images, opened at the size, with the channels and at the scale that a generator was trained at."""
    channels, height, width = input_shape(generator, direction)
    about = generator.condition or {}
    recorded = about.get("scale")
    scale = None if recorded is None else (float(recorded[0]), float(recorded[1]))
    target = Target(height, width, about.get("fit", "crop"))
    return opened(images, channels, target, scale=scale, refuse_above=refuse_above)


def translations(generator: Generator, dataset: Dataset, *, direction: str, seed: int) -> Iterator[Tensor]:
    """Translations of the rows of what `translatable` returned, piece by piece."""
    for start in range(0, len(dataset), PIECE):
        rows = np.arange(start, min(start + PIECE, len(dataset)))
        images = dataset.transform.encode(dataset.gather(rows))
        yield generator.translated(images, direction=direction, seed=seed)


@torch.no_grad()
def translated(way: Way, latent: Tensor, images: Tensor, *, seed: int) -> Tensor:
    """Images made of images, in pieces; the noise is the same for every image."""
    pieces: list[Tensor] = []
    devices = [images.device] if images.is_cuda else []
    with torch.random.fork_rng(devices=devices):
        for start in range(0, len(images), PIECE):
            # Seeded before each piece, so that an image does not depend on how many came before it.
            torch.manual_seed(seed)
            piece = slice(start, start + PIECE)
            pieces.append(way(latent[piece], images[piece]).float().cpu())
    return torch.cat(pieces)
