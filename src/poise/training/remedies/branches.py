"""A branch of a run: made in a folder of its own, trained, and measured at its end."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from poise.data import Dataset, spec_of
from poise.errors import PoiseError
from poise.run_folder import Checkpoint, RunFolder
from poise.training.callbacks.callback import Callback, Notify
from poise.training.callbacks.quality import distance_to_data
from poise.training.components import Components, build_components
from poise.training.ending import NON_FINITE
from poise.training.environment import environment_record
from poise.training.recorded_data import data_record
from poise.training.remedies.trials import Trial
from poise.training.session import Outcome, train
from poise.training.state import Position, unpack


@dataclass(frozen=True)
class BranchSettings:
    """What a branch is made from, and who is notified.

    Attributes:
        dataset: The data.
        origin: How to open them again.
        device: Where to train.
        given: Copies of the user's own modules as they were handed in, by player.
        callbacks: What watches besides the pictures.
        notify: Called with a sentence for the user.
        command: The command line, for the record.
        tries: Branches that are tried at most.
    """

    dataset: Dataset
    origin: Mapping[str, Any]
    device: torch.device
    given: Mapping[str, nn.Module]
    callbacks: Sequence[Callback]
    notify: Notify
    command: list[str] | None
    tries: int


@dataclass(frozen=True)
class Attempt:
    """A run or a branch after its training.

    Attributes:
        outcome: How it ended.
        fault: The error, if a value that is not finite has ended it.
        components: Its networks, as they are now.
        distance: Of its samples to the data; `None` if that cannot be measured.
    """

    outcome: Outcome
    fault: PoiseError | None
    components: Components
    distance: float | None


def train_branch(settings: BranchSettings, parent: RunFolder, trial: Trial, path: Path) -> Attempt:
    """Make a branch from a run's last good state, with a remedy's settings, and train it.

    Args:
        settings: What it is made of.
        parent: The run.
        trial: The remedy.
        path: The branch's folder.
    """
    given = {player: copy.deepcopy(module) for player, module in settings.given.items()}
    components = build_components(trial.recipe, spec_of(settings.dataset), settings.device, given=given)
    good = None if trial.remedy.get("restart") else last_good(parent, trial.first_step)
    position = _placed(components, good)
    if position.step == 0 and good is not None:  # of other networks, so that some of it may be in place
        given = {player: copy.deepcopy(module) for player, module in settings.given.items()}
        components = build_components(trial.recipe, spec_of(settings.dataset), settings.device, given=given)
    run = RunFolder.create(
        path,
        recipe=trial.recipe.model_dump(),
        environment=environment_record(settings.device, seed=trial.recipe.seed, command=settings.command),
        data=data_record(settings.dataset, settings.origin),
    )
    run.write_json("lineage", {
        "parent": str(parent.path.absolute()), "from_step": position.step, "finding": trial.finding,
        "remedy": dict(trial.remedy), "at": time.time(),
    })  # fmt: skip

    where = f"from step {position.step:,}" if position.step else "from fresh weights"
    settings.notify(f"Trying a remedy for {trial.finding}, {where}: {trial.remedy['change']}.")

    def train_it() -> Outcome:
        with run.locked():
            return train(
                components,
                settings.dataset,
                run,
                position,
                settings.callbacks,
                settings.notify,
                doctor="apply",
            )

    return attempted(train_it, path, components, settings.dataset)


LEARNED = 0.5
"""Of the distance at the first check: a state farther from the data has learned too little to keep."""

LOOKED_AT = 4
"""Readings at either end of whose distances the median is taken."""


def last_good(run: RunFolder, before: int) -> Checkpoint | None:
    """The newest sound checkpoint of a step before the trouble; the best one counts, too.

    Args:
        run: The run in trouble.
        before: Where the trouble begins.

    Returns:
        The checkpoint; `None` if there is none, or its samples were hardly nearer to the data than those
        of the first check: there is nothing to keep of it then, and fresh weights do better.
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


def _placed(components: Components, checkpoint: Checkpoint | None) -> Position:
    """Restore a checkpoint; start from fresh weights if the networks have changed."""
    if checkpoint is None:
        return Position()
    try:
        return unpack(checkpoint, components)
    except (PoiseError, RuntimeError, KeyError):
        return Position()


def train_to_the_end(settings: BranchSettings, accepted: Attempt) -> Attempt:
    """Train the accepted run to its end, whatever the doctor finds."""
    run = accepted.outcome.run
    with run.locked():
        restored = run.restore().checkpoint
        outcome = train(
            accepted.components,
            settings.dataset,
            run,
            restored,
            settings.callbacks,
            settings.notify,
            doctor="suggest",
        )
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
