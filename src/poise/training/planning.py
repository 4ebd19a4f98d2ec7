"""The plan of a run: data are opened, the recipe is resolved, and everything is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poise.data import Dataset, open_data, origin_of, spec_of
from poise.recipes import Recipe
from poise.spec import DataSpec
from poise.tasks import TASKS
from poise.tasks.prepare import prepared, unused_labels
from poise.training.batches import by_folders
from poise.training.callbacks import check_callbacks
from poise.training.callbacks.eigenvalues import check_eigenvalues
from poise.training.callbacks.quality import interval_of
from poise.training.checks import check_batch, check_second_order
from poise.training.components import Components, build_components
from poise.training.own_modules import check_given, check_modules
from poise.training.precision import with_precision
from poise.training.resolve import resolve
from poise.training.transfer import Taken, take

Data = Any
"""A path, the name of a built-in, an array, a tensor, a data set, or two of them as `Pairs` or `Domains`."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Experiment:
    """A run that has been checked and not begun: what `--dry-run` shows."""

    dataset: Dataset  # Opened
    origin: Mapping[str, Any]  # How to open them again, as origin_of says it
    recipe: Recipe  # With every value spelled out
    components: Components  # Networks, game and optimisers
    notices: tuple[str, ...] = ()  # What will be trained and will hardly work
    taken: Taken | None = None  # What the networks begin with, if not as they were drawn

    def started_from(self, place: Path | str) -> Experiment:
        """The experiment with other weights in its networks; see `poise.training.transfer.take`."""
        return replace(self, taken=take(self.components, place))

    @property
    def spec(self) -> DataSpec:
        """What networks are told of the data."""
        return spec_of(self.dataset)


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
    check_callbacks(recipe)
    dataset = open_data(
        data, resolution=recipe.resolution, channels=recipe.channels, seed=recipe.seed, progress=progress
    )
    task = TASKS.named(recipe.game.name)
    dataset = unused_labels(prepared(dataset, task, recipe.game.options), data, task)
    return planned(dataset, origin_of(data), recipe, device, given or {})


def planned(
    dataset: Dataset,
    origin: Mapping[str, Any],
    recipe: Recipe,
    device: torch.device,
    given: Mapping[str, nn.Module],
) -> Experiment:
    """The experiment of data that are open, as `plan` makes it."""
    spec = spec_of(dataset)
    resolved = with_precision(resolve(by_folders(recipe, dataset), spec, given=tuple(given)), device)
    check_batch(resolved, dataset)
    check_given(given)
    components = build_components(resolved, spec, device, given=given)
    notices = check_modules(components, dataset)
    check_second_order(components, spec)
    check_eigenvalues(components)
    if resolved.evaluate_every is None:
        resolved = resolved.model_copy(update={"evaluate_every": interval_of(components, dataset)})
        components.recipe = resolved
    return Experiment(dataset, origin, resolved, components, notices)
