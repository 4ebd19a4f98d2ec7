"""What every metric of the table does, and a new one that is one function and one row."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import poise
from poise.data import new_triangles
from poise.data.mel import MelSpectrogram
from poise.evaluation import evaluate
from poise.metrics import METRICS, Metric, Result, cheap_evaluation, compare, reference_of
from poise.metrics import evaluate as measure
from poise.metrics.arrays import as_pair
from poise.metrics.graph_sets import GraphSet
from poise.metrics.lines import lines_of, results_of
from poise.metrics.metric import Prepared, timed
from poise.metrics.row_sets import RowSet

STREAM = torch.Generator().manual_seed(0)
REAL, FAKE = (torch.randn(60, 3, generator=STREAM, dtype=torch.float64) for _ in range(2))
IMAGES = torch.rand(3, 1, 8, 8, generator=STREAM)
GRIDS = torch.randn(2, 60, 2, 1, 8, 10, generator=STREAM)
LABELS = torch.arange(60) % 2
TRIANGLES = torch.as_tensor(new_triangles(30, seed=0)).float() / 255
ROWS = [
    RowSet(
        ("size", "group"),
        np.stack([values[:, 0].numpy(), LABELS.numpy()], 1),
        np.zeros((60, 2), dtype=bool),
        np.array([True, False]),
        1,
    )
    for values in (REAL, FAKE, FAKE + 1)
]
GRAPHS = [
    GraphSet((codes | codes.transpose(0, 2, 1)).astype(np.uint8), np.ones(60, dtype=bool))
    for codes in (np.random.default_rng(0).random((2, 60, 5, 5)) < 0.4) | np.eye(5, dtype=bool)
]


def result_of(metric: Metric) -> Result:
    """A result of the metric, by what it needs."""
    given: dict[str, Any] = {
        "real": REAL,
        "fake": FAKE,
        "train": REAL,
        "held_out": FAKE + 1,
        "real_labels": LABELS,
        "fake_labels": LABELS,
        "probabilities": FAKE.softmax(1),
        "centres": REAL[:3],
        "standard_deviation": 0.5,
        "real_samples": GRIDS[0],
        "fake_samples": GRIDS[1],
        "real_rows": ROWS[0],
        "train_rows": ROWS[0],
        "fake_rows": ROWS[1],
        "test_rows": ROWS[2],
        "real_graphs": GRAPHS[0],
        "train_graphs": GRAPHS[0],
        "fake_graphs": GRAPHS[1],
        "real_triangles": TRIANGLES,
        "fake_triangles": TRIANGLES[:20].flip(2),
        "made": torch.zeros(3, 1, 8, 8),
        "wanted": IMAGES,
    }
    waves = REAL.reshape(3, 60).repeat(1, 64)[:, :2048] / 5
    given |= {"made_waves": waves / 2, "wanted_waves": waves, "plain_waves": waves.flip(1)}
    given |= {"real_waves": waves.repeat(2, 1), "fake_waves": waves.flip(1).repeat(2, 1)}
    given |= {"spectrogram": MelSpectrogram.for_rate(8_000)}
    given |= {"back": given["made"], "start": given["wanted"]}
    return metric.measure(*(given[need] for need in metric.needs))


OF_NETWORKS = [metric.name for metric in METRICS.values() if "generator" in metric.needs]
OF_SAMPLES = [name for name in METRICS if name not in OF_NETWORKS]


@pytest.mark.parametrize("name", METRICS)
def test_a_row_names_what_its_function_takes(name: str) -> None:
    metric = METRICS[name]
    parameters = inspect.signature(metric.measure).parameters.values()
    required = [one for one in parameters if one.default is one.empty and one.kind is not one.KEYWORD_ONLY]
    assert len(required) == len(metric.needs)
    assert metric.measure.__name__.replace("_", "-") == name


@pytest.mark.parametrize("name", OF_SAMPLES)
def test_every_result_keeps_the_contract(name: str) -> None:
    metric = METRICS[name]
    result, again = result_of(metric), result_of(metric)
    assert result.metric == name
    sides = metric.lower_is_better
    assert not isinstance(sides, Mapping) or set(sides) == set(result.values)
    assert result.values == again.values, "the same samples have the same numbers"
    assert compare(result, again).differences == pytest.approx(dict.fromkeys(result.values, 0.0))
    for number, (low, high) in result.intervals.items():
        assert low <= result.values[number] <= high or number == "reverse_kl"
    assert result.interval_method
    assert result.floor_method
    assert result.seconds > 0
    assert Result.from_json(json.loads(json.dumps(result.to_json()))).protocol == result.protocol
    ((step, by, read),) = results_of(lines_of(result, step=3, by="evaluate"))
    assert (step, by, read.values, read.protocol_digest) == (
        3,
        "evaluate",
        result.values,
        result.protocol_digest,
    )


@pytest.fixture
def mean_distance(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A new metric: one function, one row."""

    @timed
    def mean_distance(real: object, fake: object) -> Result:
        reals, fakes = as_pair(real, fake)
        return _of(reals, fakes)

    def _of(reals: Tensor, fakes: Tensor) -> Result:
        value = float((reals.mean(0) - fakes.mean(0)).norm())
        sizes = {"real": len(reals), "fake": len(fakes)}
        return Result("mean-distance", value, None, "none", None, "none", sizes)

    def prepared(reals: Tensor, **_: object) -> Prepared:
        return lambda fakes, *, replicates, seed: _of(reals, fakes)

    row = Metric(
        name="mean-distance",
        measure=mean_distance,
        summary="How far apart the means are.",
        source="here",
        needs=("real", "fake"),
        lower_is_better=True,
        while_training=prepared,
    )
    monkeypatch.setattr(METRICS, "_parts", {**METRICS, row.name: row})
    yield row.name


def test_a_new_metric_is_measured_everywhere(mean_distance: str, tmp_path: Path) -> None:
    expected = float((REAL.mean(0) - FAKE.mean(0)).norm())
    (found,) = measure(REAL, FAKE, metrics=[mean_distance])
    assert float(found) == pytest.approx(expected)
    assert found.extractor == "identity"
    cheap = {result.metric: result for result in cheap_evaluation(reference_of(REAL, fakes=60), FAKE)}
    assert float(cheap[mean_distance]) == pytest.approx(expected)
    # A run: measured while it is trained, then by its name; the record says which side is better.
    rows = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    small = {"name": "mlp", "width": 8}
    run = poise.train(
        str(tmp_path / "rows.npy"),
        out=tmp_path / "run",
        steps=2,
        batch_size=8,
        evaluate_every=2,
        generator=small,
        discriminator=small,
    )
    evaluate(run, metrics=["mean_distance"])
    lines = [line for line in run.folder.lines("metrics") if line["metric"] == "mean_distance"]
    assert [line["by"] for line in lines] == ["training", "evaluate"]
    assert {line["better"] for line in lines} == {"lower"}
