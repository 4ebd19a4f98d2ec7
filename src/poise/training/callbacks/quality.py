"""The quality of samples, measured cheaply while training; the best checkpoint is chosen by it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poise.data import Dataset, Modes, kind_of, modes
from poise.errors import PoiseError
from poise.generator.sampling import generate
from poise.metrics import (
    Reference,
    Result,
    cheap_distance,
    cheap_evaluation,
    mode_statistics,
    reference_of,
)
from poise.metrics.features import EXTRACTORS
from poise.metrics.lines import lines_of
from poise.randomness import numpy_stream, torch_stream
from poise.recipes import Recipe
from poise.tasks import TASKS
from poise.tasks.held_out import examined
from poise.training.batches import latents
from poise.training.callbacks.callback import CallbackContext, CallbackRow, Notify, Request, StepContext
from poise.training.components import Components
from poise.training.evaluation_cost import SAMPLES, interval_of

MODE_SAMPLES = 2_500
"""As many as the tables of mixtures in the plane are made from."""

LEAST = 24
"""With fewer rows than this nothing is measured."""

FEW_FEATURES = 16
"""Up to this width of features the interval of a distance costs next to nothing."""

Rank = tuple[float, ...]
"""How good a state is: the smaller, the better."""

Line = Mapping[str, Any]


class BestSoFar:
    """The rank of the best state of a run, by what was measured while it was trained.

    It is part of a callback's state. Checkpoints of earlier versions do not hold it; for these the rank is
    taken from the lines that training wrote, and from no others: `poise evaluate` appends to the same file,
    measures other samples, and may have found no number at all.
    """

    def __init__(self) -> None:
        self._rank: Rank | None = None
        self._known = False

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it, in JSON; nothing before the first measurement."""
        return {"best": None if self._rank is None else list(self._rank)} if self._known else {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        if "best" in state:
            self._known, found = True, state["best"]
            self._rank = None if found is None else tuple(map(float, found))

    def recall(self, lines: Iterable[Line], *, before: int) -> None:
        """Take the rank from the lines of a run's metrics, unless it is known."""
        if not self._known:
            self._known, self._rank = True, best_of(lines, before=before)

    def improved_by(self, found: Rank | None) -> bool:
        """Whether a state of this rank is the best so far; it then replaces the best."""
        if found is None or (self._rank is not None and found >= self._rank):
            return False
        self._rank = found
        return True


class QualityWatch:
    """Measures every so many steps, writes to `metrics.jsonl`, and keeps the best state.

    It measures the Fréchet distance, precision, recall, density and coverage in the default features of the
    kind of data, and the modes of a known mixture. It needs no labels and no download. The best state has the
    least Fréchet distance; for a mixture it has the most modes, then the largest share of high quality. Of
    games that are trained together only the distance and the modes are measured, and a best state is kept
    only if rows are kept apart to choose it by.

    Nothing here depends on the clock: which steps are measured, on which latents and against which rows
    follows from the recipe and the sizes of things, so a resumed run writes the same lines and keeps the same
    best state as a run that never stopped. Training does not depend on it either.
    """

    def __init__(self, components: Components, dataset: Dataset, notify: Notify, *, games: int = 1) -> None:
        recipe = components.recipe
        self.notify, self.games, self.steps = notify, games, recipe.steps or 0
        self.yardstick = Yardstick(dataset, recipe)
        every = recipe.evaluate_every
        if every is None:
            every = interval_of(components, dataset) if games == 1 else recipe.sample_every or 1
        self.every = every if len(dataset) >= LEAST else 0
        self.best, self.failed = BestSoFar(), False
        self.keeps = games == 1 or dataset.held_out is not None
        self.state, self.load = self.best.state, self.best.load  # All that a checkpoint holds of it

    def due(self, step: int) -> bool:
        """Whether a step is measured: multiples of the interval, and the last one after two of them."""
        if not self.every:
            return False
        last = step == self.steps and (step >= 2 * self.every or self.games > 1)
        return last or step % self.every == 0

    def __call__(self, context: StepContext) -> Request | None:
        """Measure if the step is due, and ask for the state to be kept if it is the best so far."""
        if not self.due(context.step):
            return None
        self.best.recall(context.run.lines("metrics"), before=context.step)
        measured = self.yardstick.measured if self.games == 1 else self.yardstick.distance_and_modes
        try:
            results = measured(context.components)
        except (PoiseError, RuntimeError) as error:
            # The samples of a generator that has diverged cannot be measured; the run goes on.
            if not self.failed:
                self.notify(f"Step {context.step} could not be measured: {error}")
            self.failed = True
            return None
        lines = [line for result in results for line in lines_of(result, step=context.step, by="training")]
        write_lines(context, lines, self.notify)
        return "keep-best" if self.best.improved_by(rank(lines)) and self.keeps else None


class Yardstick:
    """What the samples of a run are measured against while it trains: rows of its data, chosen by its seed.

    The floor is computed from rows that the run holds out, if these are as many as the samples. If not, it is
    computed from other rows that are trained on, and its method says so. Samples are measured against the
    rows that the data themselves keep apart, if they do.
    """

    def __init__(self, dataset: Dataset, recipe: Recipe) -> None:
        self.recipe, self.seed = recipe, recipe.seed
        self.samples = min(SAMPLES, len(dataset))
        self.dataset, rows = examined(recipe, dataset)
        self._held_out, self._kept_apart = rows.held_out, dataset.held_out is not None

    @cached_property
    def reference(self) -> Reference:
        """What is needed of the reals, computed when it is first asked for."""
        rows, others, named = self._rows()
        known, kind, reals = mixture_of(self.dataset), kind_of(self.dataset), self._stored(rows)
        return reference_of(
            reals,
            extractor=EXTRACTORS.named(kind.features).plain(reals),
            fakes=self.samples,
            most=self.samples,
            held_out=self._stored(others) if len(others) else None,
            others=named,
            centres=None if known is None else known.centres,
            standard_deviation=None if known is None else known.standard_deviation,
            value_range=kind.value_range,
            seed=self.seed,
        )

    def fakes(self, components: Components, count: int | None = None) -> Tensor:
        """What the averaged generator makes of the same latents at every step, in the networks' space.

        Conditions come as often as they are in the data.
        """
        stream = torch_stream(self.seed, 0, "quality latents")
        drawn = latents(count or self.samples, self.recipe.latent, stream)
        condition, given = self.dataset.condition, None
        if condition is not None:
            rows = np.resize(self._rows()[0], len(drawn)) % len(condition)
            given = condition.encode(condition.gather(rows)).to(components.device)
        return generate(components.ema.current(), drawn.to(components.device), given)

    def measured(self, components: Components) -> list[Result]:
        """Everything that is cheap enough while training."""
        fakes, few = self.plain(self.fakes(components)), self.reference.features.shape[1] <= FEW_FEATURES
        # The intervals of precision to coverage would take longer than all the rest.
        replicates = {"frechet-distance": 20} if few else 0
        return cheap_evaluation(self.reference, fakes, replicates=replicates, seed=self.seed)

    def distance_and_modes(self, components: Components) -> list[Result]:
        """What is cheap enough for many games: the Fréchet distance, and the modes of a known mixture."""
        known = mixture_of(self.dataset)
        count = max(self.samples, 0 if known is None else MODE_SAMPLES)
        fakes = self.plain(self.fakes(components, count))
        results: list[Result] = [cheap_distance(self.reference, fakes[: self.samples])]
        if known is not None:
            points = fakes[:MODE_SAMPLES]
            results.append(mode_statistics(points, known.centres, known.standard_deviation, replicates=0))
        return results

    def plain(self, samples: Tensor) -> Tensor:
        """Samples in the networks' space as users get them and as `poise evaluate` measures them."""
        return kind_of(self.dataset).measured(samples, self.dataset.transform)

    def _stored(self, rows: Any) -> Tensor:
        return self.plain(self.dataset.transform.encode(self.dataset.gather(rows)))

    def _rows(self) -> tuple[Any, Any, str]:
        """The rows to measure against, other rows for the floor, and what those are."""
        order = numpy_stream(self.seed, 0, "quality reals").permutation(len(self.dataset))
        apart = np.isin(order, self._held_out)
        if self._kept_apart and apart.sum() >= LEAST:  # to choose by, not to be trained on
            return order[apart][: self.samples], order[~apart][: self.samples], "others that are trained on"
        if len(self._held_out) >= self.samples:
            return order[~apart][: self.samples], order[apart], "held-out reals"
        rows, others = order[: self.samples], order[self.samples : 2 * self.samples]
        named = "others that were trained on, too"
        if apart.any():
            named = f"others (all but {apart.sum()} of the {len(order)} rows are trained on)"
        return rows, others, named


def write_lines(context: StepContext, lines: Iterable[Line], notify: Notify) -> None:
    """Append lines to a run's metrics; a full disk is a notice and does not end the run."""
    try:
        for line in lines:
            context.run.append("metrics", dict(line))
    except OSError as error:
        notify(f"Could not write the metrics of step {context.step}: {error.strerror or error}.")


def distance_to_data(components: Components, dataset: Dataset) -> float | None:
    """The Fréchet distance of the generator's samples as it is now, as `QualityWatch` measures it.

    It is infinity if the samples are not finite, and `None` for translations and if the data are too few.
    """
    recipe = components.recipe
    if len(dataset) < LEAST or TASKS.named(recipe.game.name).directions is not None:
        return None
    yardstick = Yardstick(dataset, recipe)
    fakes = yardstick.fakes(components)
    if not bool(torch.isfinite(fakes).all()):
        return float("inf")
    return float(cheap_distance(yardstick.reference, yardstick.plain(fakes)))


def mixture_of(dataset: Dataset) -> Modes | None:
    """The modes of a mixture that is known; `None` for other data."""
    built_in = dataset.summary.get("origin") == "built-in" and dataset.name in ("ring", "grid")
    return modes(dataset.name) if built_in else None


def rank(lines: Iterable[Line]) -> Rank | None:
    """How good a state is by the lines of its step; `None` if they do not say.

    A mixture is ranked by its modes, anything else by its Fréchet distance; a translation without one is
    ranked by its error.

    Example:
        >>> rank([{"metric": "frechet_distance", "value": 2.0}])
        (2.0,)
        >>> rank([{"metric": "modes", "value": 8.0}, {"metric": "high_quality", "value": 0.5}])
        (-8.0, -0.5)
    """
    found = {line.get("metric"): line.get("value") for line in lines}
    values = {name: value for name, value in found.items() if value is not None and math.isfinite(value)}
    if "modes" in values:
        return (-float(values["modes"]), -float(values.get("high_quality", 0.0)))
    judges = ("frechet_distance", "l1", "cycle_error", "log_mel_l1")
    return next(((float(values[name]),) for name in judges if name in values), None)


def best_of(lines: Iterable[Line], *, before: int) -> Rank | None:
    """The rank of the best state measured while training before a step; `None` if there was none."""
    by_step: dict[int, list[Line]] = {}
    for line in lines:
        if line.get("by") == "training" and line.get("step", before) < before:
            by_step.setdefault(line["step"], []).append(line)
    ranks = [found for of_step in by_step.values() if (found := rank(of_step)) is not None]
    return min(ranks, default=None)


def _make(context: CallbackContext) -> QualityWatch | None:
    if context.has_targets:
        return None
    return QualityWatch(context.components, context.dataset, context.notify, games=context.games)


QUALITY = CallbackRow(
    "quality", _make, "Measures samples beside the data, and keeps the best state.", default=True
)
