"""Alternating updates: the discriminator some times, then the generator; or each for a whole epoch."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from poise.dynamics.game import Batch, Dynamics, Logs, NextBatch, Outputs
from poise.dynamics.players import Players, detached, lazy_update


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


def alternating_by_epoch(
    players: Players,
    next_batch: NextBatch,
    step: int,
    *,
    epoch_steps: int,
    discriminator_epochs: Annotated[int, Field(ge=1)] = 1,
    generator_epochs: Annotated[int, Field(ge=1)] = 1,
) -> Logs:
    """One update of the player whose epoch it is.

    The schedule of introductory texts. The opponent of each player is constant for a whole epoch, so
    that it overfits to it: expect oscillation.

    Args:
        players: The two players.
        next_batch: Draws the next batch.
        step: The step of the run, from which the epoch follows.
        epoch_steps: Batches in an epoch.
        discriminator_epochs: Epochs of the first player in a row.
        generator_epochs: Epochs of the second player in a row.

    Returns:
        The logs of the player that was updated.
    """
    first, second = players.game.players
    batch = next_batch()
    epoch = step // epoch_steps % (discriminator_epochs + generator_epochs)
    firsts_turn = epoch < discriminator_epochs
    with torch.set_grad_enabled(not firsts_turn):
        outputs = players.game.forward(players.networks, batch)
    if firsts_turn:
        return first_update(players, first, batch, outputs)
    return second_update(players, second, batch, outputs)


ALTERNATING_BY_EPOCH = Dynamics(
    name="alternating-by-epoch",
    step=alternating_by_epoch,
    summary="The discriminator for an epoch, then the generator; the schedule of introductory texts.",
    source="introductory texts",
)
