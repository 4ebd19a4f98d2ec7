"""Games of one structure, stacked: one step updates them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from poise.dynamics import DYNAMICS
from poise.dynamics.game import Logs
from poise.recipes import Recipe
from poise.registry import bound, provided
from poise.training.batches import BatchSampler
from poise.training.ema import EmaTensors
from poise.training.vectorised.game import Batches
from poise.training.vectorised.players import StackedPlayers


@dataclass
class StackedState:
    """Games of one structure that are trained together.

    Attributes:
        games: Their numbers among all games of the session.
        recipes: Their resolved recipes.
        players: Networks and optimisers.
        ema: The averaged generators.
        samplers: Each game's batches.
        module: One generator; only its structure is used.
        window: What the steps since the last line of the history measured.
        logs: What the last step measured.
    """

    games: list[int]
    recipes: list[Recipe]
    players: StackedPlayers
    ema: EmaTensors
    samplers: list[BatchSampler]
    module: nn.Module
    window: list[Logs] = field(default_factory=list)
    logs: Logs = field(default_factory=dict)

    def next(self, step: int) -> Batches:
        """The next batch of every game."""
        batches = [sampler.next(step) for sampler in self.samplers]
        return Batches(
            real=torch.stack([batch.real for batch in batches]),
            latent=torch.stack([batch.latent for batch in batches]),
            step=step,
            generators=[batch.generator for batch in batches],
            condition=None
            if batches[0].condition is None
            else torch.stack([batch.condition for batch in batches if batch.condition is not None]),
            images_seen=batches[0].images_seen,
            run_images=batches[0].run_images,
        )

    @cached_property
    def make_step(self) -> Callable[..., Logs]:
        """The step of the dynamics with its settings filled in."""
        dynamics = self.recipes[0].dynamics
        step = bound(DYNAMICS.named(dynamics.name).step, dynamics.options)
        return provided(step, epoch_steps=self.samplers[0].epoch_steps)

    def step(self, step: int) -> int:
        """One update of every game.

        Returns:
            How many reals each was shown.
        """
        sampler = self.samplers[0]
        before = sampler.drawn
        for shares in self.players.optimisers.values():
            for share in shares:
                if share.scheduled.changes:
                    share.scheduled.set(sampler.drawn * sampler.samples, sampler.run_images)
        self.logs = dict(self.make_step(self.players, partial(self.next, step), step))
        self.window.append(self.logs)
        return (sampler.drawn - before) * sampler.samples

    @torch.no_grad()
    def samples(self, latent: Tensor) -> Tensor:
        """What the averaged generators make of latents `(G, N, latent_size)`, `(G, N, ...)` on the CPU."""
        was_training = self.module.training
        self.module.eval()
        try:
            made = vmap(lambda own, latent: functional_call(self.module, own, (latent,)))(
                dict(self.ema.current()), latent
            )
        finally:
            self.module.train(was_training)
        samples: Tensor = made.float().cpu()
        return samples


def tensors(stack: StackedState) -> dict[str, Tensor]:
    """Every tensor of the games' state, `(G, ...)` each, by the names of a single run's state."""
    players = stack.players
    found: dict[str, Tensor] = {}
    for player, own in players.parameters.items():
        for name, value in {**own, **players.game.buffers[player]}.items():
            found[f"network/{player}/{name}"] = value.detach()
    found |= {f"ema/generator/{name}": value for name, value in stack.ema.current().items()}
    found |= {f"game/{name}": value for name, value in players.state.items()}
    for player, own in players.parameters.items():
        for number, name in enumerate(own):
            slots: dict[str, list[Tensor]] = {}
            for share in players.optimisers[player]:
                state: Mapping[str, Any] = share.optimiser.state.get(share.parameters[number], {})
                for key, value in state.items():
                    if isinstance(value, Tensor):
                        games = share.end - share.first
                        slots.setdefault(key, []).append(value if value.dim() else value.repeat(games))
            found |= {f"optimiser/{player}/{name}/{key}": torch.cat(rows) for key, rows in slots.items()}
    return found


@torch.no_grad()
def set_values(stack: StackedState, saved: Mapping[str, Tensor]) -> None:
    """Put a state of `tensors` into the games.

    Raises:
        KeyError: The state is of other networks.
    """
    players = stack.players
    for player, own in players.parameters.items():
        for name, value in {**own, **players.game.buffers[player]}.items():
            value.copy_(saved[f"network/{player}/{name}"])
    for name, value in stack.ema.own.items():
        value.copy_(saved[f"ema/generator/{name}"])
    for name, value in players.state.items():
        value.copy_(saved[f"game/{name}"])
    for player, own in players.parameters.items():
        for number, name in enumerate(own):
            prefix = f"optimiser/{player}/{name}/"
            slots = {
                key.removeprefix(prefix): value for key, value in saved.items() if key.startswith(prefix)
            }
            for share in players.optimisers[player]:
                parameter = share.parameters[number]
                if slots:
                    share.optimiser.state[parameter] = {
                        key: _slot(key, value[share.first : share.end], parameter)
                        for key, value in slots.items()
                    }


def _slot(key: str, value: Tensor, parameter: Tensor) -> Tensor:
    """One of an optimiser's tensors: as large as its parameter, or the one count of steps of all games."""
    return (value[0] if key == "step" else value).to(parameter.device).clone()
