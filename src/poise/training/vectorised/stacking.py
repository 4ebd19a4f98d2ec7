"""Games of one structure become a stack, and a stack loses some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from poise.data import Dataset, spec_of
from poise.recipes import Recipe
from poise.regularisers import clip_weights
from poise.tasks import TASKS
from poise.tasks.build import regulariser_term
from poise.training.components import build_game, build_networks, run_images
from poise.training.ema import EmaTensors
from poise.training.held_out import training_batches
from poise.training.vectorised.game import StackedGame
from poise.training.vectorised.players import StackedPlayers, shares
from poise.training.vectorised.stack import StackedState, set_values, tensors


def stack_games(
    games: Sequence[int],
    recipes: Sequence[Recipe],
    datasets: Sequence[Dataset],
    device: torch.device,
    *,
    drawn: int = 0,
) -> StackedState:
    """Build games of one structure; each one's weights are a function of its own seed.

    Args:
        games: Their numbers.
        recipes: Their resolved recipes, of one structure.
        datasets: Their data.
        device: Where to put them.
        drawn: How many batches came before.
    """
    recipe, spec = recipes[0], spec_of(datasets[0])
    pairs = [build_networks(own, spec, {}) for own in recipes]
    modules = {player: module.to(device).train() for player, module in pairs[0].items()}
    parameters = {
        player: _stacked([dict(pair[player].named_parameters()) for pair in pairs], device, trained=True)
        for player in modules
    }
    buffers = {
        player: _stacked([dict(pair[player].named_buffers()) for pair in pairs], device) for player in modules
    }
    game, images = build_game(recipe, spec), run_images(recipe)
    stacked = StackedGame(
        game=game,
        modules=dict(TASKS.named(recipe.game.name).networks(recipe, modules)),  # type: ignore[arg-type]  # modules
        parameters=parameters,
        buffers=buffers,
        weights=_weights(recipes, device),
    )
    clipped, clip = list(parameters["discriminator"].values()), recipe.weight_clip
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
        projections={"discriminator": partial(clip_weights, clipped, clip)} if clip else {},
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
    return StackedState(list(games), list(recipes), players, ema, samplers, modules["generator"])


def without(
    stack: StackedState, indices: Sequence[int], datasets: Sequence[Dataset], device: torch.device
) -> StackedState:
    """The stack without some of its games; the others are unchanged.

    Args:
        stack: What there is.
        indices: Which of its games go.
        datasets: The data of all its games.
        device: Where it lies.
    """
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


def _stacked(
    states: Sequence[Mapping[str, Tensor]], device: torch.device, *, trained: bool = False
) -> dict[str, Tensor]:
    return {
        name: torch.stack([state[name].detach() for state in states]).to(device).requires_grad_(trained)
        for name in states[0]
    }


def _weights(recipes: Sequence[Recipe], device: torch.device) -> dict[str, Tensor]:
    """The weights of those regularisers whose weight differs between games, by term."""
    found = {}
    for name in recipes[0].regularisers:
        terms = [regulariser_term(name, recipe.regularisers[name]) for recipe in recipes]
        weights = [term.weight for term in terms]
        if any(weight != weights[0] for weight in weights):
            found[terms[0].name] = torch.tensor(weights, device=device)
    return found
