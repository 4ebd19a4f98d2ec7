"""One game played by many pairs of networks at once: the first dimension of every tensor is the game."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from poise.dynamics import Batch, Cost
from poise.dynamics.game import Networks, Played, State
from poise.games import NoiseToData
from poise.training.many.draws import OwnDraws

Tensors = Mapping[str, Tensor]

SERVED_GAMES = ("noise-to-data",)
"""The kinds of games that can be stacked."""


@dataclass(frozen=True)
class Batches:
    """What one move of each of G games sees.

    Attributes:
        real: Reals in the networks' space, `(G, N, ...)`.
        latent: Latents, `(G, N, latent_size)`.
        step: The step of the run.
        generators: The randomness of each game's batch.
    """

    real: Tensor
    latent: Tensor
    step: int
    generators: Sequence[torch.Generator]


@dataclass(frozen=True)
class StackedGame:
    """A game whose costs are those of G independent games, mapped over their stacked parameters.

    A cost's value is the sum over games, whose gradient by the stacked parameters is each game's own; what
    is measured keeps the games apart.

    Attributes:
        game: The game that each pair plays.
        modules: One pair of networks and the critic; only their structure is used.
        parameters: By player and name, `(G, ...)`.
        buffers: By player and name, `(G, ...)`; networks that keep statistics write into them.
        weights: The weights of the penalties in each game, `(G, penalties)`; `None` where all are the game's.
        draws: Whether the game draws numbers of its own.
    """

    game: NoiseToData
    modules: Mapping[str, nn.Module]
    parameters: Mapping[str, Tensors]
    buffers: Mapping[str, Tensors]
    weights: Tensor | None = None
    draws: bool = False
    _stand_in: torch.Generator = field(default_factory=torch.Generator)

    @property
    def players(self) -> tuple[str, str]:
        """The discriminator, then the generator."""
        return self.game.players

    def initial_state(self) -> dict[str, Tensor]:
        """The loss's state at the start of each game."""
        return {name: value.repeat(self._count) for name, value in self.game.initial_state().items()}

    def play(self, networks: Networks, batches: Batches) -> Played:
        """Fakes from every game's latents."""
        played: Played = self._mapped(lambda game, own, batch, _: dict(game.play(own, batch)), batches, {})
        return played

    def cost(self, player: str, networks: Networks, batches: Batches, played: Played, state: State) -> Cost:
        """The sum of what one player pays in every game."""

        def one(game: NoiseToData, own: Networks, batch: Batch, given: Any) -> Any:
            cost = game.cost(player, own, batch, given["played"], given["state"])
            return cost.value, dict(cost.measured)

        values, measured = self._mapped(one, batches, {"played": dict(played), "state": dict(state)})
        return Cost(values.sum(), measured)

    def costs(self, networks: Networks, batches: Batches, played: Played, state: State) -> dict[str, Cost]:
        """The sums of what both pay."""

        def one(game: NoiseToData, own: Networks, batch: Batch, given: Any) -> Any:
            costs = game.costs(own, batch, given["played"], given["state"])
            return {player: (cost.value, dict(cost.measured)) for player, cost in costs.items()}

        both = self._mapped(one, batches, {"played": dict(played), "state": dict(state)})
        return {player: Cost(values.sum(), measured) for player, (values, measured) in both.items()}

    def lazy_cost(self, networks: Networks, batches: Batches, played: Played) -> Cost | None:
        """The sum of the penalties that are due now; `None` where none is."""
        if not any(one.every > 1 and batches.step % one.every == 0 for one in self.game.penalties):
            return None

        def one(game: NoiseToData, own: Networks, batch: Batch, given: Any) -> Any:
            cost = game.lazy_cost(own, batch, given)
            assert cost is not None  # one is due
            return cost.value, dict(cost.measured)

        values, measured = self._mapped(one, batches, dict(played))
        return Cost(values.sum(), measured)

    def advance(self, state: State, cost: Cost) -> State:
        """Each game's state after its discriminator has moved."""
        if not state:
            return state
        advanced: State = vmap(
            lambda own, measured: dict(self.game.advance(own, Cost(measured["real_scores"].mean(), measured)))
        )(dict(state), dict(cost.measured))
        return advanced

    @property
    def _count(self) -> int:
        return len(next(iter(self.parameters["generator"].values())))

    def _mapped(
        self, function: Callable[[NoiseToData, Networks, Batch, Any], Any], batches: Batches, given: Any
    ) -> Any:
        """`function(game, networks, batch, given)` in every game."""

        def one(
            parameters: Any,
            buffers: Any,
            real: Tensor,
            latent: Tensor,
            weights: Any,
            place: Tensor,
            given: Any,
        ) -> Any:
            batch = Batch(real=real, latent=latent, step=batches.step, generator=self._stand_in)
            drawing = OwnDraws(self._stand_in, batches.generators, place) if self.draws else nullcontext()
            with drawing:
                return function(self._game(weights), self._networks(parameters, buffers), batch, given)

        weights = {} if self.weights is None else {"weights": self.weights}
        places = torch.arange(self._count, device=batches.real.device)
        return vmap(one, randomness="same")(
            dict(self.parameters), dict(self.buffers), batches.real, batches.latent, weights, places, given
        )

    def _game(self, weights: Tensors) -> NoiseToData:
        if not weights:
            return self.game
        own = zip(self.game.penalties, weights["weights"].unbind(), strict=True)
        penalties = tuple(
            replace(one, weight=weight)  # type: ignore[arg-type]  # all that is done with it is a product
            for one, weight in own
        )
        return replace(self.game, penalties=penalties)

    def _networks(self, parameters: Any, buffers: Any) -> Networks:
        def call(name: str, player: str, samples: Tensor) -> Tensor:
            own = {**parameters[player], **buffers[player]}
            made: Tensor = functional_call(self.modules[name], own, (samples,))
            return made

        def critic(points: Tensor) -> Tensor:
            # Penalties leave running statistics as they are.
            copies = {name: value.clone() for name, value in buffers["discriminator"].items()}
            own = {**parameters["discriminator"], **copies}
            scores: Tensor = functional_call(self.modules["critic"], own, (points,))
            return scores

        return {
            "generator": partial(call, "generator", "generator"),
            "discriminator": partial(call, "discriminator", "discriminator"),
            "critic": critic,
        }
