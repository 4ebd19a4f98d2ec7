"""Metrics that are cheap enough for use while training: the part of the reals is computed once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from poise.errors import PoiseError
from poise.metrics.arrays import as_features, as_samples, fingerprint, range_of
from poise.metrics.features import (
    Extractor,
    ValueRange,
    as_extractor,
    default_extractor,
    extract,
    protocol_of,
)
from poise.metrics.frechet import LEAST
from poise.metrics.intervals import HELD_OUT
from poise.metrics.metric import Prepared
from poise.metrics.neighbours import NEIGHBOUR
from poise.metrics.result import Result
from poise.metrics.table import METRICS
from poise.randomness import torch_stream


@dataclass(frozen=True)
class Reference:
    """What a cheap evaluation needs of the reals, computed once."""

    features: torch.Tensor  # Of at most most reals, (N, d), float64
    metrics: Mapping[str, Prepared]  # The metrics with their part of the reals, by name
    fakes: int  # The number of fakes that the floors hold for
    extractor: Extractor  # What made the features
    value_range: ValueRange | None  # The range of pixels; None for vectors
    fingerprint: str  # Of the reals


def reference_of(
    real: Any,
    *,
    fakes: int = 1000,
    most: int = 2000,
    extractor: Any = None,
    value_range: ValueRange | None = None,
    centres: Any = None,
    standard_deviation: float | None = None,
    held_out: Any = None,
    others: str = HELD_OUT,
    seed: int = 0,
) -> Reference:
    """Compute once what `cheap_evaluation` needs of the reals.

    Args:
        real: Images or vectors, array or tensor; of more than `most`, as many are drawn.
        fakes: How many fakes will be measured against them: the floors hold for that number.
        most: The largest number of reals to use.
        extractor: An extractor, network or function; by default one that needs no labels and no download.
        value_range: The range of the pixels; recognised if it is not given.
        centres: Centres of a known mixture `(K, d)`.
        standard_deviation: Of its modes.
        held_out: Other reals for the floors, best such as were not trained on.
        others: What those are, in words, for the floors' method.
        seed: Draws the reals.

    Raises:
        PoiseError: Fewer than 12 reals, pixels in no known range, or an extractor that misbehaves.

    Example:
        >>> import torch
        >>> from poise.metrics import cheap_evaluation, reference_of
        >>> stream = torch.Generator().manual_seed(0)
        >>> real, fake = (torch.rand(200, 1, 8, 8, generator=stream) for _ in range(2))
        >>> [result.metric for result in cheap_evaluation(reference_of(real, fakes=200), fake)]
        ['frechet-distance', 'precision-recall-density-coverage']
    """
    samples = as_samples(real, "real")
    whole = fingerprint(samples)
    if len(samples) > most:
        order = torch.randperm(len(samples), generator=torch_stream(seed, 0, "reference"))
        samples = samples[order[:most].to(samples.device)]
    made = default_extractor(samples) if extractor is None else as_extractor(extractor)
    pixels = (value_range or range_of(samples, "real")) if samples.dim() == 4 else None
    features = _features(made, samples, pixels, "real", least=2 * (NEIGHBOUR + 1))
    apart = None if held_out is None else _features(made, held_out, pixels, "held-out", least=2)
    given = {
        "real": features,
        "centres": None if centres is None else as_features(centres, "centre", least=1),
        "standard_deviation": standard_deviation,
    }
    prepared = {}
    for metric in sorted(METRICS.values(), key=lambda metric: "real" not in metric.needs):
        arguments = [given.get(need) for need in metric.needs if need != "fake"]
        if metric.while_training is not None and all(one is not None for one in arguments):
            prepared[metric.name] = metric.while_training(
                *arguments, held_out=apart, fakes=fakes, seed=seed, others=others
            )
    return Reference(features, prepared, fakes, made, pixels, whole)


def cheap_evaluation(
    reference: Reference, fake: Any, *, replicates: int | Mapping[str, int] = 20, seed: int = 0
) -> list[Result]:
    """Fréchet distance, precision, recall, density and coverage, and modes for mixtures, in a moment.

    It is made to be called while training: `reference` holds the part of the reals, and only one pass over
    the fakes is left.

    Args:
        reference: What `reference_of` made of the reals.
        fake: Generated samples, images or vectors.
        replicates: Half-samples for the intervals; 0 for none, which halves the time. Or by the metric's
            name, none for those that are left out.
        seed: Seeds them.

    Raises:
        PoiseError: Fewer than 6 fakes, pixels in another range, or features that are not finite.
    """
    return _measured(reference, fake, list(reference.metrics), replicates, seed)


def cheap_distance(reference: Reference, fake: Any, *, replicates: int = 0, seed: int = 0) -> Result:
    """The Fréchet distance of `cheap_evaluation` alone.

    The arguments are those of `cheap_evaluation`.

    Raises:
        PoiseError: As `cheap_evaluation`.
    """
    return _measured(reference, fake, ["frechet-distance"], replicates, seed)[0]


def _measured(
    reference: Reference, fake: Any, names: list[str], replicates: int | Mapping[str, int], seed: int
) -> list[Result]:
    started = time.perf_counter()
    samples = as_samples(fake, "fake")
    features = _features(
        reference.extractor, samples, reference.value_range, "fake", least=max(LEAST, NEIGHBOUR + 1)
    ).to(reference.features.device)
    if features.shape[1] != reference.features.shape[1]:
        raise PoiseError(
            f"The fake features are {features.shape[1]} wide and the real ones {reference.features.shape[1]}",
            code="metrics.different-widths",
            hint="generate samples of the shape of the data",
        )
    seconds = {"seconds_of_features": time.perf_counter() - started}
    results = []
    for name in names:
        of_features = "real" in METRICS[name].needs
        count = replicates if isinstance(replicates, int) else replicates.get(name, 0)
        started = time.perf_counter()
        result = reference.metrics[name](features if of_features else samples, replicates=count, seed=seed)
        if of_features:
            result = replace(
                result, reference=reference.fingerprint, details=seconds, **protocol_of(reference.extractor)
            )
            if len(features) != reference.fakes:
                missing = f"none: the reference holds floors for {reference.fakes} fakes"
                result = replace(result, floor=None, floor_method=missing)
        results.append(replace(result, seconds=time.perf_counter() - started))
    return results


def _features(
    extractor: Extractor, samples: Any, value_range: ValueRange | None, name: str, *, least: int
) -> torch.Tensor:
    return as_features(extract(extractor, samples, value_range=value_range, name=name), name, least=least)
