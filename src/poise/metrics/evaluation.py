"""Samples in, results out: any set of metrics at once, and the cheap one for use while training."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError, unknown_name
from poise.metrics.arrays import as_features, as_labels
from poise.metrics.distances import centred, squared_radii
from poise.metrics.features import (
    ClassifierExtractor,
    Extractor,
    ValueRange,
    as_extractor,
    default_extractor,
    extract,
    frozen,
)
from poise.metrics.features.images import as_samples, common_range, to_range
from poise.metrics.fingerprint import fingerprint
from poise.metrics.floor import floor_of
from poise.metrics.frechet import LEAST, default_replicates, distance_of, spread_of_halves
from poise.metrics.halves import interval, interval_of_distance, of_many
from poise.metrics.metric import Metric
from poise.metrics.mixture_modes import mode_statistics
from poise.metrics.neighbourhoods import MOST_IN_A_PART, NAMES, shares
from poise.metrics.result import Result
from poise.metrics.table import METRICS
from poise.randomness import derive

DEFAULT_METRICS = ("frechet-distance", "kernel-distance", "precision-recall-density-coverage")
NEIGHBOUR = 5
# Half-samples for the interval of a distance whose features are so wide that the default would be none.
FEW_REPLICATES = 20


def evaluate(
    real: Any,
    fake: Any,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    extractor: Any = None,
    held_out: Any = None,
    real_labels: Any = None,
    fake_labels: Any = None,
    centres: Any = None,
    standard_deviation: float | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    value_range: ValueRange | None = None,
    batch_size: int = 256,
    cache: Path | None = None,
    seed: int = 0,
    telling: Callable[[str], None] | None = None,
) -> list[Result]:
    """Measure generated samples against real ones.

    Args:
        real: Images `(N, C, H, W)` or vectors `(N, d)`, array or tensor. For `memorisation`, the training
            set.
        fake: Generated samples of the same shape.
        metrics: Names out of `METRICS`; a name may have underscores for hyphens.
        extractor: An extractor, network or function; by default random convolutions for images and the
            numbers themselves for vectors.
        held_out: Reals that the generator was not trained on: for the floors, and for `memorisation`.
        real_labels: Classes of the reals `(N,)`, for `classifier-accuracy-score`.
        fake_labels: Classes that the fakes were made for.
        centres: Centres of a known mixture `(K, d)`, for `mode-statistics`.
        standard_deviation: Of its modes.
        settings: Settings of a metric by its name: `{"precision-recall-density-coverage": {"k": 3}}`.
        value_range: The range of all pixels; recognised where it is not given.
        batch_size: Samples at once through the extractor.
        cache: A folder to keep features of reals in, by content.
        seed: Seeds half-samples, directions and classifiers.
        telling: Told what comes next, in words, as features and metrics take their time.

    Returns:
        A result for each metric, in that order.

    Raises:
        PoiseError: An unknown metric or setting; something that a metric needs and was not given; samples of
            different shapes or ranges; or whatever the metric itself refuses.

    Example:
        >>> import torch
        >>> stream = torch.Generator().manual_seed(0)
        >>> real, fake = (torch.rand(100, 1, 8, 8, generator=stream) for _ in range(2))
        >>> [result.metric for result in evaluate(real, fake, metrics=["kernel-distance"])]
        ['kernel-distance']
    """
    chosen = [METRICS.named(name.replace("_", "-")) for name in metrics]
    wanted = {name.replace("_", "-"): dict(given) for name, given in (settings or {}).items()}
    for name in wanted:
        METRICS.named(name)
    sides = {"real": as_samples(real, "real"), "fake": as_samples(fake, "fake")}
    if held_out is not None:
        sides["held-out"] = as_samples(held_out, "held-out")
    check_shapes(sides)
    source = value_range
    if sides["real"].dim() == 4 and source is None:
        source = common_range(sides["real"], sides["fake"])
    made = default_extractor(sides["real"]) if extractor is None else as_extractor(extractor)
    reference = fingerprint(sides["real"])
    given: dict[str, Any] = {
        "centres": centres,
        "standard_deviation": standard_deviation,
        "real_labels": real_labels,
        "fake_labels": fake_labels,
    }
    for side, labels in (("real", real_labels), ("fake", fake_labels)):
        if labels is not None:
            given[f"{side}_labels"] = as_labels(labels, side, len(sides[side]))
    found: dict[str, Tensor] = {}

    def features_of(side: str) -> Tensor:
        if side not in found:
            if telling is not None:
                telling(f"features of the {side} samples")
            found[side] = extract(
                made,
                sides[side],
                batch_size=batch_size,
                value_range=source,
                name=side,
                cache=None if side == "fake" else cache,
            )
        return found[side]

    def probabilities_of(side: str) -> Tensor:
        if not isinstance(made, ClassifierExtractor) or made.probabilities is None:
            raise PoiseError(
                "The inception score needs class probabilities",
                mend="give extractor=small_classifier(samples, labels)",
            )
        return _probabilities(made, sides[side], source, batch_size)

    results = []
    for metric in chosen:
        raw = "centres" in metric.needs
        arguments = [
            _argument(metric, need, given, sides, features_of, probabilities_of) for need in metric.needs
        ]
        keywords = {"seed": seed, **wanted.get(metric.name, {})}
        keywords |= _optional(metric, sides, features_of, probabilities_of, keywords)
        allowed = _keywords_of(metric)
        for name in wanted.get(metric.name, {}):
            if name not in allowed:
                raise unknown_name(f"setting of the metric '{metric.name}'", name, allowed)
        if telling is not None:
            telling(metric.name)
        result = metric.one_shot(*arguments, **{name: keywords[name] for name in keywords if name in allowed})
        protocol: dict[str, Any] = {} if raw else _protocol(made, source)
        if result.reference and not raw:
            protocol["reference"] = reference
        results.append(replace(result, **protocol))
    return results


@dataclass(frozen=True)
class Reference:
    """What a cheap evaluation needs of the reals, computed once.

    Attributes:
        features: Of at most `most` reals, `(N, d)`, float64.
        radii: Squared distance of each to its fifth neighbour.
        floors: Real against real at this number of reals and `fakes` fakes, by metric.
        fakes: For how many fakes the floors hold.
        extractor: What made the features.
        value_range: The range of pixels; `None` for vectors.
        fingerprint: Of the reals.
        centres: Centres of a known mixture, and `standard_deviation` its modes'; `None` for other data.
    """

    features: Tensor
    radii: Tensor
    floors: Mapping[str, float | Mapping[str, float]]
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
        held_out: Reals that were not trained on, for the floors.
        seed: Draws the reals.

    Raises:
        PoiseError: Fewer than 12 reals, pixels in no known range, or an extractor that misbehaves.

    Example:
        >>> import torch
        >>> from poise.metrics.evaluation import cheap_evaluation, reference_of
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
    others = None
    if held_out is not None:
        others = as_features(extract(made, held_out, value_range=source, name="held-out"), "held-out")

    enough = fakes * len(features) // (len(features) + fakes) > NEIGHBOUR
    floors: dict[str, float | Mapping[str, float]] = {}
    if enough or others is not None:
        of_shares = floor_of(
            lambda one, other: shares(one, other, NEIGHBOUR), features, fakes, others, seed=seed, repeats=2
        )
        distance = floor_of(
            lambda one, other: torch.tensor([distance_of(one, other)]),
            features,
            fakes,
            others,
            seed=seed,
            repeats=4,
            bias_power=1.0,
        )
        floors = {
            "frechet-distance": float(distance.values),
            "precision-recall-density-coverage": dict(zip(NAMES, of_shares.values.tolist(), strict=True)),
        }
    return Reference(
        features=features,
        radii=squared_radii(centred(features)[0], NEIGHBOUR),
        floors=floors,
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
            mend="generate samples of the shape of the data",
        )
    fits = len(features) == reference.fakes and bool(reference.floors)
    return features, {
        "floor_method": "reals against other reals, computed once"
        if fits
        else f"none: the reference holds floors for {reference.fakes} fakes",
        "samples": {"real": len(reference.features), "fake": len(features)},
        "reference": reference.fingerprint,
        "details": {"seconds_of_features": time.perf_counter() - started},
        **_protocol(reference.extractor, reference.value_range),
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


def check_shapes(sides: Mapping[str, Tensor]) -> None:
    """Refuse sets of samples of different shapes.

    Args:
        sides: The sets by name; the first is what the others must be like.

    Raises:
        PoiseError: They differ; the message names both shapes.
    """
    (first, model), *rest = sides.items()
    for name, samples in rest:
        if samples.shape[1:] != model.shape[1:]:
            raise PoiseError(
                f"The {first} samples have the shape {tuple(model.shape[1:])} and the {name} ones "
                f"{tuple(samples.shape[1:])}",
                mend="bring both to one shape",
            )


def _argument(
    metric: Metric,
    need: str,
    given: Mapping[str, Any],
    sides: Mapping[str, Tensor],
    features_of: Any,
    probabilities_of: Any,
) -> Any:
    """What `metric` needs, from what was given."""
    if need == "fake" and "centres" in metric.needs:
        return sides["fake"]
    if need in ("real", "train"):
        return features_of("real")
    if need == "fake":
        return features_of("fake")
    if need == "probabilities":
        return probabilities_of("fake")
    if need == "held_out" and "train" in metric.needs:
        return features_of("held-out") if "held-out" in sides else None
    if given.get(need) is not None:
        return given[need]
    if need not in given:
        raise PoiseError(
            f"The metric '{metric.name}' measures networks and not samples",
            mend=f"call poise.metrics.{metric.one_shot.__name__} with the networks",
        )
    raise PoiseError(f"The metric '{metric.name}' needs {need.replace('_', ' ')}", mend=f"give {need}=")


def _optional(
    metric: Metric,
    sides: Mapping[str, Tensor],
    features_of: Any,
    probabilities_of: Any,
    keywords: Mapping[str, Any],
) -> dict[str, Any]:
    """What `metric` can use besides: held-out reals or the reals themselves, and enough replicates."""
    allowed = _keywords_of(metric)
    out: dict[str, Any] = {}
    if "held_out" in allowed and "held-out" in sides:
        out["held_out"] = features_of("held-out")
    if "real" in allowed:
        out["real"] = probabilities_of("real") if "probabilities" in metric.needs else features_of("real")
    if "replicates" in allowed and "replicates" not in keywords and allowed["replicates"].default is None:
        out["replicates"] = default_replicates(features_of("real"), features_of("fake")) or FEW_REPLICATES
    return out


def _keywords_of(metric: Metric) -> dict[str, inspect.Parameter]:
    parameters = list(inspect.signature(metric.one_shot).parameters.values())
    return {parameter.name: parameter for parameter in parameters[len(metric.needs) :]}


def _protocol(extractor: Extractor, source: ValueRange | None) -> dict[str, Any]:
    return {
        "extractor": extractor.name,
        "weights_hash": extractor.weights_hash,
        "preparation": extractor.preparation,
    }


def _probabilities(
    made: ClassifierExtractor, samples: Tensor, source: ValueRange | None, batch_size: int
) -> Tensor:
    assert made.probabilities is not None
    rows = []
    with frozen(made.module):
        for start in range(0, len(samples), batch_size):
            batch = samples[start : start + batch_size]
            if source is not None and made.takes is not None:
                batch = to_range(batch, source, made.takes)
            rows.append(made.probabilities(batch).double())
    return torch.cat(rows)
