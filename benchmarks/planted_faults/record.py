"""Stage one: play the runs and write down what the doctor reads in each; none is played twice."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.planted_faults.bases import BASES, BASES_FOURTH, BASES_KEPT_OUT, source_of
from benchmarks.planted_faults.cases import Case, Fault
from benchmarks.planted_faults.conditional import play_conditional
from benchmarks.planted_faults.meddling import Meddle
from benchmarks.planted_faults.planting import Array, Bewitched, Distorted, only
from poise.data import Dataset, spec_of
from poise.diagnosis.examination import still
from poise.diagnosis.scores import per_sample_scores
from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.tasks import TASKS
from poise.tasks.prepare import prepared
from poise.training import Experiment, StepContext, begin, pick_device
from poise.training.assemble import Components, assemble
from poise.training.doctor import Doctor
from poise.training.held_out import Split, split
from poise.training.resolve import resolve

NOTHING = Fault("healthy", "", ())
GAMES = {**BASES, **BASES_KEPT_OUT, **BASES_FOURTH}


def record(case: Case, out: Path, openmoji: Path | None) -> Path:
    """Play one run, unless it was played before.

    Args:
        case: Which.
        out: Where records and run folders are kept.
        openmoji: The folder of OpenMoji's pictures.

    Returns:
        The record's file.
    """
    place = out / "records" / f"{case.name}.json"
    if place.is_file():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    if not _claimed(place.with_suffix(".claim")):
        return place
    start = time.monotonic()
    if case.base.startswith("conditional"):
        told = play_conditional(case)
    else:
        told = play(case, out / "runs" / case.name, openmoji)
        if not told["stopped"] and told["readings"][-1]["step"] < told["steps"]:
            raise SystemExit(f"{case.name} was ended from outside; it is not recorded")
    told |= {"seconds": round(time.monotonic() - start, 2)}
    place.write_text(json.dumps({"name": case.name, "kind": case.kind, "base": case.base, **told}))
    return place


def _claimed(claim: Path) -> bool:
    """Whether the run is this process's to play; a claim of ten minutes ago was left by one that died."""
    if claim.is_file() and time.time() - claim.stat().st_mtime > 600:
        claim.unlink(missing_ok=True)
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def recipe_of(case: Case, source: Dataset) -> Recipe:
    """What is played, spelled out; a fault that lies in the recipe is in it."""
    base, fault = GAMES[case.base], case.fault or NOTHING
    steps = round(base.steps * fault.steps)
    common = {"steps": steps, "seed": case.seed, "sample_every": max(1, steps // 10), "log_every": 10,
              "evaluate_every": max(1, steps // 8),
              "checkpoints.every_seconds": 1e9}  # fmt: skip
    recipe = recipe_with(RECIPES[base.recipe], {**base.changes, **common})
    held_out = {} if fault.held_out is None else {"held_out": fault.held_out}
    known = {**fault.changes, **held_out}
    if "loss" in known:
        recipe = recipe_with(recipe, {"loss": known.pop("loss")})
    has = recipe.model_dump()
    fitting = {path: value for path, value in known.items() if _fits(path, has)}
    return resolve(recipe_with(recipe, fitting), spec_of(source))


def _fits(path: str, values: dict[str, Any]) -> bool:
    """Whether a penalty, or the spectral norm, that a fault takes away is there at all."""
    folder, _, rest = path.partition(".")
    name = rest.partition(".")[0]
    if folder == "penalties":
        return name in values["penalties"]
    return rest != "spectral_norm" or "spectral_norm" in values[folder]


def play(case: Case, folder: Path, openmoji: Path | None) -> dict[str, Any]:
    """One run of Poise's own training."""
    fault = case.fault or NOTHING
    source = prepared(source_of(GAMES[case.base].data, openmoji), TASKS["noise-to-data"])
    recipe = recipe_of(case, source)
    rows = split(len(source), recipe.held_out, case.seed)
    shown, bewitched, known = _tampered(source, fault, rows, case.seed)
    device = pick_device("cpu")
    components = assemble(recipe, spec_of(source), device)
    plan = Experiment(shown, {"kind": "given", "value": GAMES[case.base].data}, recipe, components)
    doctor = Doctor(recipe, shown, known, print, most_share=1.0)
    steps = recipe.steps or 1
    meddle = fault.meddle(source, case.seed) if fault.meddle else None
    hand = _Hand(meddle, round(fault.onset * steps), steps, bewitched)
    shutil.rmtree(folder, ignore_errors=True)
    stopped = ""
    try:
        begin(plan, folder, callbacks=[doctor, hand], notify=lambda sentence: None, doctor="off")
    except PoiseError as error:
        stopped = error.sentence
    run = RunFolder(folder)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return {
        "seed": case.seed,
        "steps": steps,
        "onset": round(fault.onset * steps),
        "recipe": recipe.model_dump(),
        "readings": run.lines("readings"),
        "metrics": [
            {key: line[key] for key in ("step", "metric", "value", "floor")} for line in run.lines("metrics")
        ],
        "stopped": stopped,
        "end": _end(components, shown, source, known),
    }


def _end(components: Components, shown: Dataset, source: Dataset, rows: Split) -> dict[str, Any]:
    """What the networks came to, measured on all rows and by nothing that the doctor reads."""
    modules = [components.modules[name] for name in ("discriminator", "generator")]
    finite = all(bool(one.isfinite().all()) for module in modules for one in module.parameters())
    discriminator = modules[0]

    def scores(chosen: Array) -> Tensor:
        reals = shown.transform.encode(source.gather(chosen))
        return torch.cat([per_sample_scores(discriminator(part)) for part in torch.split(reals, 256)])

    if not len(rows.held_out):
        return {"finite": finite, "known_by_heart": None}
    with still([discriminator]):
        seen, unseen = scores(rows.training), scores(rows.held_out)
    apart = float((seen.mean() - unseen.mean()) / ((seen.var() + unseen.var()) / 2).sqrt())
    return {"finite": finite, "known_by_heart": apart if math.isfinite(apart) else None}


class _Hand:
    """The observer that meddles."""

    def __init__(self, meddle: Meddle | None, onset: int, steps: int, rows: Bewitched | None) -> None:
        self.meddle, self.onset, self.steps, self.rows = meddle, onset, steps, rows

    def __call__(self, context: StepContext) -> None:
        if self.rows is not None:
            self.rows.state["done"] = context.step / self.steps
        if self.meddle is not None and context.step >= self.onset:
            self.meddle(context)


def _tampered(
    source: Dataset, fault: Fault, rows: Split, seed: int
) -> tuple[Dataset, Bewitched | None, Split]:
    """The data as the fault shows them, and which rows the doctor should know as trained on."""
    bewitched, known = None, rows
    if fault.handful:
        chosen = np.random.default_rng(seed).permutation(rows.training)[: fault.handful]
        bewitched, known = only(source, chosen), Split(np.sort(chosen), rows.held_out)
    elif fault.rows is not None:
        bewitched = fault.rows(source, seed)
    shown = source
    if bewitched is not None:
        shown = dataclasses.replace(shown, array=None, live=bewitched)
    if fault.distort is not None:
        encoding: Any = Distorted(source.transform, fault.distort)
        shown = dataclasses.replace(shown, transform=encoding)
    return shown, bewitched, known
