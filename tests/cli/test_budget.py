"""`poise train --budget`: a time becomes a number of steps, which is told and recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poise.cli import main
from poise.training import rehearsal
from poise.training.rehearsal import BESIDE, Rehearsal


def run(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, object]]]:
    status = main([*words, "--json"])
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_steps_of_a_budget_are_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = Rehearsal(step_seconds=0.05, images_per_second=2560, seconds=60, memory=1, picture_seconds=0.5)
    monkeypatch.setattr(rehearsal, "rehearse", lambda _: pace)
    monkeypatch.setattr(rehearsal, "measuring_seconds", lambda *_: 0.3)
    words = ("train", "ring", "--budget", "3s", "--doctor", "off", "--out", str(tmp_path / "run"))
    status, events = run(*words, capsys=capsys)
    assert status == 0
    start = next(one for one in events if one["event"] == "start")
    recorded = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert recorded["steps"] == start["steps"] == int((3 - 0.5 - 0.3) / (BESIDE * 0.05))
    expected = start["expected"]
    assert isinstance(expected, dict)
    assert 0 < expected["seconds"] <= 3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--budget", "soon"), "cli.budget-unread"),
        (("--budget", "0s"), "cli.budget-unread"),
        (("--budget", "3s", "--steps", "10"), "cli.budget-with-steps"),
        (("--budget", "3s", "--seeds", "2"), "training.one-run-only"),
    ],
)
def test_budgets_that_cannot_be_are_refused(
    words: tuple[str, ...], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, events = run("train", "ring", *words, "--out", str(tmp_path / "run"), capsys=capsys)
    assert status == 2
    assert events[-1]["code"] == code
    assert not (tmp_path / "run").exists()
