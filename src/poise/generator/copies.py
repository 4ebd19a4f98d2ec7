"""Samples beside the rows that a generator was trained on: near-duplicates, and whether it remembers rows.

Distances are between features: of a sample to the nearest training row, beside those of rows that the run
held out; and of training rows and held-out rows to the nearest sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from poise.data import kind_of
from poise.errors import PoiseError
from poise.generator.generator import Generator
from poise.generator.inversion import Found, Search, Starts, find
from poise.generator.likeness import Likeness
from poise.generator.recovery import errors_of
from poise.generator.refining import Refined
from poise.generator.run_data import RunData, at_most, data_of_run
from poise.generator.spaces import space_of
from poise.metrics.features import EXTRACTORS, extract
from poise.metrics.intervals import share_interval
from poise.metrics.neighbours import nearest
from poise.metrics.result import Interval
from poise.randomness import numpy_stream
from poise.tasks.held_out import Indices

MOST_ROWS = 20_000
"""Training rows that copies are searched among."""

QUANTILE = 0.05
"""A sample counts as a near-duplicate if it is nearer to a training row than this share of held-out rows."""

LEAST_HELD_OUT = 20
SAMPLES = 1_000
BLOCK = 256

MOST_REMEMBERED = 1_000
"""Training rows whose distance to the samples is measured, and as many held-out ones at most."""


@dataclass(frozen=True)
class Copies:
    """How many samples are near-duplicates of training rows.

    Attributes:
        share: The share of samples.
        interval: Its 95 % interval, after Wilson.
        of_held_out: The share of held-out rows, which are no copies, within the same distance.
        samples: How many samples.
        rows: Among how many training rows.
        held_out: How many held-out rows set the distance.
    """

    share: float
    interval: Interval
    of_held_out: float
    samples: int
    rows: int
    held_out: int


@dataclass(frozen=True)
class Membership:
    """Whether training rows are nearer to the samples than rows that were held out.

    Attributes:
        p_value: Of the test of Kolmogorov and Smirnov that both are alike.
        training: The median distance of training rows.
        held_out: The median distance of held-out rows.
        counts: How many training rows and held-out rows.
        measure: What the distance is, in words.
    """

    p_value: float
    training: float
    held_out: float
    counts: tuple[int, int]
    measure: str


class TrainingRows:
    """The features of a run's rows, and the distance within which a sample is a near-duplicate.

    Args:
        generator: A generator with its run.

    Raises:
        PoiseError: It has no run, the data are gone, or fewer than 20 rows were held out.
    """

    def __init__(self, generator: Generator) -> None:
        if generator.run is None:
            what = "This generator comes without its run, so that it is not known what it was trained on"
            hint = "name the folder of the run"
            raise PoiseError(what, code="generator.copies-need-run", hint=hint)
        self.generator = generator
        data = self.data = data_of_run(generator.run, hint="leave --filter-copies out")
        held_out = len(data.rows.held_out)
        if held_out < LEAST_HELD_OUT:
            what = f"The run '{generator.run.path}' held out {held_out} rows, and this needs {LEAST_HELD_OUT}"
            why = "only they tell how near to training rows a sample may be that is no copy"
            hint = f"train with --set held_out={LEAST_HELD_OUT}"
            raise PoiseError(what, code="generator.too-few-held-out", why=why, hint=hint)
        stream = numpy_stream(0, 0, "rows beside samples")
        self._mean: Tensor | None = None
        self.training = self._of_rows(data, at_most(data.rows.training, MOST_ROWS, stream))
        self.held_out = self._of_rows(data, at_most(data.rows.held_out, MOST_ROWS, stream))
        apart = nearest(self.held_out, self.training)[0]
        self.threshold = float(apart.quantile(QUANTILE))
        self.of_held_out = float((apart < self.threshold).double().mean())

    def _of_rows(self, data: RunData, rows: Indices) -> Tensor:
        return self._features(data.measured(rows))

    def _features(self, samples: Tensor) -> Tensor:
        generator = self.generator
        given = kind_of(generator.description).comparable(samples, generator.transform)
        made = extract(
            EXTRACTORS.named(generator.kind.features).plain(given),
            given,
            value_range=generator.kind.value_range,
        )
        wide = made.double()
        self._mean = wide.mean(0) if self._mean is None else self._mean
        return wide - self._mean

    def near(self, latents: Tensor, conditions: Tensor | None) -> Tensor:
        """Whether the samples of latents are near-duplicates of training rows, `(N,)`."""
        features = self._features(self.generator.data(latents, conditions))
        return nearest(features, self.training)[0] < self.threshold

    def samples(self, count: int, seed: int) -> Tensor:
        """The features of so many samples."""
        generator, pieces = self.generator, list[Tensor]()
        for latents, conditions in blocks(generator, count, seed):
            pieces.append(self._features(generator.data(latents, conditions)))
        return torch.cat(pieces)[:count]


def blocks(generator: Generator, count: int, seed: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """The latents and conditions of a seed, some at once."""
    latents, conditions = generator.latents(count, seed=seed), generator.conditions(count, seed=seed)
    for start in range(0, count, BLOCK):
        given = None if conditions is None else conditions[start : start + BLOCK]
        yield latents[start : start + BLOCK], given


def copies_of(rows: TrainingRows, *, count: int = SAMPLES, seed: int = 0) -> Copies:
    """How many of a generator's samples are near-duplicates of training rows."""
    apart = nearest(rows.samples(count, seed), rows.training)[0]
    found = int((apart < rows.threshold).sum())
    return Copies(
        share=found / count,
        interval=share_interval(found, count),
        of_held_out=rows.of_held_out,
        samples=count,
        rows=len(rows.training),
        held_out=len(rows.held_out),
    )


INVERTED = 48
"""Training rows that are searched for in the generator, and as many held-out ones at most."""


def membership_of(rows: TrainingRows, *, seed: int = 0) -> Membership:
    """Whether the generator comes nearer to training rows than to held-out ones: images by inversion.

    Raises:
        PoiseError: It makes its samples of images.
    """
    return by_inversion(rows, seed=seed) if rows.generator.kind.pictorial else by_samples(rows, seed=seed)


def by_inversion(rows: TrainingRows, *, count: int = INVERTED, seed: int = 0) -> Membership:
    """Whether training images are found in the generator with smaller errors than held-out ones.

    Source: Webster et al. 2019, section 4: recovery errors, and the test of Kolmogorov and Smirnov.
    """
    generator, search = rows.generator, Search(starts=4, steps=40, encoder_steps=0, refinements=0, seed=seed)
    stream, split = numpy_stream(seed, 0, "rows to invert"), rows.data.rows
    few = min(count, len(split.held_out))
    chosen = [at_most(side, few, stream) for side in (split.training, split.held_out)]
    like = next(iter(generator.module.parameters()))
    targets = rows.data.encoded(np.concatenate(chosen)).to(like)
    found = Found.joined(list(find(Starts.of(space_of(generator), search), targets, Likeness(), search)))
    training, held_out = errors_of(found, targets, Likeness()).levels.split(few)
    return Membership(
        p_value=kolmogorov_smirnov(training, held_out),
        training=float(training.median()),
        held_out=float(held_out.median()),
        counts=(few, few),
        measure=f"the error of inversion in levels of 8 bits ({search.starts} starts, {search.steps} steps)",
    )


def by_samples(rows: TrainingRows, *, count: int = 2 * SAMPLES, seed: int = 0) -> Membership:
    """Whether training rows are nearer to the nearest sample than held-out rows are.

    Source: Chen et al. 2020 (GAN-Leaks), section 4.1, for the distance; Kolmogorov and Smirnov for the test.
    """
    made = rows.samples(count, seed)
    training = rows.training[:MOST_REMEMBERED]
    apart = [nearest(side, made)[0].sqrt() for side in (training, rows.held_out[:MOST_REMEMBERED])]
    return Membership(
        p_value=kolmogorov_smirnov(*apart),
        training=float(apart[0].median()),
        held_out=float(apart[1].median()),
        counts=(len(apart[0]), len(apart[1])),
        measure=f"the distance of a row to the nearest of {count:,} samples, of features",
    )


def kolmogorov_smirnov(first: Tensor, second: Tensor) -> float:
    """The p-value of the two-sided test that two samples are of one law.

    Source: Stephens 1970, for the correction of the limiting law.
    """
    both = torch.cat([first, second]).double()
    shares = [
        torch.searchsorted(side.double().sort().values, both, right=True).double() / len(side)
        for side in (first, second)
    ]
    apart = float((shares[0] - shares[1]).abs().max())
    root = math.sqrt(len(first) * len(second) / (len(first) + len(second)))
    at = (root + 0.12 + 0.11 / root) * apart
    if at < 0.2:  # the series does not converge there, and its sum is 1
        return 1.0
    terms = (2.0 * (1 if k % 2 else -1) * math.exp(-2 * (k * at) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, math.fsum(terms)))


def without_copies(
    rows: TrainingRows,
    count: int,
    *,
    seed: int,
    label: str | None = None,
    tags: str | Sequence[str] | None = None,
) -> Refined:
    """The plain samples of a seed without near-duplicates of training rows.

    Raises:
        PoiseError: Nearly all are near-duplicates.
    """
    generator, kept, tried, most = rows.generator, list[Tensor](), 0, 20 * count + BLOCK
    while sum(map(len, kept)) < count:
        if tried >= most:
            what = f"Of {tried:,} samples {sum(map(len, kept))} are no near-duplicates of training rows"
            why = "the generator repeats its training rows"
            hint = "train on more data, or with augmentation"
            raise PoiseError(what, code="generator.only-copies", why=why, hint=hint)
        upto = tried + BLOCK
        latents = generator.latents(upto, seed=seed)[tried:]
        conditions = generator.conditions(upto, seed=seed, label=label, tags=tags)
        near = rows.near(latents, None if conditions is None else conditions[tried:])
        kept.append((~near).nonzero().flatten() + tried)
        tried = upto
    places = torch.cat(kept)[:count]
    seen = int(places[-1]) + 1
    conditions = generator.conditions(seen, seed=seed, label=label, tags=tags)
    text = f"left out {seen - count} of {seen:,} samples, near-duplicates of training rows"
    return Refined(
        latents=generator.latents(seen, seed=seed)[places],
        conditions=None if conditions is None else conditions[places],
        places=places,
        acceptance=count / seen,
        candidates=seen,
        text=text,
    )
