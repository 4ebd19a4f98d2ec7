"""Optimistic mirror descent: each update counts twice, less the one before."""

from __future__ import annotations

import torch

from poise.dynamics.dynamics import Dynamics, Measured, NextBatch
from poise.dynamics.joint import follow_up, joint
from poise.dynamics.match import Match

PAST = "past_update"


def optimistic(match: Match, next_batch: NextBatch, step: int) -> Measured:
    """Both players move by twice their optimiser's update less the update of the step before.

    With Adam this is the paper's Optimistic Adam. The first step has no past and is a plain one.

    Args:
        match: Who plays what; the last updates are kept in its memory.
        next_batch: Draws the next batch.
        step: The step of the run; not used.

    Returns:
        What both players measured, and the norms of the gradients.

    Source: Daskalakis et al. 2018, equation 4 and algorithm 1.
    """
    players = match.game.players
    field = joint(match, next_batch())
    measured = {name: value for player in players for name, value in field.costs[player].measured.items()}
    for player in players:
        here, past = match.values(player), match.recalled(PAST, player)
        seen = field.batch, field.played, field.costs[player]
        measured[f"{player}_gradient_norm"] = match.follow(player, field.gradients[player], seen)
        there = match.values(player)
        update = torch._foreach_sub(there, here)
        if past is not None:
            match.put(player, torch._foreach_add(there, torch._foreach_sub(update, past)))
        match.remember(PAST, player, update)
        match.project(player)
    return {**measured, **follow_up(match, field)}


OPTIMISTIC = Dynamics(
    name="optimistic",
    step=optimistic,
    summary="Each update counts twice, less the one before, which foresees the other player's move.",
    source="Daskalakis et al. 2018, algorithm 1",
)
