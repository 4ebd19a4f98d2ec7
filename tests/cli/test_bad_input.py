"""Each mistake gets a code, one sentence that names it, and status 2; nothing is written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Cli, Done, everything_in, refused

IMAGES = np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8)


def one_sentence(done: Done, *parts: str) -> None:
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


USAGE = {
    "unknown option": (["digits", "--stpes", "3"], "unknown-option", ("'--stpes'", "'--steps'")),
    "option without a value": (["digits", "--steps"], "cli.missing-argument", ("--steps",)),
    "no number": (["digits", "--steps", "many"], "cli.bad-value", ("--steps", "'many'", "a whole number")),
    "no such choice": (["digits", "--doctor", "on"], "cli.bad-value", ("'on'", "off, watch, suggest, apply")),
    "a value too few": (
        ["--pairs", "line"],
        "cli.missing-argument",
        ("--pairs needs 2 values", "data/trainA data/trainB"),
    ),
    "going on": (["digits", "--resume", "runs/1"], "unknown-option", ("--from RUN", "poise resume RUN")),
    "going on as in others": (["digits", "--checkpoint=runs/1"], "unknown-option", ("--from RUN",)),
    "an option twice": (["digits", "--steps", "1", "--steps", "2"], "cli.repeated", ("--steps",)),
    "too many words": (["digits", "ring"], "cli.unexpected", ("'ring'",)),
    "no data named": ([], "cli.no-data", ("poise train digits",)),
    "data named twice": (["digits", "--pairs", "a", "b"], "cli.data-named-twice", ("DATA", "--pairs")),
    "a share of nothing": (["digits", "--held-out", "0.2"], "cli.nothing-to-hold-out", ()),
    "labels of pairs": (["--pairs", "a", "b", "--labels", "x"], "cli.labels-of-translations", ()),
    "a column of nothing": (["digits", "--label-column", "x"], "cli.label-column-without-labels", ("'x'",)),
    "a grid alone": (["ring", "--grid", "packing=1,2"], "training.grid-without-seeds", ("--seeds",)),
    "no seeds": (["ring", "--seeds", "0"], "cli.bad-seeds", ()),
    "remedies of many games": (
        ["ring", "--seeds", "2", "--doctor", "apply"],
        "training.one-run-only",
        ("--seed 0",),
    ),
    "unknown recipe": (["digits", "--recipe", "wasserstien"], "unknown-recipe", ("'wasserstein'",)),
    "unknown setting": (["digits", "--set", "packin=1"], "unknown-setting", ("'packing'",)),
    "unknown part": (["digits", "--set", "loss=hing"], "unknown-loss", ("'hinge'",)),
    "unknown setting of a part": (
        ["digits", "--set", "loss.smothing=1"],
        "unknown-setting",
        ("'smoothing'",),
    ),
}


@pytest.mark.parametrize(("words", "code", "names"), USAGE.values(), ids=USAGE)
def test_a_wrong_command_is_refused(
    cli: Cli, tmp_path: Path, words: list[str], code: str, names: tuple[str, ...]
) -> None:
    refused(cli, "train", *words, code=code, names=names)
    assert everything_in(tmp_path) == {}


REFUSED = {
    "setting without a value": (["digits", "--set", "packing"], "recipes.no-value", ("packing=2",)),
    "setting out of range": (
        ["digits", "--set", "augmentations.label-flip.share=0.7"],
        "registry.wrong-value",
        ("'label-flip'", "0.7"),
    ),
    "setting of a wrong type": (["digits", "--set", "packing=many"], "recipes.wrong-value", ("'many'",)),
    "steps out of range": (["digits", "--steps", "0"], "recipes.wrong-value", ("'steps'",)),
    "seed out of range": (["digits", "--seed", "-1"], "recipes.wrong-value", ("'seed'",)),
    "batch size out of range": (["digits", "--batch-size", "0"], "recipes.wrong-value", ("'batch_size'",)),
    "resolution that the network cannot make": (
        ["digits", "--resolution", "12x6", "--set", "generator=resnet", "--set", "discriminator=resnet"],
        "networks.side-out-of-range",
        ("12x6", "--resolution 12x8"),
    ),
    "resolution larger than any network makes": (
        ["digits", "--resolution", "1200"],
        "networks.side-out-of-range",
        ("1200x1200", "--resolution 1024"),
    ),
    "resolution of three numbers": (["digits", "--resolution", "3x8x8"], "recipes.wrong-value", ("64x48",)),
    "an unknown fit": (["digits", "--set", "fit=squash"], "recipes.wrong-value", ("'squash'",)),
    "resolution out of range": (["digits", "--resolution", "-8"], "recipes.wrong-value", ("-8",)),
    "resolution of rows of numbers": (["ring", "--resolution", "8"], "data.vectors-are-no-images", ("ring",)),
    "fewer samples than a batch": (
        ["digits", "--batch-size", "2000"],
        "training.too-few-samples",
        ("1797", "2000", "--batch-size 1797"),
    ),
    "no such device": (["digits", "--device", "mps"], "devices.device-missing", ("--device cpu",)),
    "an unknown device": (["digits", "--device", "gpu"], "devices.unknown-device", ("'gpu'", "cuda")),
    "data that are not there": (["digist"], "data.not-found", ("'digist'", "'digits'")),
}


@pytest.mark.parametrize(("words", "code", "names"), REFUSED.values(), ids=REFUSED)
def test_refused_before_anything_is_written(
    cli: Cli, tmp_path: Path, words: list[str], code: str, names: tuple[str, ...]
) -> None:
    refused(cli, "train", *words, code=code, names=names)
    assert everything_in(tmp_path) == {}


ARRAYS = {
    "one axis": (np.zeros(80, dtype=np.float32), "too-few-axes", "(80,)"),
    "six axes": (np.zeros((80, 1, 1, 2, 2, 2), dtype=np.float32), "too-many-axes", "6 axes"),
    "values too large": (np.full((80, 1, 8, 8), 1e39), "too-large", "1e+39"),
    "unclear channels": (np.full((80, 10, 20, 30), 999.0, dtype=np.float32), "axes-unclear", "10x20x30"),
    "no axis of channels": (np.zeros((80, 9, 9, 9), dtype=np.uint8), "axes-unclear", "9x9x9"),
    "one image": (np.zeros((80, 70, 3), dtype=np.uint8), "one-image", "array[None]"),
    "words": (np.array([["a", "b"]] * 80), "not-numbers", "<U1"),
    "complex numbers": (np.zeros((80, 3), dtype=np.complex64), "not-numbers", "complex64"),
    "nothing": (np.zeros((0, 3), dtype=np.float32), "empty", "(0, 3)"),
    "NaN": (nan_rows(), "not-finite", "row 7"),
}


@pytest.mark.parametrize(("values", "code", "name"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_cannot_be_trained_on(
    cli: Cli, tmp_path: Path, values: np.ndarray, code: str, name: str
) -> None:
    file = array(values)
    before = everything_in(tmp_path)
    refused(cli, "train", file, code=f"data.{code}", names=(file, name))
    assert everything_in(tmp_path) == before


def test_an_array_of_fewer_rows_than_a_batch(cli: Cli) -> None:
    file = array(np.zeros((5, 3), dtype=np.float32))
    refused(
        cli, "train", file, "--batch-size", "64", code="training.too-few-samples", names=("5 samples", "64")
    )


def test_python_objects_are_never_loaded(cli: Cli) -> None:
    np.save("data.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    one_sentence(cli("train", "data.npy"), "data.npy", "numpy.save")


def test_a_folder_without_images(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "notes.txt").write_text("no image")
    before = everything_in(tmp_path)
    one_sentence(cli("train", "photos"), "'photos'")
    assert everything_in(tmp_path) == before


def test_one_image_in_place_of_a_folder(cli: Cli) -> None:
    Image.fromarray(IMAGES[0]).save("one.png")
    one_sentence(cli("train", "one.png"), "'one.png'", "folder")


@pytest.mark.parametrize("out", ["file/run", "file/deep/run"])
def test_an_output_folder_below_a_file(cli: Cli, tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("a file")  # even the superuser cannot make a folder in it
    before = everything_in(tmp_path)
    refused(cli, "train", "digits", "--out", out, code="run-folder.unwritable", names=("--out",))
    assert everything_in(tmp_path) == before


def test_an_output_folder_with_other_things(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    refused(cli, "train", "digits", "--out", "mine", code="run-folder.not-empty", names=("'mine'", "--out"))
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_run_that_is_there_names_resume(cli: Cli, digits_run: Path) -> None:
    before, named = everything_in(digits_run), (f"poise resume {digits_run}",)
    refused(cli, "train", "digits", "--out", digits_run, code="run-folder.run-exists", names=named)
    assert everything_in(digits_run) == before


@pytest.mark.parametrize("verb", ["resume", "sample", "report"])
def test_a_run_of_a_newer_format(cli: Cli, tmp_path: Path, digits_run: Path, verb: str) -> None:
    run = tmp_path / "future"
    shutil.copytree(digits_run, run)
    environment = json.loads((run / "environment.json").read_text())
    (run / "environment.json").write_text(json.dumps({**environment, "format": 99}))
    before = everything_in(run)
    refused(cli, verb, run, code="run-folder.newer-format", names=("99", "pip install --upgrade poise"))
    assert everything_in(run) == before


@pytest.mark.parametrize("verb", ["resume", "sample", "report"])
def test_a_folder_that_is_no_run(cli: Cli, tmp_path: Path, verb: str) -> None:
    refused(cli, verb, "nowhere", code="run-folder.not-a-run", names=("'nowhere'",))
    assert everything_in(tmp_path) == {}


def test_an_unknown_command_names_the_nearest(cli: Cli) -> None:
    refused(cli, "trian", "digits", code="unknown-command", names=("'trian'", "'train'"))
    refused(cli, "--verison", code="unknown-option", names=("'--verison'", "'--version'"))


def test_an_unknown_recipe_is_named_by_recipes_too(cli: Cli) -> None:
    refused(cli, "recipes", "hinge", code="unknown-recipe", names=("'hinge'", "'hinge-sn'"))


def test_messages_read_well(cli: Cli) -> None:
    """A few whole sentences, so that what people read is looked at."""
    for words, sentence in {
        ("train",): "There are no data to train on; name a folder, an array or a built-in set: "
        "poise train digits.",
        ("train", "digits", "--steps", "many"): "--steps cannot be 'many'; give it a whole number.",
        ("train", "digits", "--doctor", "on"): "--doctor cannot be 'on'; choose one of off, watch, suggest, "
        "apply.",
        ("train", "digits", "ring"): "poise train does not expect 'ring'; see poise train --help.",
    }.items():
        assert cli(*words).err == f"error: {sentence}\n"


def test_the_status_reaches_the_shell(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "poise", "train", "digits", "--recipe", "wasserstien"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    one_sentence(Done(done.returncode, done.stdout, done.stderr), "'wasserstein'")
    assert everything_in(tmp_path) == {}
