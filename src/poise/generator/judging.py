"""Directions, judged against random ones: how far they move a picture, how steadily, and at what cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.generator.directions import Measure
from poise.generator.spaces import Space, samples_of
from poise.metrics.features import EXTRACTORS, Extractor, extract
from poise.metrics.frechet import frechet_distance
from poise.metrics.intervals import NORMAL_QUANTILE, interval_of_mean
from poise.metrics.neighbours import precision_recall_density_coverage
from poise.randomness import derive, torch_stream

SEEDS = 48  # Samples whose change is measured
CROWD = 256  # Samples whose distribution is measured
FAR = 2.0  # Standard deviations at which that is done
RANDOM = 8  # Random directions beside

NAMES = {
    "effect": "what a standard deviation changes in the same way in every sample, in deviations of features",
    "distance": "how far a standard deviation moves a sample, in deviations of features",
    "consistency": "the cosine between the changes of two samples",
    "frechet": "the Fréchet distance of samples two deviations along to samples as they are",
    "precision": "the share of such samples that resemble samples as they are",
}
"""The measures and what they are."""


@dataclass(frozen=True)
class Judge:
    """What directions of a space are judged by.

    Attributes:
        space: The space.
        extractor: The features.
        scale: The deviation of each feature among samples.
        at: Coordinates of the samples that are moved, `(SEEDS, size)`.
        kinds: Their conditions.
        crowd: Coordinates of other samples, `(CROWD, size)`.
        crowd_kinds: Their conditions.
        reference: Features of a third set of samples, as they are.
    """

    space: Space
    extractor: Extractor
    scale: Tensor
    at: Tensor
    kinds: Tensor | None
    crowd: Tensor
    crowd_kinds: Tensor | None
    reference: Tensor

    @staticmethod
    def of(space: Space, *, seed: int = 0) -> Judge:
        """Draw the samples."""
        generator = space.generator
        like = torch.zeros(1, *generator.shape)
        extractor = EXTRACTORS.named(generator.kind.features).plain(like)
        latent, condition = samples_of(generator, SEEDS + 2 * CROWD, seed=derive(seed, 0, "judging") % 2**31)
        with torch.no_grad():
            every = space.coordinates(latent, condition)
        parts = every.split([SEEDS, CROWD, CROWD])
        kinds = [None] * 3 if condition is None else list(condition.split([SEEDS, CROWD, CROWD]))
        reference = _features(space, extractor, parts[2], kinds[2])
        scale = reference.std(0).clamp(min=1e-6)
        return Judge(space, extractor, scale, parts[0], kinds[0], parts[1], kinds[1], reference)

    def features(self, coordinates: Tensor, kinds: Tensor | None) -> Tensor:
        """Features `(N, d)` of coordinates, in float64."""
        return _features(self.space, self.extractor, coordinates, kinds)

    def measure(self, direction: Tensor, *, seed: int = 0) -> dict[str, Measure]:
        """The measures of a direction `(size,)` of length 1, with 95 % intervals."""
        step = direction.to(self.at)
        change = (
            (self.features(self.at + step, self.kinds) - self.features(self.at - step, self.kinds))
            / (2 * self.scale)
            / math.sqrt(len(self.scale))
        )
        size = torch.linalg.vector_norm(change, dim=1)
        signs = torch.where(torch.arange(CROWD) % 2 == 0, FAR, -FAR)[:, None].to(self.crowd)
        moved = self.features(self.crowd + signs * step, self.crowd_kinds)
        far = frechet_distance(self.reference, moved, replicates=20, seed=seed)
        near = precision_recall_density_coverage(self.reference, moved, replicates=10, seed=seed)
        assert isinstance(near.interval, dict)
        return {
            "effect": steady(change, root=True),
            "distance": Measure(float(size.mean()), interval_of_mean(size)),
            "consistency": steady(change / size[:, None].clamp(min=1e-12), root=False),
            "frechet": Measure(float(far), _pair(far.interval, float(far))),
            "precision": Measure(near.values["precision"], _pair(near.interval["precision"], 0.0)),
        }

    def random(self, count: int = RANDOM, *, seed: int = 0) -> tuple[Tensor, list[dict[str, Measure]]]:
        """Random directions `(count, size)` of length 1, and their measures."""
        drawn = torch.randn(count, self.space.size, generator=torch_stream(seed, 0, "random directions"))
        drawn = drawn / torch.linalg.vector_norm(drawn, dim=1, keepdim=True)
        return drawn, [self.measure(one, seed=seed) for one in drawn]


@torch.no_grad()
def _features(space: Space, extractor: Extractor, coordinates: Tensor, kinds: Tensor | None) -> Tensor:
    made = [
        space.images(coordinates[start : start + 128], None if kinds is None else kinds[start : start + 128])
        for start in range(0, len(coordinates), 128)
    ]
    images = torch.cat(made).clamp(-1, 1).float()
    return extract(extractor, images, value_range="-1..1").double().cpu()


def steady(changes: Tensor, *, root: bool) -> Measure:
    """The mean inner product of the changes of two different samples, or its root, with a 95 % interval.

    For changes of length 1 it is their mean cosine; its root, for changes as they are, is the length of the
    change that all samples share, without the upward bias of the length of a mean.

    Args:
        changes: `(N, d)`.
        root: Whether the root is taken.

    Example:
        >>> same = torch.ones(4, 3).double()
        >>> round(steady(same, root=True).value, 3), round(steady(same / 3**0.5, root=False).value, 3)
        (1.732, 1.0)

    Source: Hoeffding 1948, for the variance of a mean over pairs.
    """
    count = len(changes)
    products = changes @ changes.T
    of_each = (products.sum(1) - products.diagonal()) / (count - 1)
    value, half = float(of_each.mean()), NORMAL_QUANTILE * 2 * float(of_each.std()) / math.sqrt(count)
    ends = value, value - half, value + half
    middle, low, high = (math.sqrt(max(end, 0.0)) if root else end for end in ends)
    return Measure(middle, (low, high) if root else (max(low, -1.0), min(high, 1.0)))


def of_random(measures: Sequence[dict[str, Measure]]) -> dict[str, Measure]:
    """The mean of the measures of random directions, with their least and largest."""
    made = {}
    for name in measures[0]:
        values = [one[name].value for one in measures]
        made[name] = Measure(sum(values) / len(values), (min(values), max(values)))
    return made


def of_labels(judge: Judge, direction: Tensor, log_odds: Callable[[Tensor], Tensor]) -> list[Measure]:
    """How much a standard deviation raises the log-odds of each label, with 95 % intervals."""
    step = direction.to(judge.at)
    with torch.no_grad():
        after, before = (
            log_odds(judge.space.images(judge.at + sign * step, judge.kinds).clamp(-1, 1)) for sign in (1, -1)
        )
    rises = (after - before).double().cpu() / 2
    return [Measure(float(rise.mean()), interval_of_mean(rise)) for rise in rises.T]


def _pair(interval: object, value: float) -> tuple[float, float]:
    if isinstance(interval, tuple):
        return float(interval[0]), float(interval[1])
    return value, value
