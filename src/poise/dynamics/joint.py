"""Both players' gradients at one point, both updates, and what follows them: simultaneous updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from poise.dynamics.game import Batch, Dynamics, Logs, NextBatch, Outputs, PlayerLoss
from poise.dynamics.players import Gradients, Players, detached, lazy_update


@dataclass(frozen=True)
class Joint:
    """The joint gradient field at one point.

    Attributes:
        batch: Where it was measured.
        outputs: What both were judged on, without its graph.
        losses: Each player's loss.
        gradients: Each player's gradient by its own parameters.
    """

    batch: Batch
    outputs: Outputs
    losses: Mapping[str, PlayerLoss]
    gradients: Mapping[str, Gradients]


def joint(players: Players, batch: Batch, *, create_graph: bool = False) -> Joint:
    """Both gradients at the current parameters; one forward of each network on fakes serves both.

    Args:
        players: The two players.
        batch: The batch.
        create_graph: Whether the gradients can be differentiated again.
    """
    first, second = players.game.players
    outputs = players.game.forward(players.networks, batch)
    losses = players.game.losses(players.networks, batch, outputs, players.state)
    gradients = {first: players.gradients(first, losses[first], keep_graph=True, create_graph=create_graph)}
    gradients[second] = players.gradients(second, losses[second], create_graph=create_graph)
    return Joint(batch, detached(outputs), losses, gradients)


def update_both(players: Players, field: Joint, gradients: Mapping[str, Gradients]) -> dict[str, Tensor]:
    """Update both players along `gradients`; both logs, and the norms of what they were updated along."""
    logs: dict[str, Tensor] = {}
    for player in players.game.players:
        logs |= field.losses[player].logs
    for player in players.game.players:
        seen = field.batch, field.outputs, field.losses[player]
        logs[f"{player}_gradient_norm"] = players.apply_gradients(player, gradients[player], seen)
    return logs


def finish_step(players: Players, field: Joint) -> Mapping[str, Tensor]:
    """After both updates: the game's own state, and each player's lazy terms in an update of their own."""
    first, second = players.game.players
    for player in (first, second):
        players.advance(field.losses[player])
    logs = lazy_update(players, first, field.batch, field.outputs)
    return logs | lazy_update(players, second, field.batch, None)


def flat_field(players: Players, field: Joint) -> tuple[list[Tensor], list[Tensor]]:
    """The parameters of both players that have a gradient, and the gradients."""
    pairs = [
        (parameter, gradient)
        for player in players.game.players
        for parameter, gradient in zip(
            players.parameters[player].values(), field.gradients[player], strict=True
        )
        if gradient is not None
    ]
    return [parameter for parameter, _ in pairs], [gradient for _, gradient in pairs]


def simultaneous(players: Players, next_batch: NextBatch, step: int) -> Logs:
    """Both gradients at one point, then both updates; one forward of each network on fakes serves both.

    Args:
        players: The two players.
        next_batch: Draws the next batch.
        step: The step of the run; not used.

    Returns:
        What both players measured, and the norms of the gradients.

    Source: Mescheder, Nowozin and Geiger 2017, algorithm 1.
    """
    field = joint(players, next_batch())
    return {**update_both(players, field, field.gradients), **finish_step(players, field)}


SIMULTANEOUS = Dynamics(
    name="simultaneous",
    step=simultaneous,
    summary="Both updates from the same point; the field that theory studies, and the cheapest step.",
    source="Mescheder et al. 2017, algorithm 1",
)
