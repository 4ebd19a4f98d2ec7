"""Extrapolation from the past: extragradient whose look ahead repeats the last update, at no further cost."""

from __future__ import annotations

import torch

from poise.dynamics.dynamics import Dynamics, Measured, NextBatch
from poise.dynamics.joint import follow_up, joint
from poise.dynamics.match import Match

PAST = "past_update"


def extrapolation_from_the_past(match: Match, next_batch: NextBatch, step: int) -> Measured:
    """Both players repeat their last update, and move from where they stood by the gradients found there.

    What is repeated is the optimiser's whole update: for plain gradient steps, the past gradient times the
    rate. The first step has no past and looks nowhere.

    Args:
        match: Who plays what; the last updates are kept in its memory.
        next_batch: Draws the next batch.
        step: The step of the run; not used.

    Returns:
        What both players measured ahead, and the norms of the gradients there.

    Source: Gidel et al. 2019, equations 18 and 19.
    """
    players = match.game.players
    here = {player: match.values(player) for player in players}
    for player in players:
        past = match.recalled(PAST, player)
        if past is not None:
            match.put(player, torch._foreach_add(here[player], past))
            match.project(player)
    ahead = joint(match, next_batch())
    measured = {name: value for player in players for name, value in ahead.costs[player].measured.items()}
    for player in players:
        match.put(player, here[player])
        seen = ahead.batch, ahead.played, ahead.costs[player]
        measured[f"{player}_gradient_norm"] = match.follow(player, ahead.gradients[player], seen)
        match.remember(PAST, player, torch._foreach_sub(match.values(player), here[player]))
        match.project(player)
    return {**measured, **follow_up(match, ahead)}


EXTRAPOLATION_FROM_THE_PAST = Dynamics(
    name="extrapolation-from-the-past",
    step=extrapolation_from_the_past,
    summary="Extragradient that looks ahead by its last update, at the price of a simultaneous step.",
    source="Gidel et al. 2019, equations 18 and 19",
)
