"""After a resume, what a run has logged is byte for byte what it would have logged without the stop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from poise.diagnosis import budget
from poise.recipes import RECIPES, recipe_with
from poise.run_folder import RunFolder
from poise.training import Request, Resumption, StepContext, begin, pick_device, plan, resume

CPU = pick_device("cpu")
STEPS = 60
TIMES = ("seconds", "images_per_second")


def silent(sentence: str) -> None:
    """Nobody is told."""


def stopping(at: int) -> Any:
    def callback(context: StepContext) -> Request | None:
        return "stop" if context.step == at else None

    return callback


def logged(path: Path, name: str) -> list[str]:
    lines = RunFolder.open(path).lines(name)
    return [json.dumps({k: v for k, v in line.items() if k not in TIMES}) for line in lines]


RECIPE = recipe_with(
    RECIPES["non-saturating"],
    {
        "steps": STEPS,
        "batch_size": 16,
        "generator.width": 8,
        "discriminator.width": 8,
        "log_every": 12,
    },
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run that never stopped; no check of this module depends on the clock."""
    path = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "MOST_SHARE", 1.0)
        begin(plan("ring", RECIPE, CPU), path, notify=silent)
        yield path


@pytest.mark.parametrize("at", [15, 37])
def test_history_readings_and_findings_are_those_of_the_uninterrupted_run(
    at: int, whole: Path, tmp_path: Path
) -> None:
    begin(plan("ring", RECIPE, CPU), tmp_path / "cut", callbacks=[stopping(at)], notify=silent)
    cut = RunFolder.open(tmp_path / "cut")
    assert cut.status == "interrupted"
    assert cut.lines("history")[-1]["step"] == at, "the final state has its line"
    assert cut.samples()[-1][0] == at, "and its picture"
    assert cut.lines("readings")[-1]["step"] == at, "and its measurement"

    resume(Resumption(tmp_path / "cut", CPU), notify=silent)
    for name in ("history", "readings", "findings"):
        assert logged(tmp_path / "cut", name) == logged(whole, name), name
    one, other = (RunFolder.open(path).load_checkpoint(STEPS) for path in (tmp_path / "cut", whole))
    assert one.tensors.keys() == other.tensors.keys()
    assert all(torch.equal(one.tensors[name], value) for name, value in other.tensors.items())
