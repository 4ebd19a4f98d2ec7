"""Eigenvalues on request: in the run's numbers and its report, without touching the training."""

from pathlib import Path
from typing import Any

import pytest
import torch

from poise.errors import PoiseError
from poise.recipes import RECIPES, recipe_with
from poise.run_folder import RunFolder
from poise.training import begin, pick_device, plan
from poise.web import write_report

CPU = pick_device("cpu")
TINY: dict[str, Any] = {
    "batch_size": 8,
    "steps": 4,
    "generator": {"name": "mlp", "width": 8, "batch_norm": True},
    "discriminator": {"name": "mlp", "width": 8},
}


def silent(sentence: str) -> None:
    """Nobody is told."""


def test_they_are_measured_and_the_training_is_the_same(tmp_path: Path) -> None:
    for name, every in (("with", 2), ("without", None)):
        recipe = recipe_with(RECIPES["minimax"], {**TINY, "eigenvalues_every": every})
        begin(plan("ring", recipe, CPU), tmp_path / name, notify=silent)
    runs = [RunFolder.open(tmp_path / name) for name in ("with", "without")]
    states = [run.load_checkpoint(4).trained for run in runs]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    lines = [line for line in runs[0].lines("metrics") if "eigenvalues" in line]
    assert sorted({line["step"] for line in lines}) == [2, 4]
    modulus = [line for line in lines if line["metric"] == "leading_eigenvalue_modulus"]
    for line in modulus:
        assert line["value"] == pytest.approx(abs(complex(*line["eigenvalues"][0])))
    assert not any("eigenvalues" in line for line in runs[1].lines("metrics"))
    assert "Leading eigenvalue modulus" in write_report(tmp_path / "with").read_text(encoding="utf-8")


def test_networks_that_are_too_large_are_refused_before_training() -> None:
    wide = {**TINY, "generator": {"name": "mlp", "width": 600}, "eigenvalues_every": 1}
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.eigenvalues-too-large"):
        plan("ring", recipe_with(RECIPES["minimax"], wide), CPU)
