"""Both players' gradients at one point, and what follows both moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.dynamics.game import Batch, Cost, Played, detached
from poise.dynamics.match import Gradients, Match


@dataclass(frozen=True)
class Joint:
    """The joint gradient field at one point.

    Attributes:
        batch: Where it was measured.
        played: What both were judged on, without its graph.
        costs: What each player pays.
        gradients: Each player's gradient by its own parameters.
    """

    batch: Batch
    played: Played
    costs: Mapping[str, Cost]
    gradients: Mapping[str, Gradients]


def joint(match: Match, batch: Batch, *, create_graph: bool = False) -> Joint:
    """Both gradients at the point where the players stand; one forward of each network on fakes serves both.

    Args:
        match: Who plays what.
        batch: The batch.
        create_graph: Whether the gradients can be differentiated again.
    """
    first, second = match.game.players
    played = match.game.play(match.networks, batch)
    costs = match.game.costs(match.networks, batch, played, match.state)
    gradients = {first: match.gradients(first, costs[first], keep_graph=True, create_graph=create_graph)}
    gradients[second] = match.gradients(second, costs[second], create_graph=create_graph)
    return Joint(batch, detached(played), costs, gradients)


def move_both(match: Match, field: Joint, gradients: Mapping[str, Gradients]) -> dict[str, Tensor]:
    """Both players move along `gradients`; what both measured, and the norms of what they moved along."""
    measured: dict[str, Tensor] = {}
    for player in match.game.players:
        measured |= field.costs[player].measured
    for player in match.game.players:
        seen = field.batch, field.played, field.costs[player]
        measured[f"{player}_gradient_norm"] = match.move(player, gradients[player], seen)
    return measured


def follow_up(match: Match, field: Joint) -> Mapping[str, Tensor]:
    """What comes after both moves: the game's own state, and lazy penalties in a move of their own."""
    first, _ = match.game.players
    match.state = match.game.advance(match.state, field.costs[first])
    lazy = match.game.lazy_cost(match.networks, field.batch, field.played)
    if lazy is None:
        return {}
    match.move(first, match.gradients(first, lazy), (field.batch, field.played, lazy))
    return lazy.measured


def flat_field(match: Match, field: Joint) -> tuple[list[Tensor], list[Tensor]]:
    """The parameters that the field moves, of both players in turn, and the gradient of each."""
    pairs = [
        (parameter, gradient)
        for player in match.game.players
        for parameter, gradient in zip(
            match.parameters[player].values(), field.gradients[player], strict=True
        )
        if gradient is not None
    ]
    return [parameter for parameter, _ in pairs], [gradient for _, gradient in pairs]


def added(
    match: Match, field: Joint, corrections: Sequence[Tensor | None], weight: float | Tensor
) -> dict[str, Gradients]:
    """The field plus `weight` times a correction for each of its parameters, by player.

    Args:
        match: Who plays what.
        field: The field.
        corrections: In the order of `flat_field`; `None` for no correction.
        weight: What they are multiplied with.
    """
    left = iter(corrections)
    with torch.no_grad():
        return {
            player: [
                None if gradient is None else _sum(gradient.detach(), next(left), weight)
                for gradient in field.gradients[player]
            ]
            for player in match.game.players
        }


def _sum(gradient: Tensor, correction: Tensor | None, weight: float | Tensor) -> Tensor:
    return gradient if correction is None else gradient + weight * correction
