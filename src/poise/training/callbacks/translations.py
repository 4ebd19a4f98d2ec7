"""The quality of translations, measured while training on images that are held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poise.data import Condition, Dataset
from poise.generator.sampling import translated
from poise.metrics.frechet import distance_of
from poise.metrics.table import better_side
from poise.metrics.translation_errors import errors_of
from poise.randomness import numpy_stream, torch_stream
from poise.recipes import Recipe
from poise.tasks import TASKS
from poise.training.batches import latents
from poise.training.callbacks.callback import CallbackContext, CallbackRow, Notify, Request, StepContext
from poise.training.callbacks.quality import BestSoFar, rank, write_lines

Rows = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Ways = Mapping[str, Callable[[Tensor, Tensor], Tensor]]

MOST_MEASURED = 256
"""How many of the held-out images, and of those trained on, are measured at most."""


@dataclass(frozen=True)
class Shown:
    """Images of both sides, in the networks' space.

    Attributes:
        first: Sources, or images of the first domain, `(N, C, H, W)`.
        second: Targets, or images of the second domain, `(N, C, H, W)`.
    """

    first: Tensor
    second: Tensor

    @property
    def counts(self) -> tuple[int, int]:
        """How many of each."""
        return len(self.first), len(self.second)


class TranslationQuality:
    """Measures translations of held-out images, and beside them those of images that are trained on.

    Pairs: the mean absolute error, the peak signal-to-noise ratio and the structural similarity to the
    target, each with its value on training pairs, whose gap to the held-out ones is the overfitting; and the
    Fréchet distance of outputs to targets in features of random convolutions. Domains: the mean absolute
    error after the way there and back, and the same distance. The state with the least distance is kept as
    the best; if only one image is held out there is no distance, and the least error decides.

    Args:
        recipe: The resolved recipe.
        dataset: The data.
        notify: Reports that a line could not be written.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, notify: Notify) -> None:
        from poise.metrics.features import random_convolutions  # noqa: PLC0415 - slow to import

        self.task, self.notify, self.seed = TASKS.named(recipe.game.name), notify, recipe.seed
        self.every, self.steps, self.latent = recipe.evaluate_every or 0, recipe.steps, recipe.latent
        self.paired = condition_of(dataset).paired
        order = numpy_stream(recipe.seed, 0, "measured images").permutation(len(dataset))
        self.parts = {
            "held out": shown_of(held_out_of(dataset), MOST_MEASURED),
            "training": shown_of(dataset, MOST_MEASURED, order),
        }
        self.extractor = random_convolutions(dataset.shape[0])
        (held_out, wanted), (_, trained) = (part.counts for part in self.parts.values())
        self.wanted = self._features(self.parts["held out"].second) if wanted > 1 else None
        self.floor: dict[str, Any] = {}
        if self.wanted is not None and wanted == trained:
            floor = distance_of(self.wanted, self._features(self.parts["training"].second))
            method = f"held-out targets against {trained} that are trained on"
            self.floor = {"floor": floor, "floor_method": method}
        self.protocol = {
            "by": "training",
            "images": f"{held_out} held out",
            "reference": dataset.fingerprint[:16],
        }
        self.best = BestSoFar()

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of this callback."""
        return self.best.state()

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.best.load(state)

    def __call__(self, context: StepContext) -> Request | None:
        """Measure if the step is due, and ask for the state to be kept if it is the best so far."""
        # Nothing of this depends on the clock: a resumed run measures the same steps.
        if not self.every or (context.step % self.every and context.step != self.steps):
            return None
        self.best.recall(context.run.lines("metrics"), before=context.step)
        lines = self.measured(context.generator(), context.components.device)
        write_lines(context, [{"step": context.step, **line, **self.protocol} for line in lines], self.notify)
        return "keep-best" if self.best.improved_by(rank(lines)) else None

    def measured(self, module: nn.Module, device: torch.device) -> list[dict[str, Any]]:
        """Everything that is measured at one step, the Fréchet distance last."""
        assert self.task.directions is not None
        ways = self.task.directions(module)
        made = {
            name: self._translated(ways, "a-to-b", part.first, device) for name, part in self.parts.items()
        }
        if self.paired:
            measure, compared = "translation-errors", made
            wanted = {name: part.second for name, part in self.parts.items()}
        else:
            measure, wanted = "cycle-error", {name: part.first for name, part in self.parts.items()}
            compared = {
                name: self._translated(ways, "b-to-a", images, device) for name, images in made.items()
            }
        errors = {name: errors_of(measure, compared[name], wanted[name]) for name in self.parts}
        found = [
            {
                "metric": name.replace("-", "_"),
                "value": _finite(float(each.mean())),
                "training": _finite(float(errors["training"][name].mean())),
                "better": better_side(measure, name),
            }
            for name, each in errors["held out"].items()
        ]
        if self.wanted is None:
            return found
        distance = _finite(distance_of(self.wanted, self._features(made["held out"])))
        line = {"metric": "frechet_distance", "value": distance, "better": "lower"}
        return [*found, {**line, **self.floor, "features": self.extractor.name}]

    def _features(self, images: Tensor) -> Tensor:
        return self.extractor(images).double()

    def _translated(self, ways: Ways, direction: str, images: Tensor, device: torch.device) -> Tensor:
        latent = latents(len(images), self.latent, torch_stream(self.seed, 0, "quality latents"))
        return translated(ways[direction], latent.to(device), images.to(device), seed=self.seed).clamp(-1, 1)


def shown_of(dataset: Dataset, count: int, order: Rows | None = None) -> Shown:
    """Images of both sides: spread evenly over the rows, or the first of an order.

    Args:
        dataset: The data.
        count: The most of each.
        order: A permutation of the rows, if they are to be drawn.
    """
    condition = condition_of(dataset)

    def rows(size: int) -> Rows:
        if order is None:
            return np.unique(np.linspace(0, size - 1, min(count, size)).astype(np.int64))
        return order[order < size][:count]

    second = rows(len(dataset))
    return images_of(dataset, second if condition.paired else rows(len(condition)), second)


def images_of(dataset: Dataset, first: Rows, second: Rows) -> Shown:
    """The images of some rows of both sides."""
    condition = condition_of(dataset)
    return Shown(condition.encode(condition.gather(first)), dataset.transform.encode(dataset.gather(second)))


def condition_of(dataset: Dataset) -> Condition:
    """What samples are made from."""
    assert dataset.condition is not None
    return dataset.condition


def held_out_of(dataset: Dataset) -> Dataset:
    """The part that is never trained on."""
    assert dataset.held_out is not None
    return dataset.held_out


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _make(context: CallbackContext) -> TranslationQuality | None:
    if TASKS.named(context.recipe.game.name).directions is None:
        return None
    return TranslationQuality(context.recipe, context.dataset, context.notify)


TRANSLATION_QUALITY = CallbackRow(
    "translation-quality",
    _make,
    "Measures translations of held-out images, and keeps the best state.",
    default=True,
)
