"""Extragradient: look a step ahead, come back, and move by what was found there."""

from __future__ import annotations

from poise.dynamics.dynamics import Dynamics, Measured, NextBatch
from poise.dynamics.joint import follow_up, joint, move_both
from poise.dynamics.match import Match


def extragradient(match: Match, next_batch: NextBatch, step: int) -> Measured:
    """Both players' optimisers step ahead; the gradients there, on a further batch, move them from here.

    With Adam this is the paper's Extra-Adam: the moments follow both gradients.

    Args:
        match: Who plays what.
        next_batch: Draws the next batch; two are drawn.
        step: The step of the run; not used.

    Returns:
        What both players measured a step ahead, and the norms of the gradients there.

    Source: Gidel et al. 2019, algorithms 2 and 4; Korpelevich 1976.
    """
    players = match.game.players
    here = {player: match.values(player) for player in players}
    field = joint(match, next_batch())
    move_both(match, field, field.gradients)
    ahead = joint(match, next_batch())
    for player in players:
        match.put(player, here[player])
    return {**move_both(match, ahead, ahead.gradients), **follow_up(match, ahead)}


EXTRAGRADIENT = Dynamics(
    name="extragradient",
    step=extragradient,
    summary="Looks a step ahead and moves by what it finds there; converges where plain steps circle.",
    source="Gidel et al. 2019, algorithms 2 and 4",
)
