"""A game whose generator pays for more than its scores: for the distance to a target, say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from poise.dynamics.game import Batch, Cost, Game, Networks, Played, State


@dataclass(frozen=True)
class Auxiliary:
    """A further cost of the generator.

    Attributes:
        name: What it is called in the history, with `_loss` after it.
        cost: `(networks, batch, fake) -> (N,)`.
        weight: What it is multiplied with.
    """

    name: str
    cost: Callable[[Networks, Batch, Tensor], Tensor]
    weight: float


@dataclass(frozen=True)
class WithAuxiliaries:
    """Another game, to whose generator's cost further ones are added.

    Attributes:
        game: The game within.
        auxiliaries: What is added.
        adversarial: What the generator's cost in the game within is multiplied with.

    Source: Isola et al. 2017, equation 4.
    """

    game: Game
    auxiliaries: tuple[Auxiliary, ...]
    adversarial: float = 1.0

    @property
    def players(self) -> tuple[str, str]:
        """Those of the game within."""
        return self.game.players

    def initial_state(self) -> dict[str, Tensor]:
        """That of the game within."""
        return self.game.initial_state()

    def play(self, networks: Networks, batch: Batch) -> Played:
        """What the game within plays."""
        return self.game.play(networks, batch)

    def cost(self, player: str, networks: Networks, batch: Batch, played: Played, state: State) -> Cost:
        """The cost in the game within; the generator's with what is added."""
        cost = self.game.cost(player, networks, batch, played, state)
        return cost if player == self.players[0] else self._added(cost, networks, batch, played)

    def costs(self, networks: Networks, batch: Batch, played: Played, state: State) -> Mapping[str, Cost]:
        """Both costs at one point."""
        costs = self.game.costs(networks, batch, played, state)
        second = self.players[1]
        return {**costs, second: self._added(costs[second], networks, batch, played)}

    def lazy_cost(self, networks: Networks, batch: Batch, played: Played) -> Cost | None:
        """That of the game within."""
        return self.game.lazy_cost(networks, batch, played)

    def advance(self, state: State, cost: Cost) -> State:
        """The state of the game within."""
        return self.game.advance(state, cost)

    def _added(self, cost: Cost, networks: Networks, batch: Batch, played: Played) -> Cost:
        value, measured = self.adversarial * cost.value, dict(cost.measured)
        for one in self.auxiliaries:
            mean = one.cost(networks, batch, played["fake"]).mean()
            value = value + one.weight * mean
            measured[f"{one.name}_loss"] = mean.detach()
        return Cost(value, measured, cost.carried)


def absolute_error(networks: Networks, batch: Batch, fake: Tensor) -> Tensor:
    """The mean absolute difference of each sample to its target, `(N,)`.

    Args:
        networks: Not used.
        batch: With the targets as its reals.
        fake: What was made, `(N, ...)`.

    Source: Isola et al. 2017, equation 3.
    """
    return (fake - batch.real).abs().flatten(1).mean(1)


def squared_error(networks: Networks, batch: Batch, fake: Tensor) -> Tensor:
    """The mean squared difference of each sample to its target, `(N,)`.

    Args:
        networks: Not used.
        batch: With the targets as its reals.
        fake: What was made, `(N, ...)`.

    Source: Pathak et al. 2016, equation 1.
    """
    return (fake - batch.real).square().flatten(1).mean(1)


def feature_error(networks: Networks, batch: Batch, fake: Tensor) -> Tensor:
    """The difference of what the discriminator sees in samples and in their targets, `(N,)`.

    Args:
        networks: With `features`, `(samples, condition) -> (N, values)`.
        batch: With the targets as its reals.
        fake: What was made, `(N, ...)`.

    Source: Wang et al. 2018 (pix2pixHD), equation 4.
    """
    seen, wanted = (networks["features"](samples, batch.condition) for samples in (fake, batch.real))
    return (seen - wanted.detach()).abs().sum(1)


def perceptual_error(extractor: Callable[[Tensor], Tensor]) -> Callable[[Networks, Batch, Tensor], Tensor]:
    """The mean squared difference of features of samples and of their targets.

    Args:
        extractor: Samples `(N, ...)` to features `(N, d)`, frozen, with their gradient: an extractor of
            `poise.metrics.features` cuts it off, its `module` does not.

    Returns:
        `(networks, batch, fake) -> (N,)`.

    Source: Johnson et al. 2016, equation 2.
    """

    def cost(networks: Networks, batch: Batch, fake: Tensor) -> Tensor:
        return (extractor(fake) - extractor(batch.real)).square().flatten(1).mean(1)

    return cost
