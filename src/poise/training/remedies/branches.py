"""A branch of a run: made in a folder of its own, played, and measured at its end."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poise.data import Dataset, spec_of
from poise.errors import PoiseError
from poise.run_folder import Checkpoint, RunFolder
from poise.training.callbacks.callback import Callback, Notify
from poise.training.callbacks.quality import distance_to_data
from poise.training.components import Components, build_components
from poise.training.environment import environment_record
from poise.training.fatal import NON_FINITE
from poise.training.recorded_data import data_record
from poise.training.remedies.good_state import last_good
from poise.training.remedies.trials import Trial
from poise.training.session import Outcome, train
from poise.training.state import Position, unpack


@dataclass(frozen=True)
class Ward:
    """What branches are made of, and who is told.

    Attributes:
        source: The data.
        origin: How to open them again.
        device: Where to train.
        given: Copies of the person's own modules as they were handed in, by player.
        callbacks: What watches besides the pictures.
        notify: Tells a person one sentence.
        command: The command line, for the record.
        tries: Branches that are tried at most.
    """

    source: Dataset
    origin: Mapping[str, Any]
    device: torch.device
    given: Mapping[str, nn.Module]
    callbacks: Sequence[Callback]
    notify: Notify
    command: list[str] | None
    tries: int


@dataclass(frozen=True)
class Played:
    """A run or a branch that was played.

    Attributes:
        outcome: How it ended.
        fault: The error, where a value that is not finite has ended it.
        components: Its networks, as they are now.
        distance: Of its samples to the data; `None` where that cannot be measured.
    """

    outcome: Outcome
    fault: PoiseError | None
    components: Components
    distance: float | None


def branched(ward: Ward, parent: RunFolder, trial: Trial, place: Path) -> Played:
    """Make a branch from a run's last good state, with a remedy's settings, and play it.

    Args:
        ward: What it is made of.
        parent: The run.
        trial: The remedy.
        place: The branch's folder.
    """
    given = {player: copy.deepcopy(module) for player, module in ward.given.items()}
    components = build_components(trial.recipe, spec_of(ward.source), ward.device, given=given)
    good = None if trial.remedy.get("restart") else last_good(parent, trial.first_step)
    position = _placed(components, good)
    if position.step == 0 and good is not None:  # of other networks, so that some of it may be in place
        given = {player: copy.deepcopy(module) for player, module in ward.given.items()}
        components = build_components(trial.recipe, spec_of(ward.source), ward.device, given=given)
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
    ward.notify(f"Trying a remedy for {trial.finding}, {where}: {trial.remedy['change']}.")

    def play() -> Outcome:
        with run.locked():
            return train(components, ward.source, run, position, ward.callbacks, ward.notify, doctor="apply")

    return played(play, place, components, ward.source)


def free_place(home: Path) -> Path:
    """The next folder for a branch of a run."""
    numbers = iter(range(1, 10_000))
    return next(place for number in numbers if not (place := Path(f"{home}-remedy-{number}")).exists())


def _placed(components: Components, checkpoint: Checkpoint | None) -> Position:
    """Put a checkpoint in place; where the networks have changed, begin with fresh weights."""
    if checkpoint is None:
        return Position()
    try:
        return unpack(checkpoint, components)
    except (PoiseError, RuntimeError, KeyError):
        return Position()


def to_the_end(ward: Ward, kept: Played) -> Played:
    """Train what was kept to its end, whatever the doctor finds."""
    run = kept.outcome.run
    with run.locked():
        restored = run.restore().checkpoint
        outcome = train(
            kept.components, ward.source, run, restored, ward.callbacks, ward.notify, doctor="suggest"
        )
    return Played(outcome, None, kept.components, None)


def played(play: Callable[[], Outcome], place: Path | str, components: Components, source: Dataset) -> Played:
    """What was played, measured at its end; that a value was not finite is an outcome here, too."""
    try:
        return Played(play(), None, components, distance_to_data(components, source))
    except PoiseError as error:
        if error.exit_status != NON_FINITE:
            raise
        run = RunFolder(place)
        return Played(Outcome(run, "interrupted", Position(step=last_step(run)), 0), error, components, None)


def last_step(run: RunFolder) -> int:
    """The last step that was logged."""
    return max((int(line["step"]) for line in run.lines("history")), default=0)
