"""How near an inversion came, and how often a generator's own samples come back.

The search is tried on samples of the generator itself, whose latents exist. The share that comes back, the
recovery rate, separates a search that failed from a picture that the generator cannot make.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.generator.inversion import (
    LEVEL,
    TOLERANCE,
    Found,
    OnStep,
    Search,
    Starts,
    find,
    levels_apart,
)
from poise.generator.likeness import Likeness
from poise.generator.spaces import samples_of
from poise.metrics.translation_errors import peak_signal_to_noise, structural_similarity
from poise.randomness import derive


@dataclass(frozen=True)
class Errors:
    """How far what was found is from its targets, by row."""

    psnr: Tensor  # `(N,)`, in decibels
    ssim: Tensor  # `(N,)`, 1 for identical images
    features: Tensor | None  # `(N,)`, the distance of the discriminator's features; `None` without them
    levels: Tensor  # `(N,)`, the root mean square error in levels of 8 bits


@torch.no_grad()
def errors_of(found: Found, targets: Tensor, likeness: Likeness) -> Errors:
    """The errors of what a search found."""
    apart = (
        None if likeness.features is None else likeness.apart(found.images, targets, found.condition).cpu()
    )
    made, wanted = found.images.cpu(), targets.cpu()
    psnr, ssim = peak_signal_to_noise(made, wanted), structural_similarity(made, wanted)
    return Errors(psnr, ssim, apart, levels_apart(made, wanted))


@dataclass(frozen=True)
class Recovery:
    """How often a generator's own samples come back from their pictures.

    Attributes:
        samples: How many were tried.
        rate: The share that came back.
        interval: The 95 % interval of that share.
        tolerance: The root mean square error, in levels of 8 bits, up to which a sample counts as come back.
        psnr: The median over the samples, in decibels.
    """

    samples: int
    rate: float
    interval: tuple[float, float]
    tolerance: float
    psnr: float

    @property
    def trusted(self) -> bool:
        """Whether a picture that is not found is probably outside of the generator's range."""
        return self.rate >= 0.9


def recovery(
    starts: Starts,
    likeness: Likeness,
    search: Search,
    *,
    samples: int = 16,
    tolerance: float = TOLERANCE,
    on_step: OnStep | None = None,
) -> Recovery:
    """Invert a generator's own samples, rounded to 8 bits as pictures are.

    Args:
        starts: Of the generator's space.
        likeness: What is minimised.
        search: How.
        samples: How many are tried.
        tolerance: The root mean square error, in levels of 8 bits, up to which one counts as come back.
        on_step: Called with the share that is done.
    """
    generator = starts.space.generator
    inputs = samples_of(generator, samples, seed=derive(search.seed, 0, "recovery") % 2**31)
    with torch.no_grad():
        made = generator.module(*(value for value in inputs if value is not None)).clamp(-1, 1)
    targets = torch.round((made + 1) / LEVEL) * LEVEL - 1
    found = Found.joined(list(find(starts, targets, likeness, search, on_step=on_step)))
    errors = errors_of(found, targets, likeness)
    back = int((errors.levels <= tolerance).sum())
    return Recovery(samples, back / samples, wilson(back, samples), tolerance, float(errors.psnr.median()))


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """The 95 % interval of a share.

    Example:
        >>> [round(end, 3) for end in wilson(10, 10)]
        [0.722, 1.0]

    Source: Wilson 1927.
    """
    z, share = 1.959963984540054, hits / tries
    middle = (share + z**2 / (2 * tries)) / (1 + z**2 / tries)
    half = z / (1 + z**2 / tries) * math.sqrt(share * (1 - share) / tries + z**2 / (4 * tries**2))
    return max(0.0, middle - half), min(1.0, middle + half)
