"""The players of many games at once: each update follows every game's own gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from poise.dynamics import Batch, PlayerLoss, Players
from poise.dynamics.game import Networks, Outputs, State
from poise.dynamics.players import Gradients, first_non_finite, gradients_by
from poise.recipes.settings import Optimiser
from poise.training.components import Scheduled, build_optimiser
from poise.training.vectorised.adam import StackedAdam, serves
from poise.training.vectorised.game import Batches, StackedGame


@dataclass(frozen=True)
class Share:
    """Neighbouring games whose player is updated by one optimiser."""

    first: int
    end: int  # The one after the last
    parameters: list[nn.Parameter]  # Views of the stacked parameters, in order
    scheduled: Scheduled | StackedAdam  # The optimiser over the views, with its settings

    @property
    def optimiser(self) -> torch.optim.Optimizer | StackedAdam:
        """The optimiser over the views."""
        return self.scheduled.optimiser


def shares(
    parameters: Mapping[str, Tensor], settings: Sequence[Optimiser], *, share: float, run_images: int
) -> list[Share]:
    """A player's optimisers: of Adam one for all games, of others one for each stretch with equal settings.

    `share` is as in `Scheduled`.
    """
    if serves(settings):
        whole = [nn.Parameter(value.detach()) for value in parameters.values()]
        return [Share(0, len(settings), whole, StackedAdam(whole, settings, share, run_images))]
    found, first = [], 0
    for own, group in groupby(settings):
        end = first + len(list(group))
        views = nn.ParameterList([nn.Parameter(value.detach()[first:end]) for value in parameters.values()])
        optimiser = build_optimiser(own, views, share=share, run_images=run_images)
        found.append(Share(first, end, list(views), Scheduled(own, share, optimiser)))
        first = end
    return found


@dataclass
class StackedPlayers:
    """What a dynamics asks of a `Players`, for G games at once."""

    game: StackedGame
    parameters: Mapping[str, Mapping[str, Tensor]]  # Each player's, by name, (G, ...)
    optimisers: Mapping[str, list[Share]]
    state: State  # The games' own numbers, (G,)
    projections: Mapping[str, Callable[[], None]]  # What is done to a player's parameters after its step
    sound: Tensor  # (G,), false once a game's gradient was not finite
    # By game that is not sound: the first tensor that was not finite, and in whose update
    culprits: dict[int, tuple[str, str]] = field(default_factory=dict)
    networks: Networks = field(default_factory=dict)  # None: the games call their own

    def advance(self, loss: PlayerLoss) -> None:
        """Take over the state that a player's update has changed."""
        if loss.state:
            self.state = {**self.state, **loss.state}

    def gradients(
        self, player: str, loss: PlayerLoss, *, keep_graph: bool = False, create_graph: bool = False
    ) -> Gradients:
        """Every game's gradient by one player's parameters, `(G, ...)` each."""
        parameters = self.parameters[player].values()
        return gradients_by(parameters, loss, keep_graph=keep_graph, create_graph=create_graph)

    def apply_gradients(
        self, player: str, gradients: Gradients, seen: tuple[Any, Outputs, PlayerLoss]
    ) -> Tensor:
        """One player's step in every game; the norm of each game's gradient, `(G,)`.

        A game whose gradient is not finite does not disturb the others; `sound` and `culprits` record it,
        and from then on its numbers mean nothing.
        """
        gradients = [None if gradient is None else gradient.detach() for gradient in gradients]
        norms = [
            torch.linalg.vector_norm(gradient.flatten(1), dim=1)
            for gradient in gradients
            if gradient is not None
        ]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms), dim=0)
        finite = torch.isfinite(norm)
        if norm.is_cpu and not bool(finite.all()):
            self._name_culprits(player, gradients, finite, seen)
        self.sound = self.sound & finite
        for share in self.optimisers[player]:
            for parameter, gradient in zip(share.parameters, gradients, strict=True):
                # In the parameter's own layout: torch's fused optimisers on a CPU read both as plain memory.
                parameter.grad = None if gradient is None else gradient[share.first : share.end].contiguous()
            share.optimiser.step()
            for parameter in share.parameters:
                parameter.grad = None
        if player in self.projections:
            self.projections[player]()
        return norm

    def _name_culprits(
        self, player: str, gradients: Gradients, finite: Tensor, seen: tuple[Batches, Outputs, PlayerLoss]
    ) -> None:
        batches, outputs, loss = seen
        for index in torch.nonzero(~finite).flatten().tolist():
            if index in self.culprits:
                continue
            alone = Players(
                game=self.game.game,
                networks={},
                parameters={who: _of(own, index) for who, own in self.parameters.items()},
                optimisers={},
            )
            batch = Batch(
                real=batches.real[index],
                latent=batches.latent[index],
                step=batches.step,
                generator=batches.generators[index],
            )
            own_gradients = [None if gradient is None else gradient[index] for gradient in gradients]
            own_loss = PlayerLoss(loss.value, _of(loss.logs, index))
            tensor = first_non_finite(alone, player, own_gradients, batch, _of(outputs, index), own_loss)
            self.culprits[index] = tensor, player


def _of(tensors: Mapping[str, Tensor], index: int) -> dict[str, Tensor]:
    return {name: value[index] for name, value in tensors.items()}
