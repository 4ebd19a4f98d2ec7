"""The record that an augmentation is, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class AugmentContext:
    """What an augmentation is told besides the samples.

    Attributes:
        randomness: The randomness of this batch.
        step: The step of the run, from 0.
        images_seen: Reals that the discriminator has been shown so far.
        run_images: Reals in the whole run; 0 if that is not known.
        state: What the augmentation carries from step to step.
    """

    randomness: torch.Generator
    step: int
    images_seen: int
    run_images: int
    state: State


@dataclass(frozen=True)
class Augmentation:
    """What stands between samples and the discriminator; every term of a game sees through it.

    Attributes:
        name: What people type.
        apply: `(samples, context, **settings) -> samples`; it must let a gradient through.
        summary: One sentence on what it does.
        source: The paper.
        relabel: `(real_scores, fake_scores, context, **settings) -> (real_scores, fake_scores)` as the
            discriminator's adversarial loss sees them; `None` leaves them.
        init: `() -> state` at the start; `None` for nothing.
        update: `(state, real_scores, fake_scores, context, **settings) -> state` after the discriminator has
            moved.
        kinds: The names of the kinds of data that it fits; empty if it fits any.
        logs: Names of the state's numbers that the history shows, as `NAME_NUMBER`.

    Example:
        >>> double = Augmentation("double", lambda samples, context: 2 * samples, "Doubles.", "none")
        >>> context = AugmentContext(torch.Generator(), step=0, images_seen=0, run_images=0, state={})
        >>> double.apply(torch.ones(2), context)
        tensor([2., 2.])
    """

    name: str
    apply: Callable[..., Tensor]
    summary: str
    source: str
    relabel: Callable[..., tuple[Tensor, Tensor]] | None = None
    init: Callable[[], State] | None = None
    update: Callable[..., State] | None = None
    kinds: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """The functions whose keyword-only parameters are the settings."""
        return [self.apply, *(one for one in (self.relabel, self.update) if one is not None)]


def unchanged(samples: Tensor, context: AugmentContext) -> Tensor:
    """The samples themselves, for augmentations that only relabel."""
    return samples
