"""Games of one structure, stacked: one step updates them all, and some of them can leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poise.data import Dataset, spec_of
from poise.dynamics import DYNAMICS
from poise.dynamics.game import Logs
from poise.games.view import own_part
from poise.recipes import Recipe
from poise.registry import bound, provided
from poise.regularisers import clip_weights
from poise.tasks import TASKS
from poise.training.batches import BatchSampler, Draw, training_batches
from poise.training.components import build_game, build_networks, run_images, trained_parameters
from poise.training.ema import EmaTensors
from poise.training.vectorised.game import Batches, StackedGame
from poise.training.vectorised.players import StackedPlayers, shares
from poise.training.vectorised.settings import own_settings, with_own_settings


@dataclass
class StackedState:
    """Games of one structure that are trained together."""

    games: list[int]  # Their numbers among all games of the session
    recipes: list[Recipe]
    players: StackedPlayers
    ema: EmaTensors  # The averaged generators
    samplers: list[BatchSampler]  # Each game's
    window: list[Logs] = field(default_factory=list)  # The logs since the last line of the history
    logs: Logs = field(default_factory=dict)  # Of the last step

    def next(self, step: int) -> Batches:
        """The next batch of every game."""
        draws = [sampler.draw() for sampler in self.samplers]
        batches = [
            sampler.batch(draw, real, step)
            for sampler, draw, real in zip(self.samplers, draws, self._reals(draws), strict=True)
        ]
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

    def _reals(self, draws: Sequence[Draw]) -> Iterable[Tensor]:
        """Each game's reals: fetched, moved and encoded at once if all games have the same rows."""
        first = self.samplers[0]
        if any(own.rows is not first.rows or own.vary is not None for own in self.samplers):
            return [own.encoded(draw.indices) for own, draw in zip(self.samplers, draws, strict=True)]
        together = first.encoded(np.concatenate([draw.indices for draw in draws]))
        return list(together.split(first.samples))

    @cached_property
    def make_step(self) -> Callable[..., Logs]:
        """The step of the dynamics with its settings filled in."""
        dynamics = self.recipes[0].dynamics
        step = bound(DYNAMICS.named(dynamics.name).step, dynamics.options)
        return provided(step, epoch_steps=self.samplers[0].epoch_steps)

    def step(self, step: int) -> int:
        """One update of every game; how many reals each was shown."""
        sampler = self.samplers[0]
        before = sampler.drawn
        for own in self.players.optimisers.values():
            for share in own:
                if share.scheduled.changes:
                    share.scheduled.set(sampler.drawn * sampler.samples, sampler.run_images)
        self.logs = dict(self.make_step(self.players, partial(self.next, step), step))
        self.window.append(self.logs)
        return (sampler.drawn - before) * sampler.samples


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
    """Put a state of `tensors` into the games; a `KeyError` if it is of other networks."""
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
            slots = own_part(saved, f"optimiser/{player}/{name}")
            for share in players.optimisers[player] if slots else ():
                parameter = share.parameters[number]
                share.optimiser.state[parameter] = {
                    key: _slot(key, value[share.first : share.end], parameter) for key, value in slots.items()
                }


def _slot(key: str, value: Tensor, parameter: Tensor) -> Tensor:
    """One of an optimiser's tensors: as large as its parameter, or the one count of steps of all games."""
    return (value[0] if key == "step" else value).to(parameter.device).clone()


def stack_games(
    games: Sequence[int],
    recipes: Sequence[Recipe],
    datasets: Sequence[Dataset],
    device: torch.device,
    *,
    drawn: int = 0,
) -> StackedState:
    """Build games of one structure; each one's weights are a function of its own seed."""
    recipe, spec = recipes[0], spec_of(datasets[0])
    pairs = [build_networks(own, spec, {}) for own in recipes]
    modules = {player: module.to(device).train() for player, module in pairs[0].items()}
    parameters = {
        player: _stacked([trained_parameters(pair[player]) for pair in pairs], device, trained=True)
        for player in modules
    }
    buffers = {player: _stacked([_untrained(pair[player]) for pair in pairs], device) for player in modules}
    game, images = build_game(recipe, spec), run_images(recipe)
    stacked = StackedGame(
        game=game,
        modules=dict(TASKS.named(recipe.game.name).networks(recipe, modules)),  # type: ignore[arg-type]  # modules
        parameters=parameters,
        buffers=buffers,
        own=own_settings(recipes, device),
        varied=partial(with_own_settings, game, recipe),
    )
    clipped = list(parameters["discriminator"].values())
    limits = [own.weight_clip for own in recipes if own.weight_clip is not None]
    players = StackedPlayers(
        game=stacked,
        parameters=parameters,
        optimisers={
            player: shares(
                parameters[player],
                [getattr(own.optimisers, player) for own in recipes],
                share=game.lazy_share(player),
                run_images=images,
            )
            for player in parameters
        },
        state={name: value.to(device) for name, value in stacked.initial_state().items()},
        projections={"discriminator": _clipping(clipped, limits)} if limits else {},
        sound=torch.ones(len(games), dtype=torch.bool, device=device),
    )
    live = {
        name: value.detach() for name, value in {**parameters["generator"], **buffers["generator"]}.items()
    }
    own = {name: value.clone() for name, value in live.items()}
    ema = EmaTensors(recipe.ema, live, own, set(parameters["generator"]))
    samplers = [
        training_batches(own, dataset, device, drawn=drawn)
        for own, dataset in zip(recipes, datasets, strict=True)
    ]
    return StackedState(list(games), list(recipes), players, ema, samplers)


def without(
    stack: StackedState, indices: Sequence[int], datasets: Sequence[Dataset], device: torch.device
) -> StackedState:
    """The stack without some of its games, by their indices; the others are unchanged."""
    left_indices = [index for index in range(len(stack.games)) if index not in indices]
    state = {name: value[left_indices] for name, value in tensors(stack).items()}
    left = stack_games(
        [stack.games[index] for index in left_indices],
        [stack.recipes[index] for index in left_indices],
        [datasets[index] for index in left_indices],
        device,
        drawn=stack.samplers[0].drawn,
    )
    set_values(left, state)
    left.window = [{name: value[left_indices] for name, value in one.items()} for one in stack.window]
    left.logs = {name: value[left_indices] for name, value in stack.logs.items()}
    return left


def _clipping(parameters: Sequence[Tensor], limits: Sequence[float]) -> Callable[[], None]:
    """Clips every game's weights within its own limit."""
    if len(set(limits)) == 1:
        return partial(clip_weights, parameters, limits[0])

    @torch.no_grad()
    def clip() -> None:
        for parameter in parameters:
            limit = torch.tensor(limits).to(parameter).view(-1, *(1,) * (parameter.dim() - 1))
            torch.clamp(parameter, -limit, limit, out=parameter.detach())

    return clip


def _untrained(module: nn.Module) -> dict[str, Tensor]:
    """Buffers, and parameters that are frozen, by name."""
    frozen = {name: value for name, value in module.named_parameters() if not value.requires_grad}
    return {**dict(module.named_buffers()), **frozen}


def _stacked(
    states: Sequence[Mapping[str, Tensor]], device: torch.device, *, trained: bool = False
) -> dict[str, Tensor]:
    return {
        name: torch.stack([state[name].detach().to(device) for state in states]).requires_grad_(trained)
        for name in states[0]
    }
