"""The table of metrics, in the order in which they are measured; and results as lines of a run's record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from poise.metrics.classifiers import (
    classifier_accuracy_score,
    classifier_two_sample_test,
    nearest_neighbour_two_sample_test,
)
from poise.metrics.copies import birthday_test, memorisation
from poise.metrics.frechet import frechet_distance
from poise.metrics.frechet_at_scale import frechet_distance_extrapolated
from poise.metrics.graphs import graph_distances, graph_novelty
from poise.metrics.grids import autocorrelation, power_spectrum, value_distribution
from poise.metrics.kernel import kernel_distance
from poise.metrics.metric import Metric
from poise.metrics.mixture_modes import mode_statistics
from poise.metrics.neighbours import precision_recall_density_coverage
from poise.metrics.players import duality_gap, latent_path_length
from poise.metrics.result import Result, as_interval, as_number
from poise.metrics.row_copies import nearer_to_training
from poise.metrics.row_models import boosted_detection, trained_on_fakes
from poise.metrics.rows import column_shapes, missing_share, pair_trends
from poise.metrics.scores import inception_score, vendi_score
from poise.metrics.sliced_wasserstein import mind, sliced_wasserstein_distance
from poise.metrics.translation_errors import cycle_error, translation_errors
from poise.metrics.triangle_f1 import triangle_f1
from poise.metrics.vocoder_errors import vocoder_errors
from poise.metrics.wave_faults import wave_faults
from poise.registry import Registry

By = Literal["training", "evaluate"]
# The fields of a result that all of its lines repeat
SHARED = (
    "samples",
    "settings",
    "extractor",
    "weights_hash",
    "preparation",
    "reference",
    "interval_method",
    "floor_method",
)
METRICS: Registry[Metric] = Registry(
    "metric",
    [
        measure.row
        for measure in (
            translation_errors,
            cycle_error,
            vocoder_errors,
            mode_statistics,
            triangle_f1,
            frechet_distance,
            frechet_distance_extrapolated,
            kernel_distance,
            sliced_wasserstein_distance,
            mind,
            precision_recall_density_coverage,
            vendi_score,
            autocorrelation,
            power_spectrum,
            value_distribution,
            wave_faults,
            classifier_two_sample_test,
            nearest_neighbour_two_sample_test,
            inception_score,
            classifier_accuracy_score,
            birthday_test,
            memorisation,
            duality_gap,
            latent_path_length,
            column_shapes,
            pair_trends,
            missing_share,
            boosted_detection,
            trained_on_fakes,
            nearer_to_training,
            graph_novelty,
            graph_distances,
        )
    ],
)


def default_metrics(data: str) -> tuple[str, ...]:
    """The metrics that suit `"samples"`, a `"mixture"`, `"pairs"` or `"domains"`."""
    return tuple(metric.name for metric in METRICS.values() if data in metric.default_for)


def metrics_that_need(*any_of: str) -> tuple[str, ...]:
    """The metrics that need any of these, in the table's order."""
    return tuple(metric.name for metric in METRICS.values() if set(any_of) & set(metric.needs))


def better_side(measure: str, name: str) -> str:
    """Which way a number of a metric is better: `lower`, `higher`, or an empty text."""
    lower = METRICS[measure].lower_is_better if measure in METRICS else None
    side = lower.get(name) if isinstance(lower, Mapping) else lower
    return "" if side is None else "lower" if side else "higher"


def lines_of(result: Result, *, step: int, by: By) -> list[dict[str, Any]]:
    """A result as lines, one for each of its numbers."""
    plain = result.to_json()
    shared = {"by": by, "measure": result.metric, "protocol": result.protocol_digest}
    shared |= {part: plain[part] for part in SHARED}
    lines = []
    for name, value in result.values.items():
        number = name if isinstance(result.value, Mapping) else _plain_name(result.metric)
        line: dict[str, Any] = {"step": step, "metric": number, "value": value}
        if name in result.intervals:
            line["interval"] = list(result.intervals[name])
        if name in result.floors:
            line["floor"] = result.floors[name]
        better = better_side(result.metric, name)
        lines.append(line | ({"better": better} if better else {}) | shared)
    return lines


def results_of(lines: Iterable[Mapping[str, Any]]) -> list[tuple[int, By, Result]]:
    """The results that lines hold, oldest first, each with its step and who measured it."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for line in lines:
        if all(part in line for part in ("step", "metric", "value", "by", "measure", "protocol", *SHARED)):
            key = line["step"], line["by"], line["measure"], line["protocol"]
            groups[key] = [*(old for old in groups.get(key, []) if old["metric"] != line["metric"]), line]
    return [(step, by, _result(measure, found)) for (step, by, measure, _), found in groups.items()]


def _result(measure: str, lines: list[Mapping[str, Any]]) -> Result:
    values = {line["metric"]: as_number(line["value"]) for line in lines}
    intervals = {line["metric"]: as_interval(line["interval"]) for line in lines if "interval" in line}
    floors = {line["metric"]: as_number(line["floor"]) for line in lines if "floor" in line}
    shared = {part: lines[0][part] for part in SHARED}
    name = _plain_name(measure)
    if [*values] == [name]:
        return Result(measure, values[name], intervals.get(name), floor=floors.get(name), **shared)
    return Result(measure, values, intervals or None, floor=floors or None, **shared)


def _plain_name(metric: str) -> str:
    return metric.replace("-", "_")
