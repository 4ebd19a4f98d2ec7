"""Runs side by side: one protocol, and differences held against chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import poise
from poise.errors import PoiseError
from poise.evaluation import compare_runs
from poise.evaluation.comparing import rows_of
from poise.metrics import frechet_distance, memorisation
from poise.run_folder import RunFolder

SMALL: dict[str, Any] = {
    "steps": 3,
    "batch_size": 16,
    "generator": {"name": "mlp", "width": 8},
    "discriminator": {"name": "mlp", "width": 8},
}
QUICK: dict[str, Any] = {"metrics": ["frechet-distance"]}


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [
        poise.train("ring", out=tmp_path / name, seed=seed, **SMALL).path for seed, name in enumerate("ab")
    ]


def normal(seed: int, count: int = 400, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed)) + shift


def test_only_what_is_beyond_chance_is_called_so() -> None:
    real = normal(0)
    results = [
        [frechet_distance(real, normal(seed, shift=shift))] for seed, shift in ((1, 0), (2, 0), (3, 1))
    ]
    (row,) = rows_of(results)
    assert (row.name, row.better) == ("frechet-distance", "lower")
    assert sorted(cell.verdict for cell in row.cells[:2]) == ["best", "within"]
    assert row.cells[2].verdict == "beyond"


def test_what_has_no_better_side_has_no_best() -> None:
    real, held_out = normal(0), normal(1)
    rows = list(rows_of([[memorisation(real, held_out, normal(seed))] for seed in (2, 3)]))
    assert [row.name for row in rows] == ["c_t", "authentic"]
    assert all(cell.verdict == "" for row in rows for cell in row.cells)


def test_different_protocols_are_refused_by_name() -> None:
    real = normal(0)
    with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.different-protocols"):
        list(rows_of([[frechet_distance(real, normal(1))], [frechet_distance(real, normal(1, 300))]]))


def test_runs_are_measured_once_and_then_read(runs: list[Path]) -> None:
    first = compare_runs(runs, **QUICK)
    again = compare_runs(runs, **QUICK)
    assert (first.stored, again.stored) == (False, True)
    assert first.names == again.names == ("a", "b")
    assert first.rows == again.rows
    assert [line["by"] for line in RunFolder.open(runs[0]).lines("metrics") if "by" in line].count(
        "evaluate"
    ) == 1
    # Another metric was not kept, so all are measured anew; so they are where one asks for another seed.
    assert not compare_runs(runs, metrics=["frechet-distance", "coverage"], samples=60).stored
    assert not compare_runs(runs, seed=1, samples=60, **QUICK).stored


def test_runs_of_two_seeds_are_each_held_against_what_they_were_trained_on(tmp_path: Path) -> None:
    """A seed chooses which rows are held out, so what may have been copied differs, and may differ."""
    rows = np.random.default_rng(0).standard_normal((200, 3)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    runs = [
        poise.train(
            str(tmp_path / "rows.npy"), out=tmp_path / f"run-{seed}", seed=seed, held_out=0.2, **SMALL
        ).path
        for seed in (0, 1)
    ]
    first = compare_runs(runs, metrics=["memorisation"])
    one, other = (results[0] for results in first.results)
    assert one.reference != other.reference
    assert [row.name for row in first.rows] == ["c_t", "authentic"]
    again = compare_runs(runs, metrics=["memorisation"])
    assert again.stored
    assert again.rows == first.rows


def test_seeds_trained_side_by_side_are_compared_on_data_that_have_not_changed(tmp_path: Path) -> None:
    """Each seed of a mixture draws rows of its own, which is no change of the data."""
    runs = poise.train("ring", out=tmp_path / "many", seeds=2, **SMALL)
    one, other = (run.folder.data for run in runs)
    assert one["fingerprint"] != other["fingerprint"]
    compared = compare_runs([run.path for run in runs], samples=60, **QUICK)
    assert compared.names == ("seed-0", "seed-1")
    assert not any("have changed" in notice for notice in compared.notices)
    # A run whose record is of other rows of the same seed is told of as before.
    runs[0].folder.write_json("data", {**one, "fingerprint": "of earlier rows"})
    (notice,) = poise.evaluate(runs[0], samples=60, **QUICK).notices
    assert "have changed" in notice


def test_results_of_two_protocols_are_measured_anew(runs: list[Path]) -> None:
    poise.evaluate(runs[0], samples=50, **QUICK)
    poise.evaluate(runs[1], samples=60, **QUICK)
    compared = compare_runs(runs, **QUICK)
    assert not compared.stored
    assert {result.samples["fake"] for results in compared.results for result in results} == {5000}


def test_runs_on_different_data_need_a_common_yardstick(runs: list[Path], tmp_path: Path) -> None:
    other = poise.train("grid", out=tmp_path / "grid", **SMALL).path
    with pytest.raises(PoiseError, check=lambda error: error.code == "evaluation.different-data"):
        compare_runs([runs[0], other])
    compared = compare_runs([runs[0], other], against="grid", samples=50, metrics=["modes"])
    assert [row.name for row in compared.rows] == ["modes", "high_quality", "reverse_kl"]


@pytest.mark.parametrize(
    ("names", "code"),
    [(["a"], "one-run"), (["a", "a"], "run-twice"), (["a", "c"], "not-a-run")],
)
def test_what_cannot_be_compared_is_named(
    names: list[str], code: str, runs: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(PoiseError) as refused:
        compare_runs([tmp_path / name for name in names])
    assert refused.value.code == f"evaluation.{code}"
