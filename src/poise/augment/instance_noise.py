"""Instance noise: everything that the discriminator sees is blurred by Gaussian noise."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from poise.augment.augmentation import Augmentation, AugmentContext
from poise.schedules import Weight, value_at


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
