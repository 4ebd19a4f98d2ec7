"""On a GPU, if there is one: `python -m pytest -m gpu`, which `make gpu-check` runs, too."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

import poise
from poise.training.rehearsal import rehearse
from small_recipes import without_its_end

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that this PyTorch can use"),
]

SMALL: dict[str, Any] = {
    "steps": 20,
    "batch_size": 8,
    "evaluate_every": 10,
    "log_every": 5,
    "device": "cuda",
    "generator": {"name": "dcgan", "width": 8},
    "discriminator": {"name": "dcgan", "width": 8},
}


@pytest.mark.parametrize(
    "recipe", ["non-saturating", "wasserstein-gp", "relativistic-r1r2", "began", "hinge-sn", "consensus"]
)
def test_recipes_train_and_sample(recipe: str, tmp_path: Path) -> None:
    networks = {} if recipe not in ("began",) else {"discriminator": {"name": "autoencoder", "width": 8}}
    run = poise.train("digits", recipe, out=tmp_path / "run", **{**SMALL, **networks})
    line = run.folder.lines("history")[-1]
    assert all(math.isfinite(line[name]) for name in ("generator_loss", "discriminator_loss"))
    assert run.folder.lines("readings")
    assert torch.isfinite(torch.as_tensor(run.sample(4))).all()


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_run_goes_on_from_its_checkpoint(precision: str, tmp_path: Path) -> None:
    settings = {**SMALL, "precision": precision, "augmentations": {"ada": {}}, "doctor": "off"}
    whole = poise.train("digits", out=tmp_path / "whole", checkpoints={"every_steps": 19}, **settings)
    cut = poise.resume(without_its_end(tmp_path / "whole", tmp_path / "cut", 20), device="cuda")
    wanted, found = (run.folder.load_checkpoint(20).trained for run in (whole, cut))
    # One step lies between: Adam may turn the rounding of a small gradient into a step of its rate.
    torch.testing.assert_close(found, wanted, rtol=2e-2, atol=4e-3)


def test_a_checkpoint_of_the_gpu_goes_on_on_the_cpu(tmp_path: Path) -> None:
    poise.train("digits", out=tmp_path / "run", **{**SMALL, "steps": 10})
    assert poise.resume(tmp_path / "run", steps=12, device="cpu").status == "finished"


def test_a_value_that_is_not_finite_ends_the_run(tmp_path: Path) -> None:
    def spoil(context: Any) -> None:
        if context.step == 6:
            with torch.no_grad():
                next(context.components.modules["generator"].parameters()).fill_(torch.nan)

    with pytest.raises(poise.PoiseError) as ended:
        poise.train("digits", out=tmp_path / "run", callbacks=[spoil], **SMALL)
    assert ended.value.code == "training.non-finite"


def test_many_games_are_trained_at_once(tmp_path: Path) -> None:
    networks = {player: {"name": "mlp", "width": 16} for player in ("generator", "discriminator")}
    many = poise.train("ring", seeds=3, out=tmp_path / "many", **{**SMALL, **networks})
    assert [game.status for game in many] == ["finished"] * 3


def test_a_run_is_rehearsed_within_the_memory_of_the_card() -> None:
    from poise.recipes import RECIPES, recipe_with
    from poise.training import pick_device, plan

    changes = {name: value for name, value in SMALL.items() if name != "device"}
    found = rehearse(plan("digits", recipe_with(RECIPES["non-saturating"], changes), pick_device("cuda")))
    assert found is not None and found.step_seconds > 0 and found.memory > 0
