"""A sitting of many games: begin them, or go on with them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from poise.data import Dataset
from poise.dynamics import NonFiniteError
from poise.errors import PoiseError
from poise.extension import require_parts
from poise.recipes import Recipe, saved_recipe
from poise.run_folder import Checkpoint, RunFolder, game_folders, read_games, refuse_existing, write_games
from poise.training.callback import Notify
from poise.training.environment import environment_record, lost_guarantees
from poise.training.fatal import NON_FINITE, non_finite_error, unsaved_error
from poise.training.many.kept import (
    game_again,
    hand_over,
    put_back,
    row_of,
    run_of,
    save_stacks,
)
from poise.training.many.loop import Field, Watching, non_finite, train_field
from poise.training.many.plan import ManyPlan, sources_of
from poise.training.many.settings import Game, structure
from poise.training.many.stack import Stack
from poise.training.many.stacking import stack_games, without
from poise.training.many.state import tensors
from poise.training.many.watch import Watchers, known_modes
from poise.training.recorded_data import data_again, data_record, same_data
from poise.training.resuming import Resumption, forget_beyond, is_done, newest_checkpoint
from poise.training.saver import Saver, UnsavedError
from poise.training.state import Position
from poise.training.stop import stop_on_signals


@dataclass(frozen=True)
class ManyOutcome:
    """How a sitting of many games ended.

    Attributes:
        parent: The folder above them.
        status: `"finished"` or `"interrupted"`.
        position: Where they stand.
        lost: How many came to values that are not finite.
        exit_status: The status for the command.
    """

    parent: RunFolder
    status: Literal["finished", "interrupted"]
    position: Position
    lost: int
    exit_status: int


def begin_many(
    planned: ManyPlan,
    out: Path | str,
    *,
    watch: Watching | None = None,
    notify: Notify,
    command: list[str] | None = None,
    doctor: bool = True,
) -> ManyOutcome:
    """Make the folders and train.

    Args:
        planned: What to do.
        out: The folder to make.
        watch: Looks after each step.
        notify: Tells a person one sentence.
        command: The command line, for the record.
        doctor: Whether the games are read, and what goes wrong with each is found.

    Raises:
        PoiseError: The folder is taken or cannot be written, or no game is left.
    """
    refuse_existing(Path(out))
    first, source = planned.games[0].recipe, planned.sources[0]
    parent = RunFolder.create(
        out,
        recipe=first.model_dump(),
        environment=environment_record(planned.device, seed=first.seed, command=command),
        data=data_record(source, planned.origin),
    )
    write_games(parent, [row_of(game) for game in planned.games])
    with parent.locked():
        return _sit(planned, parent, None, watch, notify, doctor=doctor)


def resume_many(
    asked: Resumption, *, watch: Watching | None = None, notify: Notify, doctor: bool = True
) -> ManyOutcome:
    """Go on with many games from their newest sound checkpoint, or extend them.

    Args:
        asked: Which games, and how they go on.
        watch: Looks after each step.
        notify: Tells a person one sentence.
        doctor: As for `begin_many`.

    Raises:
        PoiseError: There is nothing to resume, another process trains it, or its steps are done.
    """
    parent = RunFolder.open(asked.path)
    with parent.locked():
        require_parts(parent.environment, parent.recipe, parent.data, read_games(parent), run=parent.path)
        again = data_again(parent, asked.data)
        common = saved_recipe(parent.recipe)
        if asked.steps is not None:
            common = common.model_copy(update={"steps": asked.steps})
        games = [game_again(row, common) for row in read_games(parent)]
        recipes = [game.recipe for game in games]
        sources = sources_of(again, parent.data.get("origin", {}), recipes, asked.progress)
        same_data(parent, sources[0], accept=asked.accept_changed_data, notify=notify)
        for sentence in lost_guarantees(parent.environment, asked.device):
            notify(sentence)
        restored = newest_checkpoint(parent, notify)
        checkpoint = restored.checkpoint
        done = 0 if checkpoint is None else checkpoint.step
        if is_done(parent, done, common.steps or 0):
            raise PoiseError(
                f"The games of '{asked.path}' have done their {done} steps",
                hint=f"extend them: poise resume {asked.path} --steps {2 * done}",
            )
        _refuse_gone_on_alone(parent, restored.newest_step)
        parent.write_json("recipe", common.model_dump())
        planned = ManyPlan(games, sources, parent.data.get("origin", {}), asked.device, {})
        return _sit(planned, parent, checkpoint, watch, notify, doctor=doctor)


def _sit(
    planned: ManyPlan,
    parent: RunFolder,
    checkpoint: Checkpoint | None,
    watch: Watching | None,
    notify: Notify,
    *,
    doctor: bool,
) -> ManyOutcome:
    games, sources, device = planned.games, planned.sources, planned.device
    runs = [run_of(parent, game, source, planned) for game, source in zip(games, sources, strict=True)]
    position, groups = Position(), _groups([game.recipe for game in games])
    if checkpoint is not None:
        state = dict(checkpoint.state)
        groups = state.pop("stacks")
        position = Position(**state)
    stacks = [_stack(group, games, sources, device, drawn=position.drawn) for group in groups]
    if checkpoint is not None:
        for number, stack in enumerate(stacks):
            put_back(stack, checkpoint, number)
    with ExitStack() as locks:
        for run in runs:
            locks.enter_context(run.locked())
        for run in (parent, *runs):
            forget_beyond(run, position.step)
        return _play(planned, parent, runs, stacks, position, watch, notify, doctor=doctor)


def _play(
    planned: ManyPlan,
    parent: RunFolder,
    runs: Sequence[RunFolder],
    stacks: Sequence[Stack],
    position: Position,
    watch: Watching | None,
    notify: Notify,
    *,
    doctor: bool,
) -> ManyOutcome:
    """Play on from where the stacks stand; all folders are locked."""
    games, sources, device = planned.games, planned.sources, planned.device
    mixture = sources[0].name if planned.origin.get("kind") == "built-in" else None
    known = mixture if known_modes(mixture) is not None else None

    def lose(game: int, step: int, tensor: str, player: str) -> None:
        at = Position(step=step)
        error = non_finite_error(runs[game], at, games[game].recipe, NonFiniteError(tensor, player))
        notify(f"{games[game].name} is lost and the others go on: {error.what}.")

    def drop(stack: Stack, places: Sequence[int]) -> Stack:
        return without(stack, places, [sources[game] for game in stack.games], device)

    watchers = Watchers(sources, runs, known, notify, doctor=doctor)
    field = Field(list(stacks), parent, runs, watchers, lose, drop)
    settings = games[0].recipe.checkpoints
    saver = Saver(
        settings,
        parent,
        notify,
        culprit=lambda: non_finite(field.stacks, tensors),
        put=lambda at, best: save_stacks(parent, field.stacks, at, settings.keep),
        saved_step=position.step,
    )
    _say_all(field, parent, "running", position.step)
    with torch.random.fork_rng(), stop_on_signals(notify) as stop:
        try:
            end = train_field(field, saver, position, watch=watch or (lambda context: None), stop=stop)
        except NonFiniteError as error:
            raise non_finite_error(parent, position, games[0].recipe, error) from None
        except UnsavedError as error:
            raise unsaved_error(parent, position, error) from None
        except BaseException:
            _say_all(field, parent, "interrupted", position.step)
            raise
        if not field.stacks:
            parent.set_status("failed", step=end.step, reason="no game is left")
            raise PoiseError(
                f"All {len(games)} games of '{parent.path}' came to values that are not finite",
                hint="begin anew with lower rates; poise report tells of each",
                exit_status=NON_FINITE,
            )
        status: Literal["finished", "interrupted"] = (
            "finished" if end.step >= (games[0].recipe.steps or 0) else "interrupted"
        )
        hand_over(planned, runs, field.stacks, end, notify)
        _say_all(field, parent, status, end.step)
    left = sum(len(stack.games) for stack in field.stacks)
    exit_status = stop.exit_status if status == "interrupted" else 0
    return ManyOutcome(parent, status, end, len(games) - left, exit_status)


def _refuse_gone_on_alone(parent: RunFolder, step: int) -> None:
    """A game that was resumed by itself has steps that all of them together would undo.

    Args:
        parent: The folder above the games.
        step: The step of its newest checkpoint, sound or not: a game's own are never newer.

    Raises:
        PoiseError: There is such a game.
    """
    for run in game_folders(parent.path):
        own = max(run.checkpoint_steps(), default=0)
        if own > step:
            raise PoiseError(
                f"The game '{run.path}' has gone on alone to step {own:,}",
                why=f"going on with all games from step {step:,} would undo that",
                hint=f"move its checkpoints beyond that step away, or go on alone: poise resume {run.path}",
            )


def _stack(
    group: Sequence[int],
    games: Sequence[Game],
    sources: Sequence[Dataset],
    device: torch.device,
    *,
    drawn: int,
) -> Stack:
    recipes = [games[number].recipe for number in group]
    return stack_games(group, recipes, [sources[number] for number in group], device, drawn=drawn)


def _groups(recipes: Sequence[Recipe]) -> list[list[int]]:
    """Which games are stacked: those of one structure; equal optimisers stand together."""
    found: dict[str, list[int]] = {}
    for number, recipe in enumerate(recipes):
        found.setdefault(structure(recipe), []).append(number)
    return list(found.values())


def _say_all(
    field: Field, parent: RunFolder, status: Literal["running", "finished", "interrupted"], step: int
) -> None:
    parent.set_status(status, step=step)
    for stack in field.stacks:
        for number in stack.games:
            field.runs[number].set_status(status, step=step)
