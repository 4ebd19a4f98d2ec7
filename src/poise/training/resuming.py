"""Resuming a run: the request, the newest checkpoint, and what was logged after it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poise.data import Dataset, data_of, open_data, origin_of, spec_of
from poise.errors import PoiseError
from poise.extension import require_parts
from poise.recipes import saved_recipe
from poise.run_folder import Checkpoint, Restored, RunFolder
from poise.tasks import GIVEN, TASKS
from poise.tasks.prepare import prepared
from poise.training.callbacks.callback import Notify
from poise.training.components import build_components
from poise.training.planning import Data, Experiment, Progress
from poise.training.private import check_steps, opened_privately, secret_of
from poise.training.records import data_record, lost_guarantees
from poise.training.transfer import Taken


@dataclass(frozen=True)
class Resumption:
    """A request to resume a run, or many games at once."""

    path: Path | str  # Their folder
    device: torch.device
    steps: int | None = None  # The new number of steps, if it changes
    data: Data | None = None  # The data again, if they were given in memory; or the path where they are now
    given: Mapping[str, nn.Module] = field(default_factory=dict)  # The user's own modules again, by player
    accept_changed_data: bool = False  # Go on although the data are not those the run began with
    progress: Progress | None = None  # Called with (done, total) while images are read


def reopen(run: RunFolder, asked: Resumption, notify: Notify) -> tuple[Experiment, Checkpoint | None]:
    """Build an existing run again, and find its newest sound checkpoint; the run must be locked."""
    require_parts(run.environment, run.recipe, run.data, run=run.path)
    recipe = saved_recipe(run.recipe)
    check_steps(recipe, asked.steps)
    data, origin = recorded_data_of(run, asked.data)
    opened = data if recipe.private is None else opened_privately(data, recipe.private, secret_of(run))
    dataset = open_data(
        opened,
        resolution=recipe.resolution,
        fit=recipe.fit,
        channels=recipe.channels,
        encoding=recipe.encoding,
        seed=recipe.seed,
        progress=asked.progress,
    )
    dataset = prepared(dataset, TASKS.named(recipe.game.name), recipe.game.options)
    accepted = asked.accept_changed_data and recipe.private is None  # other rows were not accounted for
    same_data(run, dataset, origin, accept=accepted, notify=notify)
    missing = [p for p in ("generator", "discriminator") if getattr(recipe, p).name == GIVEN]
    if set(missing) - set(asked.given):
        what = f"The run '{run.path}' began with a {missing[0]} of the user's own"
        hint = f"resume it in Python: poise.resume({str(run.path)!r}, {missing[0]}=...)"
        raise PoiseError(what, code="training.module-missing", hint=hint)
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
    taken = Taken.recorded(run.environment)
    return Experiment(dataset, origin, components, recipe, taken=taken), restored.checkpoint


def newest_checkpoint(run: RunFolder, notify: Notify, *, steps: int) -> Restored:
    """The newest sound checkpoint of a run that is to have so many steps; damaged ones are reported."""
    restored = run.restore()
    for name, reason in restored.quarantined:
        notify(f"The checkpoint {name} is damaged ({reason}); it was moved to {run.path / 'quarantine'}.")
    step = 0 if restored.checkpoint is None else restored.checkpoint.step
    # A run that was killed after its last checkpoint has its steps, and lacks what comes after them.
    if step > steps or (step == steps and run.status == "finished"):
        what = f"The run '{run.path}' has done its {step} steps"
        hint = f"extend it: poise resume {run.path} --steps {2 * step}"
        raise PoiseError(what, code="training.steps-done", hint=hint)
    return restored


def forget_beyond(run: RunFolder, step: int, *, log_every: int = 1) -> None:
    """Drop lines and pictures after a step; they will be written again."""
    if step % log_every:  # a line that only a stop has cut is made again, too
        run.forget_after("history", step - 1)
    for name in ("history", "readings", "findings", "metrics"):
        run.forget_after(name, step)
    for at, path in run.samples():
        if at > step:
            path.unlink(missing_ok=True)


def recorded_data_of(run: RunFolder, data: Data | None) -> tuple[Data, Mapping[str, Any]]:
    """What the run was given, to be opened again, and the record of it; a path says where it is now."""
    origin: Mapping[str, Any] = run.data.get("origin", {})
    if isinstance(data, str | Path) and origin.get("kind") != "given":
        origin, data = moved(origin, Path(data).expanduser().absolute()), None
    if data is not None:
        named = origin_of(data)
        return data, origin if named["kind"] == "given" else named
    missing = next((path for path in _paths(origin) if not Path(path).exists()), None)
    if missing is not None:
        what = f"The data of the run '{run.path}' are no longer at '{missing}'"
        hint = f"say where they are now: poise resume {run.path} --data NEW_PLACE"
        raise PoiseError(what, code="training.data-moved", hint=hint)
    again = data_of(origin)
    if again is None:
        what = f"The run '{run.path}' was given its data in memory"
        hint = f"resume it in Python: poise.resume({str(run.path)!r}, data=...)"
        raise PoiseError(what, code="training.data-in-memory", hint=hint)
    return again, origin


def moved(origin: Mapping[str, Any], place: Path) -> dict[str, Any]:
    """A record of data that are at another place now; of two folders, the place of what holds both.

    Example:
        >>> moved({"kind": "path", "value": "/old/photos"}, Path("/new/photos"))
        {'kind': 'path', 'value': '/new/photos'}
    """
    paths = _paths({key: value for key, value in origin.items() if key != "labels"})
    if not paths:
        return origin_of(str(place))
    old = Path(os.path.commonpath(paths))

    def found(path: Path) -> Path:
        if path.is_relative_to(old):
            return place / path.relative_to(old)
        beside = place.parent / path.relative_to(old.parent) if path.is_relative_to(old.parent) else path
        return beside if beside.exists() and not path.exists() else path

    def changed(part: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: changed(value)
            if isinstance(value, Mapping)
            else str(found(Path(value)))
            if key == "file" or (key == "value" and part["kind"] == "path")
            else value
            for key, value in part.items()
        }

    return changed(origin)


def _paths(origin: Mapping[str, Any]) -> list[str]:
    """Every path of a record: of the data, of either side, and of labels."""
    own = [str(origin["value"])] if origin.get("kind") == "path" else []
    own += [str(origin["file"])] if "file" in origin else []
    return own + [path for part in origin.values() if isinstance(part, Mapping) for path in _paths(part)]


def same_data(
    run: RunFolder, dataset: Dataset, origin: Mapping[str, Any], *, accept: bool, notify: Notify
) -> None:
    """Refuse data other than those the run began with, unless accepted; that, or a new place, is recorded."""
    recorded = run.data
    if recorded.get("fingerprint") == dataset.fingerprint:
        if origin != recorded.get("origin"):
            run.write_json("data", {**recorded, "origin": dict(origin)})
        return
    shape = list(dataset.shape)
    if recorded["shape"] != shape:
        what = f"The data '{dataset.name}' have the shape {shape}, and the run began with {recorded['shape']}"
        hint = "give the data that it began with, or begin a new run"
        raise PoiseError(what, code="training.data-changed-shape", hint=hint)
    if not accept:
        what = f"The data '{dataset.name}' have changed since the run began"
        why = f"they held {recorded.get('count')} samples and now hold {len(dataset)}, or some differ"
        hint = "restore them, or go on with --accept-changed-data"
        raise PoiseError(what, code="training.data-changed", why=why, hint=hint)
    notify(
        f"The data have changed since the run began: {recorded['count']} samples then, {len(dataset)} now."
    )
    change = {"fingerprint": recorded.get("fingerprint"), "count": recorded.get("count"), "at": time.time()}
    earlier = [*recorded.get("earlier", []), change]
    run.write_json("data", {**data_record(dataset, origin), "earlier": earlier})
