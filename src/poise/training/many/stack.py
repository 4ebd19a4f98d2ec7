"""Games of one structure, stacked: networks, optimisers, averages and feeds, and their state as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from poise.data import Source
from poise.dynamics import DYNAMICS
from poise.dynamics.dynamics import Measured
from poise.games import NoiseToData
from poise.networks import twice_differentiable
from poise.penalties import clip_weights
from poise.recipes import Recipe
from poise.recipes.settings import Average
from poise.registry import bound
from poise.training.assemble import build_game, build_networks
from poise.training.average import followed
from poise.training.conditions import shapes_of
from poise.training.feed import Feed
from poise.training.held_out import training_feed
from poise.training.many.game import Batches, StackedGame
from poise.training.many.match import StackedMatch, shares
from poise.training.rates import Rates


@dataclass
class StackedAverage:
    """The averaged generators of G games; the arithmetic is that of `AveragedGenerator`.

    Attributes:
        settings: How slowly they follow.
        live: Parameters and buffers of the generators, by name.
        own: The averages; where there are none, the generators themselves.
    """

    settings: Average
    live: Mapping[str, Tensor]
    own: Mapping[str, Tensor]

    @torch.no_grad()
    def update(self, images: int, images_seen: int) -> None:
        """Follow the generators after a step."""
        share = followed(self.settings, images, images_seen)
        if share is None:
            return
        smooth = [name for name, value in self.own.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.own[name] for name in smooth], [self.live[name] for name in smooth], share)
        for name in self.own.keys() - set(smooth):
            self.own[name].copy_(self.live[name])

    @torch.no_grad()
    def current(self) -> Mapping[str, Tensor]:
        """The averages by name, `(G, ...)`."""
        if not self.settings.half_life:
            for name, value in self.own.items():
                value.copy_(self.live[name])
        return self.own


@dataclass
class Stack:
    """Games of one structure that are trained together.

    Attributes:
        games: Their numbers among all games of the sitting.
        recipes: Their resolved recipes.
        match: Networks and optimisers.
        average: The averaged generators.
        feeds: Each game's batches.
        module: One generator; only its structure is used.
        rates: The learning rates by step.
        window: What the steps since the last line of the history measured.
    """

    games: list[int]
    recipes: list[Recipe]
    match: StackedMatch
    average: StackedAverage
    feeds: list[Feed]
    module: nn.Module
    rates: Rates
    window: list[Measured] = field(default_factory=list)

    def next(self, step: int) -> Batches:
        """The next batch of every game."""
        batches = [feed.next(step) for feed in self.feeds]
        return Batches(
            real=torch.stack([batch.real for batch in batches]),
            latent=torch.stack([batch.latent for batch in batches]),
            step=step,
            generators=[batch.generator for batch in batches],
        )

    def step(self, step: int) -> int:
        """One update of every game.

        Returns:
            How many reals each was shown.
        """
        dynamics, feed = self.recipes[0].dynamics, self.feeds[0]
        before = feed.drawn
        self.rates.set(step)
        options = {**dynamics.options, "epoch_steps": feed.epoch_steps}
        make_step = bound(DYNAMICS.named(dynamics.name).step, options)
        self.window.append(dict(make_step(self.match, partial(self.next, step), step)))
        return (feed.drawn - before) * feed.samples

    @torch.no_grad()
    def samples(self, latent: Tensor) -> Tensor:
        """What the averaged generators make of latents `(G, N, latent_size)`, `(G, N, ...)` on the CPU."""
        was_training = self.module.training
        self.module.eval()
        try:
            made = vmap(lambda own, latent: functional_call(self.module, own, (latent,)))(
                dict(self.average.current()), latent
            )
        finally:
            self.module.train(was_training)
        samples: Tensor = made.float().cpu()
        return samples


def stack_games(
    games: Sequence[int],
    recipes: Sequence[Recipe],
    sources: Sequence[Source],
    device: torch.device,
    *,
    drawn: int = 0,
) -> Stack:
    """Build games of one structure; each one's weights are a function of its own seed.

    Args:
        games: Their numbers.
        recipes: Their resolved recipes, of one structure.
        sources: Their data.
        device: Where to put them.
        drawn: How many batches came before.
    """
    recipe, shapes = recipes[0], shapes_of(sources[0])
    pairs = [build_networks(own, shapes, {}) for own in recipes]
    modules = {player: module.to(device).train() for player, module in pairs[0].items()}
    parameters = {
        player: _stacked([dict(pair[player].named_parameters()) for pair in pairs], device, trained=True)
        for player in modules
    }
    buffers = {
        player: _stacked([dict(pair[player].named_buffers()) for pair in pairs], device) for player in modules
    }
    discriminator = modules["discriminator"]
    game = build_game(recipe, shapes)
    assert isinstance(game, NoiseToData)  # no other kind of game is served
    drawing = bool(game.penalties or game.label_flip or game.instance_noise)
    stacked = StackedGame(
        game=game,
        modules={
            **modules,
            "critic": twice_differentiable(discriminator) if recipe.penalties else discriminator,
        },
        parameters=parameters,
        buffers=buffers,
        weights=_weights(recipes, device),
        draws=drawing,
    )
    lazy = min((part.every for part in recipe.penalties.values() if part.every > 1), default=0)
    clipped, clip = list(parameters["discriminator"].values()), recipe.weight_clip
    match = StackedMatch(
        game=stacked,
        parameters=parameters,
        optimisers={
            player: shares(
                parameters[player],
                [getattr(own.optimisers, player) for own in recipes],
                lazy_every=lazy if player == "discriminator" else 0,
            )
            for player in parameters
        },
        state={name: value.to(device) for name, value in stacked.initial_state().items()},
        projections={"discriminator": partial(clip_weights, clipped, clip)} if clip else {},
        sound=torch.ones(len(games), dtype=torch.bool, device=device),
    )
    live = {
        name: value.detach() for name, value in {**parameters["generator"], **buffers["generator"]}.items()
    }
    average = StackedAverage(recipe.average, live, {name: value.clone() for name, value in live.items()})
    feeds = [
        training_feed(own, source, device, drawn=drawn) for own, source in zip(recipes, sources, strict=True)
    ]
    optimisers = {
        f"{player} {own.first}": own.optimiser
        for player in match.optimisers
        for own in match.optimisers[player]
    }
    rates = Rates(optimisers, constant_share=recipe.constant_rate_share, steps=recipe.steps or 0)
    return Stack(list(games), list(recipes), match, average, feeds, modules["generator"], rates)


def without(stack: Stack, places: Sequence[int], sources: Sequence[Source], device: torch.device) -> Stack:
    """The stack without some of its games, the others as they stand.

    Args:
        stack: What there is.
        places: Which of its games go.
        sources: The data of all its games.
        device: Where it lies.
    """
    kept = [place for place in range(len(stack.games)) if place not in places]
    state = {name: value[kept] for name, value in tensors(stack).items()}
    left = stack_games(
        [stack.games[place] for place in kept],
        [stack.recipes[place] for place in kept],
        [sources[place] for place in kept],
        device,
        drawn=stack.feeds[0].drawn,
    )
    put(left, state)
    left.window = [{name: value[kept] for name, value in one.items()} for one in stack.window]
    return left


def tensors(stack: Stack) -> dict[str, Tensor]:
    """Every tensor of the games' state, `(G, ...)` each, by the names of a single run's state."""
    match = stack.match
    found: dict[str, Tensor] = {}
    for player, own in match.parameters.items():
        for name, value in {**own, **match.game.buffers[player]}.items():
            found[f"network/{player}/{name}"] = value.detach()
    found |= {f"average/generator/{name}": value for name, value in stack.average.current().items()}
    found |= {f"game/{name}": value for name, value in match.state.items()}
    for player, own in match.parameters.items():
        for number, name in enumerate(own):
            slots: dict[str, list[Tensor]] = {}
            for share in match.optimisers[player]:
                state: Mapping[str, Any] = share.optimiser.state.get(share.parameters[number], {})
                for key, value in state.items():
                    if isinstance(value, Tensor):
                        games = share.end - share.first
                        slots.setdefault(key, []).append(value if value.dim() else value.repeat(games))
            found |= {f"optimiser/{player}/{name}/{key}": torch.cat(rows) for key, rows in slots.items()}
    return found


@torch.no_grad()
def put(stack: Stack, saved: Mapping[str, Tensor]) -> None:
    """Put a state of `tensors` into the games.

    Raises:
        KeyError: The state is of other networks.
    """
    match = stack.match
    for player, own in match.parameters.items():
        for name, value in {**own, **match.game.buffers[player]}.items():
            value.copy_(saved[f"network/{player}/{name}"])
    for name, value in stack.average.own.items():
        value.copy_(saved[f"average/generator/{name}"])
    for name, value in match.state.items():
        value.copy_(saved[f"game/{name}"])
    for player, own in match.parameters.items():
        for number, name in enumerate(own):
            prefix = f"optimiser/{player}/{name}/"
            slots = {
                key.removeprefix(prefix): value for key, value in saved.items() if key.startswith(prefix)
            }
            for share in match.optimisers[player]:
                parameter = share.parameters[number]
                if slots:
                    share.optimiser.state[parameter] = {
                        key: _slot(key, value[share.first : share.end], parameter)
                        for key, value in slots.items()
                    }


def _slot(key: str, value: Tensor, parameter: Tensor) -> Tensor:
    """One of an optimiser's tensors: as large as its parameter, or the one count of steps of all games."""
    return (value[0] if key == "step" else value).to(parameter.device).clone()


def _stacked(
    states: Sequence[Mapping[str, Tensor]], device: torch.device, *, trained: bool = False
) -> dict[str, Tensor]:
    return {
        name: torch.stack([state[name].detach() for state in states]).to(device).requires_grad_(trained)
        for name in states[0]
    }


def _weights(recipes: Sequence[Recipe], device: torch.device) -> Tensor | None:
    """The penalties' weights in each game, where they are not all the same."""
    rows = [[part.weight or 0.0 for part in recipe.penalties.values()] for recipe in recipes]
    if all(row == rows[0] for row in rows):
        return None
    return torch.tensor(rows, device=device)
