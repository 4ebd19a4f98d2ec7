"""Simultaneous updates: both players move from the same point."""

from __future__ import annotations

from poise.dynamics.dynamics import Dynamics, Measured, NextBatch
from poise.dynamics.game import detached
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
    game = match.game
    first, second = game.players
    batch = next_batch()
    played = game.play(match.networks, batch)
    costs = game.costs(match.networks, batch, played, match.state)
    first_gradients = match.gradients(first, costs[first], keep_graph=True)
    second_gradients = match.gradients(second, costs[second])
    measured = {**costs[first].measured, **costs[second].measured}
    seen = batch, detached(played)
    measured[f"{first}_gradient_norm"] = match.move(first, first_gradients, (*seen, costs[first]))
    measured[f"{second}_gradient_norm"] = match.move(second, second_gradients, (*seen, costs[second]))
    match.state = game.advance(match.state, costs[first])
    lazy = game.lazy_cost(match.networks, batch, seen[1])
    if lazy is not None:
        match.move(first, match.gradients(first, lazy), (*seen, lazy))
        measured |= lazy.measured
    return measured


SIMULTANEOUS = Dynamics(
    name="simultaneous",
    step=simultaneous,
    summary="Both players move from the same point; the field that theory studies, and the cheapest step.",
    source="Mescheder et al. 2017, algorithm 1",
)
