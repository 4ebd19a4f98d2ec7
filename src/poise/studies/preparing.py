"""A study before its first trial: everything that can be refused is, and a time becomes images."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch

from poise.data import LEAST_TRAINED, Dataset, ThreeSets, data_of, open_data, origin_of, spec_of
from poise.errors import PoiseError, unknown_name
from poise.networks import describe
from poise.recipes import Recipe, recipe_with
from poise.studies.budget import images_of_step, recipe_of
from poise.studies.criteria import FRECHET, criterion_for
from poise.studies.folder import StudyFolder, Unit
from poise.studies.plan import WHOLE, Budget, Plan, Rung, Trial, differences, grown, recipes_named
from poise.studies.space import Space, space_named
from poise.studies.suggesting import require_optuna
from poise.tasks import TASKS
from poise.text import duration, seconds_of
from poise.training import pick_device, plan
from poise.training.evaluation_cost import measuring_seconds
from poise.training.planning import assembled
from poise.training.rehearsal import BESIDE, rehearse
from poise.training.resolve import resolve
from poise.training.vectorised import structure
from poise.training.vectorised.plan import check_recipe

EVALUATIONS = 10
"""How often a trial is measured to choose a checkpoint, unless the user says."""

LOOKED_AT = 50
"""Trials whose recipes are made before the first is trained, to see that the budget is enough."""

SMALL = 300_000
"""Numbers in both networks up to which trials are stacked, unless the user says."""

TOGETHER = 20
"""Trials of a stack, unless the user says."""

GOING_ON = 0.5
"""Share of a recipe's settings that go on from a rung to the next, unless the user says."""

LEAST_SHARE = 0.2
"""Of the budget, before which no trial is cut."""

SHARE = 6
"""One in so many rows chooses, and as many score, if the data are few."""

MOST_SCORING = 2_000
"""Rows that choose, and rows that score, at most."""

LEAST_SCORING = 50
"""Rows that score at least: of fewer the Fréchet distance says nothing."""


@dataclass(frozen=True)
class Request:
    """What a user asks for."""

    data: Any
    recipes: Sequence[str] = ("lucic/*",)
    space: str | Path | Space = "narrow"
    budget: str = "1M-images"
    trials: int = 50
    seeds: int = 10
    shortlist: int = 3
    seed: int = 0
    stack: int | None = None
    evaluations: int = EVALUATIONS
    device: str = "auto"
    settings: Mapping[str, Any] | None = None
    criterion: str = FRECHET
    search: str = "random"
    ladder: str | None = None
    stop_early: float | None = None
    going_on: float = GOING_ON


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
    if before is None:
        folder.create(with_stack)
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


def read_budget(text: str) -> tuple[int | None, float | None]:
    """A budget for each trial as images or as seconds.

    Raises:
        PoiseError: It is neither.

    Example:
        >>> read_budget("1M-images"), read_budget("200k"), read_budget("30m")
        ((1000000, None), (200000, None), (None, 1800.0))
    """
    plain = text.strip().lower().removesuffix("images").rstrip(" -").replace(",", "").replace("_", "")
    seconds = None if text.lower().rstrip().endswith("images") else seconds_of(text)
    if seconds:
        return None, seconds
    factor = {"k": 1_000, "m": 1_000_000}.get(plain[-1:], 1)
    try:
        images = round(float(plain.rstrip("km")) * factor)
    except (ValueError, OverflowError):
        images = 0
    if images < 1:
        raise PoiseError(
            f"'{text}' is no budget",
            code="studies.budget-unread",
            hint="write images that each trial is shown, 1M-images or 200k-images, or a time, 30m",
        )
    return images, None


def search_for(named: str, *, recipes: int, rungs: bool) -> Literal["random", "optuna"]:
    """How settings are searched for.

    Raises:
        PoiseError: There is no such search; or Optuna is asked for and missing, or cannot be used.
    """
    if named == "random":
        return "random"
    if named != "optuna":
        raise unknown_name("search", named, ("random", "optuna"))
    if recipes > 1:
        raise PoiseError(
            f"--search optuna is never used to compare recipes, and there are {recipes}",
            code="studies.search-not-for-comparison",
            why="settings that follow from earlier ones are no independent draws, and a recipe that is "
            "easier to search would look better",
            hint="name one recipe, for which a good setting is found, or leave --search out",
        )
    if rungs:
        raise PoiseError(
            "--search optuna takes no rungs",
            code="studies.search-with-rungs",
            why="it is told scores at the full budget",
            hint="leave --ladder and --stop-early out",
        )
    require_optuna()
    return "optuna"


def rungs_of(ladder: str | None, stop_early: float | None, going_on: float, *, rows: int) -> list[Rung]:
    """The rungs of a search: subsets of the rows, then shares of the budget on the last of them.

    Args:
        ladder: Numbers of rows with commas between, the last one `all`.
        stop_early: The share of the budget at which the first are cut; the next rungs are twice as long each.
        going_on: The share of settings that goes on.
        rows: How many rows there are to train on.

    Raises:
        PoiseError: They are no rungs.

    Example:
        >>> [rung.words for rung in rungs_of("500,all", 0.3, 0.5, rows=1000)]
        ['500 rows', '30 % of the budget', '60 % of the budget', 'all rows']
    """
    if ladder is None and stop_early is None:
        return []
    if not 0 < going_on < 1:
        what = f"The share of settings that go on cannot be {going_on:g}"
        raise PoiseError(what, code="studies.bad-share", hint="give one between 0 and 1, such as 0.5")
    *numbers, last = [word.strip().lower() for word in (ladder or "all").split(",")]
    subsets = [int(word) if word.isdecimal() else 0 for word in numbers]
    if last != "all" or any(one >= other for one, other in pairwise([0, *subsets])):
        raise PoiseError(
            f"'{ladder}' is no ladder",
            code="studies.ladder-unread",
            hint="write growing numbers of rows, and all at the end: 500,2000,all",
        )
    if subsets and (subsets[0] < LEAST_TRAINED or subsets[-1] >= rows):
        raise PoiseError(
            f"A rung of {subsets[-1] if subsets[-1] >= rows else subsets[0]:,} rows cannot be trained on",
            code="studies.rung-unfit",
            why=f"{rows:,} rows are left to train on, and {LEAST_TRAINED} are the fewest",
            hint=f"name numbers from {LEAST_TRAINED} to {rows - 1:,}, and all",
        )
    if stop_early is not None and not LEAST_SHARE <= stop_early < 1:
        raise PoiseError(
            f"Trials cannot be cut at a share of {stop_early:g}",
            code="studies.stop-too-early",
            why="what leads so early is often not what leads at the end",
            hint=f"give a share of the budget from {LEAST_SHARE:g} to below 1",
        )
    found = [Rung(rows=count) for count in subsets]
    share = stop_early or 1.0
    while share < 1:
        found.append(Rung(share=share))
        share *= 2
    return [*found, WHOLE]


def rows_for(dataset: Dataset) -> int:
    """How many rows choose checkpoints, and how many score them.

    Raises:
        PoiseError: The data are too few for three sets.
    """
    rows = min(MOST_SCORING, len(dataset) // SHARE)
    if rows < LEAST_SCORING:
        needed = SHARE * LEAST_SCORING
        raise PoiseError(
            f"'{dataset.name}' holds {len(dataset):,} samples, too few for a study",
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
        experiment = plan(sets, Recipe.model_validate(values), device)
        found = rehearse(experiment)
        if found is None:
            continue
        once = measuring_seconds(experiment.components, experiment.dataset)
        pace = images_of_step(experiment.recipe) / (found.step_seconds * BESIDE)
        if pace < speed:
            slowest, speed, measuring = name, pace, once
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
