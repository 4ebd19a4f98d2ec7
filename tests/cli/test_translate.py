"""`poise train` on pairs and domains, and `poise translate`."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poise
from poise.cli import main

from .conftest import QUICK, Cli, everything_in, refused

SMALL = (*QUICK, "--resolution", "16", "--batch-size", "2")


def folder(path: Path, count: int = 8, *, invert: bool = False, size: tuple[int, int] = (16, 16)) -> Path:
    """Blocks of grey on white, the same for the same number."""
    path.mkdir(parents=True)
    for number in range(count):
        image = np.full(size[::-1], 255, np.uint8)
        image[number % 8 : number % 8 + 6, 3:9] = 10 * number
        Image.fromarray(255 - image if invert else image).save(path / f"{number}.png")
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A run on pairs and one on domains, both finished; tests leave them as they are."""
    place = tmp_path_factory.mktemp("translations")
    line, colour = folder(place / "line"), folder(place / "colour", invert=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POISE_CACHE", str(cache))
        for option, name in (("--pairs", "pairs"), ("--domains", "domains")):
            words = ["train", option, line, colour, "--out", place / name, "--steps", 2, *SMALL, "--json"]
            assert main([str(word) for word in words]) == 0
    return place


def test_a_folder_is_translated_file_by_file(cli: Cli, runs: Path) -> None:
    done = cli("translate", runs / "pairs", runs / "line", "--out", "out")
    assert done.status == 0 and "8 images of 16x16, a-to-b" in done.out
    made = {path.name for path in Path("out").glob("*.png")}
    assert made == {f"{number}.png" for number in range(8)}
    card = json.loads(Path("out/translations.json").read_text())
    assert set(card["files"]) == made and card["made_by"] == "poise translate"
    arrays = np.stack([np.asarray(Image.open(f"out/{number}.png")) for number in range(8)])
    wanted = poise.open_run(runs / "pairs").translate(str(runs / "line"))
    assert np.abs((wanted[:, 0] + 1) * 127.5 - arrays).max() <= 0.51


def test_a_zip_a_single_file_and_the_other_way(cli: Cli, runs: Path) -> None:
    with zipfile.ZipFile("inputs.zip", "w") as archive:
        archive.write(runs / "colour" / "3.png", "some/3.png")
    done = cli("translate", runs / "domains", "inputs.zip", "--out", "a", "--direction", "b-to-a", "--json")
    assert done.status == 0
    (event,) = done.events
    assert (event["files"], event["direction"], event["shape"]) == (["some/3.png"], "b-to-a", [1, 16, 16])
    assert (
        cli(
            "translate", runs / "domains", runs / "colour" / "3.png", "--out", "b", "--direction", "b-to-a"
        ).status
        == 0
    )
    assert Path("a/some/3.png").read_bytes() == Path("b/3.png").read_bytes()


def test_other_sizes_are_brought_to_that_of_the_run_and_it_is_said(cli: Cli, runs: Path) -> None:
    folder(Path("wide"), 3, size=(40, 20))
    done = cli("translate", runs / "pairs", "wide", "--out", "out")
    assert "3 of 3 images are not square: their centre is used." in done.out + done.err
    assert Image.open("out/0.png").size == (16, 16)


def test_nothing_of_others_is_written_over(cli: Cli, runs: Path) -> None:
    Path("out").mkdir()
    Path("out/0.png").write_bytes(b"a picture of mine")
    before = everything_in(Path("out"))
    words = ("translate", runs / "pairs", runs / "line", "--out", "out")
    refused(cli, *words, code="cli.folder-not-ours", names=("'0.png'",))
    assert everything_in(Path("out")) == before
    refused(cli, *words[:-1], "out/0.png", code="cli.not-a-folder", names=("'out/0.png'",))
    assert everything_in(Path("out")) == before


def test_its_own_files_are_made_anew_and_those_of_before_go(cli: Cli, runs: Path) -> None:
    assert cli("translate", runs / "pairs", runs / "line", "--out", "out").status == 0
    folder(Path("fewer"), 2)
    assert cli("translate", runs / "pairs", "fewer", "--out", "out").status == 0
    assert {path.name for path in Path("out").iterdir()} == {"0.png", "1.png", "translations.json"}


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("pairs", "line", "--direction", "b-to-a"), "unknown-direction", "'b-to-a'"),
        (("pairs", "line", "--seed", "-1"), "cli.bad-seed", "-1"),
        (("pairs", "nowhere"), "data.not-found", "nowhere"),
        (("pairs", "nowhere.png"), "generator.no-picture", "nowhere.png"),
        (("nowhere", "line"), "run-folder.not-a-run", "nowhere"),
    ],
)
def test_what_cannot_be_translated_is_refused(
    cli: Cli, runs: Path, words: tuple[str, ...], code: str, name: str
) -> None:
    run, inputs, *rest = words
    refused(cli, "translate", runs / run, runs / inputs, "--out", "out", *rest, code=code, names=(name,))
    assert not Path("out").exists()


def test_a_generator_of_noise_translates_nothing(cli: Cli, runs: Path, digits_run: Path) -> None:
    words = ("translate", digits_run, runs / "line", "--out", "out")
    refused(cli, *words, code="generator.not-a-translator")


def test_sampling_a_translation_says_what_to_do(cli: Cli, runs: Path) -> None:
    refused(cli, "sample", runs / "pairs", code="generator.needs-images", names=("poise translate",))


# Training --------------------------------------------------------------------------------------------------


def test_the_recipe_goes_with_the_data(runs: Path) -> None:
    assert poise.open_run(runs / "pairs").recipe.name == "pix2pix"
    assert poise.open_run(runs / "domains").recipe.name == "cyclegan"


def test_images_side_by_side_train_and_resume(cli: Cli) -> None:
    folder(Path("both"), size=(32, 16))
    assert (
        cli(
            "train", "--side-by-side", "both", "--source-side", "right", "--out", "run", "--steps", 2, *SMALL
        ).status
        == 0
    )
    origin = json.loads(Path("run/data.json").read_text())["origin"]
    assert (origin["kind"], origin["source_side"], origin["target"]) == ("pairs", "right", None)
    assert cli("resume", "run", "--steps", 3).status == 0
    assert (
        "poise translate run inputs" in cli("report", "run").out
        or "translate" in Path("run/report.html").read_text()
    )


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("--pairs", "a", "nowhere"), "data.not-found", "nowhere"),
        (("--pairs", "a", "b"), "data.pairs-names", "8.png"),
        (("--domains", "a", "b", "--held-out", "0.7"), "data.held-out-share", "0.7"),
    ],
)
def test_bad_data_are_refused_before_anything_is_written(
    cli: Cli, words: tuple[str, ...], code: str, name: str
) -> None:
    folder(Path("a"))
    folder(Path("b"), 9)
    refused(cli, "train", *words, "--out", "run", code=code, names=(name,))
    assert not Path("run").exists()
