"""Which remedies are tried, and a branch of a run: made in a folder of its own, trained, and measured."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import nn

from poise.data import Dataset, spec_of
from poise.errors import PoiseError
from poise.recipes import Recipe, recipe_with, saved_recipe
from poise.run_folder import Checkpoint, RunFolder
from poise.spec import DataSpec
from poise.training.callbacks.callback import Callback, DoctorMode, Notify
from poise.training.callbacks.quality import distance_to_data
from poise.training.components import Components, build_components
from poise.training.planning import Experiment
from poise.training.records import data_record, environment_record
from poise.training.resolve import resolve
from poise.training.session import NON_FINITE, Outcome, train
from poise.training.state import Position, unpack
from poise.training.transfer import take


@dataclass(frozen=True)
class Trial:
    """A remedy that is tried."""

    finding: str  # Its name
    first_step: int  # Where it begins
    remedy: Mapping[str, Any]  # As findings.jsonl has it
    recipe: Recipe  # The run's recipe with its settings, resolved


def ranked(lines: Iterable[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Every remedy that can be set, of the troubles that are open, in the order in which they are tried.

    Causes come before what they bring about; then every finding's first remedy before any second one, and the
    earlier finding first. Of the lines about a finding the last one stands for all.
    """
    latest = {(line["name"], line["first_step"]): line for line in lines}
    tries = [
        (rank, finding, remedy)
        for finding in latest.values()
        if finding["status"] == "open" and finding["severity"] == "trouble"
        for rank, remedy in enumerate(finding["remedies"])
        if remedy.get("settings")
    ]
    tries.sort(key=lambda one: (bool(one[1].get("because_of")), one[0], one[1]["first_step"]))
    return [(finding, remedy) for _, finding, remedy in tries]


def trials(
    run: RunFolder, spent: set[str], spec: DataSpec, given: tuple[str, ...], notify: Notify
) -> Iterator[Trial]:
    """Remedies that change the recipe and were not tried; changes that do not fit are added to `spent`."""
    recipe = saved_recipe(run.recipe)
    for finding, remedy in ranked(run.lines("findings")):
        if remedy["change"] in spent:
            continue
        try:
            changed = resolve(recipe_with(recipe, remedy["settings"]), spec, given=given)
        except PoiseError as error:
            notify(f"Passed over, since it does not fit this run: {remedy['change']} ({error.what}).")
            spent.add(str(remedy["change"]))
            continue
        if changed != recipe:
            yield Trial(finding["name"], finding["first_step"], remedy, changed)


@dataclass(frozen=True)
class BranchSettings:
    """What a branch is made from, and who is notified."""

    experiment: Experiment  # Of the run that is branched
    given: Mapping[str, nn.Module]  # Copies of the user's own modules as they were handed in, by player
    callbacks: Sequence[Callback]  # What watches besides the rows of the table
    notify: Notify
    tries: int  # Branches that are tried at most

    def components(self, recipe: Recipe) -> Components:
        """Networks of a recipe as they are drawn, the user's own as they were handed in."""
        given = {player: copy.deepcopy(module) for player, module in self.given.items()}
        spec, device = spec_of(self.experiment.dataset), self.experiment.components.device
        return build_components(recipe, spec, device, given=given)

    def beginning(self, recipe: Recipe) -> Components:
        """The same with the weights that the run began with, if it began with those of another."""
        components, taken = self.components(recipe), self.experiment.taken
        if taken is not None:
            take(components, taken.path, step=taken.step)
        return components

    def train(
        self, components: Components, run: RunFolder, start: Checkpoint | Position | None, doctor: DoctorMode
    ) -> Outcome:
        """Train a branch from a checkpoint or a position."""
        dataset, callbacks, notify = self.experiment.dataset, self.callbacks, self.notify
        with run.locked():
            return train(components, dataset, run, start, callbacks, notify, doctor=doctor)


@dataclass(frozen=True)
class Attempt:
    """A run or a branch after its training."""

    outcome: Outcome
    fault: PoiseError | None  # The error, if a value that is not finite has ended it
    components: Components  # Its networks, as they are now
    distance: float | None  # Of its samples to the data; None if that cannot be measured


def train_branch(settings: BranchSettings, parent: RunFolder, trial: Trial, path: Path) -> Attempt:
    """Make a branch from a run's last good state, with a remedy's settings, and train it."""
    experiment = settings.experiment
    components, taken = None, experiment.taken
    good = None if trial.remedy.get("restart") else last_good(parent, trial.first_step)
    position = Position()
    if good is not None:
        try:
            components = settings.components(trial.recipe)
            position = unpack(good, components, other_terms=True)
        except (PoiseError, RuntimeError, KeyError):  # of other networks, so that some of it may be in place
            components = None
    components = settings.beginning(trial.recipe) if components is None else components
    environment = environment_record(components.device, seed=trial.recipe.seed)
    data = data_record(experiment.dataset, experiment.origin)
    if taken is not None:
        environment |= {"from": taken.to_json()}
    run = RunFolder.create(path, recipe=trial.recipe.model_dump(), environment=environment, data=data)
    run.write_json("lineage", {
        "parent": str(parent.path.absolute()), "from_step": position.step, "finding": trial.finding,
        "remedy": dict(trial.remedy), "at": time.time(),
    })  # fmt: skip
    start = "fresh weights" if taken is None else f"the weights of {taken.path}"
    where = f"from step {position.step:,}" if position.step else f"from {start}"
    settings.notify(f"Trying a remedy for {trial.finding}, {where}: {trial.remedy['change']}.")
    train_it = partial(settings.train, components, run, position, "apply")
    return attempted(train_it, path, components, experiment.dataset)


LEARNED = 0.5
"""Of the distance at the first check: a state farther from the data has learned too little to keep."""

LOOKED_AT = 4
"""Readings at either end of whose distances the median is taken."""


def last_good(run: RunFolder, before: int) -> Checkpoint | None:
    """The newest sound checkpoint of a step before the trouble; the best one counts, too.

    It is `None` if there is none, or if its samples were hardly nearer to the data than those of the first
    check: there is nothing to keep of it then, and fresh weights do better.
    """
    numbered = [step for step in reversed(run.checkpoint_steps()) if step < before]
    sound = next((one for step in numbered if (one := _sound(run, step)) is not None), None)
    found = [one for one in (sound, _sound(run, "best")) if one is not None and one.step < before]
    newest = max(found, key=lambda one: one.step, default=None)
    return newest if newest is not None and _has_learned(run, newest.step) else None


def _sound(run: RunFolder, which: int | Literal["best"]) -> Checkpoint | None:
    """A checkpoint, if it exists and agrees with its manifest."""
    try:
        return run.load_checkpoint(which)
    except PoiseError:
        return None


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


def free_path(home: Path) -> Path:
    """The next folder for a branch of a run."""
    numbers = iter(range(1, 10_000))
    return next(path for number in numbers if not (path := Path(f"{home}-remedy-{number}")).exists())


def train_to_the_end(settings: BranchSettings, accepted: Attempt) -> Attempt:
    """Train the accepted run to its end, whatever the doctor finds."""
    run = accepted.outcome.run
    with run.locked():
        checkpoint = run.restore().checkpoint
    outcome = settings.train(accepted.components, run, checkpoint, "suggest")
    return Attempt(outcome, None, accepted.components, None)


def attempted(
    train_it: Callable[[], Outcome], path: Path | str, components: Components, dataset: Dataset
) -> Attempt:
    """Train and measure the distance to the data; a non-finite value is an outcome and not an error."""
    try:
        return Attempt(train_it(), None, components, distance_to_data(components, dataset))
    except PoiseError as error:
        if error.exit_status != NON_FINITE:
            raise
        run = RunFolder(path)
        return Attempt(Outcome(run, "interrupted", Position(step=last_step(run)), 0), error, components, None)


def last_step(run: RunFolder) -> int:
    """The last step that was logged."""
    return max((int(line["step"]) for line in run.lines("history")), default=0)
