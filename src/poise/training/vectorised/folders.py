"""The folders of many games."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from poise.data import Dataset, spec_of
from poise.recipes import Recipe, saved_recipe
from poise.run_folder import Checkpoint, RunFolder
from poise.training.callbacks.callback import Notify, StepContext
from poise.training.callbacks.pictures import PictureSaver
from poise.training.components import build_components
from poise.training.describe import describe_generator
from poise.training.recorded_data import data_record
from poise.training.state import Position, pack, unpack
from poise.training.vectorised.plan import EnsembleExperiment
from poise.training.vectorised.settings import Game
from poise.training.vectorised.stack import StackedState, tensors


def game_to_json(game: Game) -> dict[str, Any]:
    """What `games.json` says of a game."""
    return {
        "run": game.name,
        "seed": game.recipe.seed,
        "settings": dict(game.settings),
        "recipe": game.recipe.model_dump(),
    }


def game_from_json(row: Mapping[str, Any], common: Recipe) -> Game:
    """The game of such a row; how many steps it takes is what the games have in common."""
    recipe = saved_recipe({**row["recipe"], "steps": common.steps})
    return Game(str(row["run"]), recipe, row["settings"])


def open_game(parent: RunFolder, game: Game, dataset: Dataset, experiment: EnsembleExperiment) -> RunFolder:
    """The game's own folder; it is created if a process died before it was."""
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
        data=data_record(dataset, experiment.origin),
    )


def save_games(
    experiment: EnsembleExperiment,
    runs: Sequence[RunFolder],
    stacks: Sequence[StackedState],
    position: Position,
    notify: Notify,
) -> None:
    """Write each game's own checkpoint, generator and picture, as if it had been trained alone.

    Args:
        experiment: Their recipes and data.
        runs: Their folders.
        stacks: Those that are left.
        position: The position of the run.
        notify: Called with a sentence for the user.
    """
    games, datasets = experiment.games, experiment.datasets
    for stack in stacks:
        state = tensors(stack)
        for index, number in enumerate(stack.games):
            run, recipe, dataset = runs[number], games[number].recipe, datasets[number]
            components = build_components(recipe, spec_of(dataset), experiment.device)
            own = {name: value[index].cpu() for name, value in state.items()}
            unpack(Checkpoint(position.step, own, asdict(position)), components)
            run.save_checkpoint(pack(components, position), keep=recipe.checkpoints.keep)
            run.save_generator(*describe_generator(components, run, position))
            context = StepContext(
                step=position.step,
                images_seen=position.images_seen,
                seconds=position.seconds,
                run=run,
                recipe=recipe,
                components=components,
                logs={},
                line=None,
                last=True,
            )
            PictureSaver(recipe, dataset, notify)(context)
