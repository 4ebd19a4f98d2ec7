"""Applying remedies: a run in trouble is branched from its last good state with one thing changed."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poise.data import Source
from poise.errors import PoiseError
from poise.recipes import Recipe, recipe_with, saved_recipe
from poise.run_folder import Checkpoint, RunFolder
from poise.training.assemble import Assembly, assemble
from poise.training.conditions import shapes_of
from poise.training.environment import environment_record
from poise.training.observer import Observer, Say
from poise.training.quality import distance_to_data
from poise.training.resolve import resolve
from poise.training.session import Data, Outcome, Plan, Progress, begin, data_record, reopened, sit
from poise.training.setups import GIVEN
from poise.training.state import Position, unpack

TRIES = 3
"""Branches that are tried before the doctor gives up."""

LEARNED = 0.5
"""Of the distance at the first check: a state farther from the data has learned too little to keep."""

LOOKED_AT = 4
"""Readings at either end of whose distances the median is taken."""

NON_FINITE = 4
"""The exit status of a run that a value which is not finite has ended."""


@dataclass(frozen=True)
class Trial:
    """A remedy that is tried.

    Attributes:
        finding: The finding's name.
        first_step: Where it begins.
        remedy: As `findings.jsonl` has it.
        recipe: The run's recipe with its settings, resolved.
    """

    finding: str
    first_step: int
    remedy: Mapping[str, Any]
    recipe: Recipe


@dataclass(frozen=True)
class Ward:
    """What branches are made of, and who is told.

    Attributes:
        source: The data.
        origin: How to open them again.
        device: Where to train.
        given: Copies of the person's own modules as they were handed in, by player.
        observers: What watches besides the pictures.
        say: Tells a person one sentence.
        command: The command line, for the record.
        tries: Branches that are tried at most.
    """

    source: Source
    origin: Mapping[str, Any]
    device: torch.device
    given: Mapping[str, nn.Module]
    observers: Sequence[Observer]
    say: Say
    command: list[str] | None
    tries: int


@dataclass(frozen=True)
class Played:
    """A run or a branch that was played.

    Attributes:
        outcome: How it ended.
        fault: The error, where a value that is not finite has ended it.
        assembly: Its networks, as they are now.
        distance: Of its samples to the data; `None` where that cannot be measured.
    """

    outcome: Outcome
    fault: PoiseError | None
    assembly: Assembly
    distance: float | None


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
    asks for them, the networks changed, or nothing had been learned by then) with the remedy's settings. It
    is kept if its distance to the data does not end above that of the run it came from, or, where the data
    are too few to measure one, if it comes to its end without trouble; else the next remedy is tried. What
    is kept is trained to the end. Every try is a line of `lineage.jsonl` in the first folder, and a branch
    says in `lineage.json` where it came from. The person's own modules are copied for each branch; in the
    end they hold the weights of what was kept.

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
        PoiseError: The folder is taken, a module cannot be copied, or no remedy saved the run from a value
            that is not finite.
    """
    copies = _copies(planned.assembly)
    ward = Ward(
        planned.source, planned.origin, planned.assembly.device, copies, observers, say, command, tries
    )

    def play() -> Outcome:
        return begin(planned, out, observers=observers, say=say, command=command, doctor="apply")

    return _treated(ward, _played(play, out, planned.assembly, planned.source))


def resume_with_remedies(
    path: Path | str,
    *,
    steps: int | None = None,
    data: Data | None = None,
    device: torch.device,
    given: Mapping[str, nn.Module] | None = None,
    accept_changed_data: bool = False,
    observers: Sequence[Observer] = (),
    say: Say,
    progress: Progress | None = None,
    tries: int = TRIES,
) -> Outcome:
    """Go on with a run as `resume` does; where there is trouble, try remedies as `begin_with_remedies` does.

    Remedies that `lineage.jsonl` says were tried are not tried again. Where the run has stopped in trouble,
    the first branch is made at once.
    """
    run = RunFolder.open(path)
    with run.locked():
        planned, position = reopened(
            run,
            steps=steps,
            data=data,
            device=device,
            given=given,
            accept_changed_data=accept_changed_data,
            say=say,
            progress=progress,
        )
        copies = _copies(planned.assembly)
        ward = Ward(planned.source, planned.origin, device, copies, observers, say, None, tries)

        def play() -> Outcome:
            return sit(planned.assembly, planned.source, run, position, observers, say, doctor="apply")

        first = _played(play, path, planned.assembly, planned.source)
    return _treated(ward, first)


def _treated(ward: Ward, first: Played) -> Outcome:
    """Try remedies while there is trouble, then train what is kept to its end."""
    kept, home = first, first.outcome.run
    spent = {str(line["remedy"]["change"]) for line in home.lines("lineage")}
    tried = 0
    while _troubled(kept.outcome) and tried < ward.tries:
        trial = next(_trials(kept.outcome.run, spent, ward), None)
        if trial is None:
            break
        tried += 1
        spent.add(str(trial.remedy["change"]))
        branch = _branched(ward, kept.outcome.run, trial, _free(home.path))
        ended = branch.outcome.status == "finished"
        better = branch.fault is None and _no_worse(kept.distance, branch.distance, finished=ended)
        home.append("lineage", {
            "step": _last_step(branch.outcome.run), "parent": kept.outcome.run.path.name,
            "branch": branch.outcome.run.path.name, "finding": trial.finding,
            "first_step": trial.first_step, "remedy": dict(trial.remedy),
            "distance_before": kept.distance, "distance_after": branch.distance, "kept": better,
        })  # fmt: skip
        now, before = _said(branch.distance), _said(kept.distance)
        ward.say(f"{'Kept' if better else 'Not kept'}: the distance to the data is {now}, and was {before}.")
        if branch.outcome.exit_status:
            return branch.outcome
        kept = branch if better else kept
    if _troubled(kept.outcome):
        if kept.fault is not None:
            raise kept.fault
        count = f"{tried} {'try' if tried == 1 else 'tries'}" if tried else "no remedy that it can set"
        ward.say(f"The doctor gives up after {count}; {kept.outcome.run.path} goes on as it is.")
        kept = _to_the_end(ward, kept)
    _hand_back(first.assembly, kept.assembly)
    return kept.outcome


def _troubled(outcome: Outcome) -> bool:
    """Whether it was the doctor who stopped it."""
    return outcome.status != "finished" and not outcome.exit_status


def _copies(assembly: Assembly) -> dict[str, nn.Module]:
    """Copies of the person's own modules, since each branch trains one of its own."""
    copies = {}
    for player, module in assembly.modules.items():
        if getattr(assembly.recipe, player).name == GIVEN:
            try:
                copies[player] = copy.deepcopy(module)
            except Exception as error:
                raise PoiseError(
                    f"The doctor cannot apply remedies to your own {player}, of which no copy can be made",
                    why=f"{type(error).__name__}: {error}",
                    mend='let the doctor suggest only: doctor="suggest"',
                ) from None
    return copies


def _hand_back(held: Assembly, kept: Assembly) -> None:
    """The person's own modules hold the weights of what was kept."""
    for player, module in held.modules.items():
        if held is not kept and getattr(held.recipe, player).name == GIVEN:
            module.load_state_dict(kept.modules[player].state_dict())


def last_good(run: RunFolder, before: int) -> Checkpoint | None:
    """The newest sound checkpoint of a step before the trouble; the best one counts, too.

    Args:
        run: The run in trouble.
        before: Where the trouble begins.

    Returns:
        The checkpoint; `None` where there is none, or its samples were hardly nearer to the data than those
        of the first check: there is nothing to keep of it then, and fresh weights do better.
    """
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
    newest = max(found, key=lambda one: one.step, default=None)
    return newest if newest is not None and _has_learned(run, newest.step) else None


def _has_learned(run: RunFolder, step: int) -> bool:
    """Whether the distance that the doctor read came down to half by a step; too few readings say nothing."""
    distances = [
        float(line["distance"])
        for line in run.lines("readings")
        if line["step"] <= step and "distance" in line
    ]
    if len(distances) < 2 * LOOKED_AT:
        return True
    first, last = (statistics.median(part) for part in (distances[:LOOKED_AT], distances[-LOOKED_AT:]))
    return last <= LEARNED * first


def ranked(lines: Iterable[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Every remedy that can be set, of the troubles that are open, in the order in which they are tried.

    Causes come before what they bring about; then every finding's first remedy before any second one, and the
    earlier finding first.

    Args:
        lines: Of `findings.jsonl`; a later line about a finding stands for the earlier ones.

    Returns:
        Each finding with one of its remedies.
    """
    latest = {(line["name"], line["first_step"]): line for line in lines}
    tries = [
        (place, finding, remedy)
        for finding in latest.values()
        if finding["status"] == "open" and finding["severity"] == "trouble"
        for place, remedy in enumerate(finding["remedies"])
        if remedy.get("settings")
    ]
    tries.sort(key=lambda one: (bool(one[1].get("because_of")), one[0], one[1]["first_step"]))
    return [(finding, remedy) for _, finding, remedy in tries]


def _trials(run: RunFolder, spent: set[str], ward: Ward) -> Iterator[Trial]:
    """Remedies that change the recipe and were not tried."""
    recipe = saved_recipe(run.recipe)
    for finding, remedy in ranked(run.lines("findings")):
        if remedy["change"] in spent:
            continue
        try:
            changed = resolve(
                recipe_with(recipe, remedy["settings"]), shapes_of(ward.source), given=tuple(ward.given)
            )
        except PoiseError as error:
            ward.say(f"Passed over, since it does not fit this run: {remedy['change']} ({error.what}).")
            spent.add(str(remedy["change"]))
            continue
        if changed != recipe:
            yield Trial(finding["name"], finding["first_step"], remedy, changed)


def _branched(ward: Ward, parent: RunFolder, trial: Trial, place: Path) -> Played:
    given = {player: copy.deepcopy(module) for player, module in ward.given.items()}
    assembly = assemble(trial.recipe, shapes_of(ward.source), ward.device, given=given)
    good = None if trial.remedy.get("restart") else last_good(parent, trial.first_step)
    position = _placed(assembly, good)
    if position.step == 0 and good is not None:  # of other networks, so that some of it may be in place
        given = {player: copy.deepcopy(module) for player, module in ward.given.items()}
        assembly = assemble(trial.recipe, shapes_of(ward.source), ward.device, given=given)
    run = RunFolder.create(
        place,
        recipe=trial.recipe.model_dump(),
        environment=environment_record(ward.device, seed=trial.recipe.seed, command=ward.command),
        data=data_record(ward.source, ward.origin),
    )
    run.write_json("lineage", {
        "parent": str(parent.path.absolute()), "from_step": position.step, "finding": trial.finding,
        "remedy": dict(trial.remedy), "at": time.time(),
    })  # fmt: skip

    where = f"from step {position.step:,}" if position.step else "from fresh weights"
    ward.say(f"Trying a remedy for {trial.finding}, {where}: {trial.remedy['change']}.")

    def play() -> Outcome:
        with run.locked():
            return sit(assembly, ward.source, run, position, ward.observers, ward.say, doctor="apply")

    return _played(play, place, assembly, ward.source)


def _free(home: Path) -> Path:
    """The next folder for a branch."""
    numbers = iter(range(1, 10_000))
    return next(place for number in numbers if not (place := Path(f"{home}-remedy-{number}")).exists())


def _placed(assembly: Assembly, checkpoint: Checkpoint | None) -> Position:
    """Put a checkpoint in place; where the networks have changed, begin with fresh weights."""
    if checkpoint is None:
        return Position()
    try:
        return unpack(checkpoint, assembly)
    except (PoiseError, RuntimeError, KeyError):
        return Position()


def _to_the_end(ward: Ward, kept: Played) -> Played:
    run = kept.outcome.run
    with run.locked():
        restored = run.restore().checkpoint
        position = Position() if restored is None else unpack(restored, kept.assembly)
        outcome = sit(kept.assembly, ward.source, run, position, ward.observers, ward.say, doctor="suggest")
    return Played(outcome, None, kept.assembly, None)


def _played(play: Any, place: Path | str, assembly: Assembly, source: Source) -> Played:
    """What was played, measured at its end; that a value was not finite is an outcome here, too."""
    try:
        return Played(play(), None, assembly, distance_to_data(assembly, source))
    except PoiseError as error:
        if error.exit_status != NON_FINITE:
            raise
        run = RunFolder(place)
        return Played(Outcome(run, "interrupted", Position(step=_last_step(run)), 0), error, assembly, None)


def _no_worse(before: float | None, after: float | None, *, finished: bool) -> bool:
    """By the distances; where one could not be measured, whether the branch came to its end."""
    return finished if before is None or after is None else after <= before


def _last_step(run: RunFolder) -> int:
    return max((int(line["step"]) for line in run.lines("history")), default=0)


def _said(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3g}"
