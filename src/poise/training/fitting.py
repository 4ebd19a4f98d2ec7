"""What networks learn of the data before the first step, such as a mixture that a generator begins with."""

from __future__ import annotations

import numpy as np
import torch

from poise.data import Dataset
from poise.randomness import derive, numpy_stream, secret_stream
from poise.tasks import GIVEN, TASKS
from poise.tasks.held_out import split
from poise.training.components import PLAYERS, Components

MOST_ROWS = 50_000
"""The most rows that a network is fitted to."""


def fitted(components: Components, dataset: Dataset) -> list[str]:
    """Fit those networks that can be to the rows that are trained on; a sentence for each.

    The rows and what a network draws are functions of the recipe's seed.
    """
    recipe, told = components.recipe, list[str]()
    if dataset.secret is not None:
        return _fitted_privately(components, dataset, dataset.secret)
    task = TASKS.named(recipe.game.name)
    tables = {"discriminator": task.discriminators, "generator": task.generators}
    for player in PLAYERS:
        name = getattr(recipe, player).name
        fit = None if name == GIVEN else tables[player].named(name).fit
        if fit is None:
            continue
        rows = split(len(dataset), recipe.held_out, recipe.seed).training
        if len(rows) > MOST_ROWS:
            order = numpy_stream(recipe.seed, 0, f"rows that the {player} is fitted to").permutation(
                len(rows)
            )
            rows = np.sort(rows[order[:MOST_ROWS]])
        samples = dataset.transform.encode(dataset.gather(rows)).to(components.device)
        told.append(fit(components.modules[player], samples, derive(recipe.seed, 0, f"fit of the {player}")))
    if task.fit is not None:
        rows = split(len(dataset), recipe.held_out, recipe.seed).training[:MOST_ROWS]
        told.append(task.fit(components.modules["generator"], dataset.transform.encode(dataset.gather(rows))))
    if told:
        _averaged(components)
    return told


def _fitted_privately(components: Components, dataset: Dataset, secret: int) -> list[str]:
    """Fit the generator to rows of which none may be known, with the noise that its budget leaves."""
    recipe = components.recipe
    noise = recipe.private and recipe.private.start_noise
    generators = TASKS.named(recipe.game.name).generators
    fit = generators[recipe.generator.name].fit_privately if noise else None
    if not noise or fit is None:
        return []
    samples = dataset.transform.encode(dataset.gather(np.arange(len(dataset)))).to(components.device)
    told = fit(components.modules["generator"], samples, noise, secret_stream(secret, 0, "start"))
    _averaged(components)
    return [told]


def _averaged(components: Components) -> None:
    with torch.no_grad():
        components.ema.module.load_state_dict(components.modules["generator"].state_dict())
