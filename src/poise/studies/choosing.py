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
    trials = plan.search()
    if not plan.seeds or not plan.shortlist or not _done(trials, results):
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


def shortlist(plan: Plan, results: Results, name: str) -> list[int]:
    """The best settings of a recipe by the search, the best first; none without a score is among them.

    Of equal scores the earlier trial comes first.
    """
    scores = [(score_of(results, plan.trial(name, number)), number) for number in range(plan.trials)]
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
