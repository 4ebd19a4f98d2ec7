"""Simultaneous updates: both players move from the same point."""

from __future__ import annotations

from poise.dynamics.dynamics import Dynamics, Measured, NextBatch
from poise.dynamics.joint import follow_up, joint, move_both
from poise.dynamics.match import Match


def simultaneous(match: Match, next_batch: NextBatch, step: int) -> Measured:
    """Both gradients at one point, then both moves; one forward of each network on fakes serves both.

    Args:
        match: Who plays what.
        next_batch: Draws the next batch.
        step: The step of the run; not used.

    Returns:
        What both players measured, and the norms of the gradients.

    Source: Mescheder, Nowozin and Geiger 2017, algorithm 1.
    """
    field = joint(match, next_batch())
    return {**move_both(match, field, field.gradients), **follow_up(match, field)}


SIMULTANEOUS = Dynamics(
    name="simultaneous",
    step=simultaneous,
    summary="Both players move from the same point; the field that theory studies, and the cheapest step.",
    source="Mescheder et al. 2017, algorithm 1",
)
