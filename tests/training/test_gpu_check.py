"""The check of a GPU: it runs anywhere at tiny sizes, publishes nothing of that, and ends without a card."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from benchmarks import gpu


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu", *words])
    gpu.main()


def test_without_a_card_it_says_so_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run(monkeypatch, "--out", str(tmp_path / "found"))
    said = capsys.readouterr().out
    assert said.startswith("There is no GPU") and said.count("\n") == 1
    assert not (tmp_path / "found").exists()


def test_tiny_sizes_go_to_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpu, "FOLDER", tmp_path / "docs" / "benchmarks")
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: str(tmp_path / prefix))
    run(monkeypatch, "--device", "cpu", "--quick", "--only", "penalties")
    found = json.loads((tmp_path / "gpu-check-" / "gpu.json").read_text(encoding="utf-8"))
    assert found["quick"] and found["sections"]["penalties"]["r1"]["milliseconds"]["poise"] > 0
    assert "no number here says anything" in (tmp_path / "gpu-check-" / "gpu.md").read_text(encoding="utf-8")
    assert not (tmp_path / "docs").exists()


def test_a_section_that_fails_says_why_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(asked: gpu.Asked) -> gpu.Result:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(gpu, "SECTIONS", {"one": broken, "other": lambda asked: {"speed": 2.0}})
    monkeypatch.setattr(broken, "__doc__", "What breaks.", raising=False)
    run(monkeypatch, "--device", "cpu", "--out", str(tmp_path))
    sections = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))["sections"]
    assert sections == {"one": {"error": "RuntimeError: out of memory"}, "other": {"speed": 2.0}}
    text = (tmp_path / "gpu.md").read_text(encoding="utf-8")
    assert "It could not be measured: RuntimeError: out of memory" in text and "| speed | 2 |" in text


def test_losses_that_are_equal_differ_by_nothing() -> None:
    rows = [{"generator_loss": 1.0, "real_score": 3.0}, {"generator_loss": 3.0, "real_score": 9.0}]
    other = [rows[0], {"generator_loss": 3.2, "real_score": 0.0}]
    assert gpu.differences(rows, rows) == {"first_step": 0.0, "all_steps": 0.0}
    assert gpu.differences(rows, other)["all_steps"] == pytest.approx(0.1)
