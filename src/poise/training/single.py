"""One game that is trained: its update, its lines, its callbacks, its checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from poise.data import Dataset
from poise.diagnosis.window import first_non_finite
from poise.dynamics import NonFiniteError
from poise.games.view import own_part
from poise.losses import LOSSES
from poise.randomness import derive, seed_networks
from poise.recipes import Recipe
from poise.run_folder import Checkpoint, RunFolder
from poise.training.batches import batches_of
from poise.training.callbacks.callback import (
    Callback,
    Named,
    Request,
    finish,
    load_states,
    requests_of,
    saved_states,
)
from poise.training.components import Components, step_of
from poise.training.records import describe_generator
from poise.training.state import (
    Position,
    StepEvent,
    Write,
    pack,
    position_of,
    summarise,
    tensors_of,
    unpack,
    window_from_tensors,
    window_tensors,
)


class SingleState:
    """One game that is trained.

    The state of callbacks that have a name goes into checkpoints; the caller's own are called after them.
    """

    def __init__(
        self,
        components: Components,
        dataset: Dataset,
        run: RunFolder,
        named: Named,
        unnamed: Sequence[Callback] = (),
        *,
        drawn: int = 0,
    ) -> None:
        self.components, self.run = components, run
        self.named, self.unnamed = named, unnamed
        self.sampler = batches_of(components.recipe, dataset, components.device, drawn=drawn)
        self._boundary = LOSSES.named(self.recipe.loss.name).boundary
        self._window: list[dict[str, Tensor]] = []
        self._logs: dict[str, Tensor] = {}
        sampler = self.sampler
        self._make_step = step_of(
            self.recipe, components.dynamics, epoch_steps=sampler.epoch_steps, expected=sampler.samples
        )

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return self.components.recipe

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.components.device

    def step(self, position: Position) -> int:
        """One update of the game; the average follows."""
        components, sampler, number = self.components, self.sampler, position.step
        # Networks that draw for themselves (dropout) draw from the step's own seed.
        seed_networks(components.device, derive(self.recipe.seed, number, "networks"))
        for optimiser in components.scheduled:
            optimiser.set(position.images_seen, sampler.run_images)
        before = sampler.drawn
        logs = self._make_step(components.players, partial(sampler.next, number), number)
        images = (sampler.drawn - before) * sampler.samples
        components.ema.update(images, position.images_seen + images, sampler.run_images)
        self._logs = dict(logs)
        self._window.append(self._logs)
        position.drawn = sampler.drawn
        return images

    def check_sound(self, step: int, *, waits: bool) -> bool:
        """Whether it is; on an accelerator that is known only when the device is waited for anyway."""
        unsound = self.components.players.unsound
        if waits and unsound is not None and bool(unsound):
            raise NonFiniteError(self.non_finite() or "gradients", "")
        return True

    def write_history(self, common: dict[str, Any], write: Write, *, keep: bool) -> dict[str, Any]:
        """Append the means of the interval; here the device is waited for."""
        line = {**common, **summarise(self._window, self._boundary)}
        if not keep:
            self._window = []
        write(partial(self.run.append, "history", line), "the history")
        return line

    def after_step(self, event: StepEvent, write: Write) -> set[Request]:
        """Call the callbacks in turn; if one asks to stop, those that finish something do that now."""
        context = event.of(self.run, self.components, self._logs, event.line)
        requests = requests_of((*self.named.values(), *self.unnamed), context)
        if "stop" in requests and not event.last:
            finish(self.named, context)
        return requests

    def save(self, position: Position, *, best: bool) -> None:
        """Write a checkpoint, and the generator beside it."""
        self.run.save_checkpoint(self.pack(position), keep=self.recipe.checkpoints.keep, best=best)
        if not best:
            self.run.save_generator(*describe_generator(self.components, self.run, position))

    def non_finite(self) -> str | None:
        """The name of the first tensor that holds a NaN or an infinity; `None` if none does."""
        return first_non_finite(tensors_of(self.components).items())

    def pack(self, position: Position) -> Checkpoint:
        """What is trained, the open interval of the history, and the state of callbacks."""
        trained, (tensors, callbacks) = pack(self.components, position), saved_states(self.named)
        values = {"window": [list(logs) for logs in self._window], "callbacks": callbacks}
        tensors = {**trained.tensors, **window_tensors(self._window), **tensors}
        return Checkpoint(position.step, tensors, {**trained.state, **values})

    def unpack(self, checkpoint: Checkpoint) -> Position:
        """Restore what `pack` returned; a `PoiseError` if the checkpoint is of other networks."""
        unpack(checkpoint, self.components)
        position = position_of(checkpoint)
        self.sampler.drawn = position.drawn
        self._window = window_from_tensors(
            checkpoint.state.get("window", []), own_part(checkpoint.tensors, "window"), self.device
        )
        load_states(self.named, checkpoint.tensors, checkpoint.state.get("callbacks", {}))
        return position
