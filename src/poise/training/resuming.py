"""Resuming a run: the request, the newest checkpoint, and what was logged after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from poise.data import open_data, spec_of
from poise.errors import PoiseError
from poise.extension import require_parts
from poise.recipes import saved_recipe
from poise.run_folder import Checkpoint, Restored, RunFolder
from poise.tasks import GIVEN, TASKS
from poise.tasks.prepare import prepared
from poise.training.callbacks.callback import Notify
from poise.training.components import build_components
from poise.training.environment import lost_guarantees
from poise.training.planning import Data, Experiment, Progress
from poise.training.recorded_data import recorded_data_of, same_data


@dataclass(frozen=True)
class Resumption:
    """A request to resume a run, or many games at once.

    Attributes:
        path: Their folder.
        device: Where to train.
        steps: The new number of steps; unchanged if none is given.
        data: The data again, if they were given in memory.
        given: The user's own modules again, by player; many games have none.
        accept_changed_data: Go on although the data are not those the run began with.
        progress: Called with `(done, total)` while images are read.
    """

    path: Path | str
    device: torch.device
    steps: int | None = None
    data: Data | None = None
    given: Mapping[str, nn.Module] = field(default_factory=dict)
    accept_changed_data: bool = False
    progress: Progress | None = None


def reopen(run: RunFolder, asked: Resumption, notify: Notify) -> tuple[Experiment, Checkpoint | None]:
    """Build an existing run again, and find its newest sound checkpoint; the run must be locked.

    Args:
        run: The run.
        asked: How it goes on.
        notify: Called with a sentence for the user.

    Returns:
        What it was made of, and the checkpoint; `None` before the first.

    Raises:
        PoiseError: Its data have changed, or its steps are done.
    """
    require_parts(run.environment, run.recipe, run.data, run=run.path)
    recipe = saved_recipe(run.recipe)
    dataset = open_data(
        recorded_data_of(run, asked.data),
        resolution=recipe.resolution,
        channels=recipe.channels,
        seed=recipe.seed,
        progress=asked.progress,
    )
    dataset = prepared(dataset, TASKS.named(recipe.game.name), recipe.game.options)
    same_data(run, dataset, accept=asked.accept_changed_data, notify=notify)
    missing = [p for p in ("generator", "discriminator") if getattr(recipe, p).name == GIVEN]
    if set(missing) - set(asked.given):
        raise PoiseError(
            f"The run '{run.path}' began with a {missing[0]} of the user's own",
            code="training.module-missing",
            hint=f"resume it in Python: poise.resume({str(run.path)!r}, {missing[0]}=...)",
        )
    if asked.steps is not None:
        recipe = recipe.model_copy(update={"steps": asked.steps})
    components = build_components(recipe, spec_of(dataset), asked.device, given=asked.given)
    for sentence in lost_guarantees(run.environment, asked.device):
        notify(sentence)
    restored = newest_checkpoint(run, notify, steps=recipe.steps or 0)
    step = 0 if restored.checkpoint is None else restored.checkpoint.step
    if restored.quarantined:
        notify(f"Going on from step {step}: {restored.newest_step - step} steps are trained again.")
    forget_beyond(run, step, log_every=recipe.log_every)
    run.write_json("recipe", recipe.model_dump())
    return Experiment(dataset, run.data["origin"], recipe, components), restored.checkpoint


def newest_checkpoint(run: RunFolder, notify: Notify, *, steps: int) -> Restored:
    """The newest sound checkpoint of a run that is to have so many steps; damaged ones are reported.

    Raises:
        PoiseError: It has them already.
    """
    restored = run.restore()
    for name, reason in restored.quarantined:
        notify(f"The checkpoint {name} is damaged ({reason}); it was moved to {run.path / 'quarantine'}.")
    step = 0 if restored.checkpoint is None else restored.checkpoint.step
    # A run that was killed after its last checkpoint has its steps, and lacks what comes after them.
    if step > steps or (step == steps and run.status == "finished"):
        raise PoiseError(
            f"The run '{run.path}' has done its {step} steps",
            code="training.steps-done",
            hint=f"extend it: poise resume {run.path} --steps {2 * step}",
        )
    return restored


def forget_beyond(run: RunFolder, step: int, *, log_every: int = 1) -> None:
    """Drop lines and pictures after a step; they will be written again.

    Args:
        run: The run.
        step: Where it goes on from.
        log_every: Steps in a line of the history: a line that only a stop has cut is made again, too.
    """
    if step % log_every:
        run.forget_after("history", step - 1)
    for name in ("history", "readings", "findings", "metrics"):
        run.forget_after(name, step)
    for at, path in run.samples():
        if at > step:
            path.unlink(missing_ok=True)
