from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from .conftest import Cli, everything_in, refused


def test_a_loop_lies_in_the_run(cli: Cli, tmp_path: Path, digits_run: Path) -> None:
    shutil.copytree(digits_run, tmp_path / "run")
    done = cli("walk", "run", "--seconds", "0.5", "--fps", "8")
    assert done.status == 0
    assert done.out.startswith("wrote run/walk-seed0.webp: 1 walk, 4 frames at 8 a second, ")
    with Image.open("run/walk-seed0.webp") as made:
        assert made.format == "WEBP" and made.size == (256, 256)
    assert cli("walk", "run", "--seconds", "0.5", "--fps", "4").status == 0, "its own file is made again"


def test_a_walk_passes_what_is_named(cli: Cli, digits_run: Path) -> None:
    cli("sample", digits_run, "-n", "2", "--seed", "5", "--out", "made/")
    words = ("--through", "3", "made/sample-00001.png", "--seconds", "1", "--fps", "4", "--out", "w.gif")
    (event,) = cli("walk", digits_run, *words, "--json").events
    assert [name.partition("/")[2] for name in event["names"]] == ["3/0", "5/1"]
    assert event["frames"] == 4 and event["space"] == "z" and event["off_the_training_law"] is False


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--through", "3"], "generator.walk-of-one-point"),
        (["--out", "walk.avi"], "generator.unknown-moving-format"),
        (["--seconds", "0"], "cli.bad-seconds"),
        (["--fps", "-1"], "cli.bad-fps"),
        (["--space", "w"], "generator.no-styles"),
        (["--classes", "a,b"], "unknown-class"),
        (["-n", "0"], "cli.bad-walks"),
        (["--out", "mine.webp"], "cli.would-overwrite"),
    ],
)
def test_refused(cli: Cli, tmp_path: Path, digits_run: Path, words: list[str], code: str) -> None:
    Image.new("L", (8, 8)).save("mine.webp")
    before = everything_in(tmp_path)
    refused(cli, "walk", digits_run, *words, code=code)
    assert everything_in(tmp_path) == before


def test_a_walk_is_of_pictures(cli: Cli, ring_run: Path) -> None:
    refused(cli, "walk", ring_run, code="generator.no-pictures")
