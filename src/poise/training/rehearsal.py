"""What a run will take, before it begins: seconds, by timing some steps; memory, by one small step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from poise.data import kind_of
from poise.dynamics import Batch, NonFiniteError
from poise.dynamics.private import CHUNK
from poise.errors import PoiseError
from poise.randomness import streams_kept
from poise.tasks import TASKS
from poise.text import duration
from poise.training.batches import batches_of
from poise.training.components import Components, buffers_restored, build_components, run_images, step_of
from poise.training.engine import synchronised
from poise.training.evaluation_cost import measuring_seconds
from poise.training.planning import Experiment

BESIDE = 1.1  # What measurements, the doctor and checkpoints add to the steps
LONGEST = 2.0  # Seconds after which no further step is timed, if a plain and a heavy one have been
LEAST_STEPS = 20  # A budget for fewer is refused
GROWING = (0.1, 0.3, 0.5, 0.7, 0.9)  # Shares of a run whose networks grow, at which its steps are timed
COPIES = 5  # Of the weights: themselves, gradients, two moments, the average


@dataclass(frozen=True)
class Rehearsal:
    """What a run will take.

    Attributes:
        step_seconds: Of one update of the game, lazy terms by their share.
        images_per_second: Reals that the discriminator is shown in a second of training.
        seconds: Of the whole run, with what happens beside the steps.
        memory: Bytes of weights, optimisers and what a step remembers for its gradients.
        picture_seconds: Of all pictures of the run, however many steps it has.
    """

    step_seconds: float
    images_per_second: float
    seconds: float
    memory: int
    picture_seconds: float = 0.0

    def of(self, steps: int) -> Rehearsal:
        """The same for another number of steps."""
        return replace(self, seconds=BESIDE * self.step_seconds * steps + self.picture_seconds)


def rehearse(experiment: Experiment) -> Rehearsal | None:
    """Time a few steps of copies of the networks; the experiment stays as it is.

    Returns:
        What the run will take; `None` if a value of these steps is not finite, which the run then names.

    Raises:
        PoiseError: The run needs more memory than there is.
    """
    recipe = experiment.recipe
    with streams_kept():
        memory = check_memory(experiment)
        try:
            step = step_seconds(experiment)
        except NonFiniteError:
            return None
        pictures = picture_seconds(experiment)
    steps = recipe.steps or 1
    rate = run_images(recipe) / steps / step
    return Rehearsal(step, rate, BESIDE * step * steps + pictures, memory, pictures)


def within(experiment: Experiment, rehearsal: Rehearsal, seconds: float) -> Experiment:
    """The experiment with as many steps as end within so many seconds.

    Schedules over shares of the run shrink with it. The number stands in the recipe, so a run that is resumed
    is the same on a slower machine, and takes longer there.

    Args:
        experiment: As it would be without a budget.
        rehearsal: What its steps take.
        seconds: The budget.

    Raises:
        PoiseError: They are too few for one measurement of the samples.
    """
    components, recipe = experiment.components, experiment.recipe
    measuring = measuring_seconds(components, experiment.dataset) if recipe.evaluate_every else 0.0
    measuring += rehearsal.picture_seconds
    steps = int((seconds - measuring) / (BESIDE * rehearsal.step_seconds))
    if steps < LEAST_STEPS:
        raise PoiseError(
            f"A budget of {duration(seconds)} is too short for this run",
            code="training.budget-too-short",
            why=f"a step takes {duration(rehearsal.step_seconds)} here, and measuring and drawing samples "
            f"some {duration(measuring)}",
            hint=f"give {duration(measuring + BESIDE * LEAST_STEPS * rehearsal.step_seconds + 1)} or more, "
            "or make it smaller: --resolution, --batch-size, --set generator.width",
        )
    return experiment.shortened(steps)


def step_seconds(experiment: Experiment, *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of a step by the clock, lazy terms by their share; measured on networks that are thrown away.

    Networks that grow are timed all along the run.
    """
    recipe, device = experiment.recipe, experiment.components.device
    spare = build_components(recipe, experiment.spec, device)
    sampler = batches_of(recipe, experiment.dataset, device, drawn=0)
    make_step = step_of(recipe, spare.dynamics, epoch_steps=sampler.epoch_steps, expected=sampler.samples)
    lazy = sorted({term.every for term in getattr(spare.players.game, "terms", ()) if term.every > 1})
    heavy_step = math.prod(lazy)
    plain: list[float] = []
    heavy: list[float] = []

    def spent(number: int) -> float:
        start = clock()
        make_step(spare.players, partial(sampler.next, number), number)
        synchronised(device)
        return clock() - start

    began = clock()
    # The first step allocates and is counted only if nothing else is
    for number, into in (
        (0, None),
        (heavy_step, heavy),
        (1, plain),
        (heavy_step, heavy),
        (1, plain),
        (1, plain),
    ):
        seconds = spent(number)
        if into is not None:
            into.append(seconds)
        if heavy and plain and clock() - began > LONGEST:
            break
    usual = min(plain)
    if recipe.growth is not None:
        along: list[float] = []
        for share in GROWING:
            sampler.drawn = int(share * sampler.run_images / sampler.samples)
            along.append(min(spent(1), spent(1)))
        usual = sum(along) / len(along)
    extra = max(0.0, min(heavy) - usual)
    return usual + (extra * sum(1 / every for every in lazy) / len(lazy) if lazy else 0.0)


def picture_seconds(experiment: Experiment, *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that the pictures of a run take; 0 if its task draws others."""
    recipe, dataset = experiment.recipe, experiment.dataset
    if TASKS.named(recipe.game.name).directions is not None:
        return 0.0
    kind, every = kind_of(dataset), recipe.sample_every or 1
    rows = np.arange(min(kind.preview, len(dataset)))
    shown = dataset.transform.encode(dataset.gather(rows))
    real = None if kind.gridded else shown
    seconds = []
    for _ in range(2):  # the first one imports what draws
        start = clock()
        kind.picture(shown, dataset.transform, dataset.shape, real=real)
        seconds.append(clock() - start)
    return min(seconds) * ((recipe.steps or 1) / every + math.log2(every))


def check_memory(experiment: Experiment) -> int:
    """Bytes that the run needs for weights and for the gradients of a batch.

    Raises:
        PoiseError: They are more than the machine has left; the hint names the batch that would fit.
    """
    components, recipe = experiment.components, experiment.recipe
    weights = sum(value.numel() * value.element_size() for value in _weights(components))
    if recipe.private is not None:  # the gradients of single rows are by far the most
        return (COPIES + 2 * CHUNK) * weights
    small = recipe.model_copy(update={"batch_size": min(2, recipe.batch_size)})
    sampler = batches_of(small, experiment.dataset, components.device, drawn=0)
    batch = sampler.next(1)
    batch = replace(batch, images_seen=batch.run_images)  # networks that grow are then at their largest
    for_sample = remembered_bytes(components, batch) / small.batch_size
    needed, free = int(COPIES * weights + for_sample * recipe.batch_size), free_memory(components.device)
    if free is not None and needed > free:
        fitting = int((free - COPIES * weights) / for_sample)
        raise PoiseError(
            f"The run needs about {_gigabytes(needed)} of memory, and {_gigabytes(free)} are free",
            code="training.too-little-memory",
            why=f"a batch of {recipe.batch_size} remembers {_gigabytes(for_sample * recipe.batch_size)} for "
            "its gradients",
            hint=f"use --batch-size {fitting}" if fitting >= 1 else "use --resolution or smaller networks",
        )
    return needed


def remembered_bytes(components: Components, batch: Batch) -> int:
    """Bytes that autograd keeps of one batch: the generator's forward pass and both losses."""
    players = components.players
    weights = {
        value.untyped_storage().data_ptr() for own in players.parameters.values() for value in own.values()
    }
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    game, state = players.game, players.state
    with (
        buffers_restored(components.modules.values()),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        outputs = game.forward(players.networks, batch)
        losses = [game.loss(player, players.networks, batch, outputs, state) for player in game.players]
        del losses
    return sum(kept.values())


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on the device; `None` if the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    sizes = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(sizes["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in sizes else None


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"


def _weights(components: Components) -> list[Tensor]:
    return [value for own in components.players.parameters.values() for value in own.values()]
