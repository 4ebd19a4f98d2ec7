"""Many games as a sitting: folders, kills, games that are lost, and single runs that go on from them."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

import poise
from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder, game_folders
from poise.training import Resumption, pick_device, resume
from poise.training.vectorised import EnsembleContext, begin_many, plan_many, resume_many
from poise.web import write_report

CPU = pick_device("cpu")
STEPS = 8


def recipe(**changes: Any) -> Recipe:
    tiny = {
        "batch_size": 16,
        "latent.size": 2,
        "steps": STEPS,
        "log_every": 2,
        "sample_every": 4,
        "generator": {"name": "mlp", "width": 8, "batch_norm": True},
        "discriminator": {"name": "mlp", "width": 8},
        "regularisers.r1.every": 2,
        "dynamics.discriminator_steps": 2,
        "checkpoints.every_steps": 2,
    }
    return recipe_with(RECIPES["non-saturating"], {**tiny, **changes})


def silent(sentence: str) -> None:
    """Nobody is told."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "ring"
    begin_many(plan_many("ring", recipe(), CPU, seeds=3), path, notify=silent)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of which tests take copies."""
    path = tmp_path_factory.mktemp("finished") / "ring"
    begin_many(plan_many("ring", recipe(), CPU, seeds=2), path, notify=silent)
    return path


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of four steps, of which tests take copies."""
    path = tmp_path_factory.mktemp("short") / "ring"
    begin_many(plan_many("ring", recipe(steps=4), CPU, seeds=2), path, notify=silent)
    return path


def without_clock(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in lines]


def test_every_seed_has_a_run_that_can_be_opened_and_sampled(whole: Path) -> None:
    assert RunFolder(whole).is_many
    runs = poise.open_runs(whole)
    assert len(runs) == 3
    assert [run.recipe.seed for run in runs] == [0, 1, 2]
    for run in runs:
        assert run.status == "finished"
        assert run.sample(5).shape == (5, 2)
        assert [line["step"] for line in run.history] == [2, 4, 6, 8]
        measured = run.folder.lines("metrics")
        assert {line["metric"] for line in measured} == {
            "frechet_distance",
            "modes",
            "high_quality",
            "reverse_kl",
        }
        assert run.folder.samples()
    assert runs.history[-1]["games"] == 3
    page = runs.report().read_text(encoding="utf-8")
    assert "3 games were trained side by side" in page
    assert "Reverse KL" in page
    assert "seed-2" in page
    with pytest.raises(PoiseError, match="open_runs"):
        poise.open_run(whole)


@pytest.mark.parametrize("killed_at", [3, 5])
def test_killed_and_resumed_to_the_bit(killed_at: int, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "ring"
    planned = plan_many("ring", recipe(), CPU, seeds=3)

    def die(context: EnsembleContext) -> None:
        if context.step == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        begin_many(planned, path, notify=silent, watch=die)
        os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert resume_many(Resumption(path, CPU), notify=silent).status == "finished"
    ended, wanted = (RunFolder.open(one).load_checkpoint(STEPS) for one in (path, whole))
    assert ended.state.items() >= {"step": STEPS, "drawn": wanted.state["drawn"]}.items()
    for name, value in wanted.trained.items():
        assert torch.equal(ended.tensors[name], value), name
    for one, other in zip(game_folders(path), game_folders(whole), strict=True):
        for what in ("history", "metrics"):
            assert without_clock(one.lines(what)) == without_clock(other.lines(what))


def test_killed_after_the_last_checkpoint(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "ring"
    shutil.copytree(whole, path)
    RunFolder.open(path).set_status("running", step=STEPS)  # as a process leaves it that is killed
    for game in game_folders(path):
        shutil.rmtree(game.path / "generator")
    assert resume_many(Resumption(path, CPU), notify=silent).status == "finished"
    assert [game.load_generator()[1]["step"] for game in game_folders(path)] == [STEPS] * 3


def test_one_seed_goes_on_alone_from_where_all_ended(finished: Path, tmp_path: Path) -> None:
    path = shutil.copytree(finished, tmp_path / "ring")
    resume(Resumption(path / "seed-1", CPU, steps=STEPS + 4), notify=silent)
    longer = tmp_path / "longer"
    begin_many(plan_many("ring", recipe(steps=STEPS + 4), CPU, seeds=[1]), longer, notify=silent)
    one = RunFolder.open(path / "seed-1").load_checkpoint(STEPS + 4).trained
    other = RunFolder.open(longer / "seed-1").load_checkpoint(STEPS + 4).trained
    for name, value in other.items():
        torch.testing.assert_close(one[name], value, rtol=1e-3, atol=1e-5)


def test_what_a_seed_did_alone_is_not_undone_by_all(short: Path, tmp_path: Path) -> None:
    path = shutil.copytree(short, tmp_path / "ring")
    resume(Resumption(path / "seed-1", CPU, steps=6), notify=silent)
    before = (path / "seed-1/history.jsonl").read_bytes()
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.game-resumed-alone"):
        resume_many(Resumption(path, CPU, steps=8), notify=silent)
    assert (path / "seed-1/history.jsonl").read_bytes() == before
    assert RunFolder.open(path).recipe["steps"] == 4


def test_a_seed_that_another_process_trains_is_left_as_it_is(short: Path, tmp_path: Path) -> None:
    path = shutil.copytree(short, tmp_path / "ring")
    run = RunFolder.open(path / "seed-1")
    run.append("history", {"step": 5})
    with run.locked(), pytest.raises(PoiseError, match="seed-1"):
        resume_many(Resumption(path, CPU, steps=8), notify=silent)
    assert run.lines("history")[-1] == {"step": 5}


def test_all_are_extended(finished: Path, tmp_path: Path) -> None:
    path = shutil.copytree(finished, tmp_path / "ring")
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.steps-done"):
        resume_many(Resumption(path, CPU), notify=silent)
    runs = poise.open_runs(path).resume(steps=STEPS + 2, device="cpu")
    assert [run.history[-1]["step"] for run in runs] == [STEPS + 2] * 2


def test_a_game_that_is_lost_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    base = recipe(**{"optimisers.discriminator.name": "sgd", "checkpoints.every_steps": 1})
    told: list[str] = []
    grid = {"optimisers.discriminator.learning_rate": [1e-3, 1e25]}
    outcome = begin_many(
        plan_many("ring", base, CPU, seeds=1, grid=grid), tmp_path / "two", notify=told.append
    )
    assert outcome.lost == 1
    assert any("2-seed-0 is lost" in sentence for sentence in told)
    good, bad = game_folders(tmp_path / "two")
    assert (good.status, bad.status) == ("finished", "failed")
    [finding] = bad.lines("findings")
    assert finding["name"] == "non-finite"
    begin_many(
        plan_many("ring", base, CPU, seeds=1, grid={"optimisers.discriminator.learning_rate": [1e-3]}),
        tmp_path / "one",
        notify=silent,
    )
    [only] = game_folders(tmp_path / "one")
    for name, value in only.load_checkpoint(STEPS).trained.items():
        torch.testing.assert_close(good.load_checkpoint(STEPS).trained[name], value, rtol=1e-3, atol=1e-5)
    assert "failed" in write_report(tmp_path / "two").read_text(encoding="utf-8")


def test_no_game_left_is_a_failure_with_its_own_status(tmp_path: Path) -> None:
    base = recipe(**{"optimisers.discriminator.name": "sgd", "optimisers.discriminator.learning_rate": 1e25})
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.no-game-left") as caught:
        begin_many(plan_many("ring", base, CPU, seeds=2), tmp_path / "two", notify=silent)
    assert caught.value.exit_status == 4
    assert RunFolder.open(tmp_path / "two").status == "failed"


def test_structures_that_differ_are_trained_in_one_sitting(tmp_path: Path) -> None:
    grid: dict[str, list[Any]] = {"loss": ["hinge", "minimax"], "generator.width": [4, 8]}
    begin_many(plan_many("ring", recipe(), CPU, seeds=1, grid=grid), tmp_path / "four", notify=silent)
    assert [run.status for run in game_folders(tmp_path / "four")] == ["finished"] * 4


def test_in_python_and_its_refusals(tmp_path: Path) -> None:
    runs = poise.train(torch.randn(64, 2), recipe(), seeds=2, out=tmp_path / "given", device="cpu", steps=2)
    assert len(runs) == 2
    assert {line["metric"] for line in runs[1].folder.lines("metrics")} == {"frechet_distance"}
    with pytest.raises(PoiseError) as refused:
        poise.train("ring", grid={"loss": ["hinge"]})  # type: ignore[call-overload]  # on purpose
    assert refused.value.code == "training.grid-without-seeds"
    with pytest.raises(PoiseError) as refused:
        poise.train("ring", seeds=2, generator=torch.nn.Linear(64, 2))
    assert refused.value.code == "training.one-run-only"
