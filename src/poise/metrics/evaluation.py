"""Samples in, results out: any set of metrics at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError, unknown_name
from poise.metrics.arrays import as_labels
from poise.metrics.features import (
    ClassifierExtractor,
    ValueRange,
    as_extractor,
    default_extractor,
    extract,
    frozen,
    protocol_of,
)
from poise.metrics.features.images import as_samples, common_range, to_range
from poise.metrics.fingerprint import fingerprint
from poise.metrics.frechet_halves import default_replicates
from poise.metrics.metric import Metric
from poise.metrics.result import Result
from poise.metrics.table import METRICS

DEFAULT_METRICS = ("frechet-distance", "kernel-distance", "precision-recall-density-coverage")

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
                hint="give extractor=small_classifier(samples, labels)",
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
        protocol: dict[str, Any] = {} if raw else protocol_of(made)
        if result.reference and not raw:
            protocol["reference"] = reference
        results.append(replace(result, **protocol))
    return results


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
                hint="bring both to one shape",
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
            hint=f"call poise.metrics.{metric.one_shot.__name__} with the networks",
        )
    raise PoiseError(f"The metric '{metric.name}' needs {need.replace('_', ' ')}", hint=f"give {need}=")


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
