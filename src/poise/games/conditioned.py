"""A game played with conditions: each network is handed its sample's condition besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from poise.dynamics.game import Batch, Cost, Game, Networks, Played, State


@dataclass(frozen=True)
class Conditioned:
    """Another game, whose networks all take the batch's condition as their second argument.

    The game within knows nothing of it: it is handed networks that already hold the condition, so that every
    loss, penalty and dynamics serves conditional games as it is.

    Attributes:
        game: The game within.

    Source: Mirza and Osindero 2014, equation 2.
    """

    game: Game

    @property
    def players(self) -> tuple[str, str]:
        """Those of the game within."""
        return self.game.players

    def initial_state(self) -> dict[str, Tensor]:
        """That of the game within."""
        return self.game.initial_state()

    def play(self, networks: Networks, batch: Batch) -> Played:
        """What both are judged on, made under the batch's conditions."""
        return self.game.play(given(networks, batch), batch)

    def cost(self, player: str, networks: Networks, batch: Batch, played: Played, state: State) -> Cost:
        """What one player pays, each sample judged under its condition."""
        return self.game.cost(player, given(networks, batch), batch, played, state)

    def costs(self, networks: Networks, batch: Batch, played: Played, state: State) -> Mapping[str, Cost]:
        """What both pay at one point, each sample judged under its condition."""
        return self.game.costs(given(networks, batch), batch, played, state)

    def lazy_cost(self, networks: Networks, batch: Batch, played: Played) -> Cost | None:
        """The penalties that are due; the gradient is taken by the sample, with the condition held."""
        return self.game.lazy_cost(given(networks, batch), batch, played)

    def advance(self, state: State, cost: Cost) -> State:
        """The state of the game within."""
        return self.game.advance(state, cost)


class Given(nn.Module):
    """A network with its second argument held: a module, so that a penalty still finds its buffers.

    Args:
        network: `(samples or latents, condition)` to whatever it makes.
        condition: `(N, ...)`.
    """

    def __init__(self, network: Callable[..., Tensor], condition: Tensor) -> None:
        super().__init__()
        self.network = network
        self.condition = condition

    def forward(self, values: Tensor) -> Tensor:
        """What the network makes of the values under the condition."""
        return self.network(values, self.condition)


class AllGiven(Mapping[str, Given]):
    """Networks with the condition held, each made when it is first asked for: a move asks for one or two.

    Args:
        networks: By name.
        condition: `(N, ...)`.
    """

    def __init__(self, networks: Networks, condition: Tensor) -> None:
        self._networks, self._condition = networks, condition
        self._made: dict[str, Given] = {}

    def __getitem__(self, name: str) -> Given:
        if name not in self._made:
            self._made[name] = Given(self._networks[name], self._condition)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._networks)

    def __len__(self) -> int:
        return len(self._networks)


def given(networks: Networks, batch: Batch) -> AllGiven:
    """Every network with the batch's condition held.

    Raises:
        ValueError: The batch has none.
    """
    if batch.condition is None:
        raise ValueError("a conditional game was given a batch without conditions")
    return AllGiven(networks, batch.condition)
