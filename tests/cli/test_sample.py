from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poise

from .conftest import Cli, everything_in, refused


@pytest.mark.parametrize("count", [1, 300])
def test_raw_images_are_those_of_the_library_to_the_bit(cli: Cli, digits_run: Path, count: int) -> None:
    done = cli("sample", digits_run, "-n", count, "--seed", "3", "--out", "made.npy")
    made = np.load("made.npy", allow_pickle=False)
    assert done.status == 0 and "made.npy" in done.out
    assert made.dtype == np.float32 and made.shape == (count, 1, 8, 8)
    assert np.abs(made).max() <= 1
    np.testing.assert_array_equal(made, poise.open_run(digits_run).sample(count, 3))


def test_raw_rows_are_in_the_units_of_the_data(cli: Cli, ring_run: Path) -> None:
    cli("sample", ring_run, "-n", "300", "--out", "made.npy")
    made = np.load("made.npy", allow_pickle=False)
    assert made.dtype == np.float32 and made.shape == (300, 2)
    np.testing.assert_array_equal(made, poise.open_run(ring_run).sample(300, 0))


def test_a_grid_is_the_one_of_the_library(cli: Cli, digits_run: Path) -> None:
    (event,) = cli("sample", digits_run, "-n", "16", "--seed", "5", "--out", "deep/grid.png", "--json").events
    assert event["event"] == "samples" and event["count"] == 16 and event["shape"] == [1, 8, 8]
    expected = poise.open_run(digits_run).generator.grid(16, seed=5)
    with Image.open(event["samples"]) as made:
        np.testing.assert_array_equal(np.asarray(made), np.asarray(expected))


def test_without_out_the_grid_lies_in_the_run(cli: Cli, tmp_path: Path, digits_run: Path) -> None:
    shutil.copytree(digits_run, tmp_path / "run")
    done = cli("sample", "run", "--seed", "2")
    wrote, names = done.out.splitlines()
    assert wrote == "wrote run/grid-seed2.png: 64 samples in a grid, seed 2"
    assert re.fullmatch(r"names: run@4-([0-9a-f]{12})/2/0 to run@4-\1/2/63", names)
    assert Path("run/grid-seed2.png").is_file()


def test_a_folder_gets_a_file_for_each_image(cli: Cli, digits_run: Path) -> None:
    assert cli("sample", digits_run, "-n", "300", "--out", "made/").status == 0
    files = sorted(Path("made").glob("*.png"))
    assert len(files) == 300 and files[-1].name == "sample-00299.png"
    raw = poise.open_run(digits_run).sample(300, 0)
    for number in (0, 255, 256, 299):
        with Image.open(files[number]) as made:
            assert made.mode == "L"
            # -1 is black and 1 is white, rounded to the nearest of 256
            np.testing.assert_array_equal(
                np.asarray(made), np.rint((raw[number, 0] + 1) * 127.5).astype(np.uint8)
            )


def test_a_folder_of_rows_is_a_table_that_reads_back_exactly(cli: Cli, ring_run: Path) -> None:
    assert cli("sample", ring_run, "-n", "10", "--out", "made").status == 0
    read = np.loadtxt("made/samples.csv", delimiter=",", skiprows=1, dtype=np.float32)
    np.testing.assert_array_equal(read, poise.open_run(ring_run).sample(10, 0))


@pytest.mark.parametrize("out", ["grid.png", "made/"])
def test_what_it_made_it_makes_anew(cli: Cli, digits_run: Path, out: str) -> None:
    assert cli("sample", digits_run, "-n", "9", "--out", out).status == 0
    assert cli("sample", digits_run, "-n", "4", "--seed", "1", "--out", out).status == 0
    assert out == "grid.png" or len(list(Path(out).glob("*.png"))) == 4


def test_an_array_is_written_over_by_itself_only(cli: Cli, digits_run: Path) -> None:
    words = ("sample", digits_run, "-n", "4", "--out", "made.npy")
    assert cli(*words).status == 0
    before = Path("made.npy").read_bytes()
    assert cli(*words).status == 0
    refused(cli, *words, "--seed", "1", code="cli.would-overwrite", names=("'made.npy'",))
    assert Path("made.npy").read_bytes() == before


@pytest.mark.parametrize("out", ["mine.png", "mine.npy", "mine", "mine.png/grid.png"])
def test_what_others_made_is_never_written_over(cli: Cli, tmp_path: Path, digits_run: Path, out: str) -> None:
    Image.new("L", (8, 8)).save("mine.png")
    np.save("mine.npy", np.zeros((4, 1, 8, 8), dtype=np.float32))
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    before = everything_in(tmp_path)
    done = cli("sample", digits_run, "-n", "4", "--out", out)
    assert done.status == 2 and done.err.startswith("error: ") and done.err.count("\n") == 1
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--out", "grid.jpg"], "cli.unknown-format"),
        (["-n", "0"], "cli.bad-samples"),
        (["-n", "-3"], "cli.bad-samples"),
        (["--seed", "-1"], "cli.bad-seed"),
    ],
)
def test_refused(cli: Cli, tmp_path: Path, digits_run: Path, words: list[str], code: str) -> None:
    before = everything_in(digits_run)
    refused(cli, "sample", digits_run, *words, code=code, names=(words[1].removeprefix("grid"),))
    assert everything_in(tmp_path) == {} and everything_in(digits_run) == before


def test_a_sample_is_made_again_from_its_name_and_from_its_picture(cli: Cli, digits_run: Path) -> None:
    cli("sample", digits_run, "-n", "5", "--seed", "3", "--out", "made/")
    picture = Path("made/sample-00004.png")
    name = json.loads(Image.open(picture).text["poise"])["names"][0]  # type: ignore[attr-defined]
    assert name.endswith("/3/4")
    for number, given in enumerate((name, picture)):
        (event,) = cli("sample", digits_run, "--name", given, "--out", f"{number}.png", "--json").events
        assert event["names"] == [name]
        with Image.open(f"{number}.png") as again, Image.open(picture) as before:
            np.testing.assert_array_equal(np.asarray(again), np.asarray(before))
    cli("sample", digits_run, "--name", name, "made/sample-00000.png", "--out", "two.npy")
    wanted = poise.open_run(digits_run).sample(5, 3)[[4, 0]]
    np.testing.assert_allclose(np.load("two.npy"), wanted, atol=1e-6)


def test_a_name_outlives_further_training_by_its_checkpoint(
    cli: Cli, tmp_path: Path, digits_run: Path
) -> None:
    shutil.copytree(digits_run, tmp_path / "run")
    cli("sample", "run", "-n", "3", "--out", "before/")
    assert cli("resume", "run", "--steps", "6", "--json").status == 0
    assert cli("sample", "run", "--name", "before/sample-00002.png", "--out", "again.png").status == 0
    with Image.open("again.png") as again, Image.open("before/sample-00002.png") as before:
        np.testing.assert_array_equal(np.asarray(again), np.asarray(before))
    shutil.rmtree("run/checkpoints/step-00000004")
    words = ("sample", "run", "--name", "before/sample-00002.png", "--out", "other.png")
    refused(cli, *words, code="generator.name-of-other-weights", names=("'run'",))


def test_names_that_say_nothing_are_refused(cli: Cli, digits_run: Path) -> None:
    Image.new("L", (8, 8)).save("mine.png")
    for words, code in (
        (["--name", "nobody"], "generator.no-name"),
        (["--name", "mine.png"], "generator.picture-without-name"),
        (["--name", "a@0123456789ab/0/0"], "generator.name-of-other-weights"),
        (["--name", "a@0123456789ab/0/0", "--seed", "3"], "cli.name-and-others"),
    ):
        refused(cli, "sample", digits_run, *words, "--out", "x.png", code=code)
    assert not Path("x.png").exists()


def test_a_run_without_a_generator_yet(cli: Cli, tmp_path: Path, digits_run: Path) -> None:
    shutil.copytree(digits_run, tmp_path / "run")
    shutil.rmtree("run/generator")
    refused(cli, "sample", "run", code="run-folder.no-generator", names=("poise resume run",))
