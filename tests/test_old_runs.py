"""Runs that version 0.1 made: each opens, samples, reports, and resumes to what 0.1 itself made of it.

`fixtures/runs-of-0.1/` holds four of them at step 6. Its `ends.json` holds what that version's own code gave
when it resumed them to step 9: the sum of the absolute values of each tensor of the checkpoint,
by its old name, and two samples of seed 1.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import poise
from poise.run_folder import RunFolder

RUNS = Path(__file__).parent / "fixtures" / "runs-of-0.1"
ENDS: dict[str, Any] = json.loads((RUNS / "ends.json").read_text(encoding="utf-8"))
SINGLE = ("non-saturating", "conditional", "began")


def present(name: str) -> str:
    """What a tensor of version 0.1 is called now."""
    name = name.replace("average/generator/", "ema/generator/")
    return name.replace("game/balance", "game/discriminator_loss/balance")


@pytest.fixture
def copied(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNS / request.param, tmp_path / request.param))


def weights(generator: poise.Generator) -> float:
    return float(sum(value.double().abs().sum() for value in generator.module.state_dict().values()))


def assert_same_end(run: RunFolder, name: str) -> None:
    found = {key: float(value.double().abs().sum()) for key, value in run.load_checkpoint(9).trained.items()}
    wanted = {present(key): value for key, value in ENDS[name].items()}
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-9)


def assert_samples(generator: poise.Generator, name: str) -> None:
    made = generator.sample(2, seed=1)
    assert made.reshape(-1) == pytest.approx(np.array(ENDS[f"{name}/samples"]), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("copied", SINGLE, indirect=True)
def test_an_old_run_opens_samples_and_reports(copied: Path) -> None:
    run = poise.open_run(copied)
    assert run.status == "finished"
    assert run.history[-1]["step"] == 6
    saved = run.folder.recipe["optimisers"]["generator"]["rate"]
    assert run.recipe.optimisers.generator.learning_rate == saved
    assert run.sample(3, seed=1).shape == (3, 1, 8, 8)
    # Of a checkpoint, the averaged generator is found by its old name; it is the one that was saved beside.
    assert weights(poise.Generator.load(copied, checkpoint=6)) == weights(run.generator)
    assert "<svg" in run.report().read_text(encoding="utf-8")


@pytest.mark.parametrize("copied", SINGLE, indirect=True)
def test_an_old_run_goes_on_as_it_would_have_gone_on(copied: Path) -> None:
    run = poise.resume(copied, steps=9, device="cpu")
    assert run.status == "finished" and run.history[-1]["step"] == 9
    assert_same_end(run.folder, copied.name)
    assert_samples(run.generator, copied.name)


@pytest.mark.parametrize("copied", ["many"], indirect=True)
def test_old_runs_side_by_side_go_on_as_they_would_have_gone_on(copied: Path) -> None:
    runs = poise.open_runs(copied)
    assert len(runs) == 2 and runs.status == "finished"
    assert runs[1].sample(3).shape == (3, 2)
    assert runs.report().is_file()
    runs = runs.resume(steps=9, device="cpu")
    assert runs.status == runs[0].status == "finished"
    assert_same_end(runs.folder, "many")
    assert_samples(runs[1].generator, "many")
