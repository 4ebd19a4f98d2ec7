"""Adaptive augmentation (ADA): a pipeline whose probability follows how much the discriminator overfits."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from poise.augment.augmentation import Augmentation, AugmentContext, State
from poise.augment.warps import drawn_colours, drawn_map, warped, with_colours
from poise.schedules import Schedule, value_at

Strength = Annotated[float, Field(ge=0, le=1)]


def initial() -> State:
    """Probability 0, and no signs counted."""
    return {name: torch.zeros(()) for name in ("probability", "r_t", "signs", "counted")}


def adaptively_augmented(
    samples: Tensor,
    context: AugmentContext,
    *,
    probability: Strength | Schedule | None = None,
    blit: Strength = 1.0,
    geometry: Strength = 1.0,
    colour: Strength = 1.0,
    cutout: Strength = 0.0,
) -> Tensor:
    """Images of which each goes through each operation with the probability of the state.

    Args:
        samples: `(N, C, H, W)`.
        context: With the randomness, and the state's `probability`.
        probability: A fixed probability or a schedule, instead of the one that adapts.
        blit: Factor of the probability of mirrors, quarter turns and moves by whole pixels.
        geometry: Factor of the probability of scalings, rotations, stretches and moves.
        colour: Factor of the probability of changes of brightness, contrast, luma, hue and saturation.
        cutout: Factor of the probability of a square of zeros of half the side.

    Source: Karras et al. 2020 (Training Generative Adversarial Networks with Limited Data), appendix B.
    """
    count, _, height, width = samples.shape
    stream = context.randomness

    def draw(law: str) -> Tensor:
        law_of = torch.rand if law == "uniform" else torch.randn
        return law_of((count,), generator=stream, device=samples.device, dtype=samples.dtype)

    if probability is None:
        chance = context.state["probability"].to(samples.dtype)
    else:
        chance = samples.new_full((), value_at(probability, context.images_seen, context.run_images))

    def occurs(strength: float, *, twice: bool = False) -> Tensor:
        share = (chance * strength).clamp(0, 1)
        return draw("uniform") < (1 - torch.sqrt(1 - share) if twice else share)

    one = samples.new_ones(count)
    if blit or geometry:
        back = drawn_map(one, draw, occurs, height, width, blit=blit, geometry=geometry)
        samples = warped(samples, back)
    if colour:
        samples = with_colours(samples, drawn_colours(one, draw, occurs, colour))
    if cutout:
        near = [
            ((torch.arange(side, device=samples.device) + 0.5) / side - draw("uniform")[:, None]).abs() < 0.25
            for side in (width, height)
        ]
        cut = near[0][:, None, :] & near[1][:, :, None] & occurs(cutout)[:, None, None]
        samples = samples * ~cut[:, None]
    return samples


def adapted(
    state: State,
    real_scores: Tensor,
    fake_scores: Tensor,
    context: AugmentContext,
    *,
    probability: Strength | Schedule | None = None,
    target: Annotated[float, Field(gt=-1, lt=1)] = 0.6,
    images: Annotated[float, Field(gt=0)] = 500_000,
    every: Annotated[int, Field(ge=1)] = 4,
    most: Strength = 0.8,
) -> State:
    """The probability goes up while the discriminator is sure of the reals, and down while it is not.

    Args:
        state: `probability`, `r_t`, and the sums of the steps since the last change.
        real_scores: Scores of the reals, as the discriminator saw them.
        fake_scores: Not used.
        context: With the step.
        probability: A fixed probability or a schedule, which the state then shows.
        target: What the mean sign of the reals' scores, r_t, is held at.
        images: Reals in which the probability goes from 0 to 1 at the fastest.
        every: Steps between changes.
        most: The largest probability; beyond about 0.8 the samples begin to carry the augmentations.

    Source: Karras et al. 2020, section 3.1, r_t and the rule that follows it.
    """
    signs = state["signs"] + real_scores.detach().float().sign().sum()
    counted = state["counted"] + real_scores.numel()
    if (context.step + 1) % every:
        return {**state, "signs": signs, "counted": counted}
    sure, zero = signs / counted, torch.zeros_like(counted)
    if probability is None:
        moved = state["probability"] + torch.sign(sure - target) * (counted / images)
        moved = moved.clamp(0, most)
    else:
        moved = zero + value_at(probability, context.images_seen, context.run_images)
    return {"probability": moved, "r_t": sure, "signs": zero, "counted": zero.clone()}


ADA = Augmentation(
    name="ada",
    apply=adaptively_augmented,
    init=initial,
    update=adapted,
    summary="Warps and recolours images with a probability that adapts to the discriminator's overfitting.",
    source="Karras et al. 2020 (ADA), section 3 and appendix B",
    kinds=("image",),
    logs=("probability", "r_t"),
)
