"""Simultaneous updates: both players are updated from the same point."""

from __future__ import annotations

from poise.dynamics.dynamics import Dynamics, Logs, NextBatch
from poise.dynamics.joint import finish_step, joint, update_both
from poise.dynamics.players import Players


def simultaneous(players: Players, next_batch: NextBatch, step: int) -> Logs:
    """Both gradients at one point, then both updates; one forward of each network on fakes serves both.

    Args:
        players: The two players.
        next_batch: Draws the next batch.
        step: The step of the run; not used.

    Returns:
        What both players measured, and the norms of the gradients.

    Source: Mescheder, Nowozin and Geiger 2017, algorithm 1.
    """
    field = joint(players, next_batch())
    return {**update_both(players, field, field.gradients), **finish_step(players, field)}


SIMULTANEOUS = Dynamics(
    name="simultaneous",
    step=simultaneous,
    summary="Both updates from the same point; the field that theory studies, and the cheapest step.",
    source="Mescheder et al. 2017, algorithm 1",
)
