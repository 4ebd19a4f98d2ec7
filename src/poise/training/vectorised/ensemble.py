"""Many games that are trained: their stacks, their lines, their callbacks, their checkpoints."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch.func import vmap

from poise.diagnosis.window import first_non_finite
from poise.dynamics import NonFiniteError
from poise.errors import PoiseError
from poise.games.view import own_part
from poise.losses import LOSSES
from poise.recipes import Recipe
from poise.run_folder import Checkpoint, RunFolder
from poise.training.callbacks.callback import (
    DoctorMode,
    Notify,
    Request,
    finish,
    load_states,
    requests_of,
    saved_states,
)
from poise.training.records import describe_generator
from poise.training.session import Status, non_finite_error
from poise.training.state import (
    Position,
    StepEvent,
    Write,
    interval_means,
    position_of,
    window_from_tensors,
    window_tensors,
)
from poise.training.vectorised.plan import EnsembleExperiment
from poise.training.vectorised.settings import structure
from poise.training.vectorised.stack import StackedState, set_values, stack_games, tensors, without
from poise.training.vectorised.views import GameLogs, GameView, health, view_of


@dataclass(frozen=True)
class EnsembleContext:
    """Many games just after a step."""

    step: int  # Updates done, from 1
    steps: int  # Updates to do
    images_seen: int  # Reals shown to each game
    seconds: float  # Time trained, over all sessions
    line: Mapping[str, Any] | None  # The medians over the games, at steps that write a line of the history
    games_left: int  # How many games are still trained
    last: bool  # Whether no step follows in this session
    doctor: str = ""  # The status of all games in a word, at steps that write a line of the history


EnsembleCallback = Callable[[EnsembleContext], str | None]
"""Is called after each step; `"stop"` asks to save and stop."""


class Ensemble:
    """Games that are trained side by side, in stacks of one structure.

    Each game's own folder is in `runs`, by its number; `watch` is called after each step.
    """

    def __init__(
        self,
        experiment: EnsembleExperiment,
        parent: RunFolder,
        runs: Sequence[RunFolder],
        watch: EnsembleCallback | None,
        notify: Notify,
        *,
        doctor: DoctorMode,
    ) -> None:
        self.experiment, self.parent, self.runs = experiment, parent, runs
        self.watch, self.notify = watch, notify
        self.views = [
            view_of(experiment, number, run, notify, doctor=doctor) for number, run in enumerate(runs)
        ]
        self.stacks = [self._stacked(group) for group in self._groups()]

    @property
    def recipe(self) -> Recipe:
        """What the games have in common."""
        return self.experiment.games[0].recipe

    @property
    def device(self) -> torch.device:
        """Where the games lie."""
        return self.experiment.device

    @property
    def left(self) -> list[int]:
        """The numbers of the games that are still trained."""
        return [number for stack in self.stacks for number in stack.games]

    def set_status(self, status: Status, step: int) -> None:
        """Write the status of the folder above the games, and of those that are left."""
        for run in (self.parent, *(self.runs[number] for number in self.left)):
            run.set_status(status, step=step)

    def step(self, position: Position) -> int:
        """One update of every game. Stacks share the schedule, so that each draws as many batches."""
        images = 0
        for stack in self.stacks:
            images = stack.step(position.step)
            stack.ema.update(images, position.images_seen + images, stack.samplers[0].run_images)
        position.drawn = self.stacks[0].samplers[0].drawn
        return images

    def check_sound(self, step: int, *, waits: bool) -> bool:
        """Take games out that are not finite; on an accelerator only when it is waited for anyway."""
        if waits or self.stacks[0].players.sound.is_cpu:
            self.stacks = [left for stack in self.stacks if (left := self._sound(stack, step)) is not None]
        return bool(self.stacks)

    def write_history(self, common: dict[str, Any], write: Write, *, keep: bool) -> dict[str, Any]:
        """A line of each game's history, and one of the medians in the folder above."""
        rows: list[dict[str, float]] = []
        for stack in self.stacks:
            for game, own in zip(stack.games, means_of_games(stack), strict=True):
                rows.append(own)
                self.views[game].line = {**common, **own}
                write(partial(self.runs[game].append, "history", self.views[game].line), "the history")
            if not keep:
                stack.window.clear()
        columns = {name: [row[name] for row in rows if name in row] for name in rows[0]}
        medians = {name: statistics.median(values) for name, values in columns.items() if values}
        line = {**common, "games": len(rows), **medians}
        write(partial(self.parent.append, "history", line), "the history")
        return line

    def after_step(self, event: StepEvent, write: Write) -> set[Request]:
        """Call the callbacks of each game, then the caller's own."""
        position, requests = event.position, set[Request]()
        for stack, index, view in self._shown():
            asked = requests_of(view.named.values(), view.context(stack, index, event))
            view.stop = view.stop or "stop" in asked
            requests |= asked & {"save"}
            if "keep-best" in asked:
                best = partial(self._save_game, stack, index, position, best=True)
                write(best, f"the best checkpoint of {view.run.path.name}")
        views = [view for *_, view in self._shown()]
        context = EnsembleContext(
            step=position.step,
            steps=self.recipe.steps or 0,
            images_seen=position.images_seen,
            seconds=event.seconds,
            line=event.line,
            games_left=len(views),
            last=event.last,
            doctor=health(views) if event.line is not None else "",
        )
        # A game that has asked to stop goes on until all have: they share their steps.
        if (self.watch is not None and self.watch(context) == "stop") or all(view.stop for view in views):
            requests.add("stop")
            for stack, index, view in self._shown() if not event.last else ():
                finish(view.named, view.context(stack, index, event))
        return requests

    def save(self, position: Position, *, best: bool) -> None:
        """A checkpoint of all games in the folder above them."""
        found = {
            f"{number}/{name}": value.detach()
            for number, stack in enumerate(self.stacks)
            for name, value in {**tensors(stack), **window_tensors(stack.window)}.items()
        }
        callbacks = {}
        for number in self.left:
            own, callbacks[str(number)] = saved_states(self.views[number].named)
            found |= {f"callback/{number}/{name}": value for name, value in own.items()}
        state = {
            **asdict(position),
            "stacks": [stack.games for stack in self.stacks],
            "windows": [[list(logs) for logs in stack.window] for stack in self.stacks],
            "callbacks": callbacks,
        }
        self.parent.save_checkpoint(
            Checkpoint(position.step, found, state), keep=self.recipe.checkpoints.keep
        )

    def save_games(self, position: Position) -> None:
        """Each game's own checkpoint and generator, as if it had been trained alone."""
        for stack, index, view in self._shown():
            self._save_game(stack, index, position, best=False)
            view.run.save_generator(*describe_generator(view.components, view.run, position))

    def _save_game(self, stack: StackedState, index: int, position: Position, *, best: bool) -> None:
        view = self.views[stack.games[index]]
        window = [GameLogs(logs, index) for logs in stack.window]
        own, callbacks = saved_states(view.named)
        trained = {name: value[index] for name, value in tensors(stack).items()}
        state = {"window": [list(logs) for logs in window], "callbacks": callbacks}
        checkpoint = Checkpoint(
            position.step, {**trained, **window_tensors(window), **own}, {**asdict(position), **state}
        )
        view.run.save_checkpoint(checkpoint, keep=self.recipe.checkpoints.keep, best=best)

    def non_finite(self) -> str | None:
        """The first tensor of the state that holds a NaN or an infinity; `None` if none does."""
        return next(filter(None, (first_non_finite(tensors(stack).items()) for stack in self.stacks)), None)

    def unpack(self, checkpoint: Checkpoint) -> Position:
        """Restore what `save` has written; a `PoiseError` if it is of other networks."""
        position = position_of(checkpoint)
        self.stacks = [self._stacked(group, drawn=position.drawn) for group in checkpoint.state["stacks"]]
        for number, stack in enumerate(self.stacks):
            saved = own_part(checkpoint.tensors, str(number))
            try:
                set_values(stack, saved)
            except (KeyError, RuntimeError) as error:
                raise PoiseError(
                    f"The checkpoint of step {checkpoint.step} is of other networks",
                    code="training.checkpoint-of-other-networks",
                    why=str(error).strip("'\""),
                    hint="restore the run's files from a copy",
                ) from None
            names = checkpoint.state.get("windows", [[]] * len(self.stacks))[number]
            stack.window[:] = window_from_tensors(names, own_part(saved, "window"), self.device)
        for number, values in checkpoint.state.get("callbacks", {}).items():
            own = own_part(checkpoint.tensors, f"callback/{number}")
            load_states(self.views[int(number)].named, own, values)
        return position

    def _sound(self, stack: StackedState, step: int) -> StackedState | None:
        """A stack without the games that are not finite; `None` if none is left."""
        sound = stack.players.sound
        if bool(sound.all()):
            return stack
        indices = torch.nonzero(~sound).flatten().tolist()
        for index in indices:
            tensor, player = stack.players.culprits.get(index, ("gradients", ""))
            game = self.experiment.games[stack.games[index]]
            run, at = self.runs[stack.games[index]], Position(step=step)
            error = non_finite_error(run, at, game.recipe, NonFiniteError(tensor, player))
            self.notify(f"{game.name} is lost and the others go on: {error.what}.")
        if len(indices) == len(stack.games):
            return None
        datasets = [self.experiment.datasets[game] for game in stack.games]
        return self._viewed(without(stack, indices, datasets, self.experiment.device))

    def _stacked(self, group: Sequence[int], *, drawn: int = 0) -> StackedState:
        games, datasets = self.experiment.games, self.experiment.datasets
        recipes, own = [games[number].recipe for number in group], [datasets[number] for number in group]
        return self._viewed(stack_games(group, recipes, own, self.experiment.device, drawn=drawn))

    def _viewed(self, stack: StackedState) -> StackedState:
        """A new stack, once the views of its games share its memory."""
        for index, number in enumerate(stack.games):
            self.views[number].show(stack, index)
        return stack

    def _shown(self) -> Iterator[tuple[StackedState, int, GameView]]:
        """The games that are left, each as its stack, its place there and its view."""
        for stack in self.stacks:
            for index, number in enumerate(stack.games):
                yield stack, index, self.views[number]

    def _groups(self) -> list[list[int]]:
        """Which games are stacked: those of one structure, those with equal optimisers side by side."""
        found: dict[str, list[int]] = {}
        for number, game in enumerate(self.experiment.games):
            found.setdefault(structure(game.recipe), []).append(number)
        return list(found.values())


def means_of_games(stack: StackedState) -> list[dict[str, float]]:
    """What `summarise` makes of each game's interval."""
    boundary = LOSSES.named(stack.recipes[0].loss.name).boundary
    means = vmap(lambda window: interval_means(window, boundary))([dict(one) for one in stack.window])
    values = torch.stack(list(means.values()), 1).tolist()
    return [
        {name: value for name, value in zip(means, row, strict=True) if math.isfinite(value)}
        for row in values
    ]
