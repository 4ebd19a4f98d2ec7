"""Stage four: how often `--doctor apply` brings a run with a fault back to what the healthy run reaches."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.planted_faults.faults import FIRST, Case
from benchmarks.planted_faults.games import BASES, dataset_of
from benchmarks.planted_faults.judge import WORSE
from benchmarks.planted_faults.record import recipe_of
from poise.data import spec_of
from poise.diagnosis import budget
from poise.errors import PoiseError
from poise.recipes import recipe_with, saved_recipe
from poise.run_folder import RunFolder
from poise.tasks import TASKS
from poise.tasks.prepare import prepared
from poise.training import Experiment, begin, pick_device
from poise.training.callbacks.quality import distance_to_data
from poise.training.components import build_components
from poise.training.remedies import begin_with_remedies
from poise.training.resolve import resolve
from poise.training.state import unpack

Rescue = Mapping[str, Any]
"""`name`, the Fréchet distances `healthy`, `left` alone and `rescued`, and what was tried: `tries`."""


def rescue_cases() -> list[Case]:
    """Every rescuable fault in every cheap game that it is planted in, with its seed."""
    return [
        Case(base, fault, index % 3)
        for fault in FIRST
        if not fault.beyond_settings
        for index, base in enumerate(fault.games)
        if BASES[base].data in ("digits", "ring", "triangles")
    ]


def rescue(case: Case, out: Path) -> Rescue:
    """Train a case three times, healthy, left alone and with `apply`, unless its result is in `out`."""
    file = out / "rescues" / f"{case.name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file():
        healthy, left = _left_alone(Case(case.base, None, case.seed), out), _left_alone(case, out)
        start, notices = time.monotonic(), list[str]()
        folder = out / "rescue-runs" / case.name
        for old in folder.parent.glob(f"{case.name}*"):
            shutil.rmtree(old)
        # A run of some seconds is checked as often as one of usual length, whatever time that takes.
        budget.MOST_SHARE = 1.0
        rescued = _end(case, lambda one: begin_with_remedies(one, folder, notify=notices.append).run)
        tries = [{"finding": line["finding"], "change": line["remedy"]["change"], "kept": line["kept"]}
                 for line in RunFolder(folder).lines("lineage")]  # fmt: skip
        file.write_text(json.dumps({"healthy": healthy, "left": left, "rescued": rescued, "tries": tries,
                                    "said": notices, "seconds": time.monotonic() - start}))  # fmt: skip
    return {"name": case.name, **json.loads(file.read_text())}


def _experiment(case: Case) -> Experiment:
    """A case ready to be trained; all that is measured of it is measured at its end."""
    game = BASES[case.base]
    dataset = prepared(dataset_of(game.data, None), TASKS["noise-to-data"])
    recipe = recipe_with(recipe_of(case, dataset), {"evaluate_every": 0, "steps": game.steps})
    recipe = resolve(recipe, spec_of(dataset))
    components = build_components(recipe, spec_of(dataset), pick_device("cpu"))
    return Experiment(dataset, {"kind": "built-in", "value": game.data}, components, recipe)


def _left_alone(case: Case, out: Path) -> float:
    """The distance at the end of a run without remedies, trained once."""
    file = out / "rescues" / "ends" / f"{case.name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file():
        folder = out / "rescue-runs" / f"alone-{case.name}"
        shutil.rmtree(folder, ignore_errors=True)
        found = _end(case, lambda one: begin(one, folder, notify=lambda _: None, doctor="off").run)
        file.write_text(json.dumps(found))
    return float(json.loads(file.read_text()))


def _end(case: Case, train: Callable[[Experiment], RunFolder]) -> float:
    """The distance of a run's last checkpoint to the data; infinite if it ended with an error."""
    experiment = _experiment(case)
    try:
        run = train(experiment)
    except PoiseError:
        return math.inf
    components = build_components(
        saved_recipe(run.recipe), spec_of(experiment.dataset), experiment.components.device
    )
    unpack(run.load_checkpoint(run.checkpoint_steps()[-1]), components)
    found = distance_to_data(components, experiment.dataset)
    return math.inf if found is None else found


def table(found: Iterable[Rescue]) -> str:
    """What became of every fault, as Markdown, and the rate."""
    rows, harmed, rescued = [], 0, 0
    for one in found:
        bound = WORSE * one["healthy"]
        word = "no harm was done"
        if not one["left"] <= bound:
            word = "yes" if one["rescued"] <= bound else "no"
            harmed, rescued = harmed + 1, rescued + (word == "yes")
        bold = (("**" if row["kept"] else "", row) for row in one["tries"])
        tried = "; ".join(f"{mark}{row['finding']}: {row['change']}{mark}" for mark, row in bold)
        numbers = " | ".join(f"{one[key]:.3g}" for key in ("healthy", "left", "rescued"))
        rows.append(f"| {one['name']} | {numbers} | {word} | {tried or 'nothing'} |")
    reasons: dict[str, list[str]] = {}
    for fault in FIRST:
        if why := fault.beyond_settings:
            reasons.setdefault(why, []).append(fault.name)
    return "\n".join([
        f"{rescued} of {harmed} runs that the fault had harmed end within {WORSE} x the Fréchet",
        "distance of the healthy run of the same game and seed: "
        f"{f'{100 * rescued / harmed:.0f} %' if harmed else '–'}.",
        "",
        "| run | healthy | left alone | with apply | rescued | what was tried; kept in bold |",
        "|---|---|---|---|---|---|",
        *rows,
        "", "Faults that no setting can mend, and are not counted:", "",
        *(f"- {', '.join(names)}: {why}." for why, names in reasons.items()),
    ])  # fmt: skip
