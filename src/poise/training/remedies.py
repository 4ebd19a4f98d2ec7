"""Applying remedies: a run in trouble is branched from its last good state with one thing changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poise.errors import PoiseError
from poise.recipes import Recipe, recipe_with, saved_recipe
from poise.run_folder import Checkpoint, RunFolder
from poise.training.assemble import Assembly, assemble
from poise.training.conditions import shapes_of
from poise.training.environment import environment_record
from poise.training.observer import Observer, Say
from poise.training.resolve import resolve
from poise.training.session import Outcome, Plan, begin, data_record, sit
from poise.training.state import Position, unpack

TRIES = 3
"""Branches that are tried before the doctor gives up."""

NON_FINITE = 4
"""The exit status of a run that a value which is not finite has ended."""


@dataclass(frozen=True)
class Trial:
    """A remedy that is tried.

    Attributes:
        finding: The finding's name.
        first_step: Where it begins.
        remedy: As `findings.jsonl` has it.
    """

    finding: str
    first_step: int
    remedy: Mapping[str, Any]


def begin_with_remedies(
    planned: Plan,
    out: Path | str,
    *,
    observers: Sequence[Observer] = (),
    say: Say,
    command: list[str] | None = None,
    tries: int = TRIES,
) -> Outcome:
    """Train; where there is trouble, stop and try remedies, each in a branch in a folder of its own.

    A branch starts from the last checkpoint before the trouble began (from fresh weights where the remedy
    asks for them, or the networks changed) with the remedy's settings. It is kept if its distance to the data
    does not end above that of the run it came from, or, where a run is too short to have measured any, if it
    comes to its end without trouble; else the next remedy is tried. What is kept is trained to the end. Every
    try is a line of `lineage.jsonl` in the first folder, and a branch says in `lineage.json` where it came
    from.

    Args:
        planned: What to do.
        out: The folder to make; branches get `-remedy-1` and so on.
        observers: What watches besides the pictures.
        say: Tells a person one sentence.
        command: The command line, for the record.
        tries: Branches that are tried at most.

    Returns:
        How the kept run ended, and which it is.

    Raises:
        PoiseError: The folder is taken, or no remedy saved the run from a value that is not finite.
    """
    outcome, failure = _played(
        lambda: begin(planned, out, observers=observers, say=say, command=command, doctor="apply"), out
    )
    first, kept, tried = RunFolder(out), outcome.run, 0
    spent: set[str] = set()
    while outcome.status != "finished" and not outcome.exit_status and tried < tries:
        trial = next(_trials(kept, spent), None)
        if trial is None:
            break
        tried += 1
        spent.add(str(trial.remedy["change"]))
        say(f"Trying a remedy for {trial.finding}: {trial.remedy['change']}.")
        place = Path(f"{Path(out)}-remedy-{tried}")
        branch, fault = _branched(planned, kept, trial, place, observers, say, command)
        before, after = distance(kept), distance(branch.run)
        better = fault is None and _no_worse(before, after, finished=branch.status == "finished")
        first.append("lineage", {
            "step": _last_step(branch.run), "parent": kept.path.name, "branch": place.name,
            "finding": trial.finding, "first_step": trial.first_step, "remedy": dict(trial.remedy),
            "distance_before": before, "distance_after": after, "kept": better,
        })  # fmt: skip
        if better:
            say(f"Kept: the distance to the data is {_said(after)}, and was {_said(before)}.")
            outcome, failure, kept = branch, None, branch.run
        else:
            say(f"Not kept: the distance to the data is {_said(after)}, and was {_said(before)}.")
        if branch.exit_status:
            return branch
    if outcome.status == "finished" or outcome.exit_status:
        return outcome
    if failure is not None:
        raise failure
    say(f"The doctor gives up after {tried} tries; {kept.path} goes on as it is.")
    return _to_the_end(planned, kept, observers, say)


def distance(run: RunFolder) -> float | None:
    """The last Fréchet distance that a run measured; `None` where it measured none."""
    lines = [line for line in run.lines("metrics") if line.get("metric") == "frechet_distance"]
    return float(lines[-1]["value"]) if lines else None


def last_good(run: RunFolder, before: int) -> Checkpoint | None:
    """The newest sound checkpoint of a step before the trouble; the best one counts, too."""
    found: list[Checkpoint] = []
    for which in [*reversed([step for step in run.checkpoint_steps() if step < before]), "best"]:
        try:
            checkpoint = run.load_checkpoint(which)  # type: ignore[arg-type]
        except PoiseError:
            continue
        if checkpoint.step < before:
            found.append(checkpoint)
            if which != "best":
                continue
    return max(found, key=lambda one: one.step, default=None)


def _trials(run: RunFolder, spent: set[str]) -> Iterator[Trial]:
    """Remedies that set something and were not tried, of the open troubles, the earliest first."""
    latest: dict[tuple[str, int], Mapping[str, Any]] = {}
    for line in run.lines("findings"):
        latest[line["name"], line["first_step"]] = line
    open_ = [one for one in latest.values() if one["status"] == "open" and one["severity"] == "trouble"]
    ranked = [
        (place, finding["first_step"], Trial(finding["name"], finding["first_step"], remedy))
        for finding in open_
        for place, remedy in enumerate(finding["remedies"])
        if remedy.get("settings") and remedy["change"] not in spent
    ]
    yield from (trial for _, _, trial in sorted(ranked, key=lambda one: one[:2]))


def _branched(
    planned: Plan,
    parent: RunFolder,
    trial: Trial,
    place: Path,
    observers: Sequence[Observer],
    say: Say,
    command: list[str] | None,
) -> tuple[Outcome, PoiseError | None]:
    recipe = _changed(saved_recipe(parent.recipe), trial.remedy["settings"], planned)
    device = planned.assembly.device
    assembly = assemble(recipe, shapes_of(planned.source), device)
    position = _placed(assembly, None if trial.remedy.get("restart") else last_good(parent, trial.first_step))
    run = RunFolder.create(
        place,
        recipe=recipe.model_dump(),
        environment=environment_record(device, seed=recipe.seed, command=command),
        data=data_record(planned.source, planned.origin),
    )
    run.write_json("lineage", {
        "parent": str(parent.path.absolute()), "from_step": position.step, "finding": trial.finding,
        "remedy": dict(trial.remedy), "at": time.time(),
    })  # fmt: skip

    def play() -> Outcome:
        with run.locked():
            return sit(assembly, planned.source, run, position, observers, say, doctor="apply")

    return _played(play, place)


def _changed(recipe: Recipe, settings: Mapping[str, Any], planned: Plan) -> Recipe:
    changed = recipe_with(recipe, settings)
    return resolve(changed, shapes_of(planned.source))


def _placed(assembly: Assembly, checkpoint: Checkpoint | None) -> Position:
    """Put a checkpoint in place; where the networks have changed, begin with fresh weights."""
    if checkpoint is None:
        return Position()
    try:
        return unpack(checkpoint, assembly)
    except (PoiseError, RuntimeError):
        return Position()


def _to_the_end(planned: Plan, run: RunFolder, observers: Sequence[Observer], say: Say) -> Outcome:
    recipe = saved_recipe(run.recipe)
    assembly = assemble(recipe, shapes_of(planned.source), planned.assembly.device)
    with run.locked():
        restored = run.restore().checkpoint
        position = Position() if restored is None else unpack(restored, assembly)
        return sit(assembly, planned.source, run, position, observers, say, doctor="suggest")


def _played(play: Any, place: Path | str) -> tuple[Outcome, PoiseError | None]:
    """A sitting's outcome; that a value was not finite is an outcome here, too."""
    try:
        return play(), None
    except PoiseError as error:
        if error.exit_status != NON_FINITE:
            raise
        run = RunFolder(place)
        return Outcome(run, "interrupted", Position(step=_last_step(run)), 0), error


def _no_worse(before: float | None, after: float | None, *, finished: bool) -> bool:
    """By the distances; where a run was too short to measure one, whether the branch came to its end."""
    return finished if before is None or after is None else after <= before


def _last_step(run: RunFolder) -> int:
    return max((int(line["step"]) for line in run.lines("history")), default=0)


def _said(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3g}"
