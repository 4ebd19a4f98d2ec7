"""Noise on what the discriminator is told: on the samples, and on which of a pair is real."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from poise.augment.augmentation import Augmentation, AugmentContext, unchanged
from poise.schedules import Schedule, Weight, value_at


def instance_noise(
    samples: Tensor,
    context: AugmentContext,
    *,
    deviation: Weight = 0.1,
    steps: Annotated[int, Field(ge=1)] | None = None,
) -> Tensor:
    """Samples with Gaussian noise added.

    Args:
        samples: `(N, ...)`.
        context: With the randomness.
        deviation: Standard deviation of the noise.
        steps: Steps over which it falls linearly to 0; null: it follows `deviation` alone.

    Source: Sønderby et al. 2016, section 3; Arjovsky and Bottou 2017, section 3.
    """
    size = value_at(deviation, context.images_seen, context.run_images)
    if steps is not None:
        size = size * max(0.0, 1.0 - context.step / steps)
    if not size:
        return samples
    noise = torch.randn(
        samples.shape, generator=context.randomness, device=samples.device, dtype=samples.dtype
    )
    return samples + size * noise


INSTANCE_NOISE = Augmentation(
    name="instance-noise",
    apply=instance_noise,
    summary="Adds Gaussian noise to reals and fakes, so that their distributions overlap.",
    source="Sønderby et al. 2016, section 3",
)


def flipped_labels(
    real_scores: Tensor,
    fake_scores: Tensor,
    context: AugmentContext,
    *,
    share: Annotated[float, Field(ge=0, lt=0.5)] | Schedule = 0.1,
) -> tuple[Tensor, Tensor]:
    """Scores of pairs, of which a share is exchanged.

    Args:
        real_scores: `(N, ...)`.
        fake_scores: `(N, ...)`.
        context: With the randomness.
        share: The share of pairs whose labels are exchanged.

    Source: Salimans et al. 2016 (label smoothing, section 3.4); Chintala et al. 2016 for flips.
    """
    chance = value_at(share, context.images_seen, context.run_images)
    if not chance:
        return real_scores, fake_scores
    shape = (len(real_scores),) + (1,) * (real_scores.dim() - 1)
    draw = torch.rand(shape, generator=context.randomness, device=real_scores.device)
    flip = draw < chance
    return torch.where(flip, fake_scores, real_scores), torch.where(flip, real_scores, fake_scores)


LABEL_FLIP = Augmentation(
    name="label-flip",
    apply=unchanged,
    relabel=flipped_labels,
    summary="Exchanges the labels of a share of pairs for the discriminator.",
    source="Chintala et al. 2016",
)
