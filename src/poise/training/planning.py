"""The plan of a run: data are opened, the recipe is resolved, and everything is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from poise.data import Dataset, open_data, origin_of, spec_of
from poise.errors import PoiseError
from poise.recipes import Recipe
from poise.tasks import GIVEN, TASKS
from poise.tasks.prepare import prepared, unused_labels
from poise.training.callbacks import check_callbacks
from poise.training.callbacks.eigenvalues import check_eigenvalues
from poise.training.callbacks.quality import interval_of
from poise.training.components import Components, build_components
from poise.training.resolve import resolve
from poise.training.second_order import check_second_order

Data = Any
"""A path, the name of a built-in, an array, a tensor, a data set, or two of them as `Pairs` or `Domains`."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Experiment:
    """A run that has been checked and not begun: what `--dry-run` shows.

    Attributes:
        dataset: The data, opened.
        origin: How to open them again, as `origin_of` says it.
        recipe: The recipe with every value spelled out.
        components: Networks, game and optimisers.
    """

    dataset: Dataset
    origin: Mapping[str, Any]
    recipe: Recipe
    components: Components


def plan(
    data: Data,
    recipe: Recipe,
    device: torch.device,
    *,
    given: Mapping[str, nn.Module] | None = None,
    progress: Progress | None = None,
) -> Experiment:
    """Open the data, spell the recipe out and build the networks, so that all that can be refused is.

    Args:
        data: What a user has.
        recipe: What to do with it.
        device: Where.
        given: The user's own modules, by player.
        progress: Called with `(done, total)` while images are read.

    Raises:
        PoiseError: Something does not fit; nothing was written.
    """
    given = given or {}
    check_callbacks(recipe)
    dataset = open_data(
        data, resolution=recipe.resolution, channels=recipe.channels, seed=recipe.seed, progress=progress
    )
    task = TASKS.named(recipe.game.name)
    dataset = unused_labels(prepared(dataset, task, recipe.game.options), data, task)
    spec = spec_of(dataset)
    resolved = resolve(recipe, spec, given=tuple(given))
    check_batch(resolved, dataset)
    components = build_components(resolved, spec, device, given=given)
    _check_networks(components, dataset, resolved.batch_size * resolved.packing)
    check_second_order(components, spec)
    check_eigenvalues(components)
    if resolved.evaluate_every is None:
        resolved = resolved.model_copy(update={"evaluate_every": interval_of(components, dataset)})
        components.recipe = resolved
    return Experiment(dataset, origin_of(data), resolved, components)


def check_batch(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse data that are fewer than a batch.

    Raises:
        PoiseError: They are.
    """
    if len(dataset) < recipe.batch_size * recipe.packing:
        batch = f"{recipe.batch_size}" + (f" x {recipe.packing}" if recipe.packing > 1 else "")
        raise PoiseError(
            f"'{dataset.name}' holds {len(dataset)} samples, fewer than a batch of {batch}",
            code="training.too-few-samples",
            hint=f"use --batch-size {max(1, len(dataset) // recipe.packing)} or less, or give more data",
        )


def _check_networks(components: Components, dataset: Dataset, samples: int) -> None:
    """Run both networks once on nothing but shapes, so that a user's own modules are refused by name."""
    recipe = components.recipe
    if GIVEN not in (recipe.generator.name, recipe.discriminator.name):
        return
    module = components.modules["generator"]
    latent = torch.zeros(samples, recipe.latent.size, device=components.device)
    conditions: tuple[torch.Tensor, ...] = ()
    if dataset.condition is not None:
        conditions = (torch.zeros(samples, *dataset.condition.shape, device=components.device),)
    with torch.no_grad(), torch.random.fork_rng():
        fakes = module.eval()(latent, *conditions)
        module.train()
    if tuple(fakes.shape[1:]) != dataset.shape:
        raise PoiseError(
            f"The generator makes samples of shape {tuple(fakes.shape[1:])}, the data have {dataset.shape}",
            code="training.generator-shape",
            hint="let it map (N, latent.size) to the shape of the data; images within [-1, 1]",
        )
