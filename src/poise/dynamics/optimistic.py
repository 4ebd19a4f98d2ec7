"""Optimistic mirror descent: each update counts twice, less the one before."""

from __future__ import annotations

import torch

from poise.dynamics.dynamics import Dynamics, Logs, NextBatch
from poise.dynamics.joint import finish_step, joint
from poise.dynamics.players import Players

PAST = "past_update"


def optimistic(players: Players, next_batch: NextBatch, step: int) -> Logs:
    """Both players are updated by twice their optimiser's update less the update of the step before.

    With Adam this is the paper's Optimistic Adam. The first step has no past and is a plain one.

    Args:
        players: The two players; the last updates are kept in its memory.
        next_batch: Draws the next batch.
        step: The step of the run; not used.

    Returns:
        What both players measured, and the norms of the gradients.

    Source: Daskalakis et al. 2018, equation 4 and algorithm 1.
    """
    names = players.game.players
    field = joint(players, next_batch())
    logs = {name: value for player in names for name, value in field.losses[player].logs.items()}
    for player in names:
        here, past = players.values(player), players.recall(PAST, player)
        seen = field.batch, field.outputs, field.losses[player]
        logs[f"{player}_gradient_norm"] = players.optimizer_step(player, field.gradients[player], seen)
        there = players.values(player)
        update = torch._foreach_sub(there, here)
        if past is not None:
            players.set_values(player, torch._foreach_add(there, torch._foreach_sub(update, past)))
        players.remember(PAST, player, update)
        players.project(player)
    return {**logs, **finish_step(players, field)}


OPTIMISTIC = Dynamics(
    name="optimistic",
    step=optimistic,
    summary="Each update counts twice, less the one before, which foresees the other player's update.",
    source="Daskalakis et al. 2018, algorithm 1",
)
