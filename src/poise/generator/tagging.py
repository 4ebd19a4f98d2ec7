"""Tags of a picture, by a generator that makes tags from the picture's features and a latent."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.data import Target
from poise.errors import PoiseError
from poise.generator.generator import Generator
from poise.generator.pictures import read_picture
from poise.metrics.features import extract
from poise.tasks.tagging import image_extractor


@dataclass(frozen=True)
class Tag:
    """A tag and its frequency."""

    name: str
    frequency: float  # The share of latents that led to it, from 0 to 1


def tags_of(generator: Generator, image: Path | str, *, draws: int = 200, seed: int = 0) -> list[Tag]:
    """The tags of a picture over many latents, the most frequent first.

    Args:
        generator: The generator of a run with the recipe `image-tagging`.
        image: The picture's file.
        draws: How many latents are drawn.
        seed: Draws them.

    Raises:
        PoiseError: The generator makes no tags, or the picture cannot be read.
    """
    about = _about(generator)
    channels, height, width = about["image"]
    target = Target(height, width, about.get("fit", "crop"))
    pixels = torch.from_numpy(read_picture(Path(image), channels, target))
    features = extract(image_extractor(about["features"], channels), pixels, value_range="0..255")
    names = ranked(generator, features.float(), draws=draws, seed=seed)[0]
    return [Tag(name, count / draws) for name, count in names]


@torch.no_grad()
def ranked(generator: Generator, features: Tensor, *, draws: int, seed: int) -> list[list[tuple[str, int]]]:
    """For each picture, its tags over many latents with their counts, the most frequent first.

    Each latent counts for the tag whose vector is nearest to its sample by the cosine.
    """
    about = _about(generator)
    vectors = torch.tensor(about["vectors"])
    vectors = vectors / torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    latent = generator.latents(draws, seed=seed)
    found = []
    for row in features:
        made = generator(latent, row.to(latent.device).expand(draws, -1))
        nearest = (made @ vectors.T).argmax(1).tolist()
        found.append([(about["tags"][tag], count) for tag, count in Counter(nearest).most_common()])
    return found


def _about(generator: Generator) -> dict[str, Any]:
    condition = generator.condition or {}
    if "tags" not in condition:
        hint = "train one that does: --recipe image-tagging --labels FILE.csv"
        raise PoiseError("This generator makes no tags", code="generator.no-tags", hint=hint)
    return dict(condition)
