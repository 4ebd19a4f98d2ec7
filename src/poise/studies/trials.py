"""One unit of a study: train it or go on with it, choose a checkpoint, score that on rows of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from poise.data import Dataset, ThreeSets, data_of, open_data
from poise.data import default_cache as cache_folder
from poise.diagnosis import Finding
from poise.errors import PoiseError
from poise.evaluation.evaluating import extractor_for
from poise.evaluation.subjects import Subject, comparable, drawn
from poise.generator import Generator
from poise.metrics import Reference, cheap_evaluation, reference_of
from poise.randomness import derive
from poise.run_folder import RunFolder
from poise.studies.budget import recipe_of
from poise.studies.criteria import CRITERIA, FRECHET
from poise.studies.folder import StudyFolder, Unit
from poise.studies.plan import Plan, Trial
from poise.studies.samples import picture_of
from poise.text import command
from poise.training import Resumption, StepContext, begin, pick_device, plan, resume
from poise.training.callbacks import Request
from poise.training.callbacks.collapse import ENDED
from poise.training.session import NON_FINITE, UNSAVED
from poise.training.vectorised import EnsembleContext, Game, begin_many, plan_games, resume_many
from poise.web.summary import findings_of, problems

Notify = Callable[[str], None]
Beat = Callable[[], None]
"""Called whenever a trial of the unit has written a line."""


class Stopped(Exception):  # noqa: N818 - no error: a signal asked for it
    """A signal has stopped the unit; what it has is saved."""

    def __init__(self, exit_status: int) -> None:
        super().__init__(exit_status)
        self.exit_status = exit_status


@dataclass(frozen=True)
class Bench:
    """What all trials of a study share in one process."""

    study: StudyFolder
    plan: Plan
    notify: Notify

    @cached_property
    def device(self) -> torch.device:
        """Where trials are trained."""
        return pick_device(self.plan.device)

    def sets(self, trial: Trial) -> ThreeSets:
        """The data, divided, with the rows that a trial is trained on."""
        return replace(sets_of(self.plan), rows=trial.rung.rows)

    @cached_property
    def scoring(self) -> Dataset:
        """The rows that score."""
        return open_data(replace(sets_of(self.plan), part="scoring"), **self._reading)

    @property
    def _reading(self) -> dict[str, Any]:
        first = self.plan.recipe(next(iter(self.plan.recipes)))
        return {"resolution": first.resolution, "fit": first.fit, "channels": first.channels}

    @cached_property
    def reference(self) -> Reference:
        """What scoring needs of these rows."""
        reals = comparable(drawn(self.scoring, len(self.scoring), 0), self.scoring)
        return reference_of(
            reals,
            extractor=extractor_for(None, self.scoring, cache_folder()),
            fakes=len(reals),
            most=len(reals),
            seed=self.plan.seed,
        )


def sets_of(plan: Plan) -> ThreeSets:
    """The data of a plan, divided."""
    data = data_of(plan.data)
    if data is None:
        raise PoiseError(
            "The data of this study were given in memory",
            code="studies.data-not-recorded",
            hint="save them as .npy and name that file",
        )
    return ThreeSets(data, plan.seed, plan.choosing, plan.scoring)


def carry_out(bench: Bench, unit: Unit, beat: Beat) -> None:
    """Train what is left of a unit, and write the results of its trials.

    The claim on the unit must be held.

    Raises:
        Stopped: A signal came; everything is saved.
        PoiseError: The disk is full, or a run cannot be gone on with.
    """
    if unit.stacked:
        _train_stacked(bench, unit, beat)
    else:
        _train(bench, unit, beat)
    for trial in unit.trials:
        if not bench.study.has_result(trial.name):
            run = RunFolder.open(bench.study.run_path(unit, trial))
            result = result_of(bench, trial, run)
            if trial.stage == "confirmation" and result["score"] is not None:
                with bench.study.writing():
                    bench.study.picture(trial.name).write_bytes(picture_of(run.path, bench.scoring))
            bench.study.write_result(trial.name, result)


def _train(bench: Bench, unit: Unit, beat: Beat) -> None:
    """One trial in a run of its own, as far as its rung goes."""
    (trial,) = unit.trials
    path = bench.study.run_path(unit, trial)
    recipe = recipe_of(bench.plan, trial)
    pause = math.ceil(trial.rung.share * (recipe.steps or 0))

    def after_step(context: StepContext) -> Request | None:
        if context.line is not None:
            beat()
        return "stop" if pause <= context.step < (recipe.steps or 0) else None

    try:
        if not (path / "recipe.json").is_file():
            experiment = plan(bench.sets(trial), recipe, bench.device)
            outcome = begin(experiment, path, callbacks=[after_step], notify=bench.notify, doctor="watch")
        elif RunFolder.open(path).status in ("finished", "failed") or ended(path) or _reached(path, pause):
            return
        else:
            asked = Resumption(path, bench.device)
            outcome = resume(asked, callbacks=[after_step], notify=bench.notify, doctor="watch")
    except PoiseError as error:
        if error.exit_status != NON_FINITE:
            raise _of_study(bench.study, error) from None
        return
    if outcome.status != "finished" and not ended(path) and not _reached(path, pause):
        raise Stopped(outcome.exit_status)


def _of_study(study: StudyFolder, error: PoiseError) -> PoiseError:
    """The error of a run whose end could not be saved names the command of the study; others stay."""
    if error.exit_status != UNSAVED:
        return error
    return PoiseError(
        error.what,
        code="studies.trial-not-saved",
        why=error.why,
        hint=f"free some space, then go on: {command('poise', 'study', 'resume', study.path)}",
        exit_status=UNSAVED,
    )


def _reached(path: Path, step: int) -> bool:
    """Whether a run has saved a step, or one after it."""
    return max(RunFolder.open(path).checkpoint_steps(), default=0) >= step


def _train_stacked(bench: Bench, unit: Unit, beat: Beat) -> None:
    """Trials side by side, in one stack."""
    path = bench.study.path / "trials" / unit.name

    def after_step(context: EnsembleContext) -> None:
        if context.line is not None:
            beat()

    try:
        if not (path / "recipe.json").is_file():
            games = [
                Game(trial.name, recipe_of(bench.plan, trial), dict(trial.settings)) for trial in unit.trials
            ]
            experiment = plan_games(bench.sets(unit.trials[0]), games, bench.device)
            outcome = begin_many(experiment, path, watch=after_step, notify=bench.notify, doctor="watch")
        elif RunFolder.open(path).status in ("finished", "failed") or _all_ended(bench, unit):
            return
        else:
            asked = Resumption(path, bench.device)
            outcome = resume_many(asked, watch=after_step, notify=bench.notify, doctor="watch")
    except PoiseError as error:
        if error.exit_status != NON_FINITE:
            raise _of_study(bench.study, error) from None
        return
    if outcome.status != "finished" and not _all_ended(bench, unit):
        raise Stopped(outcome.exit_status)


def ended(path: Path) -> Mapping[str, Any]:
    """At which step and why a run was ended before its last step; empty if it was not."""
    return RunFolder(path).read_json(ENDED)


def _all_ended(bench: Bench, unit: Unit) -> bool:
    return all(ended(bench.study.run_path(unit, trial)) for trial in unit.trials)


def result_of(bench: Bench, trial: Trial, run: RunFolder) -> dict[str, Any]:
    """What a trial came to: the score of its best checkpoint, or why it has none; and what it took."""
    recipe, measured = run.recipe, run.read_json("status")
    last: dict[str, Any] = next(reversed(run.lines("history")), {})
    steps = int(measured.get("step", last.get("step", 0)) or 0)
    each = int(recipe["dynamics"].get("discriminator_steps", 1))
    found = findings_of(run.lines("findings"))
    result = {
        "name": trial.name,
        **trial.model_dump(),
        "folder": str(run.path.relative_to(bench.study.path)),
        "findings": names_of(problems(found)),
        "images_seen": int(last.get("images_seen", 0)),
        "discriminator_steps": steps * each,
        "generator_steps": steps,
        "seconds": float(last.get("seconds", 0.0)),
    }
    if early := ended(run.path):
        if run.status != "finished":  # in a stack it was trained on beside the others
            result |= {name: early[name] for name in ("images_seen", "seconds")}
            result |= {"discriminator_steps": early["step"] * each, "generator_steps": early["step"]}
        return {**result, "score": None, "failed": early["finding"], "why": early["why"]}
    if run.status == "failed":
        return {**result, "score": None, "why": str(measured.get("reason", "a value was not finite"))}
    try:
        return {**result, **scored(bench, run)}
    except (PoiseError, RuntimeError) as error:
        why = error.what if isinstance(error, PoiseError) else str(error).splitlines()[0]
        return {**result, "score": None, "why": f"its samples could not be measured: {why}"}


def names_of(found: list[Finding]) -> list[str]:
    """The names of findings, each once, the gravest first."""
    return list(dict.fromkeys(one.name for one in found if one.severity == "trouble"))


def scored(bench: Bench, run: RunFolder) -> Mapping[str, Any]:
    """The numbers of a run's best checkpoint on the rows that score, all from the same latents."""
    best = (run.path / "checkpoints" / "best").is_dir()
    generator = Generator.load(run.path, checkpoint="best" if best else None)
    subject = Subject(run.path.name, generator.shape, generator=generator, run=run)
    seed = derive(bench.plan.seed, 0, "study scoring") % 2**31
    fakes = comparable(subject.draw(len(bench.scoring), seed), bench.scoring)
    values: dict[str, float] = {}
    for result in cheap_evaluation(bench.reference, fakes, replicates=0):
        whole = result.metric == FRECHET
        values |= {FRECHET if whole else name: float(value) for name, value in result.values.items()}
    criterion = CRITERIA[bench.plan.criterion]
    if criterion.more is not None:
        values |= criterion.more(subject, bench.scoring, seed)
    score = criterion.score(values)
    if criterion.name in values:
        values.pop(criterion.name)  # it is the score itself
    return {"score": score, "chosen_step": subject.step, "metrics": values}
