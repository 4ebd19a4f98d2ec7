"""Private updates: the critic learns from clipped, noised gradients of single rows, the generator from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from poise.dynamics.alternating import ALTERNATING, second_update
from poise.dynamics.game import Batch, Dynamics, Logs, NextBatch, PlayerLoss
from poise.dynamics.players import Players

CHUNK = 64
"""Rows whose gradients are held in memory at once."""

Gradients = dict[str, Tensor]


def per_sample_gradients(players: Players, batch: Batch, fakes: Tensor) -> Gradients:
    """The gradient of the first player's whole loss of each row alone, penalties included.

    Each row is a batch of its own with one fake, so a gradient depends on one row whatever the network does.

    Args:
        players: The two players.
        batch: Reals `(N, ...)`; what penalties draw is drawn for each row.
        fakes: As many fakes.

    Returns:
        Gradients by parameter, each `(N, *shape)`.

    Source: ours; torch.func.vmap over torch.func.grad.
    """
    first, _ = players.game.players
    networks = players.networks
    parameters = {name: value.detach() for name, value in players.parameters[first].items()}

    def loss(own: Gradients, real: Tensor, fake: Tensor) -> Tensor:
        def called(name: str) -> Callable[..., Tensor]:
            module = networks[name]
            assert isinstance(module, nn.Module)

            def call(*inputs: Tensor) -> Tensor:
                made: Tensor = functional_call(module, own, inputs)
                return made

            return call

        seen = {**networks, "discriminator": called("discriminator"), "critic": called("critic")}
        alone = replace(batch, real=real.unsqueeze(0))
        return players.game.loss(first, seen, alone, {"fake": fake.unsqueeze(0)}, players.state).value

    each = vmap(grad(loss), in_dims=(None, 0, 0), randomness="different")
    found: Gradients = each(parameters, batch.real, fakes)
    return found


def clipped_sum(players: Players, batch: Batch, fakes: Tensor, clip: float) -> list[Tensor]:
    """The sum over rows of their gradients, each scaled down to a norm of at most `clip`.

    Args:
        players: The two players.
        batch: Reals `(N, ...)`; there may be none.
        fakes: As many fakes.
        clip: The largest norm of a row's whole gradient.

    Returns:
        The sum for each parameter of the first player.

    Source: Abadi et al. 2016, algorithm 1.
    """
    first, _ = players.game.players
    total = [torch.zeros_like(parameter) for parameter in players.parameters[first].values()]
    for reals, made in _pieces(batch.real, fakes):
        found = list(per_sample_gradients(players, replace(batch, real=reals), made).values())
        norms = torch.stack([one.flatten(1).norm(dim=1) for one in found]).norm(dim=0)
        factor = (clip / norms.clamp_min(1e-12)).clamp_max(1.0)
        for place, one in enumerate(found):
            total[place] += torch.tensordot(factor, one, dims=1)
    return total


def _pieces(real: Tensor, fakes: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    if len(real):
        yield from zip(real.split(CHUNK), fakes.split(CHUNK), strict=True)


def private(
    players: Players,
    next_batch: NextBatch,
    step: int,
    *,
    expected: int,
    clip: float,
    noise: float,
    discriminator_steps: Annotated[int, Field(ge=1)] = 1,
    generator_steps: Annotated[int, Field(ge=1)] = 1,
) -> Logs:
    """One round of alternating updates, those of the first player by clipped and noised gradients.

    A batch holds as many reals as chance gave it. Its first `expected` latents are the second player's, whose
    number says nothing of the reals, and the others make the fakes beside the reals. What is logged depends
    on reals only through the noised gradient.

    Args:
        players: The two players.
        next_batch: Draws the next batch, each row by itself; its generator draws the noise, too.
        step: The step of the run; not used.
        expected: How many reals a batch has on average.
        clip: The largest norm of a row's whole gradient.
        noise: The deviation of the noise, in norms.
        discriminator_steps: Updates of the first player.
        generator_steps: Updates of the second player.

    Returns:
        The norms of gradients, and the logs of the second player.

    Source: Abadi et al. 2016, algorithm 1; Xie et al. 2018 for the critic alone.
    """
    first, second = players.game.players
    logs: dict[str, Tensor] = {}
    for _ in range(discriminator_steps):
        batch = next_batch()
        with torch.no_grad():
            fakes = players.game.forward(players.networks, replace(batch, latent=batch.latent[expected:]))
        total = clipped_sum(players, batch, fakes["fake"], clip)
        gradients = [
            (one + noise * clip * _normal(one, batch.generator)).div_(expected).detach() for one in total
        ]
        nothing = PlayerLoss(torch.zeros(()), {})
        seen: Any = replace(batch, real=batch.real[:0]), {}, nothing
        logs[f"{first}_gradient_norm"] = players.apply_gradients(first, gradients, seen)
    for done in range(generator_steps):
        batch = next_batch() if done else batch
        own = replace(batch, real=batch.real[:0], latent=batch.latent[:expected])
        logs |= second_update(players, second, own, players.game.forward(players.networks, own))
    return logs


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)


PRIVATE = Dynamics(
    name="private",
    step=private,
    summary="Alternating updates, the discriminator's by clipped, noised gradients of single rows.",
    source="Abadi et al. 2016, algorithm 1",
    batches=ALTERNATING.batches,
)
"""In the place of alternating updates in private runs; no choice of its own, since it needs a budget."""
