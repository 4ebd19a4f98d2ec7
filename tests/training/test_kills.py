"""kill -9 at every kind of moment: the resumed run ends with the bits of one that never stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from poise.dynamics import Players
from poise.generator import sampling
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder, tensors_folder
from poise.training import Resumption, begin, pick_device, plan, resume
from poise.training.batches import BatchSampler
from poise.training.callbacks import pictures

pytestmark = pytest.mark.usefixtures("few_compared")
CPU = pick_device("cpu")
STEPS = 6


def recipe() -> Recipe:
    changes: dict[str, Any] = {
        "batch_size": 700,  # three batches an epoch, so that a kill falls within one
        "steps": STEPS,
        "log_every": 2,
        "sample_every": 2,
        "generator": {"name": "mlp", "width": 8},
        "discriminator": {"name": "mlp", "width": 8},
        "dynamics.discriminator_steps": 2,
        "regularisers.r1.every": 2,
        "checkpoints.every_steps": 1,
    }
    return recipe_with(RECIPES["non-saturating"], changes)


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def on_call(number: int, then: Callable[..., Any]) -> Callable[..., Any]:
    """`then`, but the process dies when it is called for the `number`-th time."""
    calls = 0

    def wrapped(*arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            die()
        return then(*arguments, **keywords)

    return wrapped


MOMENTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "in the middle of an epoch": lambda patch: patch.setattr(
        BatchSampler, "next", on_call(8, BatchSampler.next)
    ),
    "between the two players' moves": lambda patch: patch.setattr(
        Players, "apply_gradients", on_call(9, Players.apply_gradients)
    ),
    "before a lazy penalty's update": lambda patch: patch.setattr(
        Players, "apply_gradients", on_call(8, Players.apply_gradients)
    ),
    "while a checkpoint is written": lambda patch: patch.setattr(
        tensors_folder, "write_file", on_call(18, tensors_folder.write_file)
    ),
    "before a checkpoint's folder gets its name": lambda patch: patch.setattr(
        Path, "rename", on_call(5, Path.rename)
    ),
    "while a picture is made": lambda patch: patch.setattr(
        pictures, "generate", on_call(3, sampling.generate)
    ),
    "after the last checkpoint, before its generator": lambda patch: patch.setattr(
        RunFolder, "save_generator", on_call(STEPS, RunFolder.save_generator)
    ),
    "before the run is said to be finished": lambda patch: patch.setattr(
        RunFolder, "set_status", on_call(2, RunFolder.set_status)
    ),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    path = tmp_path_factory.mktemp("whole") / "run"
    begin(plan("digits", recipe(), CPU), path, notify=lambda sentence: None)
    return RunFolder.open(path).load_checkpoint(STEPS).trained


@pytest.mark.parametrize("context", MOMENTS)
def test_killed_and_resumed(
    context: str, whole: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    planned = plan("digits", recipe(), CPU)
    child = os.fork()
    if child == 0:
        MOMENTS[context](monkeypatch)
        begin(planned, path, notify=lambda sentence: None)
        os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the process was to die on the way"
    run = RunFolder.open(path)
    assert run.status == "interrupted" and run.holder() is None
    assert 1 <= max(run.checkpoint_steps()) <= STEPS

    assert resume(Resumption(path, CPU), notify=lambda sentence: None).status == "finished"
    found = run.load_checkpoint(STEPS).trained
    assert [name for name in whole if not torch.equal(whole[name], found[name])] == []
    assert [line["step"] for line in run.lines("history")] == [2, 4, 6]
    assert run.load_generator()[1]["step"] == STEPS
    left = [file.name for file in path.rglob(".*")]
    assert left == [], "no temporary file or folder stays"


def test_random_moments(whole: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "run"
    planned = plan("digits", recipe(), CPU)
    generator = torch.Generator().manual_seed(3)
    for attempt in range(5):
        child = os.fork()
        if child == 0:
            signal.setitimer(
                signal.ITIMER_REAL, 0.05 + float(torch.rand((), generator=generator)) * 0.3 + attempt / 10
            )
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            try:
                if attempt == 0 or not (path / "recipe.json").exists():
                    begin(planned, path, notify=lambda sentence: None)
                else:
                    resume(Resumption(path, CPU), notify=lambda sentence: None)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        torch.rand((), generator=generator)
    if not (path / "recipe.json").exists():
        begin(planned, path, notify=lambda sentence: None)
    run = RunFolder.open(path)
    if run.status != "finished":
        resume(Resumption(path, CPU), notify=lambda sentence: None)
    found = run.load_checkpoint(STEPS).trained
    assert [name for name in whole if not torch.equal(whole[name], found[name])] == []
