"""One sitting of training: begin a run, or go on with one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from poise.data import Source, data_of, open_data, origin_of
from poise.dynamics import NonFiniteError
from poise.errors import PoiseError
from poise.recipes import Recipe, saved_recipe
from poise.run_folder import RunFolder, refuse_existing
from poise.training.assemble import Assembly, assemble
from poise.training.conditions import prepared, shapes_of
from poise.training.describe import describe_generator
from poise.training.doctor import Doctor, Mode, write_non_finite
from poise.training.eigenvalues import EigenvalueWatch, check_eigenvalues
from poise.training.environment import environment_record, lost_guarantees
from poise.training.held_out import examined, training_feed
from poise.training.loop import train_loop
from poise.training.observer import Observer, Say
from poise.training.quality import interval_of
from poise.training.resolve import resolve
from poise.training.resuming import forget_beyond, is_done, newest_checkpoint
from poise.training.saver import UnsavedError
from poise.training.second_order import check_second_order
from poise.training.setups import GIVEN, SETUPS
from poise.training.state import Position, unpack
from poise.training.stop import stop_on_signals
from poise.training.watching import watchers

Data = Any
"""A path, the name of a built-in, an array, a tensor, a data set, or two of them as `Pairs` or `Domains`."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """A run that has been checked and not begun: what `--dry-run` shows.

    Attributes:
        source: The data, opened.
        origin: How to open them again, as `origin_of` says it.
        recipe: The recipe with every value spelled out.
        assembly: Networks, game and optimisers.
    """

    source: Source
    origin: Mapping[str, Any]
    recipe: Recipe
    assembly: Assembly


@dataclass(frozen=True)
class Outcome:
    """How a sitting ended.

    Attributes:
        run: The run.
        status: `"finished"` or `"interrupted"`.
        position: Where it stands.
        exit_status: The status for the command: 0, 130 after Ctrl-C, 143 after SIGTERM.
    """

    run: RunFolder
    status: Literal["finished", "interrupted"]
    position: Position
    exit_status: int


def plan(
    data: Data,
    recipe: Recipe,
    device: torch.device,
    *,
    given: Mapping[str, nn.Module] | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Open the data, spell the recipe out and build the networks, so that all that can be refused is.

    Args:
        data: What a person has.
        recipe: What to do with it.
        device: Where.
        given: The person's own modules, by player.
        progress: Told `(done, total)` while images are read.

    Raises:
        PoiseError: Something does not fit; nothing was written.
    """
    given = given or {}
    source = open_data(
        data, resolution=recipe.resolution, channels=recipe.channels, seed=recipe.seed, progress=progress
    )
    source = prepared(source, SETUPS.named(recipe.game.name), recipe.game.options)
    shapes = shapes_of(source)
    resolved = resolve(recipe, shapes, given=tuple(given))
    needed = resolved.batch_size * resolved.packing
    if len(source) < needed:
        batch = f"a batch of {resolved.batch_size}" + (
            f" x {resolved.packing}" if resolved.packing > 1 else ""
        )
        raise PoiseError(
            f"'{source.name}' holds {len(source)} samples, fewer than {batch}",
            mend=f"use --batch-size {max(1, len(source) // resolved.packing)} or less, or give more data",
        )
    assembly = assemble(resolved, shapes, device, given=given)
    _check_networks(assembly, source, needed)
    check_second_order(assembly, shapes)
    check_eigenvalues(assembly)
    if resolved.evaluate_every is None:
        resolved = resolved.model_copy(update={"evaluate_every": interval_of(assembly, source)})
        assembly.recipe = resolved
    return Plan(source, origin_of(data), resolved, assembly)


def begin(
    planned: Plan,
    out: Path | str,
    *,
    observers: Sequence[Observer] = (),
    say: Say,
    command: list[str] | None = None,
    doctor: Mode = "suggest",
) -> Outcome:
    """Make the run folder and train.

    Args:
        planned: What to do.
        out: The folder to make.
        observers: What watches besides the pictures.
        say: Tells a person one sentence.
        command: The command line, for the record.
        doctor: Whether the doctor watches; to have it apply remedies, see `training.remedies`.

    Raises:
        PoiseError: The folder is taken or cannot be written, or a value came up that is not finite.
    """
    refuse_existing(Path(out))
    recipe, source = planned.recipe, planned.source
    run = RunFolder.create(
        out,
        recipe=recipe.model_dump(),
        environment=environment_record(planned.assembly.device, seed=recipe.seed, command=command),
        data=data_record(source, planned.origin),
    )
    with run.locked():
        return sit(planned.assembly, source, run, Position(), observers, say, doctor=doctor)


def resume(
    path: Path | str,
    *,
    steps: int | None = None,
    data: Data | None = None,
    device: torch.device,
    given: Mapping[str, nn.Module] | None = None,
    accept_changed_data: bool = False,
    observers: Sequence[Observer] = (),
    say: Say,
    progress: Progress | None = None,
    doctor: Mode = "suggest",
) -> Outcome:
    """Go on with a run from its newest sound checkpoint, or extend a finished one.

    Args:
        path: The run.
        steps: The new number of steps; as it was where none is given.
        data: The data again, for a run that was given them in memory.
        device: Where to train.
        given: The person's own modules again, by player.
        accept_changed_data: Go on although the data are not those the run began with.
        observers: What watches besides the pictures.
        say: Tells a person one sentence.
        progress: Told `(done, total)` while images are read.
        doctor: Whether the doctor watches; to have it apply remedies, see `training.remedies`.

    Raises:
        PoiseError: There is no run, another process trains it, its data have changed, or its steps are done.
    """
    run = RunFolder.open(path)
    with run.locked():
        planned, position = reopened(
            run,
            steps=steps,
            data=data,
            device=device,
            given=given,
            accept_changed_data=accept_changed_data,
            say=say,
            progress=progress,
        )
        return sit(planned.assembly, planned.source, run, position, observers, say, doctor=doctor)


def reopened(
    run: RunFolder,
    *,
    steps: int | None = None,
    data: Data | None = None,
    device: torch.device,
    given: Mapping[str, nn.Module] | None = None,
    accept_changed_data: bool = False,
    say: Say,
    progress: Progress | None = None,
) -> tuple[Plan, Position]:
    """A run that is there, with its newest sound checkpoint in place; it must be locked.

    Args:
        run: The run.
        steps: As for `resume`, like all that follow.
        data: The data again.
        device: Where to train.
        given: The person's own modules.
        accept_changed_data: Whether other data will do.
        say: Tells a person one sentence.
        progress: Told `(done, total)` while images are read.

    Returns:
        What it was made of, and where it stands.

    Raises:
        PoiseError: Its data have changed, or its steps are done.
    """
    recipe = saved_recipe(run.recipe)
    source = open_data(
        data_again(run, data),
        resolution=recipe.resolution,
        channels=recipe.channels,
        seed=recipe.seed,
        progress=progress,
    )
    source = prepared(source, SETUPS.named(recipe.game.name), recipe.game.options)
    same_data(run, source, accept=accept_changed_data, say=say)
    missing = [p for p in ("generator", "discriminator") if getattr(recipe, p).name == GIVEN]
    if set(missing) - set(given or {}):
        raise PoiseError(
            f"The run '{run.path}' began with a {missing[0]} of the person's own",
            mend=f"resume it in Python: poise.resume({str(run.path)!r}, {missing[0]}=...)",
        )
    if steps is not None:
        recipe = recipe.model_copy(update={"steps": steps})
    assembly = assemble(recipe, shapes_of(source), device, given=given)
    for sentence in lost_guarantees(run.environment, device):
        say(sentence)
    position = _restore(run, assembly, say)
    if is_done(run, position.step, recipe.steps or 0):
        raise PoiseError(
            f"The run '{run.path}' has done its {position.step} steps",
            mend=f"extend it: poise resume {run.path} --steps {2 * position.step}",
        )
    run.write_json("recipe", recipe.model_dump())
    return Plan(source, run.data["origin"], recipe, assembly), position


def data_record(source: Source, origin: Mapping[str, Any]) -> dict[str, Any]:
    """What `data.json` says."""
    return {
        "name": source.name,
        "origin": dict(origin),
        "kind": source.kind,
        "shape": list(source.shape),
        "count": len(source),
        "fingerprint": source.fingerprint,
        "encoding": source.encoding.to_json(),
        "condition": None if source.condition is None else source.condition.to_json(),
        "summary": source.summary,
        "notices": list(source.notices),
    }


def sit(
    assembly: Assembly,
    source: Source,
    run: RunFolder,
    position: Position,
    observers: Sequence[Observer],
    say: Say,
    *,
    doctor: Mode,
) -> Outcome:
    """Train from where the assembly stands till the end, a stop, or a failure; the run must be locked.

    Args:
        assembly: What is trained.
        source: The data.
        run: Where to.
        position: Where it stands.
        observers: What watches besides the pictures.
        say: Tells a person one sentence.
        doctor: What the doctor does; `apply` only stops the run where there is trouble.

    Raises:
        PoiseError: A value came up that is not finite, or the end could not be saved.
    """
    recipe = assembly.recipe
    feed = training_feed(recipe, source, assembly.device, drawn=position.drawn)
    watching: list[Observer] = [
        *watchers(assembly, source, say),
        *([EigenvalueWatch(recipe, source, say)] if recipe.eigenvalues_every is not None else []),
        *(
            []
            if doctor == "off"
            else [Doctor(recipe, *examined(recipe, source), say, stops=doctor == "apply")]
        ),
        *observers,
    ]
    run.set_status("running", step=position.step)
    if position.step >= (recipe.steps or 0):  # it was killed before its generator was written
        run.save_generator(*describe_generator(assembly, run, position))
    with torch.random.fork_rng(), stop_on_signals(say) as stop:
        try:
            end = train_loop(assembly, feed, run, position, observers=watching, stop=stop, say=say)
        except NonFiniteError as error:
            raise non_finite_error(run, position, recipe, error) from None
        except UnsavedError as error:
            raise unsaved_error(run, position, error) from None
        except BaseException:
            run.set_status("interrupted", step=position.step)
            raise
    status: Literal["finished", "interrupted"] = (
        "finished" if end.step >= (recipe.steps or 0) else "interrupted"
    )
    run.set_status(status, step=end.step)
    return Outcome(run, status, end, stop.exit_status if status == "interrupted" else 0)


def _restore(run: RunFolder, assembly: Assembly, say: Say) -> Position:
    """Put the newest sound checkpoint in place and drop what was logged beyond it."""
    restored = newest_checkpoint(run, say)
    position = Position()
    if restored.checkpoint is not None:
        position = unpack(restored.checkpoint, assembly)
    if restored.quarantined:
        lost = restored.newest_step - position.step
        say(f"Going on from step {position.step}: {lost} steps are trained again.")
    forget_beyond(run, position.step)
    return position


def same_data(run: RunFolder, source: Source, *, accept: bool, say: Say) -> None:
    """Refuse data other than those the run began with, unless accepted; then it is recorded."""
    recorded = run.data
    if recorded.get("fingerprint") == source.fingerprint:
        return
    shape = list(source.shape)
    if recorded["shape"] != shape:
        raise PoiseError(
            f"The data '{source.name}' have the shape {shape}, and the run began with {recorded['shape']}",
            mend="give the data that it began with, or begin a new run",
        )
    if not accept:
        raise PoiseError(
            f"The data '{source.name}' have changed since the run began",
            why=f"they held {recorded.get('count')} samples and now hold {len(source)}, or some differ",
            mend="restore them, or go on with --accept-changed-data",
        )
    say(f"The data have changed since the run began: {recorded['count']} samples then, {len(source)} now.")
    change = {"fingerprint": recorded.get("fingerprint"), "count": recorded.get("count"), "at": time.time()}
    earlier = [*recorded.get("earlier", []), change]
    run.write_json("data", {**data_record(source, recorded["origin"]), "earlier": earlier})


def data_again(run: RunFolder, data: Data | None) -> Data:
    """What the run was given, to be opened again.

    Raises:
        PoiseError: The data were given in memory and are not given again.
    """
    if data is not None:
        return data
    again = data_of(run.data.get("origin", {}))
    if again is None:
        raise PoiseError(
            f"The run '{run.path}' was given its data in memory",
            mend=f"resume it in Python: poise.resume({str(run.path)!r}, data=...)",
        )
    return again


def _check_networks(assembly: Assembly, source: Source, samples: int) -> None:
    """Run both networks once on nothing but shapes, so that a person's own modules are refused by name."""
    recipe = assembly.recipe
    if GIVEN not in (recipe.generator.name, recipe.discriminator.name):
        return
    module = assembly.modules["generator"]
    latent = torch.zeros(samples, recipe.latent.size, device=assembly.device)
    conditions: tuple[torch.Tensor, ...] = ()
    if source.condition is not None:
        conditions = (torch.zeros(samples, *source.condition.shape, device=assembly.device),)
    with torch.no_grad(), torch.random.fork_rng():
        fakes = module.eval()(latent, *conditions)
        module.train()
    if tuple(fakes.shape[1:]) != source.shape:
        raise PoiseError(
            f"The generator makes samples of shape {tuple(fakes.shape[1:])}, and the data are {source.shape}",
            mend="let it map (N, latent.size) to the shape of the data; images within [-1, 1]",
        )


def unsaved_error(run: RunFolder, position: Position, error: UnsavedError) -> PoiseError:
    """Say what is there although the end could not be saved."""
    kept = run.checkpoint_steps()
    good = f"the checkpoint of step {kept[-1]} is sound" if kept else "there is no checkpoint yet"
    return PoiseError(
        f"The run '{run.path}' stopped at step {position.step} and could not be saved; {good}",
        why=str(error),
        mend=f"free some space, then go on: poise resume {run.path}",
        exit_status=5,
    )


def non_finite_error(run: RunFolder, position: Position, recipe: Recipe, error: NonFiniteError) -> PoiseError:
    """Write the reading and the finding, and say what happened and what to do."""
    kept = run.checkpoint_steps()
    good = f"the checkpoint of step {kept[-1]} is sound" if kept else "there is no checkpoint yet"
    finding = write_non_finite(run, position.step, recipe, error.tensor, error.player)
    sentence = finding.sentence.removesuffix(".")
    run.set_status("failed", step=position.step, reason=sentence)
    return PoiseError(
        f"{sentence}, at step {position.step}; nothing of it was saved and {good}",
        why="the same settings would bring it up again",
        mend=f"begin anew with lower rates: {finding.remedies[0].command}",
        exit_status=4,
    )
