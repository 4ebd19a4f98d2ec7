"""From a resolved recipe to everything that moves: networks, game, optimisers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from poise.dynamics import DYNAMICS, Dynamics, Game, Match
from poise.dynamics.match import in_memory_order
from poise.errors import PoiseError
from poise.penalties import clip_weights
from poise.randomness import derive
from poise.recipes import Recipe
from poise.recipes.settings import Optimiser
from poise.registry import bound
from poise.spec import DataSpec
from poise.tasks import GIVEN, TASKS
from poise.training.ema import EmaGenerator


@dataclass
class Components:
    """What a run trains.

    Attributes:
        recipe: The resolved recipe.
        match: The game with its networks and optimisers.
        dynamics: How the players move.
        modules: The networks that are trained, by player.
        ema: The averaged generator.
        device: Where it all lies.
    """

    recipe: Recipe
    match: Match
    dynamics: Dynamics
    modules: Mapping[str, nn.Module]
    ema: EmaGenerator
    device: torch.device


def assemble(
    recipe: Recipe,
    spec: DataSpec,
    device: torch.device,
    *,
    given: Mapping[str, nn.Module] | None = None,
) -> Components:
    """Build everything that a resolved recipe names; weights are a function of its seed.

    Args:
        recipe: A recipe without `auto`.
        spec: Of a sample and, where there is one, of a condition.
        device: Where to put it.
        given: The person's own modules, by player.

    Raises:
        PoiseError: A network cannot make or score this shape.
    """
    task = TASKS.named(recipe.game.name)
    modules = {
        player: channels_last(module.to(device)).train()
        for player, module in build_networks(recipe, spec, given or {}).items()
    }
    discriminator = modules["discriminator"]
    lazy = [part.every for part in recipe.penalties.values() if part.every > 1]
    game = build_game(recipe, spec)
    clip = recipe.weight_clip
    match = Match(
        game=game,
        networks=task.networks(recipe, modules),
        parameters={player: dict(module.named_parameters()) for player, module in modules.items()},
        optimisers={
            "discriminator": build_optimiser(
                recipe.optimisers.discriminator, discriminator, lazy_every=min(lazy, default=0)
            ),
            "generator": build_optimiser(recipe.optimisers.generator, modules["generator"]),
        },
        state={name: value.to(device) for name, value in game.initial_state().items()},
        projections={"discriminator": partial(clip_weights, list(discriminator.parameters()), clip)}
        if clip
        else {},
    )
    ema = _averaged(modules["generator"], recipe)
    return Components(recipe, match, DYNAMICS.named(recipe.dynamics.name), modules, ema, device)


def build_networks(recipe: Recipe, spec: DataSpec, given: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Both players' networks, with weights drawn from the recipe's seed."""
    task = TASKS.named(recipe.game.name)
    networks: dict[str, nn.Module] = {}
    with torch.random.fork_rng(devices=[]):
        for player in ("discriminator", "generator"):
            if player in given:
                networks[player] = given[player]
                continue
            torch.default_generator.manual_seed(derive(recipe.seed, 0, f"{player} weights"))
            if player == "generator":
                networks[player] = task.generator(recipe.generator, spec, recipe.latent.size)
            else:
                networks[player] = task.discriminator(recipe.discriminator, spec, recipe.packing)
    return networks


def build_game(recipe: Recipe, spec: DataSpec) -> Game:
    """The game of a resolved recipe; one that keeps images from step to step is told their shapes."""
    settings = {**recipe.game.options, "spec": spec}
    game: Game = bound(TASKS.named(recipe.game.name).game, settings)(recipe)
    return game


def _averaged(generator: nn.Module, recipe: Recipe) -> EmaGenerator:
    """The average, which begins as a copy of the generator."""
    try:
        return EmaGenerator(generator, recipe.ema)
    except Exception as error:
        if recipe.generator.name != GIVEN:
            raise
        raise PoiseError(
            "Your own generator cannot be averaged, since it cannot be copied",
            why=f"{type(error).__name__}: {error}",
            hint="let copy.deepcopy copy it: keep files, locks and the like out of the module",
        ) from None


def build_optimiser(settings: Optimiser, module: nn.Module, *, lazy_every: int = 0) -> torch.optim.Optimizer:
    """A player's optimiser.

    With a penalty on every k-th step the player makes k + 1 moves where it made k, so the rate and the decays
    are put to the power that keeps their effect over time (Karras et al. 2020, appendix B).

    Args:
        settings: Which, and its rates.
        module: Whose parameters it moves.
        lazy_every: k; 0 for none.
    """
    share = lazy_every / (lazy_every + 1) if lazy_every else 1.0
    parameters = [in_memory_order(parameter) for parameter in module.parameters()]
    rate = (settings.learning_rate or 0.0) * share
    if settings.name == "rmsprop":
        return torch.optim.RMSprop(
            parameters, lr=rate, alpha=settings.beta2**share, eps=settings.epsilon, foreach=True
        )
    if settings.name == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=settings.beta1**share, fused=True)
    betas = (settings.beta1**share, settings.beta2**share)
    return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=settings.epsilon, fused=True)


def channels_last(module: nn.Module) -> nn.Module:
    """The module itself, with the weights of its convolutions laid out with the channels last.

    Example:
        >>> weight = next(channels_last(nn.Conv2d(2, 3, 3)).parameters())
        >>> weight.is_contiguous(memory_format=torch.channels_last)
        True
    """
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # missing in torch's stub
