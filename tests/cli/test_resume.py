from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from .conftest import QUICK, Cli, everything_in, refused


@pytest.fixture
def run(tmp_path: Path, digits_run: Path) -> Path:
    shutil.copytree(digits_run, tmp_path / "run")
    return Path("run")


def test_a_finished_run_names_the_way_to_extend_it(cli: Cli, run: Path) -> None:
    refused(cli, "resume", run, code="training.steps-done", names=("poise resume run --steps 8",))


def test_a_finished_run_is_extended(cli: Cli, run: Path) -> None:
    start, *lines, end = cli("resume", run, "--steps", "6", "--json").events
    assert start["event"] == "start" and (start["step"], start["steps"]) == (4, 6)
    assert [line["step"] for line in lines] == [6]
    assert end["status"] == "finished" and end["step"] == 6


def test_people_are_told_where_it_goes_on(cli: Cli, run: Path) -> None:
    done = cli("resume", run, "--steps", "6")
    assert done.status == 0
    assert any(line.split() == ["going", "on:", "from", "step", "4"] for line in done.out.splitlines())
    assert "finished: 6 steps" in done.out


def test_changed_data_are_refused_by_name_and_taken_on_request(cli: Cli) -> None:
    rows = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    np.save("rows.npy", rows)
    assert cli("train", "rows.npy", "--steps", "2", "--out", "mine", *QUICK).status == 0
    np.save("rows.npy", rows + 1)
    before = everything_in(Path("mine"))
    names = ("--accept-changed-data",)
    refused(cli, "resume", "mine", "--steps", "4", code="training.data-changed", names=names)
    assert everything_in(Path("mine")) == before
    done = cli("resume", "mine", "--steps", "4", "--accept-changed-data", "--json")
    kinds = [event["event"] for event in done.events]
    assert done.status == 0 and kinds[0] == "notice" and kinds[-1] == "end"
