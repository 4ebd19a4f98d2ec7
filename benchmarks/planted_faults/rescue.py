"""Stage three: how often `--doctor apply` brings a run with a fault back to what the healthy run reaches."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.planted_faults.bases import BASES, source_of
from benchmarks.planted_faults.cases import FAULTS, Case, Fault
from benchmarks.planted_faults.record import recipe_of
from poise.data import spec_of
from poise.diagnosis import budget
from poise.errors import PoiseError
from poise.recipes import recipe_with, saved_recipe
from poise.run_folder import RunFolder
from poise.tasks import TASKS
from poise.tasks.prepare import prepared
from poise.training import Experiment, begin, pick_device
from poise.training.assemble import assemble
from poise.training.quality import distance_to_data
from poise.training.remedies import begin_with_remedies
from poise.training.resolve import resolve
from poise.training.state import unpack

WITHIN = 1.5
"""Times the healthy run's distance within which a run counts as rescued."""

CHEAP = ("digits", "ring", "triangles")
"""Data on which rescues are played."""


@dataclass(frozen=True)
class Rescue:
    """What became of one fault.

    Attributes:
        name: The case's name.
        healthy: Fréchet distance at the end of the healthy run of the same game and seed.
        left: The same of the run with the fault, with nobody who helps.
        rescued: The same of what `apply` ended with.
        tries: What was tried, in order: finding, remedy, whether it was kept.
    """

    name: str
    healthy: float
    left: float
    rescued: float
    tries: Sequence[dict[str, Any]]

    @property
    def succeeded(self) -> bool:
        """Whether it ended within the bound."""
        return self.rescued <= WITHIN * self.healthy

    @property
    def needed(self) -> bool:
        """Whether the fault did harm: without help it ends outside the bound."""
        return not self.left <= WITHIN * self.healthy


def why_not(fault: Fault) -> str:
    """Why no setting can mend a fault; empty where one can."""
    if fault.rescuable:
        return ""
    if fault.handful or fault.rows is not None:
        return "it lies in the data: rows are missing, repeated or in an order"
    if fault.distort is not None:
        return "it lies in how the data are prepared"
    if fault.finding == "condition-ignored":
        return "it lies in the person's own loop, which the doctor cannot change"
    return "a hand goes on meddling with weights, rates or latents, in every branch, too"


def rescue_cases() -> list[Case]:
    """Every rescuable fault in every cheap game that it is planted in, with its seed."""
    return [
        Case(base, fault, place % 3)
        for fault in FAULTS
        if fault.rescuable
        for place, base in enumerate(fault.bases)
        if BASES[base].data in CHEAP
    ]


def rescue(case: Case, out: Path) -> Rescue:
    """Play a case three times: healthy, left alone, with `apply`; none that was played before.

    Args:
        case: Which.
        out: Where results and run folders are kept.
    """
    place = out / "rescues" / f"{case.name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_file():
        healthy = _kept(Case(case.base, None, case.seed), out)
        left = _kept(case, out)
        start = time.monotonic()
        folder = out / "rescue-runs" / case.name
        for old in folder.parent.glob(f"{case.name}*"):
            shutil.rmtree(old)
        said: list[str] = []
        plan = _planned(case)
        # A run of some seconds is checked as often as one of usual length, whatever time that takes.
        budget.MOST_SHARE = 1.0
        try:
            kept = begin_with_remedies(plan, folder, notify=said.append).run
            rescued = _distance(plan, kept)
        except PoiseError as error:
            said.append(error.sentence)
            rescued = float("inf")
        tries = [
            {"finding": line["finding"], "change": line["remedy"]["change"], "kept": line["kept"]}
            for line in RunFolder(folder).lines("lineage")
        ]
        told = {"healthy": healthy, "left": left, "rescued": rescued, "tries": tries, "said": said,
                "seconds": round(time.monotonic() - start, 1)}  # fmt: skip
        place.write_text(json.dumps(told))
    told = json.loads(place.read_text())
    return Rescue(case.name, told["healthy"], told["left"], told["rescued"], told["tries"])


def _planned(case: Case) -> Experiment:
    """A case ready to be trained; all that is measured of it is measured at its end."""
    source = prepared(source_of(BASES[case.base].data, None), TASKS["noise-to-data"])
    recipe = recipe_with(recipe_of(case, source), {"evaluate_every": 0, "steps": BASES[case.base].steps})
    recipe = resolve(recipe, spec_of(source))
    components = assemble(recipe, spec_of(source), pick_device("cpu"))
    return Experiment(source, {"kind": "built-in", "value": BASES[case.base].data}, recipe, components)


def _kept(case: Case, out: Path) -> float:
    """The distance at the end of a run that nobody helps, played once."""
    place = out / "rescues" / "ends" / f"{case.name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_file():
        folder = out / "rescue-runs" / f"alone-{case.name}"
        shutil.rmtree(folder, ignore_errors=True)
        plan = _planned(case)
        try:
            found = _distance(plan, begin(plan, folder, notify=lambda sentence: None, doctor="off").run)
        except PoiseError:
            found = float("inf")
        place.write_text(json.dumps(found))
    return float(json.loads(place.read_text()))


def _distance(plan: Experiment, run: RunFolder) -> float:
    """Of the last checkpoint of a run, against the data and with the latents of the plan."""
    trained = saved_recipe(run.recipe)
    components = assemble(trained, spec_of(plan.source), plan.components.device)
    unpack(run.load_checkpoint(run.checkpoint_steps()[-1]), components)
    found = distance_to_data(components, plan.source)
    return float("inf") if found is None else found


def table(found: Iterable[Rescue]) -> str:
    """What became of every fault, as Markdown, and the rate."""
    found = list(found)
    harmed = [one for one in found if one.needed]
    rescued = [one for one in harmed if one.succeeded]
    share = f"{100 * len(rescued) / len(harmed):.0f} %" if harmed else "–"
    lines = [
        "# What `--doctor apply` makes of planted faults",
        "",
        "Written by `python -m benchmarks.planted_faults rescue --page docs/failures/rescues.md`. Each",
        "game is played three times with one seed and as many steps: healthy; with a fault in its",
        "settings and nobody who helps; and with that fault and `--doctor apply`, which tries three",
        "remedies at most, each in a branch. Compared is the Fréchet distance of the last averaged",
        "generator's samples to the data. Every check of the doctor is made, as in a run of usual length.",
        "The games are those on digits, the ring and triangles. How heavy a penalty the remedies set,",
        "from which gap rates are levelled, and when a branch begins from fresh weights was chosen while",
        "looking at some runs of greedy-generator, sharp-discriminator and unpenalised-ring; runs of all",
        "other kinds had been seen once, after that. These were all played in one go, at commit a5569e5,",
        "with settings and remedies as they were then and the doctor's rules of its fourth round.",
        "",
        f"{len(rescued)} of {len(harmed)} runs that the fault had harmed end within {WITHIN} x the Fréchet",
        f"distance of the healthy run of the same game and seed: {share}.",
        "",
        "| run | healthy | left alone | with apply | rescued | what was tried; kept in bold |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        tries = "; ".join(
            f"**{t['finding']}: {t['change']}**" if t["kept"] else f"{t['finding']}: {t['change']}"
            for t in one.tries
        )
        word = ("yes" if one.succeeded else "no") if one.needed else "no harm was done"
        numbers = " | ".join(f"{value:.3g}" for value in (one.healthy, one.left, one.rescued))
        lines.append(f"| {one.name} | {numbers} | {word} | {tries or 'nothing'} |")
    reasons: dict[str, list[str]] = {}
    for fault in FAULTS:
        if why := why_not(fault):
            reasons.setdefault(why, []).append(fault.name)
    lines += ["", "Faults that no setting can mend, and are not counted:", ""]
    lines += [f"- {', '.join(names)}: {why}." for why, names in reasons.items()]
    return "\n".join(lines)
