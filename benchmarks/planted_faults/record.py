"""Stage one: train the runs and record what the doctor measures in each; none is trained twice."""

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

from benchmarks.planted_faults.conditional import train_conditional
from benchmarks.planted_faults.faults import Case, Fault
from benchmarks.planted_faults.games import GAMES, Array, dataset_of
from benchmarks.planted_faults.plants import Distorted, ExchangedRows, only
from poise.data import Dataset, spec_of
from poise.diagnosis.undisturbed import still
from poise.diagnosis.window import per_sample_scores
from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.tasks import TASKS
from poise.tasks.held_out import Split, split
from poise.tasks.prepare import prepared
from poise.training import Experiment, StepContext, begin, pick_device
from poise.training.callbacks.doctor import Doctor
from poise.training.components import Components, build_components
from poise.training.resolve import resolve

NOTHING = Fault("healthy", "", "")


def record(case: Case, out: Path, openmoji: Path | None) -> Path:
    """Train one run, unless its record is in `out`, and return the record's file."""
    file = out / "records" / f"{case.name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_file() or not _claimed(file.with_suffix(".claim")):
        return file
    start = time.monotonic()
    if case.base.startswith("conditional"):
        found = train_conditional(case)
    else:
        found = train(case, out / "runs" / case.name, openmoji)
        if not found["stopped"] and found["readings"][-1]["step"] < found["steps"]:
            raise SystemExit(f"{case.name} was ended from outside; it is not recorded")
    found |= {"seconds": round(time.monotonic() - start, 2)}
    file.write_text(json.dumps({"name": case.name, "kind": case.kind, "base": case.base, **found}))
    return file


def _claimed(claim: Path) -> bool:
    """Whether this process is to train a run; a claim older than ten minutes is of one that died."""
    if claim.is_file() and time.time() - claim.stat().st_mtime > 600:
        claim.unlink(missing_ok=True)
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def recipe_of(case: Case, dataset: Dataset) -> Recipe:
    """The resolved recipe of a run, with the fault if that lies in the recipe."""
    game, fault = GAMES[case.base], case.fault or NOTHING
    steps = round(game.steps * fault.steps)
    common = {"steps": steps, "seed": case.seed, "sample_every": max(1, steps // 10), "log_every": 10,
              "evaluate_every": max(1, steps // 8), "checkpoints.every_seconds": 1e9}  # fmt: skip
    recipe = recipe_with(RECIPES[game.recipe], {**game.changes, **common})
    changes = {**fault.changes, **({} if fault.held_out is None else {"held_out": fault.held_out})}
    if "loss" in changes:
        recipe = recipe_with(recipe, {"loss": changes.pop("loss")})
    has = recipe.model_dump()
    fitting = {path: value for path, value in changes.items() if _fits(path, has)}
    return resolve(recipe_with(recipe, fitting), spec_of(dataset))


def _fits(path: str, values: dict[str, Any]) -> bool:
    """Whether the recipe has the penalty, or the spectral norm, that a fault takes away."""
    folder, _, rest = path.partition(".")
    if folder == "regularisers":
        return rest.partition(".")[0] in values["regularisers"]
    return rest != "spectral_norm" or "spectral_norm" in values[folder]


def train(case: Case, folder: Path, openmoji: Path | None) -> dict[str, Any]:
    """One run of Poise's own training."""
    fault = case.fault or NOTHING
    dataset = prepared(dataset_of(GAMES[case.base].data, openmoji), TASKS["noise-to-data"])
    recipe = recipe_of(case, dataset)
    shown, exchanged, rows = _tampered(dataset, fault, recipe)
    components = build_components(recipe, spec_of(dataset), pick_device("cpu"))
    origin = {"kind": "given", "value": GAMES[case.base].data}
    experiment = Experiment(shown, origin, components, recipe)
    doctor = Doctor(recipe, shown, rows, print, most_share=1.0)
    steps = recipe.steps or 1
    onset, meddle = round(fault.onset * steps), fault.meddle and fault.meddle(dataset, case.seed)

    def interfere(context: StepContext) -> None:
        if exchanged is not None:
            exchanged.state["done"] = context.step / steps
        if meddle is not None and context.step >= onset:
            meddle(context)

    shutil.rmtree(folder, ignore_errors=True)
    stopped = ""
    try:
        begin(experiment, folder, callbacks=[doctor, interfere], notify=lambda sentence: None, doctor="off")
    except PoiseError as error:
        stopped = error.sentence
    run = RunFolder(folder)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    keys = ("step", "metric", "value", "floor")
    metrics = [{key: line[key] for key in keys} for line in run.lines("metrics")]
    return {"seed": case.seed, "steps": steps, "onset": onset, "recipe": recipe.model_dump(),
            "readings": run.lines("readings"), "metrics": metrics, "stopped": stopped,
            "end": _end(components, shown, dataset, rows)}  # fmt: skip


def _end(components: Components, shown: Dataset, dataset: Dataset, rows: Split) -> dict[str, Any]:
    """The networks at the end, measured on all rows and by nothing that the doctor measures."""
    discriminator = components.modules["discriminator"]
    weights = [*discriminator.parameters(), *components.modules["generator"].parameters()]
    finite = all(bool(weight.isfinite().all()) for weight in weights)
    if not len(rows.held_out):
        return {"finite": finite, "known_by_heart": None}

    def scores(chosen: Array) -> Tensor:
        reals = shown.transform.encode(dataset.gather(chosen))
        return torch.cat([per_sample_scores(discriminator(part)) for part in torch.split(reals, 256)])

    with still([discriminator]):
        known, unknown = scores(rows.training), scores(rows.held_out)
    apart = float((known.mean() - unknown.mean()) / ((known.var() + unknown.var()) / 2).sqrt())
    return {"finite": finite, "known_by_heart": apart if math.isfinite(apart) else None}


def _tampered(dataset: Dataset, fault: Fault, recipe: Recipe) -> tuple[Dataset, ExchangedRows | None, Split]:
    """The data as the fault shows them, and which rows the doctor should know as trained on."""
    exchanged, rows, shown = None, split(len(dataset), recipe.held_out, recipe.seed), dataset
    if fault.handful:
        chosen = np.random.default_rng(recipe.seed).permutation(rows.training)[: fault.handful]
        exchanged, rows = only(dataset, chosen), Split(np.sort(chosen), rows.held_out)
    elif fault.rows is not None:
        exchanged = fault.rows(dataset)
    if exchanged is not None:
        shown = dataclasses.replace(shown, array=None, live=exchanged)
    if fault.distort is not None:
        transform: Any = Distorted(dataset.transform, fault.distort)
        shown = dataclasses.replace(shown, transform=transform)
    return shown, exchanged, rows
