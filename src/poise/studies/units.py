"""Which trials one worker trains together: those of one structure, side by side in a stack."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from poise.data import Dataset, spec_of
from poise.errors import PoiseError
from poise.networks import describe
from poise.recipes import recipe_with
from poise.studies.budget import recipe_of
from poise.studies.folder import Unit
from poise.studies.plan import Plan, Trial
from poise.training.planning import assembled
from poise.training.resolve import resolve
from poise.training.vectorised import structure
from poise.training.vectorised.plan import check_recipe

SMALL = 300_000
"""Numbers in both networks up to which trials are stacked, unless the user says."""

TOGETHER = 20
"""Trials of a stack, unless the user says."""


def stack_for(wanted: Plan, dataset: Dataset) -> int:
    """How many trials are stacked if the user does not say: small networks without convolutions gain."""
    recipe = recipe_with(wanted.recipe(next(iter(wanted.recipes))), {"batch_size": 2, "steps": 1})
    modules = assembled(dataset, recipe, torch.device("cpu"), {}).modules.values()
    numbers = sum(int(describe(module)["parameters"]) for module in modules)
    convolves = any(
        isinstance(layer, torch.nn.modules.conv._ConvNd) for module in modules for layer in module.modules()
    )
    return 1 if convolves or numbers > SMALL else TOGETHER


def planned_units(
    wanted: Plan, trials: Sequence[Trial], before: Sequence[Unit], dataset: Dataset
) -> list[Unit]:
    """The units with those of further trials appended; trials of one structure are stacked."""
    known = {trial.name for unit in before for trial in unit.trials}
    new = [trial for trial in trials if trial.name not in known]
    units, groups = list(before), dict[str, list[Trial]]()
    spec = spec_of(dataset)
    for trial in new:
        key = trial.name
        if wanted.stack > 1 and all(rung.share == 1 for rung in wanted.ladder):  # a stack does not pause
            recipe = recipe_of(wanted, trial)
            try:
                check_recipe(recipe)
                key = f"{structure(resolve(recipe, spec))} {trial.rung.rows}"
            except PoiseError:  # this one is trained alone
                key = trial.name
        groups.setdefault(key, []).append(trial)
    stacks = sum(unit.stacked for unit in units)
    for group in groups.values():
        for first in range(0, len(group), max(1, wanted.stack)):
            part = group[first : first + max(1, wanted.stack)]
            stacks += len(part) > 1
            units.append(Unit(name=f"stack-{stacks:04}" if len(part) > 1 else part[0].name, trials=part))
    return units
