"""Classes on the command line: from folders and tables into a run, and asked for by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poise

from .conftest import QUICK, Cli, refused

SMALL = ("--steps", 3, "--batch-size", 4, *QUICK)


@pytest.fixture(autouse=True)
def _files() -> None:
    stream = np.random.default_rng(0)
    lines = ["file,kind,other"]
    for number in range(12):
        path = Path(f"photos/{('sun', 'moon', 'star')[number % 3]}/{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(stream.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
        lines.append(f"{number}.png,{('even', 'odd')[number % 2]},1")
    Path("labels.csv").write_text("\n".join(lines), encoding="utf-8")


def test_a_class_in_each_sub_folder_is_asked_for_by_name(cli: Cli) -> None:
    assert cli("train", "photos", "--recipe", "conditional", "--out", "run", *SMALL).status == 0
    done = cli("sample", "run")
    wrote, rows, names = done.out.splitlines()
    assert wrote == "wrote run/grid-seed0.png: 24 samples in a grid, seed 0"
    assert rows == "rows, from the top: moon, star, sun"
    assert names.endswith("/0/7?label=sun")
    (event,) = cli(
        "sample", "run", "--label", "star", "-n", "5", "--seed", "2", "--out", "s.npy", "--json"
    ).events
    assert (event["label"], event["count"], event["rows"]) == ("star", 5, [])
    expected = poise.open_run("run").sample(5, 2, label="star")
    np.testing.assert_array_equal(np.load("s.npy"), expected)
    assert not np.allclose(expected, poise.open_run("run").sample(5, 2, label="moon"))
    assert cli("sample", "run", "--label", "star").out.startswith("wrote run/grid-star-seed0.png: 64 samples")


def test_rows_are_classes_and_columns_share_their_latent(cli: Cli) -> None:
    cli("train", "photos", "--recipe", "conditional", "--out", "run", *SMALL)
    generator = poise.open_run("run").generator
    made = np.asarray(generator.class_grid(4, seed=3))
    pitch, cell = 50, 48  # 8 pixels, six times as large, and a line of 2 between
    for row, name in enumerate(generator.classes):
        one = np.asarray(generator.grid(4, seed=3, label=name))  # two by two
        for column in range(4):
            top, left = 2 + row * pitch, 2 + column * pitch
            alone_top, alone_left = 2 + column // 2 * pitch, 2 + column % 2 * pitch
            np.testing.assert_allclose(
                made[top : top + cell, left : left + cell].astype(int),
                one[alone_top : alone_top + cell, alone_left : alone_left + cell].astype(int),
                atol=1,  # a product of another shape rounds differently
            )


def test_the_number_of_classes_is_told_and_labels_that_are_not_used_are_too(cli: Cli) -> None:
    done = cli("train", "photos", "--recipe", "conditional", "--dry-run", *SMALL)
    assert "12 images of 8x8, grey, 3 classes" in done.out + done.err
    table = ("--labels", "labels.csv", "--label-column", "kind")
    done = cli("train", "photos", *table, "--dry-run", *SMALL)
    assert "The labels do not enter this game" in " ".join((done.out + done.err).split())


def test_a_table_is_recorded_and_opened_again(cli: Cli) -> None:
    words = ("train", "photos", "--recipe", "conditional", "--labels", "labels.csv")
    done = cli(*words, "--label-column", "kind", "--out", "run", *SMALL)
    assert done.status == 0, done.err
    record = json.loads(Path("run/data.json").read_text(encoding="utf-8"))
    assert record["condition"]["names"] == ["even", "odd"]
    named = {"file": str(Path("labels.csv").absolute()), "column": "kind", "file_column": None}
    assert record["origin"]["labels"] == named
    assert cli("resume", "run", "--steps", 5).status == 0
    text = Path("labels.csv").read_text(encoding="utf-8")
    Path("labels.csv").write_text(text.replace("0.png,even", "0.png,odd", 1), encoding="utf-8")
    refused(
        cli, "resume", "run", "--steps", "7", code="training.data-changed", names=("--accept-changed-data",)
    )


def test_mistakes_get_one_sentence_before_anything_is_written(cli: Cli) -> None:
    words = ("train", "photos", "--recipe", "conditional", "--out", "run", *SMALL)
    for more, code, name in [
        (("--labels", "label.csv"), "data.labels-unreadable", "'label.csv'"),
        (("--labels", "labels.csv"), "data.labels-several-columns", "kind"),
        (("--labels", "labels.csv", "--label-column", "kinds"), "data.labels-unknown-column", "'kind'"),
        (("--labels", "labels.csv", "--label-column", "other"), "tasks.single-class", "'1'"),
    ]:
        refused(cli, *words, *more, code=code, names=(name,))
    assert not Path("run").exists()


def test_an_unseen_class_gets_the_nearest_names(cli: Cli) -> None:
    cli("train", "photos", "--recipe", "conditional", "--out", "run", *SMALL)
    refused(cli, "sample", "run", "--label", "stars", code="unknown-class", names=("'star'",))
    cli("train", "photos", "--out", "plain", *SMALL)
    refused(cli, "sample", "plain", "--label", "star", code="generator.no-classes")
