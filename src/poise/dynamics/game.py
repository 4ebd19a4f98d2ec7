"""What a dynamics asks of a game: two players, a forward pass, a loss for each; and what a dynamics is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

Networks = Mapping[str, Callable[..., Tensor]]
Outputs = Mapping[str, Tensor]
State = Mapping[str, Tensor]
Logs = Mapping[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """What one update sees.

    Attributes:
        real: Reals in the networks' space, `(N, ...)`.
        latent: Latents, `(N, latent_size)`.
        step: The step of the run, from 0, for terms that are applied now and then.
        generator: Randomness of this batch alone, for regularisers and augmentations.
        condition: What each sample is made from, `(N, ...)`: a class as a row of 0 and one 1, numbers, or an
            image; `None` if the game has none. Of two domains without pairs, samples of the first.
        images_seen: Reals that the discriminator was shown before this batch, for schedules.
        run_images: Reals in the whole run; 0 if that is not known.
    """

    real: Tensor
    latent: Tensor
    step: int
    generator: torch.Generator
    condition: Tensor | None = None
    images_seen: int = 0
    run_images: int = 0


class PlayerLoss(NamedTuple):
    """A player's loss.

    Attributes:
        value: A scalar that can be differentiated.
        logs: What was measured on the way, detached, for the history.
        state: The numbers of the game that change once this player is updated, detached.
    """

    value: Tensor
    logs: Mapping[str, Tensor]
    state: Mapping[str, Tensor] = MappingProxyType({})


class Game(Protocol):
    """Two players and their losses. It knows no optimiser, no device and no file.

    `networks` maps names to callables: modules while one game is trained, functions of other parameters if a
    dynamics looks ahead or many games are stacked.
    """

    @property
    def players(self) -> tuple[str, str]:
        """The names of the players in the order in which they are updated: the discriminator's side first."""
        ...

    def initial_state(self) -> dict[str, Tensor]:
        """Numbers that the game carries from step to step."""
        ...

    def forward(self, networks: Networks, batch: Batch) -> Outputs:
        """What both players are judged on, such as fakes, with its graph to the generator's parameters."""
        ...

    def loss(
        self, player: str, networks: Networks, batch: Batch, outputs: Outputs, state: State
    ) -> PlayerLoss:
        """The loss of one player, to be differentiated by that player's parameters alone."""
        ...

    def losses(
        self, networks: Networks, batch: Batch, outputs: Outputs, state: State
    ) -> Mapping[str, PlayerLoss]:
        """The losses of both at one point, sharing what can be shared."""
        ...

    def lazy_loss(
        self, player: str, networks: Networks, batch: Batch, outputs: Outputs | None, state: State
    ) -> PlayerLoss | None:
        """A player's terms that are due at this step only; `None` if none is.

        `outputs` are those of the step, or `None` to compute them again once their graph is gone.
        """
        ...


NextBatch = Callable[[], Batch]


def _one(settings: Mapping[str, Any]) -> int:
    return 1


@dataclass(frozen=True)
class Dynamics:
    """How two players are updated at once.

    Attributes:
        name: What people type.
        step: `(players, next_batch, step, **settings) -> logs`: one update of the game. The logs
            are detached tensors by name, on the device.
        summary: One sentence on what it does.
        source: Paper and equation.
        batches: From its settings to how many batches a step draws.
        second_order: Whether it differentiates gradients, which not every operator of a network allows.
    """

    name: str
    step: Callable[..., Logs]
    summary: str
    source: str
    batches: Callable[[Mapping[str, Any]], int] = _one
    second_order: bool = False
