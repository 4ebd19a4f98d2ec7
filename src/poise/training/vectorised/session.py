"""A session of many games: begin them, or go on with them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from poise.errors import PoiseError
from poise.extension import require_parts
from poise.recipes import saved_recipe
from poise.run_folder import Checkpoint, RunFolder, game_folders, read_games, refuse_existing, write_games
from poise.training.callbacks.callback import DoctorMode, Notify
from poise.training.records import data_record, environment_record, lost_guarantees
from poise.training.resuming import Resumption, forget_beyond, newest_checkpoint, recorded_data_of, same_data
from poise.training.session import NON_FINITE, run_session
from poise.training.state import Position
from poise.training.vectorised.ensemble import Ensemble, EnsembleCallback
from poise.training.vectorised.plan import EnsembleExperiment, Game, datasets_of


@dataclass(frozen=True)
class EnsembleOutcome:
    """How a session of many games ended."""

    parent: RunFolder  # The folder above them
    status: Literal["finished", "interrupted"]
    position: Position
    lost: int  # How many came to values that are not finite
    exit_status: int  # For the command


def begin_many(
    experiment: EnsembleExperiment,
    out: Path | str,
    *,
    watch: EnsembleCallback | None = None,
    notify: Notify,
    doctor: DoctorMode = "suggest",
) -> EnsembleOutcome:
    """Make the folders and train; `watch` is called after each step.

    Raises:
        PoiseError: The folder is taken or cannot be written, or no game is left.
    """
    refuse_existing(Path(out))
    first = experiment.games[0].recipe
    parent = RunFolder.create(
        out,
        recipe=first.model_dump(),
        environment=environment_record(experiment.device, seed=first.seed),
        data=data_record(experiment.datasets[0], experiment.origin),
    )
    write_games(parent, [
        {
            "run": game.name, "seed": game.recipe.seed, "settings": dict(game.settings),
            "recipe": game.recipe.model_dump(),
        }
        for game in experiment.games
    ])  # fmt: skip
    with parent.locked():
        return _train(experiment, parent, None, watch, notify, doctor=doctor)


def resume_many(
    asked: Resumption,
    *,
    watch: EnsembleCallback | None = None,
    notify: Notify,
    doctor: DoctorMode = "suggest",
) -> EnsembleOutcome:
    """Continue many games from their newest sound checkpoint, or extend them.

    Raises:
        PoiseError: There is nothing to resume, another process trains it, or its steps are done.
    """
    parent = RunFolder.open(asked.path)
    with parent.locked():
        recipes = [row["recipe"] for row in read_games(parent)]
        require_parts(parent.environment, parent.data, *recipes, run=parent.path)
        again, origin = recorded_data_of(parent, asked.data)
        common = saved_recipe(parent.recipe)
        if asked.steps is not None:
            common = common.model_copy(update={"steps": asked.steps})
        games = [
            Game(str(row["run"]), saved_recipe({**row["recipe"], "steps": common.steps}), row["settings"])
            for row in read_games(parent)
        ]
        datasets = datasets_of(again, origin, [game.recipe for game in games], asked.progress)
        same_data(parent, datasets[0], origin, accept=asked.accept_changed_data, notify=notify)
        for sentence in lost_guarantees(parent.environment, asked.device):
            notify(sentence)
        restored = newest_checkpoint(parent, notify, steps=common.steps or 0)
        _refuse_gone_on_alone(parent, restored.newest_step)
        parent.write_json("recipe", common.model_dump())
        experiment = EnsembleExperiment(games, datasets, origin, asked.device, {})
        return _train(experiment, parent, restored.checkpoint, watch, notify, doctor=doctor)


def _train(
    experiment: EnsembleExperiment,
    parent: RunFolder,
    checkpoint: Checkpoint | None,
    watch: EnsembleCallback | None,
    notify: Notify,
    *,
    doctor: DoctorMode,
) -> EnsembleOutcome:
    """Train from a checkpoint, or from the start, to the end, a stop, or a failure; the parent is locked."""
    runs = [_open_game(parent, experiment, number) for number in range(len(experiment.games))]
    ensemble = Ensemble(experiment, parent, runs, watch, notify, doctor=doctor)
    position = Position() if checkpoint is None else ensemble.unpack(checkpoint)
    with ExitStack() as locks:
        for run in runs:
            locks.enter_context(run.locked())
        for run in (parent, *runs):
            forget_beyond(run, position.step, log_every=ensemble.recipe.log_every)
        end, stop_status = run_session(
            ensemble,
            parent,
            position,
            notify,
            status=ensemble.set_status,
            at_end=ensemble.save_games,
        )
    lost = len(experiment.games) - len(ensemble.left)
    if not ensemble.left:
        parent.set_status("failed", step=end.step, reason="no game is left")
        what = f"All {lost} games of '{parent.path}' came to values that are not finite"
        hint = "begin again with lower learning rates; poise report shows each"
        raise PoiseError(what, code="training.no-game-left", hint=hint, exit_status=NON_FINITE)
    finished = end.step >= (ensemble.recipe.steps or 0)
    return EnsembleOutcome(
        parent, "finished" if finished else "interrupted", end, lost, 0 if finished else stop_status
    )


def _open_game(parent: RunFolder, experiment: EnsembleExperiment, number: int) -> RunFolder:
    """The game's own folder; it is created if a process died before it was."""
    game = experiment.games[number]
    path = parent.path / game.name
    if (path / "recipe.json").is_file():
        run = RunFolder.open(path)
        run.write_json("recipe", game.recipe.model_dump())
        if run.data["origin"] != experiment.origin:
            run.write_json("data", {**run.data, "origin": dict(experiment.origin)})
        return run
    environment = {key: value for key, value in parent.environment.items() if key != "format"}
    return RunFolder.create(
        path,
        recipe=game.recipe.model_dump(),
        environment={**environment, "seed": game.recipe.seed},
        data=data_record(experiment.datasets[number], experiment.origin),
    )


def _refuse_gone_on_alone(parent: RunFolder, step: int) -> None:
    """Refuse to undo the steps of a game that was resumed by itself, beyond the newest checkpoint of all."""
    for run in game_folders(parent.path):
        own = max(run.checkpoint_steps(), default=0)
        if own > step:
            what = f"The game '{run.path}' has gone on alone to step {own:,}"
            why = f"going on with all games from step {step:,} would undo that"
            hint = f"move its checkpoints beyond that step away, or go on alone: poise resume {run.path}"
            raise PoiseError(what, code="training.game-resumed-alone", why=why, hint=hint)
