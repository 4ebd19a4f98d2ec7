"""Any set of metrics at once, measured on samples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError, unknown_name
from poise.metrics.arrays import as_labels, as_samples, common_range, fingerprint, to_range
from poise.metrics.features import (
    ClassifierExtractor,
    Extractor,
    ValueRange,
    as_extractor,
    default_extractor,
    extract,
    frozen,
    protocol_of,
)
from poise.metrics.frechet import default_replicates
from poise.metrics.metric import Metric
from poise.metrics.result import Result
from poise.metrics.table import METRICS, default_metrics

# Half-samples for the interval of a distance whose features are so wide that the default would be none
FEW_REPLICATES = 20
# What a metric may need besides samples
GIVEN = ("real_labels", "fake_labels", "centres", "standard_deviation")


def evaluate(
    real: Any,
    fake: Any,
    *,
    metrics: Sequence[str] | None = None,
    extractor: Any = None,
    held_out: Any = None,
    train: Any = None,
    unseen: Any = None,
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
        real: Images `(N, C, H, W)` or vectors `(N, d)`, array or tensor.
        fake: Generated samples of the same shape.
        metrics: Names out of `METRICS`, with hyphens or underscores; by default those that suit any samples.
        extractor: An extractor, network or function; by default random convolutions for images and the
            numbers themselves for vectors.
        held_out: Reals that the generator was not trained on: for the floors, and for `memorisation`.
        train: What the generator may have copied, for `memorisation`; by default the reals.
        unseen: Reals that are not among `train`, for `memorisation`; by default `held_out`.
        real_labels: Classes of the reals `(N,)`, for `classifier-accuracy-score`.
        fake_labels: Classes that the fakes were made for.
        centres: Centres of a known mixture `(K, d)`, for `mode-statistics`.
        standard_deviation: Of its modes.
        settings: Settings of a metric by its name: `{"precision-recall-density-coverage": {"k": 3}}`.
        value_range: The range of all pixels; recognised if it is not given.
        batch_size: Samples at once through the extractor.
        cache: A folder to store features of reals in, by content.
        seed: Seeds half-samples, directions and classifiers.
        telling: Called with what comes next, in words, as features and metrics take their time.

    Returns:
        A result for each metric, in that order.

    Raises:
        PoiseError: An unknown metric or setting; something that a metric needs and that is not given; samples
            of different shapes or ranges; or whatever the metric itself refuses.

    Example:
        >>> import torch
        >>> stream = torch.Generator().manual_seed(0)
        >>> real, fake = (torch.rand(100, 1, 8, 8, generator=stream) for _ in range(2))
        >>> [result.metric for result in evaluate(real, fake, metrics=["kernel-distance"])]
        ['kernel-distance']
    """
    chosen = [_named(name) for name in metrics or default_metrics("samples")]
    wanted = {_named(name).name: dict(own) for name, own in (settings or {}).items()}
    sides = {"real": as_samples(real, "real"), "fake": as_samples(fake, "fake")}
    for side, samples in (("held-out", held_out), ("training", train), ("unseen", unseen)):
        if samples is not None:
            sides[side] = as_samples(samples, side)
    shape = tuple(sides["real"].shape[1:])
    for name, samples in sides.items():
        if samples.shape[1:] != shape:
            raise PoiseError(
                f"The real samples have the shape {shape} and the {name} ones {tuple(samples.shape[1:])}",
                code="metrics.different-shapes",
                hint="bring both to one shape",
            )
    pixels = value_range
    if len(shape) == 3 and pixels is None:
        pixels = common_range(sides["real"], sides["fake"])
    given = dict(zip(GIVEN, (real_labels, fake_labels, centres, standard_deviation), strict=True))
    for side in ("real", "fake"):
        if given[f"{side}_labels"] is not None:
            given[f"{side}_labels"] = as_labels(given[f"{side}_labels"], side, len(sides[side]))
    made = default_extractor(sides["real"]) if extractor is None else as_extractor(extractor)
    inputs = _Inputs(made, sides, given, pixels, batch_size, cache, seed, telling or (lambda words: None))
    references = {name: fingerprint(sides[name]) for name in sides if name in ("real", "training")}
    results = []
    for metric in chosen:
        parameters = [*inspect.signature(metric.measure).parameters.values()][len(metric.needs) :]
        defaults = {parameter.name: parameter.default for parameter in parameters}
        own = wanted.get(metric.name, {})
        for name in own:
            if name not in defaults:
                raise unknown_name(f"setting of the metric '{metric.name}'", name, defaults)
        arguments = [inputs.needed(metric, need) for need in metric.needs]
        more = {name: inputs.optional(metric, name, defaults[name]) for name in defaults if name not in own}
        inputs.telling(metric.name)
        result = metric.measure(*arguments, **own, **more)
        if "centres" not in metric.needs:
            against = "training" if "train" in metric.needs and "training" in sides else "real"
            reference = result.reference and references[against]
            of_features = not any(need.endswith("_samples") for need in metric.needs)
            result = replace(result, **(protocol_of(made) if of_features else {}), reference=reference)
        results.append(result)
    return results


def _named(metric: str) -> Metric:
    return METRICS.named(metric.replace("_", "-"))


@dataclass(frozen=True)
class _Inputs:
    """What metrics can be given; features and probabilities are computed when they are first needed."""

    extractor: Extractor
    sides: Mapping[str, Tensor]
    given: Mapping[str, Any]
    pixels: ValueRange | None
    batch_size: int
    cache: Path | None
    seed: int
    telling: Callable[[str], None]
    found: dict[str, Tensor] = field(default_factory=dict)

    def needed(self, metric: Metric, need: str) -> Any:
        """What `metric` needs under this name."""
        side = need.removesuffix("_samples")
        if (need == "fake" and "centres" in metric.needs) or (side != need and side in self.sides):
            return self.sides[side]
        if need in ("real", "fake"):
            return self.features(need)
        if need == "train":
            return self.features("training" if "training" in self.sides else "real")
        if need == "probabilities":
            return self.probabilities("fake")
        if need == "held_out" and "train" in metric.needs:
            side = "unseen" if "unseen" in self.sides else "held-out"
            return self.features(side) if side in self.sides else None
        if self.given.get(need) is not None:
            return self.given[need]
        if need in GIVEN:
            raise PoiseError(
                f"The metric '{metric.name}' needs {need.replace('_', ' ')}",
                code="metrics.missing-input",
                hint=f"give {need}=",
            )
        raise PoiseError(
            f"The metric '{metric.name}' does not measure samples against samples",
            code="metrics.not-of-samples",
            hint=f"call poise.metrics.{metric.measure.__name__} with {', '.join(metric.needs)}",
        )

    def optional(self, metric: Metric, name: str, default: Any) -> Any:
        """The setting of that name: held-out reals, the reals, enough replicates, or its default."""
        if name == "seed":
            return self.seed
        if name == "held_out" and "held-out" in self.sides:
            return self.features("held-out")
        if name == "held_out_samples":
            return self.sides.get("held-out")
        if name == "real":
            return self.probabilities("real") if "probabilities" in metric.needs else self.features("real")
        if name == "replicates" and default is None:
            return default_replicates(self.features("real"), self.features("fake")) or FEW_REPLICATES
        return default

    def features(self, side: str) -> Tensor:
        if side not in self.found:
            self.telling(f"features of the {side} samples")
            self.found[side] = extract(
                self.extractor,
                self.sides[side],
                batch_size=self.batch_size,
                value_range=self.pixels,
                name=side,
                cache=None if side == "fake" else self.cache,
            )
        return self.found[side]

    def probabilities(self, side: str) -> Tensor:
        made = self.extractor
        if not isinstance(made, ClassifierExtractor) or made.probabilities is None:
            raise PoiseError(
                "The inception score needs class probabilities",
                code="metrics.no-probabilities",
                hint="give extractor=small_classifier(samples, labels)",
            )
        rows = []
        with frozen(made.module):
            for batch in self.sides[side].split(self.batch_size):
                if self.pixels is not None and made.takes is not None:
                    batch = to_range(batch, self.pixels, made.takes)  # noqa: PLW2901
                rows.append(made.probabilities(batch).double())
        return torch.cat(rows)
