"""Runs of tables and files of rows, measured from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import poise
from poise.data import TableTransform, open_data
from poise.evaluation.tables import mixture_of_products, row_set
from poise.metrics import METRICS
from poise.metrics.row_sets import independent_columns

PEOPLE = Path(__file__).parents[1] / "fixtures" / "people.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    changes: dict[str, Any] = {
        "batch_size": 50,
        "generator.components": 5,
        "held_out": 60,
        "evaluate_every": 0,
    }
    return poise.train(PEOPLE, steps=3, out=tmp_path_factory.mktemp("runs") / "people", **changes)


def test_a_run_is_measured_beside_plain_generators_and_reals(run: Any) -> None:
    assert run.recipe.name == "table"
    found = {result.metric: result for result in poise.evaluate(run, samples=150).results}
    assert set(found) == {
        "column-shapes",
        "pair-trends",
        "missing-share",
        "boosted-detection",
        "trained-on-fakes",
        "nearer-to-training",
    }
    assert set(found["boosted-detection"].values) == {
        "boosted_detection",
        "boosted_detection_of_mixture",
        "boosted_detection_of_independent",
    }
    assert found["trained-on-fakes"].samples["test"] == 60
    assert found["trained-on-fakes"].settings["target"] == "member"
    assert all(result.intervals for result in found.values())


def test_a_file_of_rows_is_measured_against_another(run: Any, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    transform = run.generator.transform
    kind = run.generator.kind
    assert kind.write_file is not None
    kind.write_file(rows, [run.generator(run.generator.latents(200))], transform)
    assert rows.read_text().splitlines()[0] == PEOPLE.read_text().splitlines()[0]
    found = poise.evaluate(rows, against=PEOPLE)
    names = [result.metric for result in found.results]
    assert names == ["column-shapes", "pair-trends", "missing-share", "boosted-detection"]
    with pytest.raises(poise.PoiseError) as caught:
        poise.evaluate(rows, against=PEOPLE, metrics=["trained-on-fakes"])
    assert caught.value.code == "evaluation.no-unseen-rows"


def test_a_mixture_keeps_the_pairs_that_independent_columns_lose() -> None:
    stream = np.random.default_rng(0)
    group = stream.integers(0, 3, 2_000)
    frame = {"a": group, "b": group + stream.integers(0, 2, 2_000), "c": stream.integers(0, 3, 2_000)}
    import polars

    dataset = open_data(
        polars.DataFrame({name: [f"v{one}" for one in column] for name, column in frame.items()})
    )
    transform = dataset.transform
    assert isinstance(transform, TableTransform)
    stored = dataset.gather(np.arange(2_000)).numpy()
    real = row_set(stored, transform)
    mixture = row_set(mixture_of_products(stored, transform, 2_000, seed=0), transform)
    pairs = [
        float(METRICS["pair-trends"].measure(real, side, seed=0))
        for side in (mixture, independent_columns(real, seed=0))
    ]
    assert pairs[0] > 0.93 and pairs[1] < 0.9
