"""Every recipe logs what it logged when its file in `recorded/` was made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from golden.record import cases, recorded

HERE = Path(__file__).parent / "recorded"
MARGIN = 1e-6
"""Relative, and of 1e-8 absolutely; see README.md for why."""

CASES = cases()


def test_every_case_is_recorded() -> None:
    assert {path.stem for path in HERE.glob("*.json")} == {name.replace("/", "--") for name in CASES}


@pytest.mark.usefixtures("few_compared")
@pytest.mark.parametrize("name", list(CASES))
def test_the_first_steps_are_as_recorded(name: str) -> None:
    wanted = json.loads((HERE / f"{name.replace('/', '--')}.json").read_text(encoding="utf-8"))
    found = recorded(CASES[name])
    for number, (now, before) in enumerate(zip(found["steps"], wanted["steps"], strict=True)):
        assert now == pytest.approx(before, rel=MARGIN, abs=1e-8), f"step {number}"
    assert found["weights"] == pytest.approx(wanted["weights"], rel=MARGIN)
