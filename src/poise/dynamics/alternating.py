"""Alternating updates: the discriminator moves one or more times, then the generator."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from poise.dynamics.dynamics import Dynamics, Measured, NextBatch
from poise.dynamics.game import Batch, Played, detached
from poise.dynamics.match import Match


def alternating(
    match: Match,
    next_batch: NextBatch,
    step: int,
    *,
    discriminator_steps: Annotated[int, Field(ge=1)] = 1,
    generator_steps: Annotated[int, Field(ge=1)] = 1,
) -> Measured:
    """One round: `discriminator_steps` moves of the first player, then `generator_steps` of the second.

    The last forward of the generator before its own first move serves both players; the fakes of the moves
    before are made without a graph.

    Args:
        match: Who plays what.
        next_batch: Draws the next batch.
        step: The step of the run; not used.
        discriminator_steps: Moves of the first player, n_critic of Arjovsky et al.
        generator_steps: Moves of the second player.

    Returns:
        What each player's last move measured, and the norms of the gradients.

    Source: Goodfellow et al. 2014, algorithm 1.
    """
    first, second = match.game.players
    measured: dict[str, torch.Tensor] = {}
    for left in reversed(range(discriminator_steps)):
        batch = next_batch()
        with torch.set_grad_enabled(left == 0):
            played = match.game.play(match.networks, batch)
        measured |= first_move(match, first, batch, played)
    for done in range(generator_steps):
        if done:
            batch = next_batch()
            played = match.game.play(match.networks, batch)
        measured |= second_move(match, second, batch, played)
    return measured


def first_move(match: Match, player: str, batch: Batch, played: Played) -> dict[str, torch.Tensor]:
    """The first player's move on what was played, and its lazy penalties in a move of their own."""
    game, fixed = match.game, detached(played)
    cost = game.cost(player, match.networks, batch, fixed, match.state)
    norm = match.move(player, match.gradients(player, cost), (batch, fixed, cost))
    match.state = game.advance(match.state, cost)
    measured = {**cost.measured, f"{player}_gradient_norm": norm}
    lazy = game.lazy_cost(match.networks, batch, fixed)
    if lazy is not None:
        match.move(player, match.gradients(player, lazy), (batch, fixed, lazy))
        measured |= lazy.measured
    return measured


def second_move(match: Match, player: str, batch: Batch, played: Played) -> dict[str, torch.Tensor]:
    """The second player's move through what was played."""
    cost = match.game.cost(player, match.networks, batch, played, match.state)
    norm = match.move(player, match.gradients(player, cost), (batch, played, cost))
    return {**cost.measured, f"{player}_gradient_norm": norm}


ALTERNATING = Dynamics(
    name="alternating",
    step=alternating,
    summary="The discriminator moves n times, then the generator m times; the usual way.",
    source="Goodfellow et al. 2014, algorithm 1",
)
