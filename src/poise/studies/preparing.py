"""A study before its first trial: everything that can be refused is, and a time becomes images."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import torch

from poise.data import Dataset, ThreeSets, data_of, open_data, origin_of, spec_of
from poise.errors import PoiseError
from poise.recipes import Recipe, recipe_with
from poise.studies.asking import GOING_ON, Request, read_budget, rungs_of, search_for
from poise.studies.budget import images_of_step, recipe_of
from poise.studies.criteria import criterion_for
from poise.studies.folder import StudyFolder
from poise.studies.plan import Budget, Plan, differences, grown, recipes_named
from poise.studies.progress import images_of, runs_of
from poise.studies.space import Space, space_named
from poise.studies.units import planned_units, stack_for
from poise.tasks import TASKS
from poise.text import counted, duration
from poise.training import pick_device, plan
from poise.training.evaluation_cost import measuring_seconds
from poise.training.rehearsal import BESIDE, rehearse
from poise.training.resolve import resolve

LOOKED_AT = 50
"""Trials whose recipes are made before the first is trained, to see that the budget is enough."""

SHARE = 6
"""One in so many rows chooses, and as many score, if the data are few."""

MOST_SCORING = 2_000
"""Rows that choose, and rows that score, at most."""

LEAST_SCORING = 50
"""Rows that score at least: of fewer the Fréchet distance says nothing."""


def prepare(asked: Request, folder: StudyFolder, *, dry_run: bool = False) -> Plan:
    """The plan of a study, new or with what is asked for in addition, written into its folder.

    A dry run writes nothing.

    Raises:
        PoiseError: Something does not fit; nothing was written.
    """
    for name, least in (("trials", 1), ("seeds", 0), ("shortlist", 0), ("evaluations", 1)):
        if getattr(asked, name) < least:
            what = f"The number of {name} cannot be {getattr(asked, name)}"
            raise PoiseError(what, code="studies.bad-number", hint=f"give {least} or more")
    images, seconds = read_budget(asked.budget)
    recipes = recipes_named(asked.recipes, asked.settings or {})
    space = asked.space if isinstance(asked.space, Space) else space_named(asked.space)
    before = folder.plan if (folder.path / "plan.json").is_file() else None
    data, origin = _data(asked.data, folder)
    first = Recipe.model_validate(next(iter(recipes.values())))
    whole = open_data(
        data, resolution=first.resolution, fit=first.fit, channels=first.channels, seed=asked.seed
    )
    choosing = scoring = rows_for(whole)
    criterion = criterion_for(asked.criterion, whole)
    rungs = rungs_of(asked.ladder, asked.stop_early, asked.going_on, rows=len(whole) - 2 * scoring)
    searched_by = search_for(asked.search, recipes=len(recipes), rungs=bool(rungs))
    device = pick_device(asked.device)
    sets = ThreeSets(data, asked.seed, choosing, scoring)
    for recipe in recipes.values():
        checked(Recipe.model_validate(recipe), space, spec_dataset=whole)
    if before is not None and before.budget.asked == asked.budget:
        budget = before.budget
    elif images is not None:
        budget = Budget(images=images, asked=asked.budget)
    else:
        assert seconds is not None
        budget = rehearsed(asked.budget, seconds, recipes, sets, device)
    wanted = Plan(
        seed=asked.seed,
        data=origin,
        fingerprint=whole.fingerprint,
        choosing=choosing,
        scoring=scoring,
        recipes=recipes,
        space=space,
        budget=budget,
        trials=asked.trials,
        seeds=asked.seeds,
        shortlist=asked.shortlist,
        evaluations=asked.evaluations,
        stack=asked.stack or (before.stack if before else 0),
        device=str(device.type),
        criterion=criterion.name,
        searched_by=searched_by,
        rungs=rungs,
        going_on=asked.going_on if rungs else GOING_ON,
    )
    for trial in wanted.search()[:LOOKED_AT]:
        recipe_of(wanted, trial)  # refuses a budget that is too small
    if before is not None:
        found = differences(before, wanted)
        if found:
            raise PoiseError(
                f"'{folder.path}' is a study of another plan",
                code="studies.another-plan",
                why=found[0],
                hint="give the options that it began with, or another folder with --out",
                details=tuple(found[1:]),
            )
        wanted = grown(before, wanted)
    with_stack = wanted if wanted.stack else wanted.model_copy(update={"stack": stack_for(wanted, whole)})
    if dry_run:
        return with_stack
    if before is None and not folder.create(with_stack):
        return prepare(asked, folder)
    with folder.locked(), folder.writing():
        folder.write_plan(with_stack)
        folder.write_units(planned_units(with_stack, with_stack.search(), folder.units(), whole))
    return with_stack


def _data(data: Any, folder: StudyFolder) -> tuple[Any, dict[str, Any]]:
    """The data as a path or a name; those that are given in memory are saved in the study's folder."""
    origin = origin_of(data)
    if origin["kind"] != "given":
        return data_of(origin), origin
    import numpy as np  # noqa: PLC0415 - only for data in memory

    if not isinstance(data, np.ndarray | torch.Tensor):
        raise PoiseError(
            "A study takes data that other processes can open",
            code="studies.data-in-memory",
            why=f"a {type(data).__name__} is in the memory of this one",
            hint="give an array, a tensor or the path of a folder or file",
        )
    array = np.asarray(data)
    with folder.writing():
        folder.path.mkdir(parents=True, exist_ok=True)
        np.save(folder.path / "data.npy", array)
    path = str((folder.path / "data.npy").absolute())
    return path, origin_of(path)


def rows_for(dataset: Dataset) -> int:
    """How many rows choose checkpoints, and how many score them.

    Raises:
        PoiseError: The data are too few for three sets.
    """
    rows = min(MOST_SCORING, len(dataset) // SHARE)
    if rows < LEAST_SCORING:
        needed = SHARE * LEAST_SCORING
        raise PoiseError(
            f"'{dataset.name}' holds {counted(len(dataset), 'sample')}, too few for a study",
            code="studies.too-few-reals",
            why="three sets are needed, to train, to choose a checkpoint and to score it, and fewer than "
            f"{LEAST_SCORING} samples score nothing",
            hint=f"give {needed:,} samples or more",
        )
    return rows


def checked(recipe: Recipe, space: Space, *, spec_dataset: Dataset) -> None:
    """Refuse a recipe that the data cannot be trained by, or that cannot take what the space draws."""
    task, spec = TASKS.named(recipe.game.name), spec_of(spec_dataset)
    if task.directions is not None or task.needs not in ("rows", "labels"):
        raise PoiseError(
            f"The recipe '{recipe.name}' cannot be part of a study",
            code="studies.recipe-not-scored",
            why=f"its game '{task.name}' makes no samples that could be scored beside reals",
            hint="leave it out",
        )
    space.check(recipe)
    try:
        resolve(recipe, spec)
        for setting in space.of(recipe):
            for value in setting.ends():
                resolve(recipe_with(recipe, dict.fromkeys(setting.paths, value)), spec)
    except PoiseError as error:
        raise PoiseError(
            f"The recipe '{recipe.name}' cannot be trained on '{spec_dataset.name}' as the space "
            f"'{space.name}' draws it: {error.what}",
            code="studies.recipe-unfit",
            why=error.why,
            hint=error.hint or "leave it out",
        ) from None


def rehearsed(
    asked: str, seconds: float, recipes: Mapping[str, Any], sets: ThreeSets, device: torch.device
) -> Budget:
    """A time as images: what the slowest recipe's default is shown within it, here and alone.

    Raises:
        PoiseError: It is too short for one measurement of the samples.
    """
    slowest, speed, measuring = "", float("inf"), 0.0
    for name, values in recipes.items():
        found = _timed(values, sets, device)
        if found is not None and found[0] < speed:
            slowest, (speed, measuring) = name, found
    left = seconds - measuring
    images = int(left * speed)
    if images < 1:
        raise PoiseError(
            f"A budget of {duration(seconds)} is too short for one evaluation",
            code="studies.budget-too-short",
            why=f"measuring the samples once takes {duration(measuring)} here",
            hint=f"give {duration(measuring + 60)} or more",
        )
    where = f"{device.type} of {platform.node()}, {torch.get_num_threads()} threads"
    return Budget(
        images=images, asked=asked, measured=f"{speed:,.0f} images a second of '{slowest}' on {where}"
    )


def expected_seconds(wanted: Plan, sets: ThreeSets) -> float | None:
    """What all runs of a study take one after another, by some timed steps of each recipe's default.

    It is `None` if runs are trained side by side, or a recipe cannot be timed.
    """
    if wanted.stack > 1:
        return None
    images, runs = (
        images_of(wanted) / len(wanted.recipes),
        sum(runs_of(wanted).values()) / len(wanted.recipes),
    )
    seconds = 0.0
    for values in wanted.recipes.values():
        found = _timed(values, sets, torch.device(wanted.device))
        if found is None:
            return None
        pace, measuring = found
        seconds += images / pace + runs * wanted.evaluations * measuring
    return seconds


def _timed(values: Mapping[str, Any], sets: ThreeSets, device: torch.device) -> tuple[float, float] | None:
    """Images a second of a recipe, and the seconds of one measurement; `None` if it cannot be timed."""
    experiment = plan(sets, Recipe.model_validate(values), device)
    found = rehearse(experiment)
    if found is None:
        return None
    pace = images_of_step(experiment.recipe) / (found.step_seconds * BESIDE)
    return pace, measuring_seconds(experiment.components, experiment.dataset)
