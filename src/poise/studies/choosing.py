"""Which trials a study has, given what has come out so far: a pure function of plan and results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from poise.studies.plan import Plan, Trial

Results = Mapping[str, Mapping[str, Any]]
"""What trials came to, by their names."""


def score_of(results: Results, trial: Trial) -> float:
    """The score of a trial; infinity if it has none."""
    score = results.get(trial.name, {}).get("score")
    return float(score) if score is not None and math.isfinite(score) else math.inf


def wanted(plan: Plan, results: Results) -> list[Trial]:
    """The trials of all stages that are known: each stage follows from the results of the one before."""
    trials, finished = searched(plan, results)
    if not plan.seeds or not plan.shortlist or not finished:
        return trials
    listed = {name: shortlist(plan, results, name) for name in plan.recipes}
    screened = [
        run
        for name, numbers in listed.items()
        if len(numbers) > 1
        for number in numbers
        for run in plan.repeats(name, number, "screening")
    ]
    trials = [*trials, *sorted(screened, key=lambda run: run.repeat)]
    if not _done(screened, results):
        return trials
    confirming = [
        run
        for name in plan.recipes
        if (number := chosen(plan, results, name)) is not None
        for run in plan.repeats(name, number, "confirmation")
    ]
    return [*trials, *sorted(confirming, key=lambda run: run.repeat)]


def searched(plan: Plan, results: Results) -> tuple[list[Trial], bool]:
    """The trials of the search that are known, and whether all of them have come to something."""
    found, finished = list[Trial](), plan.drawn == plan.trials
    for index, rung in enumerate(plan.ladder):
        left = {name: survivors(plan, results, name, index) for name in plan.recipes}
        known = [
            plan.trial(name, number, rung)
            for number in range(plan.drawn)
            for name, numbers in left.items()
            if numbers is not None and number in numbers
        ]
        found += known
        finished = finished and None not in left.values() and _done(known, results)
    return found, finished


def survivors(plan: Plan, results: Results, name: str, rung: int) -> Sequence[int] | None:
    """The settings of a recipe that come to a rung; `None` until the rung before it is done.

    Only settings of one recipe are held against each other, and none without a score goes on.
    """
    numbers: Sequence[int] = range(plan.drawn)
    for before, count in zip(plan.ladder[:rung], plan.counts()[1:], strict=False):
        trials = [plan.trial(name, number, before) for number in numbers]
        if not _done(trials, results):
            return None
        ranked = sorted((score_of(results, trial), trial.number) for trial in trials)
        numbers = [number for score, number in ranked[:count] if math.isfinite(score)]
    return numbers


def last_trials(plan: Plan, results: Results, name: str) -> list[Trial]:
    """The trial of each setting of a recipe on the highest rung at which it has come to something."""
    found: dict[int, Trial] = {}
    for rung in plan.ladder:
        trials = [plan.trial(name, number, rung) for number in range(plan.drawn)]
        found |= {trial.number: trial for trial in trials if trial.name in results}
    return [found[number] for number in sorted(found)]


def cut_trials(plan: Plan, results: Results, name: str) -> set[str]:
    """Trials of a recipe that have a score on a rung and did not go on to the next."""
    found: set[str] = set()
    for index, rung in enumerate(plan.ladder[:-1]):
        here, above = (survivors(plan, results, name, at) for at in (index, index + 1))
        if here is None or above is None:
            break
        trials = [plan.trial(name, number, rung) for number in here if number not in above]
        found |= {trial.name for trial in trials if math.isfinite(score_of(results, trial))}
    return found


def shortlist(plan: Plan, results: Results, name: str) -> list[int]:
    """The best settings of a recipe by the search, the best first; none without a score is among them.

    Of equal scores the earlier trial comes first.
    """
    scores = [(score_of(results, plan.trial(name, number)), number) for number in range(plan.drawn)]
    return [number for score, number in sorted(scores)[: plan.shortlist] if math.isfinite(score)]


def chosen(plan: Plan, results: Results, name: str) -> int | None:
    """The setting of a recipe that is confirmed: the best median of the screening; `None` if all failed."""
    numbers = shortlist(plan, results, name)
    if len(numbers) < 2:
        return numbers[0] if numbers else None
    medians = [
        median(score_of(results, run) for run in plan.repeats(name, number, "screening"))
        for number in numbers
    ]
    return numbers[medians.index(min(medians))]


def _done(trials: Sequence[Trial], results: Results) -> bool:
    return all(trial.name in results for trial in trials)
