"""The benchmark of games with conditions, in a tiny mode: its arithmetic, its tables, its page."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.conditional import labels, tags
from benchmarks.conditional.page import write_section
from benchmarks.digits import Judge
from PIL import Image

from poise.data import open_data
from poise.recipes import RECIPES

TINY: dict[str, Any] = {"batch_size": 8, "sample_every": 4, "generator.width": 8, "discriminator.width": 8}


@pytest.fixture(scope="module")
def arbiter() -> labels.Arbiter:
    return labels.Arbiter()


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


def test_a_section_is_written_anew_and_the_others_stay(tmp_path: Path) -> None:
    page = tmp_path / "deep" / "page.md"
    write_section(page, "One", "first\n")
    write_section(page, "Two", "second")
    write_section(page, "One", "third")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Games with conditions\n")
    assert text.count("## One\n\nthird\n") == 1 and "first" not in text
    assert text.index("## One") < text.index("## Two\n\nsecond")
    write_section(page, "Two", "second")
    assert page.read_text(encoding="utf-8") == text


def test_precision_and_recall_of_the_first_five() -> None:
    truth = np.zeros((3, 8), bool)
    truth[0, [0, 1]], truth[1, 7] = True, True  # the third has none and does not count
    ranking = np.zeros((3, 8))
    ranking[0, :6] = [0.9, 0.1, 0.5, 0.4, 0.3, 0.2]  # 0 2 3 4 5: one of two
    ranking[1, 0] = 1.0  # nothing else was named, 7 least of all
    np.testing.assert_allclose(tags.precision_and_recall(ranking, truth), [[0.2, 0.0], [0.5, 0.0]])


def test_the_arbiter_knows_digits(arbiter: labels.Arbiter) -> None:
    assert arbiter.accuracy > 0.98
    source = open_data("digits")
    samples = source.transform.encode(source.gather(np.arange(100))).numpy()
    assert arbiter.agreement(samples, arbiter.labels[:100]) > 0.98
    assert arbiter.agreement(samples, (arbiter.labels[:100] + 1) % 10) < 0.02


def test_labels_in_a_tiny_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judge: Judge, arbiter: labels.Arbiter
) -> None:
    monkeypatch.setattr(labels, "Judge", lambda: judge)
    monkeypatch.setattr(labels, "Arbiter", lambda: arbiter)
    text = labels.section(seeds=[0, 1], steps=4, runs=tmp_path, compared=labels.COMPARED[:2], **TINY)
    assert "32 images seen by each run" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| `conditional` |")]
    assert "±" in row and 0 <= float(row.split("|")[3]) <= 1
    monkeypatch.setattr(labels, "begin", None)  # nothing is trained again
    again = labels.section(seeds=[0, 1], steps=4, runs=tmp_path, compared=labels.COMPARED[:2], **TINY)
    assert again == text


def test_every_recipe_sees_as_many_images(judge: Judge, arbiter: labels.Arbiter) -> None:
    one = labels.measured("projection", 0, 80, judge, arbiter, **TINY)
    rounds = RECIPES["projection"].dynamics.options.get("discriminator_steps", 1)
    assert one.images == 80 // (8 * rounds) * 8 * rounds


def test_tags_in_a_tiny_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "moji" / "color").mkdir(parents=True)
    stream = np.random.default_rng(0)
    with (tmp_path / "moji" / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "group", "subgroup", "annotation", "tags"])
        for number in range(100):
            shade = 200 * (number % 2)
            pixels = np.clip(stream.integers(0, 50, (16, 16, 3)) + shade, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "moji" / "color" / f"{number}.png")
            kind = ("dark", "light")[number % 2]
            table.writerow([f"{number}.png", kind, f"{kind}-more", kind, f"{kind}-tag;rare{number}"])
    text = tags.section(seeds=[0], steps=3, data=tmp_path / "moji", **TINY)
    assert "80 training pictures, 20 held out; 6 tags known, 80 rarer ones dropped" in text
    (row,) = [line for line in text.splitlines() if "classifier of many labels" in line]
    # three tags of each kind, of which five answers can name all: 0.6 where the kinds are told apart
    assert "| 0.600 (0.600 to 0.600) | 1.000 (1.000 to 1.000) |" in row
    assert "`image-tagging`, seed 0" in text
