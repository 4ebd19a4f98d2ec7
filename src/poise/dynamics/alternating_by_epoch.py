"""Alternating by epoch: the discriminator is trained for a whole epoch, then the generator."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from poise.dynamics.alternating import first_update, second_update
from poise.dynamics.dynamics import Dynamics, Logs, NextBatch
from poise.dynamics.players import Players


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
