"""Label flip: now and then the discriminator is told that a real is fake and a fake is real."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from poise.augment.augmentation import Augmentation, AugmentContext, unchanged
from poise.schedules import Schedule, value_at


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
