"""Extrapolation from the past: extragradient whose look ahead repeats the last update, at no further cost."""

from __future__ import annotations

import torch

from poise.dynamics.dynamics import Dynamics, Logs, NextBatch
from poise.dynamics.joint import finish_step, joint
from poise.dynamics.players import Players

PAST = "past_update"


def extrapolation_from_the_past(players: Players, next_batch: NextBatch, step: int) -> Logs:
    """Both players repeat their last update, and are updated from their old point by the gradients there.

    What is repeated is the optimiser's whole update: for plain gradient steps, the past gradient times the
    rate. The first step has no past and looks nowhere.

    Args:
        players: The two players; the last updates are kept in its memory.
        next_batch: Draws the next batch.
        step: The step of the run; not used.

    Returns:
        What both players measured ahead, and the norms of the gradients there.

    Source: Gidel et al. 2019, equations 18 and 19.
    """
    names = players.game.players
    here = {player: players.values(player) for player in names}
    for player in names:
        past = players.recall(PAST, player)
        if past is not None:
            players.set_values(player, torch._foreach_add(here[player], past))
            players.project(player)
    ahead = joint(players, next_batch())
    logs = {name: value for player in names for name, value in ahead.losses[player].logs.items()}
    for player in names:
        players.set_values(player, here[player])
        seen = ahead.batch, ahead.outputs, ahead.losses[player]
        logs[f"{player}_gradient_norm"] = players.optimizer_step(player, ahead.gradients[player], seen)
        players.remember(PAST, player, torch._foreach_sub(players.values(player), here[player]))
        players.project(player)
    return {**logs, **finish_step(players, ahead)}


EXTRAPOLATION_FROM_THE_PAST = Dynamics(
    name="extrapolation-from-the-past",
    step=extrapolation_from_the_past,
    summary="Extragradient that looks ahead by its last update, at the price of a simultaneous step.",
    source="Gidel et al. 2019, equations 18 and 19",
)
