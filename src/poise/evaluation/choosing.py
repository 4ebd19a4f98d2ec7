"""Which metrics are meant, and which suit the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.data import DataKind, kind_of
from poise.metrics import METRICS

FOR_MIXTURES = ("mode-statistics", "frechet-distance", "precision-recall-density-coverage")
FOR_PAIRS = ("translation-errors", "frechet-distance")
FOR_DOMAINS = ("cycle-error", "frechet-distance")


def metric_named(written: str) -> str:
    """The metric that a person means by its name, or by the name of one of its numbers.

    Raises:
        PoiseError: There is none.

    Example:
        >>> metric_named("frechet_distance"), metric_named("coverage")
        ('frechet-distance', 'precision-recall-density-coverage')
    """
    number = written.replace("-", "_")
    for metric in METRICS.values():
        if isinstance(metric.lower_is_better, Mapping) and number in metric.lower_is_better:
            return metric.name
    return METRICS.named(written.replace("_", "-")).name


def default_metrics(data: Mapping[str, Any]) -> tuple[str, ...]:
    """What suits a run's data.

    Args:
        data: What its `data.json` says.

    Example:
        >>> default_metrics({"kind": "vector", "name": "points.npy"})[0]
        'frechet-distance'
    """
    sides = data.get("summary", {}).get("origin")
    if sides in ("pairs", "domains"):
        return FOR_PAIRS if sides == "pairs" else FOR_DOMAINS
    known = data.get("origin", {}).get("kind") == "built-in" and data.get("name") in ("ring", "grid")
    return suiting(kind_of(data), mixture=known)


def suiting(kind: DataKind, *, mixture: bool) -> tuple[str, ...]:
    """What suits data of a kind, or a mixture whose modes are known."""
    return FOR_MIXTURES if mixture else kind.metrics
