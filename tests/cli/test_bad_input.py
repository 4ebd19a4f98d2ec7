"""Each mistake gets one sentence of what, where, why and how to mend; status 2; nothing is written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Cli, Done, everything_in

IMAGES = np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8)


def refused(done: Done, *parts: str) -> None:
    """Status 2, one sentence on standard error with all of the parts, and no traceback."""
    assert done.status == 2, done.err
    assert done.err.startswith("error: ") and done.err.count("\n") == 1, done.err
    assert done.err.rstrip()[-1] in ".?"
    for part in parts:
        assert part in done.err
    assert done.out == ""


def array(values: np.ndarray) -> str:
    np.save("data.npy", values)
    return "data.npy"


def nan_rows() -> np.ndarray:
    rows = np.zeros((80, 3), dtype=np.float32)
    rows[7, 1] = np.nan
    return rows


WITHOUT_FILES = {
    "unknown recipe": (["digits", "--recipe", "wasserstien"], ["'wasserstien'", "'wasserstein'"]),
    "unknown setting": (
        ["digits", "--set", "optimisers.generator.learning_rat=1"],
        ["'optimisers.generator.learning_rate'"],
    ),
    "unknown setting of a part": (["digits", "--set", "loss.smothing=0.1"], ["'smoothing'"]),
    "unknown part": (["digits", "--set", "loss=hing"], ["'hinge'"]),
    "setting without a value": (["digits", "--set", "packing"], ["packing=2"]),
    "setting out of range": (["digits", "--set", "label_flip=0.7"], ["'label_flip'", "0.7", "less than 0.5"]),
    "setting of a wrong type": (["digits", "--set", "packing=many"], ["'packing'", "'many'"]),
    "steps out of range": (["digits", "--steps", "0"], ["'steps'", "greater than 0"]),
    "seed out of range": (["digits", "--seed", "-1"], ["'seed'"]),
    "batch size out of range": (["digits", "--batch-size", "0"], ["'batch_size'"]),
    "resolution that the network cannot make": (
        ["digits", "--resolution", "12", "--set", "generator=dcgan", "--set", "discriminator=dcgan"],
        ["12"],
    ),
    "resolution out of range": (["digits", "--resolution", "-8"], ["'resolution'", "-8"]),
    "resolution of rows of numbers": (["ring", "--resolution", "8"], ["ring"]),
    "fewer samples than a batch": (["digits", "--batch-size", "2000"], ["1797", "2000", "--batch-size 1797"]),
    "a device that is not there": (["digits", "--device", "mps"], ["'mps'", "--device cpu"]),
    "an unknown device": (["digits", "--device", "gpu"], ["'gpu'", "cuda"]),
    "data that are not there": (["digist"], ["'digist'", "'digits'"]),
    "unknown option": (["digits", "--stpes", "3"], ["'--stpes'", "'--steps'"]),
    "option without a value": (["digits", "--steps"], ["--steps", "poise train --help"]),
    "no number": (["digits", "--steps", "many"], ["--steps", "'many'", "whole number"]),
    "a setting that is no number": (["digits", "--set", "batch_size=many"], ["'many'", "whole number"]),
    "no such choice": (["digits", "--doctor", "on"], ["--doctor", "'on'", "off, watch, suggest, apply"]),
    "a value too few": (["--pairs", "line"], ["--pairs needs 2 values", "poise train --help"]),
    "an option twice": (["digits", "--steps", "1", "--steps", "2"], ["--steps", "twice"]),
    "too many words": (["digits", "ring"], ["'ring'"]),
    "no data named": ([], ["There are no data to train on"]),
}


@pytest.mark.parametrize(("words", "parts"), WITHOUT_FILES.values(), ids=WITHOUT_FILES)
def test_refused_before_anything_is_written(
    cli: Cli, tmp_path: Path, words: list[str], parts: list[str]
) -> None:
    refused(cli("train", *words), *parts)
    assert everything_in(tmp_path) == {}


ARRAYS = {
    "one axis": (np.zeros(80, dtype=np.float32), ["(80,)", "axis"]),
    "five axes": (np.zeros((80, 1, 1, 2, 2), dtype=np.float32), ["5 axes"]),
    "no axis of channels": (np.zeros((80, 9, 9, 9), dtype=np.uint8), ["9x9x9"]),
    "not square": (np.zeros((80, 8, 10), dtype=np.uint8), ["8 high and 10 wide"]),
    "words": (np.array([["a", "b"]] * 80), ["<U1"]),
    "complex numbers": (np.zeros((80, 3), dtype=np.complex64), ["complex64"]),
    "nothing": (np.zeros((0, 3), dtype=np.float32), ["empty"]),
    "NaN": (nan_rows(), ["NaN", "row 7"]),
    "values outside the range": (np.linspace(0, 7, 80 * 64).reshape(80, 8, 8), ["0 to 7", "-1 to 1"]),
    "fewer rows than a batch": (np.zeros((5, 3), dtype=np.float32), ["5 samples", "64"]),
}


@pytest.mark.parametrize(("values", "parts"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_cannot_be_trained_on(
    cli: Cli, tmp_path: Path, values: np.ndarray, parts: list[str]
) -> None:
    name = array(values)
    before = everything_in(tmp_path)
    refused(cli("train", name), "data.npy", *parts)
    assert everything_in(tmp_path) == before


def test_python_objects_are_never_loaded(cli: Cli) -> None:
    np.save("data.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refused(cli("train", "data.npy"), "data.npy", "numpy.save")


def test_a_folder_without_images(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "notes.txt").write_text("no image")
    before = everything_in(tmp_path)
    refused(cli("train", "photos"), "'photos'", "no image", "name a folder")
    assert everything_in(tmp_path) == before


def test_one_image_in_place_of_a_folder(cli: Cli) -> None:
    Image.fromarray(IMAGES[0]).save("one.png")
    refused(cli("train", "one.png"), "'one.png'", "folder")


@pytest.mark.parametrize("out", ["file/run", "file/deep/run"])
def test_an_output_folder_below_a_file(cli: Cli, tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("a file")  # even the superuser cannot make a folder in it
    before = everything_in(tmp_path)
    refused(cli("train", "digits", "--out", out), "cannot be written", "--out")
    assert everything_in(tmp_path) == before


def test_an_output_folder_with_other_things(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    refused(cli("train", "digits", "--out", "mine"), "'mine'", "--out")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_run_that_is_there_names_resume(cli: Cli, digits_run: Path) -> None:
    before = everything_in(digits_run)
    refused(cli("train", "digits", "--out", digits_run), f"poise resume {digits_run}")
    assert everything_in(digits_run) == before


@pytest.mark.parametrize("verb", ["resume", "sample", "report"])
def test_a_run_of_a_newer_format(cli: Cli, tmp_path: Path, digits_run: Path, verb: str) -> None:
    run = tmp_path / "future"
    shutil.copytree(digits_run, run)
    environment = json.loads((run / "environment.json").read_text())
    (run / "environment.json").write_text(json.dumps({**environment, "format": 99}))
    before = everything_in(run)
    refused(cli(verb, run), "99", "pip install --upgrade poise")
    assert everything_in(run) == before


@pytest.mark.parametrize("verb", ["resume", "sample", "report"])
def test_a_folder_that_is_no_run(cli: Cli, tmp_path: Path, verb: str) -> None:
    refused(cli(verb, "nowhere"), "'nowhere'", "no run")
    assert everything_in(tmp_path) == {}


def test_an_unknown_command_names_the_nearest(cli: Cli) -> None:
    refused(cli("trian", "digits"), "'trian'", "'train'")
    refused(cli("--verison"), "'--verison'", "'--version'")


def test_an_unknown_recipe_is_named_by_recipes_too(cli: Cli) -> None:
    refused(cli("recipes", "hinge"), "'hinge'", "'hinge-sn'")


@pytest.mark.parametrize(
    "words",
    [["train", "digits", "--recipe", "hing", "--json"], ["train", "--json"], ["sample", "nowhere", "--json"]],
)
def test_with_json_the_error_is_an_event(cli: Cli, words: list[str]) -> None:
    done = cli(*words)
    (event,) = done.events
    assert done.status == 2
    assert event["event"] == "error" and event["exit_status"] == 2
    assert done.err == f"error: {event['error']}\n"


def test_the_status_reaches_the_shell(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "poise", "train", "digits", "--recipe", "wasserstien"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    refused(Done(done.returncode, done.stdout, done.stderr), "'wasserstein'")
    assert everything_in(tmp_path) == {}


def test_remedies_are_not_tried_in_many_games_and_one_of_them_must_be_named(cli: Cli) -> None:
    refused(
        cli("train", "ring", "--seeds", "2", "--doctor", "apply"), "train that seed alone", "--doctor apply"
    )
    assert not Path("runs").exists()
