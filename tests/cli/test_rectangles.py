"""A run of photographs that are not square, from the folder to its report."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poise
from poise.run_folder import RunFolder

from .conftest import QUICK, Cli

FEW = (*QUICK, "--steps", "2", "--batch-size", "8", "--set", "evaluate_every=2")


@pytest.fixture
def photos() -> Path:
    random = np.random.default_rng(0)
    folder = Path("photos")
    folder.mkdir()
    for number in range(66):
        values = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(values).resize((160, 120)).save(folder / f"{number}.jpg")
    return folder


def test_a_run_from_the_folder_to_its_report(cli: Cli, photos: Path) -> None:
    done = cli("train", photos, "--out", "run", *FEW)
    assert done.status == 0, done.err
    assert "66 images of 64x48, colour, resized from 160x120" in done.out
    run = RunFolder.open("run")
    assert run.recipe["resolution"] == [48, 64] and run.data["shape"] == [3, 48, 64]
    assert cli("resume", "run", "--steps", "4").status == 0
    assert cli("sample", "run", "-n", "20", "--out", "made/").status == 0
    with Image.open("made/sample-00000.png") as made:
        assert made.size == (64, 48)
    assert cli("sample", "run", "-n", "4", "--out", "grid.png").status == 0
    with Image.open("grid.png") as grid:
        assert grid.size == (2 * 66 + 2, 2 * 50 + 2)
    measured = cli("evaluate", "run", "--samples", "20", "--json")
    assert measured.status == 0, measured.err
    against = cli(
        "evaluate", "made", "--against", photos, "--resolution", "64x48", "--samples", "20", "--json"
    )
    assert against.status == 0, against.err
    assert cli("report", "run").status == 0
    assert "64x48" in Path("run/report.html").read_text()


def test_steps_and_a_resume_are_the_steps_at_once(cli: Cli, photos: Path) -> None:
    words = (
        *QUICK,
        "--batch-size",
        "8",
        "--fit",
        "pad",
        "--resolution",
        "24x32",
        "--set",
        "horizontal_flips=true",
    )
    assert cli("train", photos, "--out", "whole", "--steps", "4", *words).status == 0
    assert cli("train", photos, "--out", "parts", "--steps", "2", *words).status == 0
    assert cli("resume", "parts", "--steps", "4").status == 0
    whole, parts = (poise.open_run(name) for name in ("whole", "parts"))
    assert RunFolder.open("whole").recipe["fit"] == "pad"
    np.testing.assert_array_equal(whole.sample(3, 0), parts.sample(3, 0))
    assert whole.sample(3, 0).shape == (3, 3, 32, 24)
    assert cli("compare", "whole", "parts", "--samples", "20").status == 0


@pytest.mark.parametrize("augmentation", ["ada", "diffaugment"])
def test_augmentations_train_on_rectangles(cli: Cli, photos: Path, augmentation: str) -> None:
    added = ("--set", f"augmentations.{augmentation}={{}}", "--set", "jitter.shift=0.1")
    done = cli("train", photos, "--out", "run", "--resolution", "32x24", *FEW, *added)
    assert done.status == 0, done.err


def test_what_inspect_proposes_trains_on_the_same(cli: Cli, photos: Path) -> None:
    done = cli("inspect", photos, "--resolution", "24x32", "--fit", "stretch")
    assert "66 images of 24x32, colour, stretched from 160x120" in done.out
    (proposed,) = [line for line in done.out.splitlines() if line.startswith("train on it: ")]
    words = shlex.split(proposed.removeprefix("train on it: poise "))
    assert words == ["train", "photos", "--resolution", "24x32", "--fit", "stretch"]
    (plan,) = cli(*words, "--dry-run", "--json").events
    assert plan["data"]["shape"] == [3, 32, 24] and plan["recipe"]["fit"] == "stretch"


def test_pairs_of_rectangles_are_trained_on_and_translated(cli: Cli, photos: Path) -> None:
    done = cli(
        "train", "--pairs", photos, photos, "--out", "run", "--resolution", "32x16", "--fit", "pad", *FEW
    )
    assert done.status == 0, done.err
    assert cli("translate", "run", photos / "0.jpg", "--out", "made").status == 0
    (made,) = Path("made").rglob("*.png")
    with Image.open(made) as image:
        assert image.size == (32, 16)
    assert cli("evaluate", "run", "--samples", "10").status == 0
