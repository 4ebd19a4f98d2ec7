"""Data that have moved since a run began: the sentence says so, and the run goes on from their new place."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import poise
from poise.data import Domains, Labelled
from poise.errors import PoiseError
from poise.run_folder import RunFolder, game_folders
from poise.training.resuming import moved

SMALL: dict[str, Any] = {
    "batch_size": 8,
    "generator.width": 8,
    "discriminator.width": 8,
    "checkpoints.every_steps": 5,
    "device": "cpu",
}


def noise(folder: Path, count: int = 64, seed: int = 0) -> Path:
    folder.mkdir(parents=True)
    stream = np.random.default_rng(seed)
    for number in range(count):
        pixels = stream.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def refused(code: str) -> Any:
    return pytest.raises(PoiseError, check=lambda error: error.code == code)


def test_a_run_goes_on_where_its_data_are_now(tmp_path: Path) -> None:
    data, run = noise(tmp_path / "data"), tmp_path / "run"
    poise.train(data, steps=6, out=tmp_path / "whole", **SMALL)
    poise.train(data, steps=3, out=run, **SMALL)
    elsewhere = Path(shutil.move(data, tmp_path / "elsewhere"))
    with pytest.raises(PoiseError) as caught:
        poise.resume(run, steps=6, device="cpu")
    assert caught.value.code == "training.data-moved" and "--data" in caught.value.hint
    poise.resume(run, steps=5, device="cpu", data=elsewhere)
    poise.resume(run, steps=6, device="cpu")  # the new place is recorded
    ended, wanted = (RunFolder.open(one).load_checkpoint(6).trained for one in (run, tmp_path / "whole"))
    assert all(torch.equal(ended[name], value) for name, value in wanted.items())
    with refused("training.data-changed"):
        poise.resume(run, steps=8, device="cpu", data=noise(tmp_path / "others", seed=1))
    assert RunFolder.open(run).data["origin"]["value"] == str(elsewhere)


def test_labels_and_both_domains_move_along(tmp_path: Path) -> None:
    data, labels = noise(tmp_path / "old" / "data", 40), tmp_path / "old" / "labels.csv"
    labels.write_text("file,label\n" + "".join(f"{n}.png,{'sun' if n % 2 else 'moon'}\n" for n in range(40)))
    poise.train(Labelled(data, labels), "conditional", steps=1, out=tmp_path / "classes", **SMALL)
    new = Path(shutil.move(tmp_path / "old", tmp_path / "new"))
    poise.resume(tmp_path / "classes", steps=2, device="cpu", data=new / "data")
    origin = RunFolder.open(tmp_path / "classes").data["origin"]
    assert (origin["value"], origin["labels"]["file"]) == (str(new / "data"), str(new / "labels.csv"))

    small: dict[str, Any] = {"batch_size": 1, "generator.width": 4, "discriminator.width": 4, "device": "cpu"}
    a, b = noise(tmp_path / "two" / "a", 12), noise(tmp_path / "two" / "b", 12, seed=1)
    poise.train(Domains(a, b), steps=1, out=tmp_path / "domains", **small)
    shutil.move(tmp_path / "two", tmp_path / "both")
    with refused("training.data-moved"):
        poise.resume(tmp_path / "domains", steps=2, device="cpu")
    poise.resume(tmp_path / "domains", steps=2, device="cpu", data=str(tmp_path / "both"))


def test_many_games_go_on_together_and_alone(tmp_path: Path) -> None:
    data = noise(tmp_path / "data")
    runs = poise.train(data, steps=1, out=tmp_path / "many", seeds=2, **SMALL)
    shutil.move(data, tmp_path / "elsewhere")
    with refused("training.data-moved"):
        runs.resume(steps=2, device="cpu")
    runs.resume(steps=2, device="cpu", data=tmp_path / "elsewhere")
    for game in game_folders(tmp_path / "many"):
        poise.resume(game.path, steps=3, device="cpu")


def test_only_paths_below_the_old_place_change() -> None:
    origin = {"kind": "pairs", "held_out": 0.1, "source": {"kind": "path", "value": "/a/x"}, "target": None}
    origin["target"] = {"kind": "path", "value": "/a/y"}
    found = moved(origin, Path("/b"))
    assert (found["source"]["value"], found["target"]["value"], found["held_out"]) == ("/b/x", "/b/y", 0.1)
    assert moved({"kind": "built-in", "value": "ring"}, Path("/nowhere"))["kind"] == "built-in"
