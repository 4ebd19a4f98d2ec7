"""Extragradient: both players look a step ahead and update by the gradients found there."""

from __future__ import annotations

from poise.dynamics.dynamics import Dynamics, Logs, NextBatch
from poise.dynamics.joint import finish_step, joint, update_both
from poise.dynamics.players import Players


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
