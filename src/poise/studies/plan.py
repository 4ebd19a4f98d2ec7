"""The plan of a study: a pure function of its seed, its recipes and its space, written down once."""

from __future__ import annotations

import fnmatch
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from poise.errors import PoiseError, unknown_name
from poise.randomness import derive
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.recipes.overrides import flat
from poise.studies.space import Setting, Space, Value, draws

Stage = Literal["search", "screening", "confirmation"]
"""Settings with one seed; the best of them with a few fresh seeds; the best of these with others."""

SCREENING_SEEDS = 3
"""Fresh seeds by which one of the shortlist is chosen. They are not those that confirm it: what has chosen a
setting makes it look better than it is."""

BEGINNING = 10
"""Trials of a search by Optuna that are drawn at random, as those of any other search."""

GROWING = ("trials", "seeds", "shortlist", "recipes")
"""What a study may get more of later: nothing that was drawn changes."""

BESIDE = {
    "checkpoints.keep": 1,
    "checkpoints.every_seconds": 30.0,
    "callbacks.close-look.on": False,
    "callbacks.pictures.on": False,
    "callbacks.end-at-collapse.on": True,
}
"""What every trial sets beside its recipe: what people look at once takes no time of a thousand trials, and
one that has collapsed is trained no further."""


class Budget(BaseModel):
    """What each trial may take; a time has become images."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int  # Reals that the discriminator is shown
    asked: str  # As it was asked for
    measured: str = ""  # On which device a time became images, and how


class Rung(BaseModel):
    """A part of the data, and of the budget, on which all settings that are left are tried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int | None = None  # Rows that are trained on; None for all
    share: float = 1.0  # Of the budget, after which a trial pauses

    @property
    def words(self) -> str:
        """What it is, for people."""
        rows = "all rows" if self.rows is None else f"{self.rows:,} rows"
        return rows if self.share == 1 else f"{100 * self.share:g} % of the budget"


WHOLE = Rung()


class Trial(BaseModel):
    """One run of a study."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str
    number: int  # Of the setting: 0 is the default
    stage: Stage
    settings: dict[str, Value]  # What differs from the recipe, by path
    seed: int  # Of the run
    repeat: int = 0  # Which of the fresh seeds
    rung: Rung = WHOLE

    @property
    def folder(self) -> str:
        """Its folder; a trial that goes on from a rung goes on there."""
        stem = f"{self.recipe.replace('/', '-')}-{self.number:04}"
        if self.rung.rows is not None:
            stem += f"-rows-{self.rung.rows}"
        words = {"search": stem, "screening": f"{stem}-screen-{self.repeat}"}
        return words.get(self.stage, f"{stem}-seed-{self.repeat}")

    @property
    def name(self) -> str:
        """The file of its result."""
        return self.folder if self.rung.share == 1 else f"{self.folder}-to-{100 * self.rung.share:g}"


class Plan(BaseModel):
    """Everything that decides a study."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    seed: int
    data: dict[str, Any]  # Where the data are, as a run's record has it
    fingerprint: str  # Of their content
    choosing: int  # Rows by which a checkpoint is chosen
    scoring: int  # Rows on which it is scored
    recipes: dict[str, dict[str, Any]]  # By name, each with what was changed for all of them
    space: Space
    budget: Budget
    trials: int  # Settings of each recipe
    seeds: int  # Fresh seeds of each recipe's chosen setting
    shortlist: int  # Settings of each recipe of which one is chosen with fresh seeds
    evaluations: int  # How often a trial's samples are measured to choose a checkpoint
    stack: int  # The most trials that are trained side by side in one process; 1 for none
    device: str = "cpu"
    criterion: str = "frechet-distance"  # What trials are ranked by
    searched_by: Literal["random", "optuna"] = "random"
    rungs: list[Rung] = []  # Of the search, the last one the whole; empty for that alone
    going_on: float = 0.5  # Share of a recipe's settings that go on from a rung to the next

    @cached_property
    def _settings(self) -> dict[str, list[Setting]]:
        """What the space draws of each recipe."""
        return {name: self.space.of(self.recipe(name)) for name in self.recipes}

    @cached_property
    def defaults(self) -> dict[str, dict[str, Any]]:
        """The values of each recipe by their dotted paths."""
        return {name: dict(flat(values)) for name, values in self.recipes.items()}

    @cached_property
    def _trials(self) -> dict[tuple[str, int], Trial]:
        """Trials that were made before: a report asks for each of them often."""
        return {}

    def recipe(self, name: str) -> Recipe:
        """One of the recipes, with what was changed for all."""
        return Recipe.model_validate(self.recipes[name])

    @property
    def ladder(self) -> Sequence[Rung]:
        """The rungs of the search, the last one the whole."""
        return self.rungs or [WHOLE]

    def counts(self) -> list[int]:
        """How many settings of a recipe come to each rung, if none fails."""
        found = [self.trials]
        for _ in self.ladder[1:]:
            going_on = max(self.shortlist, math.ceil(self.going_on * found[-1]))
            found.append(min(found[-1], max(1, going_on)))
        return found

    def images_of(self, trial: Trial) -> int:
        """Images that a trial is shown beyond the rung that it goes on from."""
        earlier = [
            rung.share
            for rung in self.ladder
            if trial.stage == "search" and rung.rows == trial.rung.rows and rung.share < trial.rung.share
        ]
        return round(self.budget.images * (trial.rung.share - max(earlier, default=0.0)))

    @property
    def drawn(self) -> int:
        """Settings of each recipe that are known: all, unless they are suggested by what came out before."""
        if self.searched_by == "random":
            return self.trials
        known = [number + 1 for _, number in self._trials]
        return min(self.trials, max(BEGINNING, *known)) if known else min(self.trials, BEGINNING)

    def remember(self, trials: Iterable[Trial]) -> None:
        """Trials of the search whose settings were suggested."""
        for trial in trials:
            if trial.stage == "search" and trial.number >= BEGINNING and self.searched_by != "random":
                self._trials[trial.recipe, trial.number] = trial

    def search(self) -> list[Trial]:
        """The trials that a search begins with, all recipes' first settings before the second ones."""
        first = self.ladder[0]
        return [self.trial(name, number, first) for number in range(self.drawn) for name in self.recipes]

    def trial(self, name: str, number: int, rung: Rung = WHOLE) -> Trial:
        """One trial of the search.

        Its settings and its seed depend on the study's seed, the paths and the number alone.
        """
        if rung != WHOLE:
            return self.trial(name, number).model_copy(update={"rung": rung})
        if (name, number) not in self._trials:
            drawn = draws(self._settings[name], self.seed, number)
            self._trials[name, number] = self.trial_with(name, number, drawn)
        return self._trials[name, number]

    def trial_with(self, name: str, number: int, settings: dict[str, Value]) -> Trial:
        """A trial of the search with these settings."""
        seed = _seed(self.seed, number, "study trial")
        return Trial(recipe=name, number=number, stage="search", settings=settings, seed=seed)

    def repeats(self, name: str, number: int, stage: Stage) -> list[Trial]:
        """The runs of a setting with fresh seeds; the seeds are the same for all settings and recipes."""
        found = self.trial(name, number)
        return [
            found.model_copy(
                update={"stage": stage, "seed": _seed(self.seed, repeat, f"study {stage}"), "repeat": repeat}
            )
            for repeat in range(SCREENING_SEEDS if stage == "screening" else self.seeds)
        ]

    def to_json(self) -> dict[str, Any]:
        """The plan as plan.json holds it."""
        return self.model_dump()


def _seed(study: int, number: int, purpose: str) -> int:
    return derive(study, number, purpose) % 2**31


def recipes_named(patterns: Sequence[str], changes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Recipes by names, or by patterns such as `lucic/*`, each with the same changes.

    Raises:
        PoiseError: A pattern fits none, with the nearest names; or a recipe cannot have a change.

    Example:
        >>> list(recipes_named(["lucic/w*", "hinge"], {})) if "hinge" in RECIPES else []
        []
        >>> list(recipes_named(["lucic/w*"], {"batch_size": 32}))
        ['lucic/wasserstein', 'lucic/wasserstein-gp']
    """
    names: dict[str, None] = {}
    for pattern in patterns:
        found = fnmatch.filter(RECIPES, pattern)
        if not found:
            RECIPES.named(pattern)  # installed packages may have it; else it raises with the nearest
            raise unknown_name("recipe", pattern, RECIPES)
        names |= dict.fromkeys(found)
    if not names:
        raise PoiseError(
            "The study has no recipes", code="studies.no-recipes", hint="name some: --recipes 'lucic/*'"
        )
    return {name: recipe_with(RECIPES[name], changes).model_dump() for name in names}


def differences(old: Plan, new: Plan) -> list[str]:
    """What differs between two plans, but for what a study may get more of; a sentence each.

    Example:
        >>> differences.__name__
        'differences'
    """
    before, after = (_compared(plan) for plan in (old, new))
    shared = set(old.recipes) & set(new.recipes)
    before |= _recipes(old, shared)
    after |= _recipes(new, shared)
    return [
        f"{path}: {_short(before.get(path))} in the folder, {_short(after.get(path))} now"
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _compared(plan: Plan) -> dict[str, Any]:
    values = plan.model_dump(exclude={*GROWING, "space", "stack", "device"})
    values["budget"] = {"images": plan.budget.images}
    found = dict(flat(values))
    for setting in plan.space.settings:
        found[f"space.{setting.name}"] = setting.model_dump(exclude_defaults=True)
    return found


def _recipes(plan: Plan, names: Iterable[str]) -> dict[str, Any]:
    return {f"recipes.{name}.{path}": value for name in names for path, value in flat(plan.recipes[name])}


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def grown(old: Plan, new: Plan) -> Plan:
    """The plan of a folder with what is asked for in addition; nothing becomes less."""
    return old.model_copy(
        update={
            "recipes": {**old.recipes, **new.recipes},
            "trials": max(old.trials, new.trials),
            "seeds": max(old.seeds, new.seeds),
            "shortlist": max(old.shortlist, new.shortlist),
        }
    )


def trial_changes(trial: Trial, *, steps: int, evaluations: int) -> dict[str, Any]:
    """What a trial changes of its recipe, its settings included."""
    return {
        **BESIDE,
        **trial.settings,
        "steps": steps,
        "seed": trial.seed,
        "sample_every": steps,
        "log_every": max(1, steps // 40),
        "evaluate_every": max(1, steps // evaluations),
    }
