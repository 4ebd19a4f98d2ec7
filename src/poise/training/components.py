"""From a resolved recipe to everything that is trained: networks, game, optimisers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from poise.dynamics import DYNAMICS, Dynamics, Players
from poise.dynamics.game import Logs
from poise.dynamics.players import in_memory_order
from poise.dynamics.private import PRIVATE
from poise.errors import PoiseError
from poise.games import AdversarialGame
from poise.networks.freezing import frozen_layers
from poise.randomness import derive
from poise.recipes import Recipe
from poise.recipes.settings import Optimiser
from poise.registry import bound, provided
from poise.regularisers import clip_weights
from poise.schedules import Number, Schedule, value_at
from poise.spec import DataSpec
from poise.tasks import GIVEN, TASKS
from poise.training.ema import EmaGenerator
from poise.training.engine import channels_last, in_precision

PLAYERS = ("discriminator", "generator")


def build_optimiser(
    settings: Optimiser, parameters: Iterable[nn.Parameter], *, share: float = 1.0, run_images: int = 0
) -> torch.optim.Optimizer:
    """A player's optimiser.

    It is corrected for lazy terms by `share`, a factor of the learning rate and a power of the decays; see
    `poise.games.adversarial.lazy_share`.
    """
    targets = [in_memory_order(parameter) for parameter in parameters]
    rate, beta1, beta2 = values_of(settings, share, 0, run_images)
    if settings.name == "rmsprop":
        return torch.optim.RMSprop(targets, lr=rate, alpha=beta2, eps=settings.epsilon, foreach=True)
    if settings.name == "sgd":
        return torch.optim.SGD(targets, lr=rate, momentum=beta1, fused=True)
    return torch.optim.Adam(targets, lr=rate, betas=(beta1, beta2), eps=settings.epsilon, fused=True)


def values_of(
    settings: Optimiser, share: float, images_seen: int, run_images: int
) -> tuple[float, float, float]:
    """Learning rate and decays after so many images, corrected for lazy terms."""
    rate: Number = 0.0 if settings.learning_rate is None else settings.learning_rate
    return (
        value_at(rate, images_seen, run_images) * share,
        value_at(settings.beta1, images_seen, run_images) ** share,
        value_at(settings.beta2, images_seen, run_images) ** share,
    )


@dataclass(frozen=True)
class Scheduled:
    """An optimiser some of whose settings change with the images seen."""

    settings: Optimiser
    share: float  # Its correction for lazy terms
    optimiser: torch.optim.Optimizer

    @property
    def changes(self) -> bool:
        """Whether anything changes."""
        chosen = (self.settings.learning_rate, self.settings.beta1, self.settings.beta2)
        return any(isinstance(value, Schedule) for value in chosen)

    def set(self, images_seen: int, run_images: int) -> None:
        """Put the settings of the next update in place."""
        rate, beta1, beta2 = values_of(self.settings, self.share, images_seen, run_images)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
            if "betas" in group:
                group["betas"] = (beta1, beta2)
            elif "alpha" in group:
                group["alpha"] = beta2
            else:
                group["momentum"] = beta1


@dataclass
class Components:
    """What a run trains."""

    recipe: Recipe  # Resolved
    players: Players  # The game with its networks and optimisers
    dynamics: Dynamics
    modules: Mapping[str, nn.Module]  # The networks that are trained, by player
    ema: EmaGenerator  # The averaged generator
    device: torch.device
    scheduled: list[Scheduled] = field(default_factory=list)  # Those optimisers whose settings change


def build_components(
    recipe: Recipe,
    spec: DataSpec,
    device: torch.device,
    *,
    given: Mapping[str, nn.Module] | None = None,
) -> Components:
    """Build everything that a resolved recipe names; weights are a function of its seed.

    Raises:
        PoiseError: A network cannot make or score this shape.
    """
    modules = {
        player: channels_last(module.to(device)).train()
        for player, module in build_networks(recipe, spec, given or {}).items()
    }
    trained = {player: trained_parameters(module) for player, module in modules.items()}
    game, images = build_game(recipe, spec), run_images(recipe)
    settings = {player: getattr(recipe.optimisers, player) for player in PLAYERS}
    scheduled = [
        Scheduled(
            own,
            game.lazy_share(player),
            build_optimiser(own, trained[player].values(), share=game.lazy_share(player), run_images=images),
        )
        for player, own in settings.items()
    ]
    networks = TASKS.named(recipe.game.name).networks(recipe, modules)
    clip = recipe.weight_clip
    players = Players(
        game=game,
        networks=in_precision(recipe.precision, networks),
        parameters=trained,
        optimisers={player: one.optimiser for player, one in zip(settings, scheduled, strict=True)},
        state={name: value.to(device) for name, value in game.initial_state().items()},
        projections={"discriminator": partial(clip_weights, list(trained["discriminator"].values()), clip)}
        if clip
        else {},
    )
    return Components(
        recipe=recipe,
        players=players,
        dynamics=DYNAMICS.named(recipe.dynamics.name) if recipe.private is None else PRIVATE,
        modules=modules,
        ema=_averaged(modules["generator"], recipe),
        device=device,
        scheduled=[one for one in scheduled if one.changes],
    )


def step_of(recipe: Recipe, dynamics: Dynamics, *, epoch_steps: int, expected: int) -> Callable[..., Logs]:
    """The step of a dynamics with its settings, and with what it must know of the run.

    Args:
        recipe: Resolved.
        dynamics: That of the components.
        epoch_steps: Batches in an epoch.
        expected: Reals in a batch, on average.
    """
    private = recipe.private
    own = {} if private is None else {"clip": private.clip, "noise": private.step_noise}
    step = bound(dynamics.step, recipe.dynamics.options)
    return provided(step, epoch_steps=epoch_steps, expected=expected, **own)


def trained_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """A module's parameters by name, without those that are frozen."""
    return {name: value for name, value in module.named_parameters() if value.requires_grad}


def run_images(recipe: Recipe) -> int:
    """Reals that the discriminator is shown in the whole run."""
    batches = DYNAMICS.named(recipe.dynamics.name).batches(recipe.dynamics.options)
    return (recipe.steps or 0) * batches * recipe.batch_size * recipe.packing


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
    """Both players' networks, with weights drawn from the recipe's seed; some layers may be frozen."""
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
    if recipe.freeze_discriminator_layers:
        row = None if "discriminator" in given else task.discriminators.named(recipe.discriminator.name)
        frozen_layers(row, networks["discriminator"], recipe.freeze_discriminator_layers)
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
