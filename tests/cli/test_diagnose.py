"""`poise diagnose` and `poise train --doctor`, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from poise.cli.session import doctor_status
from poise.diagnosis import budget
from poise.recipes import RECIPES, recipe_with
from poise.run_folder import RunFolder
from poise.training import StepContext, pick_device, plan
from poise.training.callbacks import doctor
from poise.training.remedies import begin_with_remedies

from .conftest import Cli, refused

SMALL: dict[str, Any] = {"batch_size": 16, "steps": 40, "generator.width": 8, "discriminator.width": 8}
CPU = pick_device("cpu")


@pytest.fixture(autouse=True)
def every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_SHARE", 1e9)


def diagnose(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, Any]]]:
    from poise.cli.app import app

    status = app([*("diagnose", *words), "--json"], result_action="return_value")
    return int(status), [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_log_by_its_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.csv"
    fid = [100 / (1 + step) + 10 for step in range(40)]
    for more, status, word in (([], 0, "OK"), ([40.0 + 5 * step for step in range(20)], 3, "TROUBLE")):
        log.write_text(
            "step,fid\n" + "\n".join(f"{step},{value}" for step, value in enumerate([*fid, *more]))
        )
        found, events = diagnose(str(log), capsys=capsys)
        assert found == status
        assert events[-1]["status"] == word
        assert events[-1]["columns"] == {"step": "step", "metric": "fid"}
        assert events[-1]["not_checked"]["mode-collapse"] == "a log holds no samples"
    assert [event["name"] for event in events[:-1]] == ["quality-regressed"]


def test_what_is_over_has_no_remedies_and_what_is_missing_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from poise.cli.app import app

    log = tmp_path / "log.csv"
    fid = [100 / (1 + step) + 10 for step in range(40)]
    rows = [*fid, *(40.0 + 5 * step for step in range(20)), *fid[-20:]]
    log.write_text("step,fid\n" + "\n".join(f"{step},{value}" for step, value in enumerate(rows)))
    assert app(["diagnose", str(log)], result_action="return_value") == 0
    told = capsys.readouterr().out
    assert "recovered (trouble) quality-regressed" in told and "expect within" not in told
    assert told.count("not checked, because a log holds no samples: ") == 1


def test_too_few_readings_have_an_exit_status_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.csv"
    log.write_text("iter,d_loss,g_loss\n" + "".join(f"{step},1.{step},1.{step + 2}\n" for step in range(5)))
    status, events = diagnose(str(log), capsys=capsys)
    assert (status, events[-1]["status"]) == (6, "TOO FEW")
    from poise.cli.app import app

    assert app(["diagnose", str(log)], result_action="return_value") == 6
    assert "not 5 readings" in capsys.readouterr().out


def test_a_console_log_is_read_as_its_program_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "loss_log.txt"
    line = "(epoch: {}, iters: 100, time: 0.1, data: 0.2) D_A: 0.2{} G_A: 0.3{} D_B: 0.000 G_B: 1.00{} \n"
    log.write_text("".join(line.format(epoch, *[epoch % 9] * 3) for epoch in range(1, 40)))
    status, events = diagnose(str(log), capsys=capsys)
    assert status == 1
    ends = [event for event in events if event["event"] == "diagnosis"]
    assert [(end["run"], end["status"]) for end in ends] == [("D_A and G_A", "OK"), ("D_B and G_B", "WATCH")]
    assert {end["program"] for end in ends} == {"pix2pix, CycleGAN"}


def test_several_runs_have_a_line_each_and_one_can_be_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cli: Cli
) -> None:
    from poise.cli.app import app

    for run, end in (("good", 9.0), ("worse", 90.0)):
        (tmp_path / run).mkdir()
        rows = "".join(f"{step},{100 / (1 + step) + 10}\n" for step in range(20)) + f"20,{end}\n21,{end}\n"
        (tmp_path / run / "metrics.csv").write_text(f"step,fid\n{rows}")
    assert app(["diagnose", str(tmp_path)], result_action="return_value") == 3
    good, worse = capsys.readouterr().out.splitlines()
    assert good.split() == ["good", "OK"]
    assert worse.split()[:3] == ["worse", "TROUBLE", "quality-regressed"]
    assert diagnose(str(tmp_path), "--run", "good", capsys=capsys)[0] == 0
    refused(cli, "diagnose", tmp_path, "--run", "god", code="unknown-run", names=("'god'", "good"))


def test_columns_that_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.csv"
    log.write_text("a,b\n" + "\n".join(f"{step},{1 / (step + 1)}" for step in range(30)))
    status, events = diagnose(str(log), "--columns", "step=a", "metric=b", capsys=capsys)
    assert status == 0
    assert events[-1]["columns"] == {"step": "a", "metric": "b"}


def test_a_column_that_is_not_named_is_refused(cli: Cli) -> None:
    Path("log.csv").write_text("step,fid\n1,2\n2,1\n")
    names = ("'metric'", "metric=fid50k")
    refused(cli, "diagnose", "log.csv", "--columns", "metric", code="cli.bad-column", names=names)


def test_columns_of_a_run_are_refused(cli: Cli, digits_run: Path) -> None:
    words = ("diagnose", digits_run, "--columns", "metric=fid")
    refused(cli, *words, code="cli.columns-of-a-run", names=("--columns",))


def test_a_folder_that_is_no_run_and_no_log_is_refused(cli: Cli) -> None:
    done = cli("diagnose", ".")
    assert done.status == 2 and done.err.count("\n") == 1


def test_a_run_is_diagnosed_from_its_readings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from poise.cli.app import app

    out = tmp_path / "run"
    words = ["train", "spiral", "--out", str(out), "--json", *(f"--set={k}={v}" for k, v in SMALL.items())]
    assert app(words, result_action="return_value") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["doctor"] for line in lines if line["event"] == "line"} <= {"", "OK", "WATCH", "TROUBLE"}
    _, events = diagnose(str(out), capsys=capsys)
    assert events[-1]["readings"] == len(RunFolder(out).lines("readings")) == 40
    assert events[-1]["not_checked"]["condition-ignored"] == "the samples are made without conditions"


def test_a_run_that_no_doctor_watched_is_refused(cli: Cli) -> None:
    small = (f"--set={name}={value}" for name, value in SMALL.items())
    assert cli("train", "spiral", "--out", "run", "--doctor", "off", *small).status == 0
    assert not Path("run/readings.jsonl").is_file()
    refused(cli, "diagnose", "run", code="cli.no-readings", names=("run/history.jsonl",))


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([], "OK"),
        ([("a", 1, "watch", "open")], "WATCH"),
        ([("a", 1, "watch", "open"), ("b", 1, "trouble", "open")], "TROUBLE"),
        ([("a", 1, "trouble", "open"), ("a", 1, "trouble", "recovered")], "OK"),
        ([("a", 1, "trouble", "recovered"), ("a", 9, "trouble", "open")], "TROUBLE"),
    ],
)
def test_the_word_for_a_run(lines: list[tuple[str, int, str, str]], word: str) -> None:
    keys = ("name", "first_step", "severity", "status")
    assert doctor_status([dict(zip(keys, line, strict=True)) for line in lines]) == word


def spoiler(at: int, run: Path) -> Callable[[StepContext], None]:
    def spoil(context: StepContext) -> None:
        if context.step == at and context.run.path == run:
            with torch.no_grad():
                next(context.components.modules["generator"].parameters()).fill_(torch.nan)

    return spoil


def test_a_remedy_is_tried_in_a_branch_and_kept_where_it_is_no_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "CHECKS", 4)  # too few for any rule but that of values that are not finite
    out = tmp_path / "run"
    changes = {**SMALL, "sample_every": 10, "checkpoints.every_steps": 10}
    planned = plan("spiral", recipe_with(RECIPES["non-saturating"], changes), CPU)
    said: list[str] = []
    outcome = begin_with_remedies(planned, out, callbacks=[spoiler(15, out)], notify=said.append)
    lineage = RunFolder(out).lines("lineage")
    assert lineage[0]["finding"] == "non-finite"
    assert lineage[0]["remedy"]["change"].startswith("halve both learning rates")
    branch = RunFolder(tmp_path / "run-remedy-1")
    assert branch.read_json("lineage")["from_step"] == 10  # the last checkpoint before the trouble
    rate = branch.recipe["optimisers"]["generator"]["learning_rate"]
    before = planned.recipe.optimisers.generator.learning_rate
    assert isinstance(before, float)
    assert rate == pytest.approx(before / 2)
    assert lineage[0]["kept"]
    assert outcome.status == "finished"
    assert outcome.run.path == branch.path
    assert any(sentence.startswith("Trying a remedy for non-finite") for sentence in said)


def test_it_gives_up_after_the_stated_tries(tmp_path: Path) -> None:
    from poise.errors import PoiseError

    out = tmp_path / "run"

    def spoil(context: StepContext) -> None:
        if context.step == 15:
            with torch.no_grad():
                next(context.components.modules["generator"].parameters()).fill_(torch.nan)

    planned = plan("spiral", recipe_with(RECIPES["non-saturating"], {**SMALL, "sample_every": 10}), CPU)
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.non-finite"):
        begin_with_remedies(planned, out, callbacks=[spoil], notify=lambda sentence: None, tries=2)
    tried = RunFolder(out).lines("lineage")
    assert 1 <= len(tried) <= 2
    assert not any(line["kept"] for line in tried)


def test_a_run_without_trouble_has_no_branch(tmp_path: Path) -> None:
    planned = plan("spiral", recipe_with(RECIPES["non-saturating"], {**SMALL, "steps": 10}), CPU)
    outcome = begin_with_remedies(planned, tmp_path / "run", notify=lambda sentence: None)
    assert outcome.status == "finished"
    assert outcome.run.path == tmp_path / "run"
    assert not outcome.run.lines("lineage")
