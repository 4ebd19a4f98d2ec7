"""How near the samples are to the data while training, cheaply, and which checkpoint is the best by it."""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from poise.data import Source
from poise.metrics.frechet import Gaussian, gaussian_distance, gaussian_of
from poise.randomness import numpy_stream, torch_stream
from poise.recipes import Recipe
from poise.training.feed import latents
from poise.training.observer import Moment, Request, Say
from poise.training.pictures import generate

MOST_SAMPLES = 2_000
SIDE = 8
MOST_SHARE = 0.05
"""Of the training's time that measuring may take; beyond it a turn is left out."""


class QualityWatch:
    """Writes the Fréchet distance to `metrics.jsonl` as often as pictures are made, and keeps the best state.

    The features are the samples' numbers, images first averaged to 8 x 8 pixels: no labels, no download, and
    the same for every kind of data. They rank the states of one run; they are not comparable with distances
    in other features. Beside each value stands its floor: the distance of as many other reals.

    Args:
        recipe: The resolved recipe.
        source: The data.
        say: Tells a person that a line could not be written.
    """

    def __init__(self, recipe: Recipe, source: Source, say: Say) -> None:
        self.say = say
        self.every = recipe.sample_every or 1
        self.samples = min(MOST_SAMPLES, len(source) // 2)
        self.latents = latents(self.samples, recipe.latent, torch_stream(recipe.seed, 0, "quality latents"))
        self.spent, self.best = 0.0, float("inf")
        order = numpy_stream(recipe.seed, 0, "quality reals").permutation(len(source))
        self.condition = None
        if source.condition is not None:
            rows = order[: self.samples] % len(source.condition)
            self.condition = source.condition.encode(source.condition.gather(rows))
        halves = [order[: self.samples], order[self.samples : 2 * self.samples]]
        self.reference, other = (
            fitted(source.encoding.encode(source.gather(half))) if self.samples > 1 else None
            for half in halves
        )
        self.floor = gaussian_distance(self.reference, other) if self.reference and other else 0.0
        self.protocol = {
            "metric": "frechet_distance",
            "floor": self.floor,
            "samples": self.samples,
            "features": f"pixels averaged to {SIDE}x{SIDE}" if source.kind == "image" else "the numbers",
            "reference": source.fingerprint[:16],
        }

    def __call__(self, moment: Moment) -> Request | None:
        """Measure where it is time; ask for the state to be kept where it is the best so far."""
        due = moment.last or moment.step % self.every == 0
        if self.reference is None or not due or self.spent > MOST_SHARE * moment.seconds:
            return None
        if self.best == float("inf"):
            lines = moment.run.lines("metrics")
            self.best = min((line.get("value", self.best) for line in lines), default=self.best)
        start = time.monotonic()
        device = moment.assembly.device
        condition = None if self.condition is None else self.condition.to(device)
        fakes = generate(moment.generator(), self.latents.to(device), condition)
        value = gaussian_distance(self.reference, fitted(fakes))
        self.spent += time.monotonic() - start
        try:
            moment.run.append("metrics", {"step": moment.step, "value": value, **self.protocol})
        except OSError as error:
            self.say(f"Could not write the metrics of step {moment.step}: {error.strerror or error}.")
        if value >= self.best:
            return None
        self.best = value
        return "keep-best"


def fitted(samples: Tensor) -> Gaussian:
    """The Gaussian of samples in the networks' space."""
    if samples.dim() == 4:
        side = min(SIDE, samples.shape[-1])
        samples = adaptive_avg_pool2d(samples.float(), side)
    return gaussian_of(torch.flatten(samples, 1).double())
