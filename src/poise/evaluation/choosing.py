"""What the user chose: metrics, features, a checkpoint; and what suits the data if nothing is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from poise.data import KINDS, DataKind, kind_of
from poise.errors import PoiseError
from poise.evaluation.subjects import Which
from poise.metrics import METRICS
from poise.metrics.features import EXTRACTORS, Extractor, as_extractor
from poise.metrics.table import default_metrics


def metric_named(written: str) -> str:
    """The metric of that name, or with a number of that name."""
    number = written.replace("-", "_")
    for metric in METRICS.values():
        if isinstance(metric.lower_is_better, Mapping) and number in metric.lower_is_better:
            return metric.name
    return METRICS.named(written.replace("_", "-")).name


def metrics_for(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The metrics that suit a run's data, by the record in its `data.json`."""
    sides = data.get("summary", {}).get("origin")
    if sides in ("pairs", "domains"):
        return default_metrics(sides)
    known = data.get("origin", {}).get("kind") == "built-in" and data.get("name") in ("ring", "grid")
    return default_metrics("mixture") if known else kind_of(data).metrics


def extractor_for(features: Any, of: DataKind, real: Tensor, labels: Tensor | None, cache: Path) -> Extractor:
    """The extractor that the user means: a name, an extractor, a network, a function, or `None`."""
    if features is not None and not isinstance(features, str):
        return as_extractor(features)
    kind = EXTRACTORS.named(of.features if features is None else features)
    if not kind.serves(of.name) and kind.name != of.features:
        fit = ", ".join(f"'{other.name}'" for other in EXTRACTORS.values() if other.serves(of.name))
        takes = " and ".join(KINDS[name].plural for name in kind.takes)
        raise PoiseError(
            f"The features '{kind.name}' are of {takes}, and these samples are {of.plural}",
            code="evaluation.features-unfit",
            hint=f"choose one of {fit}",
        )
    if "channels" in kind.needs:
        return kind.build(real.shape[1])
    if "labels" in kind.needs:
        if labels is None:
            raise PoiseError(
                f"The features '{kind.name}' are trained on labels, and the data came without",
                code="evaluation.no-labels",
                hint="give them: --labels FILE.csv, or choose other features",
            )
        return kind.build(real, labels, cache=cache)
    return kind.build(cache=cache) if "cache" in kind.needs else kind.build()


def which_of(written: str) -> Which:
    """A checkpoint by its name or step, as the command line takes it."""
    if written == "best":
        return "best"
    if written == "newest":
        return "newest"
    if written.isdecimal():
        return int(written)
    raise PoiseError(
        f"There is no checkpoint '{written}'",
        code="evaluation.no-checkpoint",
        hint="say newest, best, or a step: 2000",
    )
