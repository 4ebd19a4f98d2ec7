"""Many games that are trained: their stacks, their lines, who looks at them, their checkpoint."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch.func import vmap

from poise.dynamics import NonFiniteError
from poise.errors import PoiseError
from poise.games.view import own_part
from poise.losses import LOSSES
from poise.recipes import Recipe
from poise.run_folder import Checkpoint, RunFolder
from poise.training.callbacks.callback import Notify, Request
from poise.training.ending import non_finite_error
from poise.training.history import interval_means
from poise.training.state import Position, StepEvent, Write, position_of
from poise.training.state.single import window_from_tensors, window_tensors
from poise.training.vectorised.plan import EnsembleExperiment
from poise.training.vectorised.settings import structure
from poise.training.vectorised.stack import StackedState, set_values, tensors
from poise.training.vectorised.stacking import stack_games, without
from poise.training.vectorised.watch import Watchers, known_modes


@dataclass(frozen=True)
class EnsembleContext:
    """Many games just after a step.

    Attributes:
        step: Updates done, from 1.
        steps: Updates to do.
        images_seen: Reals shown to each game.
        seconds: Time trained, over all sessions.
        line: The medians over the games, at steps that write a line of the history.
        games_left: How many games are still trained.
        last: Whether no step follows in this session.
        doctor: The doctor's status of all games in a word, at steps that write a line of the history.
    """

    step: int
    steps: int
    images_seen: int
    seconds: float
    line: Mapping[str, Any] | None
    games_left: int
    last: bool
    doctor: str = ""


EnsembleCallback = Callable[[EnsembleContext], str | None]
"""Is called after each step; `"stop"` asks to save and stop."""


class Ensemble:
    """Games that are trained side by side, in stacks of one structure.

    Args:
        experiment: Their recipes and data.
        parent: The folder above them.
        runs: Each game's own folder, by its number.
        watch: Is called after each step.
        notify: Called with a sentence for the user.
        doctor: Whether the games are examined.
    """

    def __init__(
        self,
        experiment: EnsembleExperiment,
        parent: RunFolder,
        runs: Sequence[RunFolder],
        watch: EnsembleCallback | None,
        notify: Notify,
        *,
        doctor: bool,
    ) -> None:
        self.experiment, self.parent, self.runs = experiment, parent, runs
        self.watch, self.notify = watch, notify
        first = experiment.datasets[0].name
        mixture = first if experiment.origin.get("kind") == "built-in" and known_modes(first) else None
        self.watchers = Watchers(experiment.datasets, runs, mixture, notify, doctor=doctor)
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
                write(partial(self.runs[game].append, "history", {**common, **own}), "the history")
            if not keep:
                stack.window.clear()
        columns = {name: [row[name] for row in rows if name in row] for name in rows[0]}
        medians = {name: statistics.median(values) for name, values in columns.items() if values}
        line = {**common, "games": len(rows), **medians}
        write(partial(self.parent.append, "history", line), "the history")
        return line

    def after_step(self, event: StepEvent, write: Write) -> set[Request]:
        """Examine the games, measure metrics, and call the callback."""
        position = event.position
        self.watchers.examine(self.stacks, position, last=event.last)
        if event.last or position.step % (self.recipe.sample_every or 1) == 0:
            for stack in self.stacks:
                for game, lines in self.watchers.measure(stack, position.step).items():
                    for found in lines:
                        write(partial(self.runs[game].append, "metrics", found), "the metrics")
        moment = EnsembleContext(
            step=position.step,
            steps=self.recipe.steps or 0,
            images_seen=position.images_seen,
            seconds=event.seconds,
            line=event.line,
            games_left=len(self.left),
            last=event.last,
            doctor=self.watchers.health(self.stacks) if event.line is not None else "",
        )
        return {"stop"} if self.watch is not None and self.watch(moment) == "stop" else set()

    def save(self, position: Position, *, best: bool) -> None:
        """A checkpoint of all games in the folder above them."""
        found = {
            f"{number}/{name}": value.detach().cpu()
            for number, stack in enumerate(self.stacks)
            for name, value in {**tensors(stack), **window_tensors(stack.window)}.items()
        }
        state = {
            **asdict(position),
            "stacks": [stack.games for stack in self.stacks],
            "windows": [[list(logs) for logs in stack.window] for stack in self.stacks],
        }
        self.parent.save_checkpoint(
            Checkpoint(position.step, found, state), keep=self.recipe.checkpoints.keep
        )

    def non_finite(self) -> str | None:
        """The first tensor of the state that holds a NaN or an infinity; `None` if none does."""
        for stack in self.stacks:
            for name, value in tensors(stack).items():
                if value.is_floating_point() and not bool(torch.isfinite(value).all()):
                    return name
        return None

    def unpack(self, checkpoint: Checkpoint) -> Position:
        """Restore what `save` has written.

        Raises:
            PoiseError: The checkpoint is of other networks.
        """
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
        return without(stack, indices, datasets, self.experiment.device)

    def _stacked(self, group: Sequence[int], *, drawn: int = 0) -> StackedState:
        games, datasets = self.experiment.games, self.experiment.datasets
        return stack_games(
            group,
            [games[number].recipe for number in group],
            [datasets[number] for number in group],
            self.experiment.device,
            drawn=drawn,
        )

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
