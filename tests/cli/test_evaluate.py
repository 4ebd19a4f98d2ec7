from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from poise.cli.evaluate import protocol
from poise.metrics import Result

from .conftest import Cli, everything_in, refused


def test_a_run_is_judged_and_the_numbers_are_saved(cli: Cli, digits_run: Path, tmp_path: Path) -> None:
    shutil.copytree(digits_run, tmp_path / "run")
    lines = tmp_path / "run" / "metrics.jsonl"
    before = lines.read_text(encoding="utf-8").count('"evaluate"') if lines.exists() else 0
    done = cli("evaluate", "run", "--samples", "60", "--json")
    *results, end = done.events
    assert done.status == 0 and [event["event"] for event in results] == ["result"] * 4
    assert {event["metric"] for event in results} >= {"frechet-distance", "memorisation"}
    assert all(event["interval"] and event["floor"] is not None for event in results)
    after = Path(end["metrics"]).read_text(encoding="utf-8").count('"evaluate"')
    assert end["step"] == 4 and after - before == 8
    with Image.open(end["nearest_pairs"]) as picture:
        assert picture.size[0] > 100


def test_people_are_told_the_numbers_and_their_protocol(cli: Cli, digits_run: Path, tmp_path: Path) -> None:
    shutil.copytree(digits_run, tmp_path / "run")
    done = cli("evaluate", "run", "--samples", "50", "--metrics", "frechet_distance", "kernel-distance")
    assert done.status == 0
    first, second, third, saved = done.out.splitlines()
    assert first == "run at step 4, against digits"
    assert second.startswith("frechet-distance ") and "(floor " in second and "fake 50" in second
    assert third.startswith("kernel-distance ") and "random-convolutions" in third
    assert saved == "saved in run: metrics.jsonl, report.html"


def test_the_protocol_names_the_sides_in_a_sentence() -> None:
    sides = {"train": 1700, "held_out": 90, "fake": 300}
    result = Result("memorisation", 1.0, None, "none", None, "none", sides, extractor="pixels")
    assert protocol([result]) == ["300 fake against 1,700 train and 90 held-out; pixels"]


def test_anybodys_samples_are_judged_and_nothing_is_written(cli: Cli, tmp_path: Path) -> None:
    stream = np.random.default_rng(0)
    np.save("theirs.npy", stream.random((60, 8, 8)).astype(np.float32))
    before = everything_in(tmp_path)
    done = cli("evaluate", "theirs.npy", "--against", "digits", "--metrics", "frechet-distance")
    assert done.status == 0 and done.out.startswith("theirs.npy, against digits\n")
    assert everything_in(tmp_path) == before


def test_mistakes_are_told_in_a_sentence(cli: Cli, digits_run: Path) -> None:
    for words, code, name in (
        ((digits_run, "--checkpoint", "beast"), "evaluation.no-checkpoint", "'beast'"),
        ((digits_run, "--checkpoint", "77"), "run-folder.no-checkpoint", "'77'"),
        (("nowhere",), "evaluation.not-found", "'nowhere'"),
        (
            (digits_run, "--labels", "none.npy", "--features", "classifier"),
            "data.labels-unreadable",
            "none.npy",
        ),
    ):
        refused(cli, "evaluate", *words, code=code, names=(name,))
