"""What the user names, and what suits the data if nothing is named."""

from __future__ import annotations

from poise.evaluation.choosing import metric_named, metrics_for, which_of
from poise.metrics.table import default_metrics, metrics_that_need


def test_a_metric_by_its_name_or_that_of_a_number() -> None:
    assert metric_named("frechet_distance") == "frechet-distance"
    assert metric_named("coverage") == "precision-recall-density-coverage"


def test_metrics_that_suit_data() -> None:
    assert metrics_for({"kind": "vector", "name": "points.npy"})[0] == "frechet-distance"
    assert default_metrics("samples")[:2] == ("frechet-distance", "kernel-distance")
    assert metrics_that_need("made", "back") == ("translation-errors", "cycle-error")


def test_a_checkpoint_by_its_name_or_step() -> None:
    assert which_of("best") == "best"
    assert which_of("2000") == 2000
