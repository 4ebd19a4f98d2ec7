"""Every example runs, and leaves a run that opens."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

import poise

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


def test_the_number_of_examples() -> None:
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_runs(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    monkeypatch.setattr(sys, "argv", [str(example), "--steps", "3", "--out", str(out)])
    runpy.run_path(str(example), run_name="__main__")
    assert poise.open_run(out).status == "finished"
    assert len(list((out / "samples").glob("*.png"))) >= 1
