"""`poise invert`, `poise directions` and `poise edit`, on a run of four steps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import poise
from poise.cli import main
from poise.generator import Generator, read_directions
from poise.generator.detail import add_detail
from poise.generator.encoder import Encoder, trained_encoder
from poise.generator.gauss_newton import refined
from poise.generator.likeness import likeness_of
from poise.generator.spaces import Space
from poise.generator.stored_inversion import read_inversion

from .conftest import Cli, everything_in, refused

QUICK = ("--own-samples", "2", "--starts", "2", "--steps", "20")


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an encoder learns and how near a search comes is tested elsewhere; here it is brief."""

    def encoder(space: Space, *, steps: int, **more: Any) -> Encoder:
        return trained_encoder(space, steps=min(steps, 40), **more)

    def few(*given: Any, iterations: int, **more: Any) -> Any:
        return refined(*given, iterations=min(iterations, 12), **more)

    def little(*given: Any, **more: Any) -> Any:
        return add_detail(*given, steps=10, **more)

    monkeypatch.setattr("poise.generator.inversion.trained_encoder", encoder)
    monkeypatch.setattr("poise.generator.inverted.add_detail", little)
    monkeypatch.setattr("poise.generator.inversion.refined", few)


@pytest.fixture(scope="module")
def run(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that these tests may write to, with directions."""
    path = tmp_path_factory.mktemp("invert") / "run"
    shutil.copytree(digits_run, path)
    assert (
        main(["directions", str(path), "--method", "jacobian", "--no-labels", "--most", "4", "--json"]) == 0
    )
    return path


@pytest.fixture
def pictures(run: Path) -> Path:
    """Three samples of the run as pictures, one of them larger."""
    folder = Path("pictures")
    folder.mkdir()
    made = Generator.load(run)
    for number, pixels in enumerate(made.data(made.latents(3, seed=5)).numpy()):
        image = Image.fromarray(pixels[0])
        (image.resize((30, 20)) if number == 2 else image).save(folder / f"{number}.png")
    return folder


def test_pictures_are_found_and_stored(cli: Cli, run: Path, pictures: Path) -> None:
    done = cli("invert", run, pictures, "--out", "found", *QUICK)
    assert done.status == 0, done.err
    assert "own samples:" in done.out and "come back" in done.out
    assert "0.png" in done.out and "brought to 8x8" in done.out
    found = read_inversion(Path("found/latents"))
    assert found.names == ("0.png", "1.png", "2.png") and found.features is not None
    assert float(found.psnr[:2].min()) > 40  # They are the generator's own
    assert not [name for name in everything_in(Path("found")) if name.endswith((".pt", ".pkl"))]
    with Image.open("found/sheet-01.png") as sheet:
        assert sheet.height > 3 * 72

    again = cli("invert", run, pictures, "--out", "found", *QUICK, "--json")
    events = {event["event"]: event for event in again.events}
    assert events["recovery"]["samples"] == 2
    assert any("found earlier" in notice for notice in events["inversion"]["notices"])
    assert [one["psnr"] for one in events["inversion"]["pictures"]] == pytest.approx(found.psnr.tolist())


def test_what_was_found_survives_an_interruption(
    cli: Cli, run: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from poise.generator import inverted
    from poise.generator.inversion import search_rows

    def interrupted(starts: Any, targets: Any, *rest: Any, **more: Any) -> Any:
        yield search_rows(starts, targets[:1], *rest, **{**more, "on_step": None})
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(inverted, "find", interrupted)
        done = cli("invert", run, pictures, "--out", "found", *QUICK[2:], "--own-samples", "0")
    assert done.status == 130
    assert read_inversion(Path("found/latents")).names == ("0.png",)
    done = cli("invert", run, pictures, "--out", "found", *QUICK[2:], "--own-samples", "0")
    assert done.status == 0 and "1 of the pictures were found earlier" in done.out
    assert len(read_inversion(Path("found/latents"))) == 3


def test_without_a_checkpoint_pixels_alone_are_compared_and_that_is_said(
    cli: Cli, run: Path, pictures: Path
) -> None:
    bare = Path("bare")
    shutil.copytree(run, bare)
    for folder in (bare / "checkpoints").glob("*"):
        shutil.rmtree(folder)
    done = cli("invert", bare, pictures / "0.png", "--out", "found", *QUICK)
    assert done.status == 0 and "pixels alone are compared" in done.out.lower()
    assert read_inversion(Path("found/latents")).features is None
    assert likeness_of(Generator.load(run)).features is not None


def test_the_generator_is_tuned_into_a_new_run(cli: Cli, run: Path, pictures: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8)).astype(np.uint8)).save("hard.png")
    before = everything_in(run / "generator")
    words = ("--tune", "tuned", "--tune-steps", "20", "--json")
    done = cli("invert", run, "hard.png", "--out", "found", *QUICK, *words)
    assert done.status == 0, done.err
    event = done.events[-1]
    assert event["event"] == "tuned" and event["psnr_after"] > event["psnr_before"] and event["moved"] > 0
    assert everything_in(run / "generator") == before
    assert poise.open_run("tuned").sample(2).shape == (2, 1, 8, 8)
    refused(cli, "invert", run, "hard.png", "--tune", "tuned", code="run-folder.run-exists")


def test_directions_are_shown_named_and_kept(cli: Cli, run: Path) -> None:
    done = cli("directions", run, "--name", "2=lean", "--json")
    assert done.status == 0, done.err
    event = done.events[-1]
    assert event["directions"][1]["name"] == "lean" and event["space"] == "z"
    assert {"effect", "distance", "consistency", "frechet", "precision"} <= set(event["random"])
    for one in event["directions"]:
        low, high = one["measures"]["effect"]["interval"]
        assert low <= one["measures"]["effect"]["value"] <= high
    again = cli("directions", run)
    assert "lean" in again.out and "random, from-to" in again.out
    assert read_directions(run)["lean"].name == "lean"
    assert (run / "directions.png").is_file()
    held = json.loads((run / "directions" / "directions.json").read_text())
    assert held["format"] == 1 and len(held["generator"]) == 64


def test_samples_pictures_and_names_are_edited(cli: Cli, run: Path, pictures: Path) -> None:
    done = cli("edit", run, "--direction", "1=+2", "-n", "3", "--out", "edits/", "--json")
    assert done.status == 0, done.err
    assert [one["change"] > 0 for one in done.events[-1]["subjects"]] == [True] * 3
    assert len(list(Path("edits").glob("*.png"))) == 3
    assert cli("invert", run, pictures, "--out", "found", *QUICK).status == 0
    done = cli("edit", run, "found", "--direction", "1=1", "--direction", "2=-1", "--out", "e.png", "--json")
    assert [one["subject"] for one in done.events[-1]["subjects"]] == ["0.png", "1.png", "2.png"]
    done = cli("edit", run, "--direction", "1=0", "--json", "--out", "e.png")
    assert max(one["change"] for one in done.events[-1]["subjects"]) == 0

    image = Image.new("L", (8, 8))
    image.paste(255, (0, 0, 8, 4))
    image.save("mask.png")
    words = ("--direction", "1=3", "--mask", "mask.png", "--out", "e.png", "--json")
    done = cli("edit", run, pictures / "0.png", *words)
    assert done.status == 0, done.err
    assert done.events[-1]["subjects"][0]["outside"] < 0.01


def test_bad_input_is_refused(
    cli: Cli, run: Path, ring_run: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(cli, "edit", run, code="cli.no-direction")
    refused(cli, "edit", run, "--direction", "grin=1", code="generator.unknown-direction", names=("grin",))
    refused(cli, "edit", run, "--direction", "1=far", code="generator.bad-strength")
    refused(cli, "edit", ring_run, "--direction", "1=1", code="generator.no-directions-yet")
    refused(cli, "directions", run, "--name", "smile", code="cli.bad-name")
    with monkeypatch.context() as patch:
        patch.setattr("poise.generator.labelling.labels_of", None)  # before any classifier is trained
        refused(cli, "directions", run, "--again", "--method", "guess", code="unknown-method")
    refused(cli, "directions", ring_run, code="generator.no-images-of-latents")
    refused(cli, "invert", run, pictures, "--out", "f", "--label", "a", code="generator.no-classes")
    refused(cli, "invert", run, pictures, "--out", "f", "--space", "w", code="generator.no-such-space")
    refused(cli, "invert", run, "nothing.png", "--out", "f", code="generator.no-picture")
    np.save("rows.npy", np.zeros((5, 2), np.float32))
    refused(cli, "invert", run, "rows.npy", "--out", "f", code="data.vectors-are-no-images")
    refused(cli, "invert", run, pictures, "--out", "f", "--tolerance", "0", code="cli.bad-tolerance")


def test_directions_of_another_generator_are_refused(cli: Cli, run: Path, digits_run: Path) -> None:
    other = Path("other")
    shutil.copytree(digits_run, other)
    shutil.copytree(run / "directions", other / "directions")
    assert cli("edit", other, "--direction", "1=1", "--out", "e.png").status == 0  # the same weights
    shutil.rmtree(other)
    words = ("--out", other, "--steps", 2, "--seed", 1, "--json")
    settings = ("--set", "generator.width=4", "--set", "discriminator.width=4")
    assert cli("train", "digits", *words, *settings).status == 0
    shutil.copytree(run / "directions", other / "directions")
    refused(cli, "edit", other, "--direction", "1=1", code="generator.directions-of-another")
