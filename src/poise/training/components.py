"""From a resolved recipe to everything that is trained: networks, game, optimisers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from poise.dynamics import DYNAMICS, Dynamics, Players
from poise.errors import PoiseError
from poise.games import AdversarialGame
from poise.randomness import derive
from poise.recipes import Recipe
from poise.registry import provided
from poise.regularisers import clip_weights
from poise.spec import DataSpec
from poise.tasks import GIVEN, TASKS
from poise.training.ema import EmaGenerator
from poise.training.engine import channels_last
from poise.training.optimisers import Scheduled, build_optimiser

PLAYERS = ("discriminator", "generator")


@dataclass
class Components:
    """What a run trains.

    Attributes:
        recipe: The resolved recipe.
        players: The game with its networks and optimisers.
        dynamics: How the players are updated.
        modules: The networks that are trained, by player.
        ema: The averaged generator.
        device: Where it all lies.
        scheduled: Optimisers some of whose settings change with the images seen.
    """

    recipe: Recipe
    players: Players
    dynamics: Dynamics
    modules: Mapping[str, nn.Module]
    ema: EmaGenerator
    device: torch.device
    scheduled: list[Scheduled] = field(default_factory=list)


def build_components(
    recipe: Recipe,
    spec: DataSpec,
    device: torch.device,
    *,
    given: Mapping[str, nn.Module] | None = None,
) -> Components:
    """Build everything that a resolved recipe names; weights are a function of its seed.

    Args:
        recipe: A recipe without `auto`.
        spec: Of the data.
        device: Where to put it.
        given: The user's own modules, by player.

    Raises:
        PoiseError: A network cannot make or score this shape.
    """
    modules = {
        player: channels_last(module.to(device)).train()
        for player, module in build_networks(recipe, spec, given or {}).items()
    }
    game, images = build_game(recipe, spec), run_images(recipe)
    settings = {player: getattr(recipe.optimisers, player) for player in PLAYERS}
    scheduled = [
        Scheduled(
            own,
            game.lazy_share(player),
            build_optimiser(
                own, modules[player].parameters(), share=game.lazy_share(player), run_images=images
            ),
        )
        for player, own in settings.items()
    ]
    clip = recipe.weight_clip
    players = Players(
        game=game,
        networks=TASKS.named(recipe.game.name).networks(recipe, modules),
        parameters={player: dict(module.named_parameters()) for player, module in modules.items()},
        optimisers={player: one.optimiser for player, one in zip(settings, scheduled, strict=True)},
        state={name: value.to(device) for name, value in game.initial_state().items()},
        projections={
            "discriminator": partial(clip_weights, list(modules["discriminator"].parameters()), clip)
        }
        if clip
        else {},
    )
    return Components(
        recipe=recipe,
        players=players,
        dynamics=DYNAMICS.named(recipe.dynamics.name),
        modules=modules,
        ema=_averaged(modules["generator"], recipe),
        device=device,
        scheduled=[one for one in scheduled if one.changes],
    )


def images_per_step(recipe: Recipe) -> int:
    """Reals that the discriminator is shown in a step."""
    batches = DYNAMICS.named(recipe.dynamics.name).batches(recipe.dynamics.options)
    return batches * recipe.batch_size * recipe.packing


def run_images(recipe: Recipe) -> int:
    """Reals that the discriminator is shown in the whole run."""
    return (recipe.steps or 0) * images_per_step(recipe)


@contextmanager
def buffers_restored(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Restore all buffers, such as running statistics, when the block ends."""
    saved = [(buffer, buffer.clone()) for module in modules for buffer in module.buffers()]
    try:
        yield
    finally:
        for buffer, value in saved:
            buffer.copy_(value)


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


def build_game(recipe: Recipe, spec: DataSpec) -> AdversarialGame:
    """The game of a resolved recipe; one that stores images is given the shape of the data."""
    task = TASKS.named(recipe.game.name)
    settings = task.game_settings(recipe.game.options)
    game: AdversarialGame = provided(task.game, spec=spec)(recipe, **settings)
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
            code="training.generator-not-copyable",
            why=f"{type(error).__name__}: {error}",
            hint="let copy.deepcopy copy it: keep files, locks and the like out of the module",
        ) from None
