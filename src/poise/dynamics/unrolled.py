"""Unrolled: the generator answers the discriminator as it will be some steps from now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from poise.dynamics.alternating import first_update
from poise.dynamics.game import Batch, Dynamics, Logs, Networks, NextBatch, Outputs
from poise.dynamics.players import Players, lazy_update
from poise.errors import PoiseError

SECOND_MOMENTS = ("exp_avg_sq", "square_avg")


def unrolled(
    players: Players, next_batch: NextBatch, step: int, *, unrolled_steps: Annotated[int, Field(ge=0)] = 5
) -> Logs:
    """The discriminator is updated; then the generator, against the discriminator some steps ahead.

    What is unrolled is `unrolled_steps` plain gradient steps of the discriminator on this batch, each slope
    times the rate and, for Adam and RMSProp, divided by the root of the running second moment. That
    moment is updated with each step and is a constant when differentiated; momentum is not unrolled. The
    generator's gradient runs through all of the steps, which are then forgotten.

    Args:
        players: The two players; the networks must be modules.
        next_batch: Draws the next batch.
        step: The step of the run; not used.
        unrolled_steps: K of the paper; 0 gives alternating updates.

    Returns:
        What both players measured, and the norms of the gradients.

    Raises:
        PoiseError: The discriminator's networks are no modules.

    Source: Metz et al. 2017, equations 7 to 10.
    """
    game = players.game
    first, second = game.players
    batch = next_batch()
    outputs = game.forward(players.networks, batch)
    logs = first_update(players, first, batch, outputs)
    ahead = networks_ahead(players, first, batch, outputs, unrolled_steps)
    loss = game.loss(second, ahead, batch, outputs, players.state)
    norm = players.apply_gradients(second, players.gradients(second, loss), (batch, outputs, loss))
    players.advance(loss)
    logs |= {**loss.logs, f"{second}_gradient_norm": norm}
    return logs | lazy_update(players, second, batch, None)


def networks_ahead(players: Players, player: str, batch: Batch, outputs: Outputs, steps: int) -> Networks:
    """The networks after `steps` differentiable steps of one player; the players are not changed."""
    optimiser, networks = players.optimisers[player], players.networks
    values = list(players.parameters[player].values())
    moments = [_second_moment(slots) for slots in players.slots(player)]
    for number in range(1, steps + 1):
        loss = players.game.loss(player, networks, batch, outputs, players.state)
        slopes = torch.autograd.grad(loss.value, values, create_graph=True, allow_unused=True)
        for index, slope in enumerate(slopes):
            if slope is not None:
                size, moments[index] = _step_size(optimiser, moments[index], slope.detach(), number)
                values[index] = values[index] - size * slope
        networks = _at(players, player, values)
    return networks


def _second_moment(slots: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | float] | None:
    """A parameter's running second moment and its number of updates; `None` if the optimiser has none."""
    found = next((slots[name] for name in SECOND_MOMENTS if name in slots), None)
    return None if found is None else (found, slots["step"])


def _step_size(
    optimiser: torch.optim.Optimizer,
    moment: tuple[Tensor, Tensor | float] | None,
    slope: Tensor,
    number: int,
) -> tuple[Tensor | float, tuple[Tensor, Tensor | float] | None]:
    """What a slope is multiplied with, and the second moment updated by it."""
    group = optimiser.param_groups[0]
    rate: float = group["lr"]
    if moment is None:
        return rate, None
    decay = group["betas"][1] if "betas" in group else group["alpha"]
    value, updates = moment
    value = decay * value + (1 - decay) * slope.square()
    share = 1 - decay ** (updates + number) if "betas" in group else 1.0
    return rate / ((value / share).sqrt() + group["eps"]), (value, updates)


def _at(players: Players, player: str, values: list[Tensor]) -> Networks:
    """The networks with other parameters for one player."""
    replaced = {
        id(one): value for one, value in zip(players.parameters[player].values(), values, strict=True)
    }
    views: dict[str, Callable[..., Tensor]] = {}
    for name, network in players.networks.items():
        if not isinstance(network, nn.Module):
            raise PoiseError(
                f"The unrolled dynamics cannot look ahead through '{name}'",
                code="dynamics.not-a-module",
                why="it is no torch module",
                hint="make it one, or choose the dynamics 'extragradient'",
            )
        own = {key: replaced[id(one)] for key, one in network.named_parameters() if id(one) in replaced}
        views[name] = _view(network, own) if own else network
    return views


def _view(network: nn.Module, parameters: Mapping[str, Tensor]) -> Callable[..., Tensor]:
    """The network with other parameters; running statistics are copies: no trace is left."""

    def call(*arguments: Tensor) -> Tensor:
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
        result: Tensor = functional_call(network, {**parameters, **buffers}, arguments)
        return result

    return call


UNROLLED = Dynamics(
    name="unrolled",
    step=unrolled,
    summary="The generator answers the discriminator as it will be some steps from now; keeps modes.",
    source="Metz et al. 2017, equations 7 to 10",
    second_order=True,
)
