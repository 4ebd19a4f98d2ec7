"""The cheap distance while training: its floor, its best, and that it never costs much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poise.data import open_data
from poise.metrics.frechet import gaussian_distance
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.training import begin, pick_device, plan, quality
from poise.training.quality import QualityWatch, fitted

CPU = pick_device("cpu")


def recipe(**changes: Any) -> Recipe:
    small: dict[str, Any] = {
        "batch_size": 32,
        "steps": 20,
        "sample_every": 4,
        "generator": {"name": "mlp", "width": 16},
        "discriminator": {"name": "mlp", "width": 16},
    }
    return recipe_with(RECIPES["non-saturating"], {**small, **changes})


def test_the_best_checkpoint_is_of_the_least_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "MOST_SHARE", 1e9)
    begin(plan("digits", recipe(), CPU), tmp_path / "run", say=print)
    run = RunFolder.open(tmp_path / "run")
    lines = run.lines("metrics")
    assert [line["step"] for line in lines] == [4, 8, 12, 16, 20]
    best = min(lines, key=lambda line: float(line["value"]))
    assert run.load_checkpoint("best").step == best["step"]
    assert all(line["samples"] == 898 and 0 < line["floor"] < line["value"] for line in lines)


def test_reals_lie_at_the_floor_and_noise_far_above() -> None:
    source = open_data("digits")
    watch = QualityWatch(recipe(), source, print)
    others = source.encoding.encode(source.gather(np.arange(898)))
    assert watch.reference is not None
    noise = torch.rand(898, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    # A random half is within twice another random half; noise is a hundred times as far.
    assert gaussian_distance(watch.reference, fitted(others)) < 2 * watch.floor
    assert gaussian_distance(watch.reference, fitted(noise)) > 50 * watch.floor


def test_beyond_its_share_of_the_time_it_leaves_turns_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "MOST_SHARE", 0.0)
    begin(plan("digits", recipe(), CPU), tmp_path / "run", say=print)
    assert [line["step"] for line in RunFolder.open(tmp_path / "run").lines("metrics")] == [4]


def test_two_samples_are_too_few_to_measure(tmp_path: Path) -> None:
    points = np.random.default_rng(0).standard_normal((3, 2)).astype(np.float32)
    begin(plan(points, recipe(batch_size=2), CPU), tmp_path / "run", say=print)
    assert RunFolder.open(tmp_path / "run").lines("metrics") == []
