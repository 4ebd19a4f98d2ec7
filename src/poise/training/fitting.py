"""What networks learn of the data before the first step, such as a mixture that a generator begins with."""

from __future__ import annotations

import numpy as np
import torch

from poise.data import Dataset
from poise.randomness import derive, numpy_stream
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
    if told:
        with torch.no_grad():
            components.ema.module.load_state_dict(components.modules["generator"].state_dict())
    return told
