"""A sitting of many games: begin them, or go on with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from poise.data import Source, open_data, origin_of
from poise.dynamics import NonFiniteError
from poise.errors import PoiseError
from poise.networks import describe
from poise.recipes import Recipe, saved_recipe
from poise.run_folder import Checkpoint, RunFolder, read_games, refuse_existing, write_games
from poise.training.assemble import assemble
from poise.training.conditions import prepared, shapes_of
from poise.training.describe import describe_generator
from poise.training.environment import environment_record, lost_guarantees
from poise.training.many.loop import Field, Watching, non_finite, train_field
from poise.training.many.settings import Game, Grid, check_modules, check_recipe, spread, structure
from poise.training.many.stack import Stack, put, stack_games, tensors, without
from poise.training.many.watch import SpreadWatch, known_modes
from poise.training.observer import Moment, Say
from poise.training.pictures import PictureSaver
from poise.training.resolve import resolve
from poise.training.saver import Saver, UnsavedError
from poise.training.session import (
    Data,
    Progress,
    data_again,
    data_record,
    non_finite_error,
    same_data,
    unsaved_error,
)
from poise.training.setups import SETUPS
from poise.training.state import Position, pack, unpack
from poise.training.stop import stop_on_signals


@dataclass(frozen=True)
class ManyPlan:
    """Many games that have been checked and not begun.

    Attributes:
        games: Each with its recipe spelled out.
        sources: The data of each.
        origin: How to open them again.
        device: Where to train.
        parameters: Numbers in each player's network, of one game.
    """

    games: Sequence[Game]
    sources: Sequence[Source]
    origin: Mapping[str, Any]
    device: torch.device
    parameters: Mapping[str, int]


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


def plan_many(
    data: Data,
    recipe: Recipe,
    device: torch.device,
    *,
    seeds: int | Sequence[int],
    grid: Grid | None = None,
    progress: Progress | None = None,
) -> ManyPlan:
    """Open the data, spell every game's recipe out, and refuse what cannot be stacked.

    Args:
        data: What a person has.
        recipe: What the games have in common.
        device: Where.
        seeds: How many, counted from the recipe's seed; or the seeds.
        grid: Values by path, whose product is taken.
        progress: Told `(done, total)` while images are read.

    Raises:
        PoiseError: Something does not fit; nothing was written.
    """
    games = spread(recipe, seeds, grid)
    for game in games:
        check_recipe(game.recipe)
    origin = origin_of(data)
    sources = _sources(data, origin, [game.recipe for game in games], progress)
    shapes = shapes_of(sources[0])
    resolved = [Game(game.name, resolve(game.recipe, shapes), game.settings) for game in games]
    parameters: dict[str, int] = {}
    for one in {structure(game.recipe): game.recipe for game in resolved}.values():
        needed = one.batch_size * one.packing
        if len(sources[0]) < needed:
            raise PoiseError(
                f"'{sources[0].name}' holds {len(sources[0])} samples, fewer than a batch of {needed}",
                mend=f"use --batch-size {max(1, len(sources[0]) // one.packing)} or less, or give more data",
            )
        modules = assemble(one, shapes, device).modules
        check_modules(modules)
        parameters = parameters or {player: _size(module) for player, module in modules.items()}
    return ManyPlan(resolved, sources, origin, device, parameters)


def begin_many(
    planned: ManyPlan,
    out: Path | str,
    *,
    watch: Watching | None = None,
    say: Say,
    command: list[str] | None = None,
) -> ManyOutcome:
    """Make the folders and train.

    Args:
        planned: What to do.
        out: The folder to make.
        watch: Looks after each step.
        say: Tells a person one sentence.
        command: The command line, for the record.

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
    write_games(parent, [_row(game) for game in planned.games])
    with parent.locked():
        return _sit(planned, parent, None, watch, say)


def resume_many(
    path: Path | str,
    *,
    steps: int | None = None,
    data: Data | None = None,
    device: torch.device,
    accept_changed_data: bool = False,
    watch: Watching | None = None,
    say: Say,
    progress: Progress | None = None,
) -> ManyOutcome:
    """Go on with many games from their newest sound checkpoint, or extend them.

    Args:
        path: The folder above them.
        steps: The new number of steps.
        data: The data again, where they were given in memory.
        device: Where to train.
        accept_changed_data: Go on although the data have changed.
        watch: Looks after each step.
        say: Tells a person one sentence.
        progress: Told `(done, total)` while images are read.

    Raises:
        PoiseError: There is nothing to resume, another process trains it, or its steps are done.
    """
    parent = RunFolder.open(path)
    with parent.locked():
        again = data_again(parent, data)
        common = saved_recipe(parent.recipe)
        if steps is not None:
            common = common.model_copy(update={"steps": steps})
        games = [_game_again(row, common) for row in read_games(parent)]
        sources = _sources(again, parent.data.get("origin", {}), [game.recipe for game in games], progress)
        same_data(parent, sources[0], accept=accept_changed_data, say=say)
        for sentence in lost_guarantees(parent.environment, device):
            say(sentence)
        restored = parent.restore()
        for name, reason in restored.quarantined:
            say(f"The checkpoint {name} is damaged ({reason}); it was moved to {parent.path / 'quarantine'}.")
        checkpoint = restored.checkpoint
        if checkpoint is not None and checkpoint.step >= (common.steps or 0):
            raise PoiseError(
                f"The games of '{path}' have done their {checkpoint.step} steps",
                mend=f"extend them: poise resume {path} --steps {2 * checkpoint.step}",
            )
        parent.write_json("recipe", common.model_dump())
        planned = ManyPlan(games, sources, parent.data.get("origin", {}), device, {})
        return _sit(planned, parent, checkpoint, watch, say)


def _sit(
    planned: ManyPlan, parent: RunFolder, checkpoint: Checkpoint | None, watch: Watching | None, say: Say
) -> ManyOutcome:
    games, sources, device = planned.games, planned.sources, planned.device
    runs = [_run_of(parent, game, source, planned) for game, source in zip(games, sources, strict=True)]
    position, groups = Position(), _groups([game.recipe for game in games])
    if checkpoint is not None:
        state = dict(checkpoint.state)
        groups = state.pop("stacks")
        position = Position(**state)
    stacks = [_stack(group, games, sources, device, drawn=position.drawn) for group in groups]
    if checkpoint is not None:
        for number, stack in enumerate(stacks):
            _put(stack, checkpoint, number)
    for run in (parent, *runs):
        _forget(run, position.step)

    watches: dict[tuple[int, ...], SpreadWatch] = {}
    mixture = sources[0].name if planned.origin.get("kind") == "built-in" else None
    known = mixture if known_modes(mixture) is not None else None

    def measure(stack: Stack, step: int) -> dict[int, list[dict[str, Any]]]:
        key = tuple(stack.games)
        if key not in watches:
            watches[key] = SpreadWatch(stack, [sources[game] for game in key], known)
        return dict(zip(key, watches[key].measure(stack, step), strict=True))

    def lose(game: int, step: int, tensor: str, player: str) -> None:
        at = Position(step=step)
        error = non_finite_error(runs[game], at, games[game].recipe, NonFiniteError(tensor, player))
        say(f"{games[game].name} is lost and the others go on: {error.what}.")

    def drop(stack: Stack, places: Sequence[int]) -> Stack:
        return without(stack, places, [sources[game] for game in stack.games], device)

    field = Field(list(stacks), parent, runs, measure, lose, drop)
    settings = games[0].recipe.checkpoints
    saver = Saver(
        settings,
        parent,
        say,
        culprit=lambda: non_finite(field.stacks, tensors),
        put=lambda at, best: _save(parent, field.stacks, at, settings.keep),
        saved_step=position.step,
    )
    with ExitStack() as locks:
        for run in runs:
            locks.enter_context(run.locked())
        _say_all(field, parent, "running", position.step)
        locks.enter_context(torch.random.fork_rng())
        stop = locks.enter_context(stop_on_signals(say))
        try:
            end = train_field(field, saver, position, watch=watch or (lambda moment: None), stop=stop)
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
                mend="begin anew with lower rates; poise report tells of each",
                exit_status=4,
            )
        status: Literal["finished", "interrupted"] = (
            "finished" if end.step >= (games[0].recipe.steps or 0) else "interrupted"
        )
        _hand_over(field, games, sources, end, device, say)
        _say_all(field, parent, status, end.step)
    left = sum(len(stack.games) for stack in field.stacks)
    exit_status = stop.exit_status if status == "interrupted" else 0
    return ManyOutcome(parent, status, end, len(games) - left, exit_status)


def _hand_over(
    field: Field,
    games: Sequence[Game],
    sources: Sequence[Source],
    position: Position,
    device: torch.device,
    say: Say,
) -> None:
    """Write each game's own checkpoint, generator and picture, as if it had been trained alone."""
    for stack in field.stacks:
        state = tensors(stack)
        for place, number in enumerate(stack.games):
            run, recipe, source = field.runs[number], games[number].recipe, sources[number]
            assembly = assemble(recipe, shapes_of(source), device)
            own = {name: value[place].cpu() for name, value in state.items()}
            unpack(Checkpoint(position.step, own, asdict(position)), assembly)
            run.save_checkpoint(pack(assembly, position), keep=recipe.checkpoints.keep)
            run.save_generator(*describe_generator(assembly, run, position))
            moment = Moment(
                step=position.step,
                images_seen=position.images_seen,
                seconds=position.seconds,
                run=run,
                recipe=recipe,
                assembly=assembly,
                measured={},
                line=None,
                last=True,
            )
            PictureSaver(recipe, source, say)(moment)


def _save(parent: RunFolder, stacks: Sequence[Stack], position: Position, keep: int) -> None:
    found = {
        f"{number}/{name}": value.detach().cpu()
        for number, stack in enumerate(stacks)
        for name, value in tensors(stack).items()
    }
    state = {**asdict(position), "stacks": [stack.games for stack in stacks]}
    parent.save_checkpoint(Checkpoint(position.step, found, state), keep=keep)


def _put(stack: Stack, checkpoint: Checkpoint, number: int) -> None:
    prefix = f"{number}/"
    saved = {
        name.removeprefix(prefix): value
        for name, value in checkpoint.tensors.items()
        if name.startswith(prefix)
    }
    try:
        put(stack, saved)
    except (KeyError, RuntimeError) as error:
        raise PoiseError(
            f"The checkpoint of step {checkpoint.step} is of other networks",
            why=str(error).strip("'\""),
            mend="restore the run's files from a copy",
        ) from None


def _stack(
    group: Sequence[int],
    games: Sequence[Game],
    sources: Sequence[Source],
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


def _sources(
    data: Data, origin: Mapping[str, Any], recipes: Sequence[Recipe], progress: Progress | None
) -> list[Source]:
    """Each game's data, as it would have them alone: built-in sets are drawn from its seed."""
    setup = SETUPS.named(recipes[0].game.name)
    opened: dict[int, Source] = {}

    def opening(seed: int) -> Source:
        if seed not in opened:
            one = recipes[0]
            found = open_data(
                data, resolution=one.resolution, channels=one.channels, seed=seed, progress=progress
            )
            opened[seed] = prepared(found, setup)
        return opened[seed]

    first = opening(recipes[0].seed)
    seeds = list(dict.fromkeys(recipe.seed for recipe in recipes))
    by_seed = origin.get("kind") == "built-in" and len(seeds) > 1
    if not by_seed or opening(seeds[1]).fingerprint == first.fingerprint:
        return [first] * len(recipes)
    return [opening(recipe.seed) for recipe in recipes]


def _run_of(parent: RunFolder, game: Game, source: Source, planned: ManyPlan) -> RunFolder:
    """The game's own folder; made where a process died before it was."""
    path = parent.path / game.name
    if (path / "recipe.json").is_file():
        run = RunFolder.open(path)
        run.write_json("recipe", game.recipe.model_dump())
        return run
    environment = {key: value for key, value in parent.environment.items() if key != "format"}
    return RunFolder.create(
        path,
        recipe=game.recipe.model_dump(),
        environment={**environment, "seed": game.recipe.seed},
        data=data_record(source, planned.origin),
    )


def _forget(run: RunFolder, step: int) -> None:
    """Drop what was written beyond a step."""
    for name in ("history", "readings", "findings", "metrics"):
        run.forget_after(name, step)
    for at, path in run.samples():
        if at > step:
            path.unlink(missing_ok=True)


def _say_all(
    field: Field, parent: RunFolder, status: Literal["running", "finished", "interrupted"], step: int
) -> None:
    parent.set_status(status, step=step)
    for stack in field.stacks:
        for number in stack.games:
            field.runs[number].set_status(status, step=step)


def _game_again(row: Mapping[str, Any], common: Recipe) -> Game:
    recipe = saved_recipe({**row["recipe"], "steps": common.steps})
    return Game(str(row["run"]), recipe, row["settings"])


def _row(game: Game) -> dict[str, Any]:
    return {
        "run": game.name,
        "seed": game.recipe.seed,
        "settings": dict(game.settings),
        "recipe": game.recipe.model_dump(),
    }


def _size(module: nn.Module) -> int:
    return int(describe(module)["parameters"])
