"""What a dynamics asks of a game: players, a shared play, and a cost for each player."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

Networks = Mapping[str, Callable[..., Tensor]]
Played = Mapping[str, Tensor]
State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """What one move sees.

    Attributes:
        real: Reals in the networks' space, `(N, ...)`.
        latent: Latents, `(N, latent_size)`.
        step: The step of the run, from 0, for schedules.
        generator: Randomness of this batch alone, for penalties and noise.
        condition: What each sample is made from, `(N, ...)`: a class as a row of 0 and one 1, numbers, or an
            image; `None` where the game has none. Of two domains without pairs, samples of the first.
    """

    real: Tensor
    latent: Tensor
    step: int
    generator: torch.Generator
    condition: Tensor | None = None


class Cost(NamedTuple):
    """A player's cost.

    Attributes:
        value: A scalar that can be differentiated.
        measured: What was seen on the way, detached, for the history.
        carried: What the game's next state is made of, detached; it is not logged.
    """

    value: Tensor
    measured: Mapping[str, Tensor]
    carried: Mapping[str, Tensor] = MappingProxyType({})


class Game(Protocol):
    """Two players and what each pays. It knows no optimiser, no device and no file.

    `networks` maps names to callables: modules while one game is trained, functions of other parameters where
    a dynamics looks ahead or many games are stacked.
    """

    @property
    def players(self) -> tuple[str, str]:
        """Who plays, in the order in which they move: the discriminator's side first."""
        ...

    def initial_state(self) -> dict[str, Tensor]:
        """Numbers that the game carries from step to step."""
        ...

    def play(self, networks: Networks, batch: Batch) -> Played:
        """What both players are judged on, such as fakes, with its graph to the generator's parameters."""
        ...

    def cost(self, player: str, networks: Networks, batch: Batch, played: Played, state: State) -> Cost:
        """What one player pays, to be differentiated by that player's parameters alone."""
        ...

    def costs(self, networks: Networks, batch: Batch, played: Played, state: State) -> Mapping[str, Cost]:
        """What both pay at one point, sharing what can be shared."""
        ...

    def lazy_cost(self, networks: Networks, batch: Batch, played: Played) -> Cost | None:
        """The first player's penalties that are due at this step only; `None` where none is."""
        ...

    def advance(self, state: State, cost: Cost) -> State:
        """The state after the first player has moved."""
        ...


def detached(played: Played) -> dict[str, Tensor]:
    """The same values without their graph."""
    return {name: value.detach() for name, value in played.items()}
