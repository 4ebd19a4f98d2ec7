"""Consensus optimisation: both players also want the joint gradient field to vanish."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from poise.dynamics.dynamics import Dynamics, Logs, NextBatch
from poise.dynamics.joint import Joint, added, finish_step, flat_field, joint, update_both
from poise.dynamics.players import Gradients, Players


def consensus(
    players: Players, next_batch: NextBatch, step: int, *, weight: Annotated[float, Field(ge=0)] = 10.0
) -> Logs:
    """Simultaneous updates along the field plus `weight` times the gradient of half its squared norm.

    Differentiates twice: the networks' operators must allow it.

    Args:
        players: The two players.
        next_batch: Draws the next batch.
        step: The step of the run; not used.
        weight: Gamma of the paper; 0 gives simultaneous updates.

    Returns:
        What both players measured, and the norms of the directions of both updates.

    Source: Mescheder, Nowozin and Geiger 2017, equation 15 and algorithm 2.
    """
    field = joint(players, next_batch(), create_graph=True)
    gradients = consensus_gradients(players, field, weight)
    return {**update_both(players, field, gradients), **finish_step(players, field)}


def consensus_gradients(players: Players, field: Joint, weight: float) -> dict[str, Gradients]:
    """Both players' gradients with the pull towards points at which the field vanishes.

    Args:
        players: The two players.
        field: The field, with its graph.
        weight: What the pull is multiplied with.
    """
    parameters, gradients = flat_field(players, field)
    half_square = torch.stack([gradient.square().sum() for gradient in gradients]).sum() / 2
    if not half_square.requires_grad:  # a field that is the same everywhere pulls nowhere
        return added(players, field, [None] * len(parameters), weight)
    return added(players, field, torch.autograd.grad(half_square, parameters, allow_unused=True), weight)


CONSENSUS = Dynamics(
    name="consensus",
    step=consensus,
    summary="Both players also pull towards points without gradients; turns circling into converging.",
    source="Mescheder et al. 2017, algorithm 2",
    second_order=True,
)
