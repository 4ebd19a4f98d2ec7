"""Alternating updates: the discriminator is updated one or more times, then the generator."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from poise.dynamics.dynamics import Dynamics, Logs, NextBatch
from poise.dynamics.game import Batch, Outputs, detached
from poise.dynamics.players import Players, lazy_update


def alternating(
    players: Players,
    next_batch: NextBatch,
    step: int,
    *,
    discriminator_steps: Annotated[int, Field(ge=1)] = 1,
    generator_steps: Annotated[int, Field(ge=1)] = 1,
) -> Logs:
    """One round: `discriminator_steps` updates of the first player, then `generator_steps` of the second.

    The last forward pass of the generator before its own first update serves both players; the fakes of the
    updates before are made without a graph.

    Args:
        players: The two players.
        next_batch: Draws the next batch.
        step: The step of the run; not used.
        discriminator_steps: Updates of the first player, n_critic of Arjovsky et al.
        generator_steps: Updates of the second player.

    Returns:
        The logs of each player's last update, and the norms of the gradients.

    Source: Goodfellow et al. 2014, algorithm 1.
    """
    first, second = players.game.players
    logs: dict[str, torch.Tensor] = {}
    for left in reversed(range(discriminator_steps)):
        batch = next_batch()
        with torch.set_grad_enabled(left == 0):
            outputs = players.game.forward(players.networks, batch)
        logs |= first_update(players, first, batch, outputs)
    for done in range(generator_steps):
        if done:
            batch = next_batch()
            outputs = players.game.forward(players.networks, batch)
        logs |= second_update(players, second, batch, outputs)
    return logs


def first_update(players: Players, player: str, batch: Batch, outputs: Outputs) -> dict[str, torch.Tensor]:
    """The first player's update on fixed outputs, and one more for its lazy terms if any is due."""
    fixed = detached(outputs)
    logs = _update(players, player, batch, fixed)
    return logs | lazy_update(players, player, batch, fixed)


def second_update(players: Players, player: str, batch: Batch, outputs: Outputs) -> dict[str, torch.Tensor]:
    """The second player's update through the outputs, and one more for its lazy terms if any is due."""
    logs = _update(players, player, batch, outputs)
    return logs | lazy_update(players, player, batch, None)


def _update(players: Players, player: str, batch: Batch, outputs: Outputs) -> dict[str, torch.Tensor]:
    loss = players.game.loss(player, players.networks, batch, outputs, players.state)
    norm = players.apply_gradients(player, players.gradients(player, loss), (batch, outputs, loss))
    players.advance(loss)
    return {**loss.logs, f"{player}_gradient_norm": norm}


ALTERNATING = Dynamics(
    name="alternating",
    step=alternating,
    summary="The discriminator is updated n times, then the generator m times; the usual way.",
    source="Goodfellow et al. 2014, algorithm 1",
    batches=lambda settings: settings.get("discriminator_steps", 1) + settings.get("generator_steps", 1) - 1,
)
