"""A few metrics at little cost, for use while training: what can be computed once of the reals is kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_features
from poise.metrics.distances import centred, squared_radii
from poise.metrics.features import (
    Extractor,
    ValueRange,
    as_extractor,
    default_extractor,
    extract,
    protocol_of,
)
from poise.metrics.features.images import as_samples, common_range
from poise.metrics.fingerprint import fingerprint
from poise.metrics.floor import HELD_OUT, floor_of
from poise.metrics.frechet import LEAST
from poise.metrics.frechet_halves import spread_of_halves
from poise.metrics.gaussian import distance_of
from poise.metrics.halves import interval, interval_of_distance, of_many
from poise.metrics.mixture_modes import mode_statistics
from poise.metrics.neighbourhoods import MOST_IN_A_PART, NAMES, shares
from poise.metrics.result import Result
from poise.randomness import derive

NEIGHBOUR = 5


@dataclass(frozen=True)
class Reference:
    """What a cheap evaluation needs of the reals, computed once.

    Attributes:
        features: Of at most `most` reals, `(N, d)`, float64.
        radii: Squared distance of each to its fifth neighbour.
        floors: Real against real at this number of reals and `fakes` fakes, by metric.
        floor_method: Which reals the floors were computed from.
        fakes: For how many fakes the floors hold.
        extractor: What made the features.
        value_range: The range of pixels; `None` for vectors.
        fingerprint: Of the reals.
        centres: Centres of a known mixture, and `standard_deviation` its modes'; `None` for other data.
    """

    features: Tensor
    radii: Tensor
    floors: Mapping[str, float | Mapping[str, float]]
    floor_method: str
    fakes: int
    extractor: Extractor
    value_range: ValueRange | None
    fingerprint: str
    centres: Tensor | None = None
    standard_deviation: float | None = None


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
        value_range: The range of pixels; recognised where it is not given.
        centres: Centres of a known mixture `(K, d)`.
        standard_deviation: Of its modes.
        held_out: Other reals for the floors, best such as were not trained on.
        others: What those are, in words, for `floor_method`.
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
    given_fingerprint = fingerprint(samples)
    if len(samples) > most:
        stream = torch.Generator().manual_seed(derive(seed, 0, "reference"))
        samples = samples[torch.randperm(len(samples), generator=stream)[:most].to(samples.device)]
    made = default_extractor(samples) if extractor is None else as_extractor(extractor)
    source: ValueRange | None = None
    if samples.dim() == 4:
        source = value_range or common_range(samples, samples)
    features = as_features(
        extract(made, samples, value_range=source, name="real"), "real", least=2 * (NEIGHBOUR + 1)
    )
    apart = None
    if held_out is not None:
        apart = as_features(extract(made, held_out, value_range=source, name="held-out"), "held-out")

    enough = fakes * len(features) // (len(features) + fakes) > NEIGHBOUR
    floors: dict[str, float | Mapping[str, float]] = {}
    floor_method = ""
    if enough or apart is not None:
        of_shares = floor_of(
            lambda one, other: shares(one, other, NEIGHBOUR), features, fakes, apart, seed=seed, repeats=2
        )
        distance = floor_of(
            lambda one, other: torch.tensor([distance_of(one, other)]),
            features,
            fakes,
            apart,
            seed=seed,
            repeats=4,
            bias_power=1.0,
            others=others,
        )
        floor_method = distance.method
        floors = {
            "frechet-distance": float(distance.values),
            "precision-recall-density-coverage": dict(zip(NAMES, of_shares.values.tolist(), strict=True)),
        }
    return Reference(
        features=features,
        radii=squared_radii(centred(features)[0], NEIGHBOUR),
        floors=floors,
        floor_method=floor_method,
        fakes=fakes,
        extractor=made,
        value_range=source,
        fingerprint=given_fingerprint,
        centres=None if centres is None else as_features(centres, "centre", least=1),
        standard_deviation=standard_deviation,
    )


def cheap_evaluation(
    reference: Reference,
    fake: Any,
    *,
    replicates: int = 20,
    replicates_of_shares: int | None = None,
    seed: int = 0,
) -> list[Result]:
    """Fréchet distance, precision, recall, density and coverage, and modes for mixtures, in a moment.

    Made to be called while training: the reals' part is in `reference`, and one pass over the fakes is left.

    Args:
        reference: What `reference_of` made of the reals.
        fake: Generated samples, images or vectors.
        replicates: Half-samples for the intervals; 0 for none, which halves the time.
        replicates_of_shares: The same for precision to coverage, whose intervals cost the most; by default
            half as many.
        seed: Seeds them.

    Raises:
        PoiseError: Fewer than 6 fakes, pixels in another range, or features that are not finite.
    """
    samples = as_samples(fake, "fake")
    features, shared = _of_fakes(reference, samples)
    results = [_distance(reference, features, shared, replicates, seed)]
    parts = replicates // 2 if replicates_of_shares is None else replicates_of_shares
    results.append(_shares(reference, features, shared, parts, seed))
    if reference.centres is not None and reference.standard_deviation is not None:
        results.append(mode_statistics(samples, reference.centres, reference.standard_deviation, seed=seed))
    return results


def cheap_distance(reference: Reference, fake: Any, *, replicates: int = 0, seed: int = 0) -> Result:
    """The Fréchet distance of `cheap_evaluation` alone.

    Args:
        reference: What `reference_of` made of the reals.
        fake: Generated samples, images or vectors.
        replicates: Half-samples for the interval.
        seed: Seeds them.

    Raises:
        PoiseError: As `cheap_evaluation`.
    """
    features, shared = _of_fakes(reference, as_samples(fake, "fake"))
    return _distance(reference, features, shared, replicates, seed)


def _of_fakes(reference: Reference, samples: Tensor) -> tuple[Tensor, dict[str, Any]]:
    """Features of fakes, and what all results on them have in common."""
    started = time.perf_counter()
    features = as_features(
        extract(reference.extractor, samples, value_range=reference.value_range, name="fake"),
        "fake",
        least=max(LEAST, NEIGHBOUR + 1),
    ).to(reference.features.device)
    if features.shape[1] != reference.features.shape[1]:
        raise PoiseError(
            f"The fake features are {features.shape[1]} wide and the real ones {reference.features.shape[1]}",
            hint="generate samples of the shape of the data",
        )
    fits = len(features) == reference.fakes and bool(reference.floors)
    return features, {
        "floor_method": f"{reference.floor_method}; computed once"
        if fits
        else f"none: the reference holds floors for {reference.fakes} fakes",
        "samples": {"real": len(reference.features), "fake": len(features)},
        "reference": reference.fingerprint,
        "details": {"seconds_of_features": time.perf_counter() - started},
        **protocol_of(reference.extractor),
    }


def _floor_in(reference: Reference, metric: str, fakes: int) -> Any:
    return reference.floors.get(metric) if fakes == reference.fakes else None


def _distance(
    reference: Reference, features: Tensor, shared: Mapping[str, Any], replicates: int, seed: int
) -> Result:
    started = time.perf_counter()
    distance = distance_of(reference.features, features)
    seen = spread_of_halves(distance, reference.features, features, replicates, seed) if replicates else None
    return Result(
        metric="frechet-distance",
        value=distance,
        interval=interval_of_distance(distance, seen) if seen else None,
        interval_method=_halves(replicates if seen else 0),
        floor=_floor_in(reference, "frechet-distance", len(features)),
        seconds=time.perf_counter() - started,
        **shared,
    )


def _shares(
    reference: Reference, features: Tensor, shared: Mapping[str, Any], parts: int, seed: int
) -> Result:
    started = time.perf_counter()
    real = reference.features
    values = shares(real, features, NEIGHBOUR, reference.radii)
    intervals = None
    if parts and len(features) >= 2 * (NEIGHBOUR + 1):
        stream = torch.Generator().manual_seed(derive(seed, 0, "half-samples"))
        spreads = of_many(
            lambda one, other: shares(one, other, NEIGHBOUR),
            (real, features),
            values,
            replicates=max(2, parts),
            most=MOST_IN_A_PART,
            stream=stream,
        )
        ceilings = dict.fromkeys(NAMES, 1.0) | {"density": float("inf")}
        intervals = {
            name: interval(float(value), found, low=0.0, high=ceilings[name])
            for name, value, found in zip(NAMES, values, spreads, strict=True)
        }
    return Result(
        metric="precision-recall-density-coverage",
        value=dict(zip(NAMES, values.tolist(), strict=True)),
        interval=intervals,
        interval_method=_halves(max(2, parts) if intervals else 0),
        floor=_floor_in(reference, "precision-recall-density-coverage", len(features)),
        settings={"k": NEIGHBOUR},
        seconds=time.perf_counter() - started,
        **shared,
    )


def _halves(replicates: int) -> str:
    return f"half-sample bootstrap, {replicates} replicates" if replicates else "none: not asked for"
