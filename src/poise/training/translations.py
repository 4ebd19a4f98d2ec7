"""How far translations are right while they are learnt, on images held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from poise.data import Dataset
from poise.data.condition import Condition
from poise.metrics.gaussian import distance_of
from poise.metrics.image_errors import peak_signal_to_noise, structural_similarity
from poise.randomness import numpy_stream, torch_stream
from poise.recipes import Recipe
from poise.tasks import TASKS
from poise.training.batches import latents
from poise.training.callback import Notify, Request, StepContext

Ways = Mapping[str, Callable[[Tensor, Tensor], Tensor]]

MOST_MEASURED = 256
"""Images on which errors are measured, of those held out and of those trained on alike."""


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
    """Measures what is made of held-out images, beside what is made of those trained on.

    Pairs: the mean absolute error, the peak signal-to-noise ratio and the structural similarity to the
    target, each with its value on training pairs, whose gap to the held-out ones is the overfitting; and the
    Fréchet distance of outputs to targets in features of random convolutions. Domains: the mean absolute
    error after the way there and back, and the same distance. The state with the least distance is kept as
    the best; where a single image is held out, and there is none, that with the least error.

    Args:
        recipe: The resolved recipe.
        source: The data.
        notify: Tells a person that a line could not be written.
    """

    def __init__(self, recipe: Recipe, source: Dataset, notify: Notify) -> None:
        from poise.metrics.features import random_convolutions  # noqa: PLC0415 - slow to import

        self.task, self.notify, self.seed = TASKS.named(recipe.game.name), notify, recipe.seed
        self.every, self.steps, self.latent = recipe.evaluate_every or 0, recipe.steps, recipe.latent
        self.paired = condition_of(source).paired
        apart = held_out_of(source)
        order = numpy_stream(recipe.seed, 0, "measured images").permutation(len(source))
        self.training = shown_of(source, MOST_MEASURED, order)
        self.apart = shown_of(apart, MOST_MEASURED)
        self.extractor = random_convolutions(source.shape[0])
        self.wanted = self.extractor(self.apart.second).double() if self.apart.counts[1] > 1 else None
        self.floor: float | None = None
        if self.wanted is not None and self.training.counts[1] == self.apart.counts[1]:
            self.floor = distance_of(self.wanted, self.extractor(self.training.second).double())
        self.protocol = {
            "by": "training",
            "images": f"{self.apart.counts[0]} held out",
            "reference": source.fingerprint[:16],
        }
        self.judge = "frechet_distance" if self.wanted is not None else "l1" if self.paired else "cycle_error"
        self.best = float("inf")

    def __call__(self, context: StepContext) -> Request | None:
        """Measure where it is time; ask for the state to be kept where it is the best so far."""
        # Nothing of this depends on the clock: a resumed run measures the same steps.
        if not self.every or (context.step % self.every and context.step != self.steps):
            return None
        if self.best == float("inf"):
            known = [line for line in context.run.lines("metrics") if line.get("metric") == self.judge]
            self.best = min((line.get("value", self.best) for line in known), default=self.best)
        lines = self.measured(context.generator(), context.components.device)
        try:
            for line in lines:
                context.run.append("metrics", {"step": context.step, **line, **self.protocol})
        except OSError as error:
            self.notify(f"Could not write the metrics of step {context.step}: {error.strerror or error}.")
        value = next(line["value"] for line in lines if line["metric"] == self.judge)
        if not isinstance(value, float) or not value < self.best:
            return None
        self.best = value
        return "keep-best"

    def measured(self, module: nn.Module, device: torch.device) -> list[dict[str, object]]:
        """Everything that is measured at one step, the Fréchet distance last."""
        assert self.task.directions is not None
        ways = self.task.directions(module)
        there = {
            name: self._translated(ways, "a-to-b", part.first, device)
            for name, part in (("held out", self.apart), ("training", self.training))
        }
        found: list[dict[str, object]] = []
        if self.paired:
            for metric, better, measure in PAIRED_MEASURES:
                apart = measure(there["held out"], self.apart.second)
                training = measure(there["training"], self.training.second)
                found.append({"metric": metric, "value": apart, "training": training, "better": better})
        else:
            backs = {name: self._translated(ways, "b-to-a", made, device) for name, made in there.items()}
            apart = mean_absolute_error(backs["held out"], self.apart.first)
            training = mean_absolute_error(backs["training"], self.training.first)
            found.append({"metric": "cycle_error", "value": apart, "training": training, "better": "lower"})
        if self.wanted is None:
            return found
        distance = distance_of(self.wanted, self.extractor(there["held out"]).double())
        line = {"metric": "frechet_distance", "value": distance, "better": "lower"}
        floor = {} if self.floor is None else {"floor": self.floor}
        return [*found, {**line, **floor, "features": self.extractor.name}]

    def _translated(self, ways: Ways, direction: str, images: Tensor, device: torch.device) -> Tensor:
        latent = latents(len(images), self.latent, torch_stream(self.seed, 0, "quality latents"))
        return translated(ways[direction], latent.to(device), images.to(device), seed=self.seed).clamp(-1, 1)


@torch.no_grad()
def translated(
    way: Callable[[Tensor, Tensor], Tensor], latent: Tensor, images: Tensor, *, seed: int
) -> Tensor:
    """Images made of images, in pieces; the noise is the same for every image and drawn from the seed.

    Args:
        way: `(latents, images) -> images`, with its network in eval mode.
        latent: `(N, latent_size)`, on the network's device.
        images: `(N, C, H, W)` in the networks' space, on the network's device.
        seed: Draws the noise of networks that draw for themselves.

    Returns:
        `(N, C, H, W)` in the networks' space, on the CPU.
    """
    pieces: list[Tensor] = []
    devices = [images.device] if images.is_cuda else []
    with torch.random.fork_rng(devices=devices):
        for place in range(0, len(images), 64):
            # Seeded before each piece, so that an image does not depend on how many came before it.
            torch.manual_seed(seed)
            piece = slice(place, place + 64)
            pieces.append(way(latent[piece], images[piece]).float().cpu())
    return torch.cat(pieces)


def mean_absolute_error(made: Tensor, wanted: Tensor) -> float:
    """Over all pixels and channels, in the networks' space, where black and white are 2 apart."""
    return float((made - wanted).abs().mean())


PAIRED_MEASURES: Sequence[tuple[str, str, Callable[[Tensor, Tensor], float]]] = (
    ("l1", "lower", mean_absolute_error),
    ("psnr", "higher", peak_signal_to_noise),
    ("ssim", "higher", structural_similarity),
)


def shown_of(
    source: Dataset, count: int, order: np.ndarray[tuple[int, ...], np.dtype[np.int64]] | None = None
) -> Shown:
    """Images of both sides: spread evenly over the rows, or the first of an order.

    Args:
        source: The data.
        count: The most of each.
        order: A permutation of the rows, where they are to be drawn.
    """
    condition = condition_of(source)

    def rows(size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        if order is None:
            return np.unique(np.linspace(0, size - 1, min(count, size)).astype(np.int64))
        return order[order < size][:count]

    second = rows(len(source))
    first = second if condition.paired else rows(len(condition))
    return Shown(condition.encode(condition.gather(first)), source.transform.encode(source.gather(second)))


def condition_of(source: Dataset) -> Condition:
    """What samples are made from."""
    assert source.condition is not None
    return source.condition


def held_out_of(source: Dataset) -> Dataset:
    """The part that is never trained on."""
    assert source.held_out is not None
    return source.held_out
