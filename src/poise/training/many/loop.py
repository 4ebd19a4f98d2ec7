"""The loop of many games: every stack makes its step, then all are counted, logged, measured and saved."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from poise.losses import LOSSES
from poise.run_folder import RunFolder
from poise.training.history import interval_means
from poise.training.many.stack import Stack
from poise.training.many.watch import Watchers
from poise.training.saver import Saver, UnsavedError
from poise.training.state import Position
from poise.training.stop import StopRequest


@dataclass(frozen=True)
class ManyMoment:
    """Many games just after a step.

    Attributes:
        step: Updates done, from 1.
        steps: Updates to do.
        images_seen: Reals shown to each game.
        seconds: Time trained, over all sittings.
        line: The medians over the games, on steps that write a line of the history.
        playing: How many games there are still.
        last: Whether no step follows in this sitting.
        doctor: What the doctor says of them, in a word, on steps that write a line of the history.
    """

    step: int
    steps: int
    images_seen: int
    seconds: float
    line: Mapping[str, Any] | None
    playing: int
    last: bool
    doctor: str = ""


Watching = Callable[[ManyMoment], str | None]
"""Looks after each step; `"stop"` asks to save and stop."""


@dataclass
class Field:
    """All games of a sitting.

    Attributes:
        stacks: Those that are played.
        parent: The folder above them.
        runs: Each game's own folder, by its number.
        watchers: What measures the games, and their doctor.
        lose: Takes down what became of a game: its number, the step, the first tensor that is not finite, and
            whose move it was.
        drop: A stack without some of its games.
    """

    stacks: list[Stack]
    parent: RunFolder
    runs: Sequence[RunFolder]
    watchers: Watchers
    lose: Callable[[int, int, str, str], None]
    drop: Callable[[Stack, Sequence[int]], Stack]


def train_field(
    field: Field, saver: Saver, position: Position, *, watch: Watching, stop: StopRequest
) -> Position:
    """Train from `position` to the last step, or until a stop is asked for, or until no game is left.

    Args:
        field: What is trained.
        saver: Where it is saved.
        position: Where all games stand.
        watch: Who is told.
        stop: Looked at after each step.

    Raises:
        UnsavedError: The end could not be saved.
    """
    recipe = field.stacks[0].recipes[0]
    steps = recipe.steps or 0
    began = time.monotonic() - position.seconds
    logged = time.monotonic(), position.images_seen

    while position.step < steps and field.stacks:
        # One update of every game. Stacks share the schedule, so that each draws as many batches.
        for stack in field.stacks:
            images = stack.step(position.step)
            stack.ema.update(images, position.images_seen + images, stack.samplers[0].run_images)
        position.step += 1
        position.images_seen += images
        position.drawn = field.stacks[0].samplers[0].drawn
        last = position.step >= steps or stop.signal is not None
        logging = position.step % recipe.log_every == 0 or last

        # Games that are lost leave; on an accelerator they are looked for where it is waited for anyway.
        if logging or field.stacks[0].players.sound.is_cpu:
            _drop_lost(field, position.step)
            if not field.stacks:
                break

        field.watchers.examine(field.stacks, position, last=last)

        # A line of each game's history, and of the medians.
        line = None
        if logging:
            now = time.monotonic()
            position.seconds = now - began
            line = {
                "step": position.step,
                "images_seen": position.images_seen,
                "seconds": round(position.seconds, 3),
                "images_per_second": round(
                    (position.images_seen - logged[1]) / max(now - logged[0], 1e-9), 1
                ),
            }
            logged = now, position.images_seen
            line = _log(field, saver, line)

        # Metrics of every game.
        if last or position.step % (recipe.sample_every or 1) == 0:
            _measure(field, saver, position.step)

        playing = sum(len(stack.games) for stack in field.stacks)
        context = ManyMoment(
            step=position.step,
            steps=steps,
            images_seen=position.images_seen,
            seconds=time.monotonic() - began,
            line=line,
            playing=playing,
            last=last,
            doctor=field.watchers.health(field.stacks) if line is not None else "",
        )
        last = watch(context) == "stop" or last

        if last or saver.due(position.step):
            position.seconds = time.monotonic() - began
            saved = saver.save(position)
            if last and not saved:
                raise UnsavedError(saver.reason)
        if last:
            break
    return position


def _measure(field: Field, saver: Saver, step: int) -> None:
    """Append what was measured of each game to its metrics."""
    for stack in field.stacks:
        for game, lines in field.watchers.measure(stack, step).items():
            for found in lines:
                saver.write(partial(field.runs[game].append, "metrics", found), "the metrics")


def _log(field: Field, saver: Saver, common: Mapping[str, Any]) -> dict[str, Any]:
    """Append a line to every game's history, and one of the medians to the parent's; give the latter."""
    rows: list[dict[str, float]] = []
    for stack in field.stacks:
        for game, own in zip(stack.games, means_of_games(stack), strict=True):
            rows.append(own)
            saver.write(partial(field.runs[game].append, "history", {**common, **own}), "the history")
        stack.window.clear()
    columns = {name: [row[name] for row in rows if name in row] for name in rows[0]}
    medians = {name: statistics.median(values) for name, values in columns.items() if values}
    line = {**common, "games": len(rows), **medians}
    saver.write(partial(field.parent.append, "history", line), "the history")
    return line


def means_of_games(stack: Stack) -> list[dict[str, float]]:
    """What `summarise` makes of each game's interval."""
    boundary = LOSSES.named(stack.recipes[0].loss.name).boundary
    means = vmap(lambda window: interval_means(window, boundary))([dict(one) for one in stack.window])
    values = torch.stack(list(means.values()), 1).tolist()
    return [
        {name: value for name, value in zip(means, row, strict=True) if math.isfinite(value)}
        for row in values
    ]


def non_finite(stacks: Sequence[Stack], tensors: Callable[[Stack], Mapping[str, Tensor]]) -> str | None:
    """The first tensor of the state that holds a NaN or an infinity; `None` where all are sound."""
    for stack in stacks:
        for name, value in tensors(stack).items():
            if value.is_floating_point() and not bool(torch.isfinite(value).all()):
                return name
    return None


def _drop_lost(field: Field, step: int) -> None:
    kept = []
    for stack in field.stacks:
        sound = stack.players.sound
        if bool(sound.all()):
            kept.append(stack)
            continue
        places = torch.nonzero(~sound).flatten().tolist()
        for place in places:
            tensor, player = stack.players.culprits.get(place, ("gradients", ""))
            field.lose(stack.games[place], step, tensor, player)
        if len(places) < len(stack.games):
            kept.append(field.drop(stack, places))
    field.stacks[:] = kept
