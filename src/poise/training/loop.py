"""The training loop: step, average, log, watch, save, until the steps are done or somebody says stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from torch import Tensor

from poise.dynamics import NonFiniteError
from poise.losses import LOSSES
from poise.randomness import derive
from poise.registry import bound, provided
from poise.run_folder import RunFolder
from poise.training.batches import BatchSampler
from poise.training.callback import Callback, Notify, StepContext
from poise.training.components import Components
from poise.training.engine import seed_networks
from poise.training.history import summarise
from poise.training.saver import UnsavedError, run_saver
from poise.training.state import Position, non_finite
from poise.training.stop import StopRequest


def train_loop(
    components: Components,
    sampler: BatchSampler,
    run: RunFolder,
    position: Position,
    *,
    callbacks: Sequence[Callback],
    stop: StopRequest,
    notify: Notify,
) -> Position:
    """Train from `position` to the recipe's last step, or until a stop is asked for; save what there is.

    Args:
        components: What is trained.
        sampler: Where batches come from, at the position.
        run: Where everything is written.
        position: Where the run stands.
        callbacks: What watches.
        stop: Looked at after each step.
        notify: Tells a person what cannot wait.

    Returns:
        Where the run stands afterwards.

    Raises:
        NonFiniteError: A NaN or an infinity came up; the last good checkpoint is as it was.
        UnsavedError: The end could not be saved.
    """
    recipe, players, device = components.recipe, components.players, components.device
    steps = recipe.steps or 0
    boundary = LOSSES.named(recipe.loss.name).boundary
    make_step = bound(components.dynamics.step, recipe.dynamics.options)
    make_step = provided(make_step, epoch_steps=sampler.epoch_steps)
    saver = run_saver(components, run, notify, saved_step=position.step)
    window: list[dict[str, Tensor]] = []
    began = time.monotonic() - position.seconds
    logged = time.monotonic(), position.images_seen

    while position.step < steps:
        # One update of the game. Networks that draw for themselves (dropout) draw from the step's own seed.
        seed_networks(device, derive(recipe.seed, position.step, "networks"))
        before, step = sampler.drawn, position.step
        for optimiser in components.scheduled:
            optimiser.set(position.images_seen, sampler.run_images)
        logs = dict(make_step(players, partial(sampler.next, step), step))

        # Count, and let the average follow.
        images = (sampler.drawn - before) * sampler.samples
        position.step += 1
        position.drawn = sampler.drawn
        position.images_seen += images
        components.ema.update(images, position.images_seen, sampler.run_images)
        window.append(logs)
        last = position.step >= steps or stop.signal is not None

        # One line of history an interval; on an accelerator this is where the device is waited for.
        line = None
        if position.step % recipe.log_every == 0 or last:
            if players.unsound is not None and bool(players.unsound):
                raise NonFiniteError(non_finite(components) or "gradients", "")
            now = time.monotonic()
            position.seconds = now - began
            rate = (position.images_seen - logged[1]) / max(now - logged[0], 1e-9)
            line = {
                "step": position.step,
                "images_seen": position.images_seen,
                "seconds": round(position.seconds, 3),
                "images_per_second": round(rate, 1),
                **summarise(window, boundary),
            }
            logged = now, position.images_seen
            window.clear()
            saver.write(partial(run.append, "history", line), "the history")

        # Whoever watches looks, and may ask.
        context = StepContext(
            step=position.step,
            images_seen=position.images_seen,
            seconds=time.monotonic() - began,
            run=run,
            recipe=recipe,
            components=components,
            logs=logs,
            line=line,
            last=last,
        )
        requests = {callback(context) for callback in callbacks}
        if "keep-best" in requests:
            saver.save(position, best=True)
        if "stop" in requests:
            last = True

        # Save when it is time, and at the end.
        if last or "save" in requests or saver.due(position.step):
            position.seconds = time.monotonic() - began
            saved = saver.save(position)
            if last and not saved:
                raise UnsavedError(saver.reason)
        if last:
            break
    return position
