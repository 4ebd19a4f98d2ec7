"""The record that a regulariser is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from poise.spec import DataSpec

Critic = Callable[[Tensor], Tensor]


class SeenBatch(Protocol):
    """The part of a batch that regularisers of the generator use."""

    @property
    def latent(self) -> Tensor:
        """Latents, `(N, latent_size)`."""
        ...

    @property
    def condition(self) -> Tensor | None:
        """Conditions, `(N, ...)`."""
        ...


class SeenByRegularisers(Protocol):
    """The part of a game's view that regularisers use."""

    @property
    def critic(self) -> Critic:
        """From samples to scores, through the augmentations, in a form that can be differentiated twice."""
        ...

    def slopes(self, side: str) -> tuple[Tensor, int] | None:
        """Gradients of the scores of reals or fakes by these, and how many scores; `None` if not at hand."""
        ...

    @property
    def real(self) -> Tensor:
        """Reals, `(N, ...)`."""
        ...

    @property
    def fake(self) -> Tensor:
        """Fakes, `(N, ...)`."""
        ...

    @property
    def networks(self) -> Mapping[str, Any]:
        """The networks of the game by name; of many games at once, functions."""
        ...

    @property
    def batch(self) -> SeenBatch:
        """The latents and conditions from which fakes are made."""
        ...

    def remembered(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        """A value that is computed once for all that asks for it at this point."""
        ...

    @property
    def real_scores(self) -> Tensor:
        """Scores of the reals, `(N,)` or `(N, ...)`."""
        ...

    def augmented(self, samples: Tensor) -> Tensor:
        """Samples as the discriminator sees them."""
        ...

    @property
    def randomness(self) -> torch.Generator:
        """The randomness of this batch."""
        ...

    @property
    def state(self) -> Mapping[str, Tensor]:
        """The numbers that the regulariser carries from step to step."""
        ...


@dataclass(frozen=True)
class Regulariser:
    """What a player pays besides its adversarial loss.

    Attributes:
        name: What people type.
        player: Who pays.
        value: `(view, **settings) -> (N,)`; its keyword-only parameters are the settings.
        weight: The weight of its paper, or `(spec, gradient_weight) -> float` if it depends on the data;
            `gradient_weight` is what the kind of data asks for, and of images grows with the pixels.
        summary: One sentence on what it does.
        source: Paper and equation.
        init: `() -> state`: what it carries from step to step at the start; `None` for nothing.
        update: `(state, view, **settings) -> state` after the player has moved.
        needs_parts: Names of parts that the network of its player must have.
        slopes_at: Whose scores it differentiates by the samples: `"real"` or `"fake"`, if it can take the
            gradients from the view's `slopes`.
    """

    name: str
    player: Literal["discriminator", "generator"]
    value: Callable[..., Tensor]
    weight: float | Callable[[DataSpec, float], float]
    summary: str
    source: str
    init: Callable[[], Mapping[str, Tensor]] | None = None
    update: Callable[..., Mapping[str, Tensor]] | None = None
    needs_parts: tuple[str, ...] = ()
    slopes_at: Literal["real", "fake"] | None = None

    def default_weight(self, spec: DataSpec, gradient_weight: float) -> float:
        """The weight for these data if a recipe gives none."""
        return self.weight(spec, gradient_weight) if callable(self.weight) else self.weight

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """The functions whose keyword-only parameters are the settings."""
        return [self.value, *([self.update] if self.update else [])]
