"""Dynamics of the first order that look ahead: extragradient, its look from the past, optimistic updates."""

from __future__ import annotations

import torch

from poise.dynamics.game import Dynamics, Logs, NextBatch
from poise.dynamics.joint import finish_step, joint, update_both
from poise.dynamics.players import Players

PAST = "past_update"


def extragradient(players: Players, next_batch: NextBatch, step: int) -> Logs:
    """Both players' optimisers step ahead; the gradients there, on a further batch, update them from here.

    With Adam this is the paper's Extra-Adam: the moments follow both gradients.

    Args:
        players: The two players.
        next_batch: Draws the next batch; two are drawn.
        step: The step of the run; not used.

    Returns:
        What both players measured a step ahead, and the norms of the gradients there.

    Source: Gidel et al. 2019, algorithms 2 and 4; Korpelevich 1976.
    """
    names = players.game.players
    here = {player: players.values(player) for player in names}
    field = joint(players, next_batch())
    update_both(players, field, field.gradients)
    ahead = joint(players, next_batch())
    for player in names:
        players.set_values(player, here[player])
    return {**update_both(players, ahead, ahead.gradients), **finish_step(players, ahead)}


EXTRAGRADIENT = Dynamics(
    name="extragradient",
    step=extragradient,
    summary="Looks a step ahead and updates by the gradients there; converges if plain steps circle.",
    source="Gidel et al. 2019, algorithms 2 and 4",
    batches=lambda settings: 2,
)


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
