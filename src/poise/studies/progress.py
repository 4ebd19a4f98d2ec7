"""How far a study is, by what is in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from poise.studies.choosing import wanted
from poise.studies.folder import StudyFolder
from poise.studies.plan import SCREENING_SEEDS, Plan


@dataclass(frozen=True)
class Standing:
    """How far a study is."""

    done: int  # Trials that came to something
    failed: int  # Of these, without a score
    planned: int  # Trials, those included that confirm
    images: int  # That the trials that are done have seen
    images_left: int  # That the others will see
    stage: str  # "search", "screening", "confirmation" or "finished"


def standing(study: StudyFolder) -> Standing:
    """How far a study is, by what is in its folder."""
    plan, results = study.plan, study.results()
    trials = wanted(plan, results)
    done = [trial for trial in trials if trial.name in results]
    stage = next((trial.stage for trial in trials if trial.name not in results), None)
    if stage is None and plan.drawn < plan.trials:
        stage = "search"  # further settings will be suggested
    of_search = [trial for trial in trials if trial.stage == "search"]
    rungs = runs_of(plan)["search"] - len(of_search) if stage == "search" else 0
    repeats = sum(_to_come(plan, stage))
    left = sum(plan.images_of(trial) for trial in trials if trial.name not in results)
    higher = _images_of_rungs(plan) - sum(map(plan.images_of, of_search)) if rungs else 0
    return Standing(
        done=len(done),
        failed=sum(results[trial.name].get("score") is None for trial in done),
        planned=len(trials) + rungs + repeats,
        images=sum(map(plan.images_of, done)),
        images_left=left + max(0, higher) + repeats * plan.budget.images,
        stage=stage or "finished",
    )


def runs_of(plan: Plan) -> dict[str, int]:
    """How many runs each stage of a study has, if no setting fails, by the stage's name."""
    listed = min(plan.shortlist, plan.trials)
    screened = listed * SCREENING_SEEDS if plan.seeds and listed > 1 else 0
    each = {"search": sum(plan.counts()), "screening": screened, "confirmation": plan.seeds if listed else 0}
    return {stage: count * len(plan.recipes) for stage, count in each.items()}


def images_of(plan: Plan) -> int:
    """Images that all runs of a study see together, if no setting fails."""
    found = runs_of(plan)
    return _images_of_rungs(plan) + (found["screening"] + found["confirmation"]) * plan.budget.images


def _images_of_rungs(plan: Plan) -> int:
    """Images of a whole search, if no setting fails."""
    name = next(iter(plan.recipes))
    each = [plan.images_of(plan.trial(name, 0, rung)) for rung in plan.ladder]
    return len(plan.recipes) * sum(count * images for count, images in zip(plan.counts(), each, strict=True))


def _to_come(plan: Plan, stage: str | None) -> Iterator[int]:
    """Trials of the stages after one."""
    found = runs_of(plan)
    if stage == "search":
        yield found["screening"]
    if stage in ("search", "screening"):
        yield found["confirmation"]
