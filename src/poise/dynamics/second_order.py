"""Dynamics that differentiate the gradient field: consensus optimisation, symplectic gradient adjustment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from poise.dynamics.game import Dynamics, Logs, NextBatch
from poise.dynamics.joint import Joint, finish_step, flat_field, joint, update_both
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


def symplectic_gradient_adjustment(
    players: Players,
    next_batch: NextBatch,
    step: int,
    *,
    weight: Annotated[float, Field(ge=0)] = 1.0,
    alignment: Annotated[float, Field(ge=0)] = 0.1,
) -> Logs:
    """Simultaneous updates along the field plus `weight` times its turning part, transposed, applied to it.

    The field's Jacobian J falls into a symmetric part and a turning part A = (J - J')/2. The correction A'
    times the field is added if it leads towards stable points and subtracted elsewhere. Differentiates
    twice, and once more for J times the field.

    Args:
        players: The two players.
        next_batch: Draws the next batch.
        step: The step of the run; not used.
        weight: Size of the correction; 0 gives simultaneous updates.
        alignment: Epsilon of the paper, in favour of adding if the sign is close to undecided.

    Returns:
        What both players measured, and the norms of the directions of both updates.

    Source: Balduzzi et al. 2018, algorithm 1.
    """
    field = joint(players, next_batch(), create_graph=True)
    parameters, gradients = flat_field(players, field)
    uphill, turned = _jacobian_products(parameters, gradients)
    fixed = [gradient.detach() for gradient in gradients]
    correction = [(left - right) / 2 for left, right in zip(uphill, turned, strict=True)]
    size = sum(parameter.numel() for parameter in parameters)
    sign = torch.sign(_dot(fixed, uphill) * _dot(correction, uphill) / size + alignment)
    adjusted = added(players, field, correction, weight * sign)
    return {**update_both(players, field, adjusted), **finish_step(players, field)}


def _jacobian_products(
    parameters: Sequence[Tensor], gradients: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """J' times the field and J times the field, where J is the field's Jacobian."""
    zeros = [torch.zeros_like(parameter) for parameter in parameters]
    depending = [gradient for gradient in gradients if gradient.requires_grad]
    if not depending:
        return zeros, zeros
    weights = [gradient.detach().requires_grad_() for gradient in depending]
    transposed = torch.autograd.grad(
        depending, parameters, weights, create_graph=True, allow_unused=True, materialize_grads=True
    )
    # The product with J' is linear in the weights, so its own transpose is the product with J.
    fixed = [gradient.detach() for gradient in gradients]
    linear = [(one, by) for one, by in zip(transposed, fixed, strict=True) if one.requires_grad]
    straight = torch.autograd.grad(
        [one for one, _ in linear],
        weights,
        [by for _, by in linear],
        allow_unused=True,
        materialize_grads=True,
    )
    found = iter(straight)
    products = [
        next(found) if one.requires_grad else zero for one, zero in zip(gradients, zeros, strict=True)
    ]
    return [one.detach() for one in transposed], products


def _dot(left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    return torch.stack([(one * other).sum() for one, other in zip(left, right, strict=True)]).sum()


SYMPLECTIC_GRADIENT_ADJUSTMENT = Dynamics(
    name="symplectic-gradient-adjustment",
    step=symplectic_gradient_adjustment,
    summary="Bends the part of the field that turns towards stable points; leaves the rest as it is.",
    source="Balduzzi et al. 2018, algorithm 1",
    second_order=True,
)


def added(
    players: Players, field: Joint, corrections: Sequence[Tensor | None], weight: float | Tensor
) -> dict[str, Gradients]:
    """The field plus `weight` times a correction for each of its parameters, by player.

    Args:
        players: The two players.
        field: The field.
        corrections: In the order of `flat_field`; `None` for no correction.
        weight: What they are multiplied with.
    """
    left = iter(corrections)
    with torch.no_grad():
        return {
            player: [
                None if gradient is None else _sum(gradient.detach(), next(left), weight)
                for gradient in field.gradients[player]
            ]
            for player in players.game.players
        }


def _sum(gradient: Tensor, correction: Tensor | None, weight: float | Tensor) -> Tensor:
    return gradient if correction is None else gradient + weight * correction
