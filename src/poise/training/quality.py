"""How near the samples are to the data while training, cheaply, and which checkpoint is the best by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from poise.data import Dataset, Modes, modes, to_pixels
from poise.errors import PoiseError
from poise.metrics import Reference, Result, cheap_distance, cheap_evaluation, reference_of
from poise.metrics.lines import lines_of
from poise.randomness import numpy_stream, torch_stream
from poise.tasks import TASKS
from poise.training.assemble import Components
from poise.training.batches import latents
from poise.training.callback import Notify, Request, StepContext
from poise.training.evaluation_cost import evaluation_interval
from poise.training.pictures import generate

SAMPLES = 1_000
LEAST = 24
"""Rows below which nothing is measured."""

FEW_FEATURES = 16
"""Width of features up to which the interval of a distance costs next to nothing."""

Rank = tuple[float, ...]
"""How good a state is; less is better."""


class QualityWatch:
    """Measures every so many steps, writes to `metrics.jsonl`, and keeps the best state.

    Fréchet distance, precision, recall, density and coverage in the default features of the kind of data, and
    the modes of a known mixture: no labels and no download. The best state has the least Fréchet distance; of
    a mixture the most modes, then the largest share of high quality.

    Nothing here depends on the clock: which steps are measured, on which latents and against which rows
    follows from the recipe and the sizes of things, so a resumed run writes the same lines and keeps the same
    best state as one that never stopped. Nothing that is trained depends on it either.

    Args:
        components: What is trained.
        source: The data, with their conditions.
        notify: Tells a person that something could not be measured or written.
    """

    def __init__(self, components: Components, source: Dataset, notify: Notify) -> None:
        recipe = components.recipe
        self.source, self.notify, self.seed = source, notify, recipe.seed
        self.yardstick = Yardstick(source, recipe.seed)
        self.samples = self.yardstick.samples
        self.steps = recipe.steps or 0
        every = recipe.evaluate_every
        self.every = interval_of(components, source) if every is None else every
        self.every = self.every if len(source) >= LEAST else 0
        self.latents = latents(self.samples, recipe.latent, torch_stream(recipe.seed, 0, "quality latents"))
        self.best: Rank | None = None
        self.failed = False

    def due(self, step: int) -> bool:
        """Whether a step is measured: multiples of the interval, and the run's last after two of them."""
        if not self.every:
            return False
        return step % self.every == 0 or (step == self.steps and step >= 2 * self.every)

    def __call__(self, context: StepContext) -> Request | None:
        """Measure where it is time; ask for the state to be kept where it is the best so far."""
        if not self.due(context.step):
            return None
        if self.best is None:
            self.best = best_of(context.run.lines("metrics"), before=context.step)
        try:
            results = self._measured(context)
        except (PoiseError, RuntimeError) as error:
            # A diverged generator makes what cannot be measured; that is the run's affair and no end of it.
            if not self.failed:
                self.notify(f"Step {context.step} could not be measured: {error}")
            self.failed = True
            return None
        lines = [line for result in results for line in lines_of(result, step=context.step, by="training")]
        try:
            for line in lines:
                context.run.append("metrics", line)
        except OSError as error:
            self.notify(f"Could not write the metrics of step {context.step}: {error.strerror or error}.")
        found = rank(lines)
        if found is None or (self.best is not None and found >= self.best):
            return None
        self.best = found
        return "keep-best"

    def _measured(self, context: StepContext) -> list[Result]:
        reference = self.yardstick.reference
        device, condition = context.components.device, self.yardstick.condition()
        fakes = generate(
            context.generator(),
            self.latents.to(device),
            None if condition is None else condition.to(device),
        )
        few = reference.features.shape[1] <= FEW_FEATURES
        return cheap_evaluation(
            reference,
            self.yardstick.plain(fakes),
            replicates=20 if few else 0,
            replicates_of_shares=0,
            seed=self.seed,
        )


class Yardstick:
    """What the samples of a run are held against while it trains: rows of its data, by its seed.

    Args:
        source: The data, with their conditions.
        seed: The run's.
    """

    def __init__(self, source: Dataset, seed: int) -> None:
        self.source, self.seed = source, seed
        self.samples = min(SAMPLES, len(source))

    @cached_property
    def reference(self) -> Reference:
        """What is needed of the reals, computed when it is first asked for."""
        order = self._order()
        rows, others = order[: self.samples], order[self.samples : 2 * self.samples]
        known = mixture_of(self.source)
        return reference_of(
            self.plain(self.source.transform.encode(self.source.gather(rows))),
            fakes=self.samples,
            most=self.samples,
            held_out=self.plain(self.source.transform.encode(self.source.gather(others)))
            if len(others)
            else None,
            centres=None if known is None else known.centres,
            standard_deviation=None if known is None else known.standard_deviation,
            value_range="0..255" if self.source.kind == "image" else None,
            seed=self.seed,
        )

    def condition(self) -> Tensor | None:
        """Conditions for as many fakes, as often as they are in the data; `None` where there are none."""
        condition = self.source.condition
        if condition is None:
            return None
        return condition.encode(condition.gather(self._order()[: self.samples] % len(condition)))

    def plain(self, samples: Tensor) -> Tensor:
        """Images as bytes, the form in which they are handed to people and judged afterwards.

        Args:
            samples: In the networks' space.
        """
        if self.source.kind != "image":
            return samples
        return torch.from_numpy(to_pixels(samples, self.source.transform))

    def _order(self) -> Any:
        return numpy_stream(self.seed, 0, "quality reals").permutation(len(self.source))


def distance_to_data(components: Components, source: Dataset) -> float | None:
    """The Fréchet distance of the averaged generator's samples as it is now, as `QualityWatch` measures it.

    Args:
        components: What is trained.
        source: The data, with their conditions.

    Returns:
        The distance; infinity where the samples are not finite; `None` for translations and where the data
        are too few.
    """
    recipe = components.recipe
    if len(source) < LEAST or TASKS.named(recipe.game.name).directions is not None:
        return None
    yardstick = Yardstick(source, recipe.seed)
    stream = torch_stream(recipe.seed, 0, "quality latents")
    drawn = latents(yardstick.samples, recipe.latent, stream).to(components.device)
    condition = yardstick.condition()
    asked = None if condition is None else condition.to(components.device)
    fakes = generate(components.ema.current(), drawn, asked)
    if not bool(torch.isfinite(fakes).all()):
        return float("inf")
    distance = cheap_distance(yardstick.reference, yardstick.plain(fakes)).value
    return distance if isinstance(distance, float) else None


def interval_of(components: Components, source: Dataset) -> int:
    """Steps between two evaluations of a run."""
    return evaluation_interval(
        components,
        source.shape,
        samples=min(SAMPLES, len(source)),
        condition=None if source.condition is None else source.condition.shape,
    )


def mixture_of(source: Dataset) -> Modes | None:
    """The modes of a mixture that is known; `None` for other data."""
    built_in = source.summary.get("origin") == "built-in" and source.name in ("ring", "grid")
    return modes(source.name) if built_in else None


def rank(lines: Iterable[Mapping[str, Any]]) -> Rank | None:
    """How good a state is by the lines of its step; `None` where they do not say.

    Example:
        >>> rank([{"metric": "frechet_distance", "value": 2.0}])
        (2.0,)
        >>> rank([{"metric": "modes", "value": 8.0}, {"metric": "high_quality", "value": 0.5}])
        (-8.0, -0.5)
    """
    values = {str(line.get("metric")): line.get("value") for line in lines}
    modes_found, distance = values.get("modes"), values.get("frechet_distance")
    if modes_found is not None:
        return (-float(modes_found), -float(values.get("high_quality") or 0.0))
    return None if distance is None else (float(distance),)


def best_of(lines: Iterable[Mapping[str, Any]], *, before: int) -> Rank | None:
    """The rank of the best state measured while training before a step; `None` where none was.

    Args:
        lines: Of the run's metrics.
        before: A step.
    """
    by_step: dict[int, list[Mapping[str, Any]]] = {}
    for line in lines:
        if line.get("by") == "training" and line.get("step", before) < before:
            by_step.setdefault(line["step"], []).append(line)
    ranks = [found for of_step in by_step.values() if (found := rank(of_step)) is not None]
    return min(ranks, default=None)
