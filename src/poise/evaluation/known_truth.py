"""Samples measured against the process that makes the data, if that is known: the built-in triangles."""

from __future__ import annotations

import torch
from torch import Tensor

from poise.data import Dataset, PolygonSettings, new_triangles
from poise.errors import PoiseError
from poise.evaluation.subjects import Subject
from poise.generator import Generator
from poise.metrics import Result, triangle_f1
from poise.metrics.triangle_f1 import Inverse

MOST = 1_024
"""Samples, and triangles whose latents are searched; as many as in Lucic et al. 2018."""

OUTERMOST = 3.3
"""No coordinate of a normal latent is searched beyond: 999 of 1,000 are drawn within."""


def is_triangles(data: Dataset) -> bool:
    """Whether these are the built-in triangles, whose manifold is known."""
    return data.summary.get("origin") == "built-in" and data.name == "triangles"


def measured_triangles(
    subject: Subject, reference: Dataset, *, samples: int, seed: int, replicates: int = 200
) -> Result:
    """Precision and recall of a subject to the manifold of triangles.

    Recall is that of new triangles, which nothing was trained on.

    Args:
        subject: A generator, whose latents are searched, or samples.
        reference: The data; they must be the built-in triangles.
        samples: The most samples and the most triangles; 1,024 at most.
        seed: Draws both.
        replicates: For the interval of F1.

    Raises:
        PoiseError: The data are others, or the samples have another size.
    """
    if not is_triangles(reference):
        raise PoiseError(
            f"The manifold of '{reference.name}' is not known",
            code="evaluation.manifold-not-known",
            hint="leave 'triangle-f1' out; it is for the built-in triangles",
        )
    count = min(samples, MOST)
    real = _shares(torch.as_tensor(new_triangles(count, seed)))
    fake = _shares(subject.draw(count, seed))
    if fake.shape[2:] != real.shape[2:]:
        (height, width), size = fake.shape[2:], PolygonSettings.size
        raise PoiseError(
            f"The manifold of triangles has images of {size}x{size}, and the samples have {width}x{height}",
            code="evaluation.manifold-of-another-size",
            hint="leave 'triangle-f1' out, or train without --resolution",
        )
    inverse = None if subject.generator is None else _inverse(subject.generator, len(fake), seed)
    return triangle_f1(
        real,
        fake,
        inverse=inverse,
        scale=PolygonSettings.scale,
        smallest_angle=PolygonSettings.smallest_angle,
        replicates=replicates,
        seed=seed,
    )


def _shares(images: Tensor) -> Tensor:
    return images.float() / 255


def _inverse(generator: Generator, count: int, seed: int) -> Inverse:
    """The generator as a function of its latents alone, with the latents that made the samples."""

    def made(latents: Tensor) -> Tensor:
        images: Tensor = generator.module(latents)
        return (images + 1) / 2

    bound = OUTERMOST if generator.latent.distribution == "normal" else 1.0
    return Inverse(made, generator.latents(count, seed=seed), bound)
