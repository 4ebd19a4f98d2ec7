"""Packing: the discriminator scores several samples at once, so that repetition shows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from poise.augment.augmentation import Augmentation, AugmentContext


def packed(samples: Tensor, context: AugmentContext, *, count: Annotated[int, Field(ge=1)] = 2) -> Tensor:
    """Neighbouring samples stacked along their channels.

    Args:
        samples: `(N, C, ...)`, N a multiple of `count`.
        context: Not used.
        count: Samples in a pack.

    Returns:
        `(N / count, count * C, ...)`.

    Source: Lin et al. 2018, section 2.
    """
    return samples.reshape(len(samples) // count, -1, *samples.shape[2:])


PACKING = Augmentation(
    name="packing",
    apply=packed,
    summary="Stacks several samples along their channels; the discriminator scores them as one.",
    source="Lin et al. 2018, section 2",
)
