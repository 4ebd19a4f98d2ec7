"""The benchmark of translations runs, on a handful of drawings and a few steps."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.translation.__main__ import main
from benchmarks.translation.judging import (
    constant_colourings,
    enclosed,
    judged_on,
    known_outlines,
    references,
)
from benchmarks.translation.quality import TINY, recipe_for, trained
from PIL import Image

from poise.data import Pairs, open_data
from poise.training import Request, StepContext, begin


def drawings(root: Path, count: int) -> Path:
    """Squares with black outlines of growing size, in red."""
    for side in ("line", "color"):
        (root / side).mkdir(parents=True)
    for number in range(count):
        image = np.full((16, 16, 3), 255, np.uint8)
        end = 8 + number % 6
        image[3:end, 3:end] = 0
        Image.fromarray(image).convert("L")
        line, colour = image.copy(), image.copy()
        line[4 : end - 1, 4 : end - 1], colour[4 : end - 1, 4 : end - 1] = 255, (220, 20 * (number % 6), 40)
        Image.fromarray(line[..., 0]).save(root / "line" / f"{number}.png")
        Image.fromarray(colour).save(root / "color" / f"{number}.png")
    return root


def test_what_is_enclosed_is_what_the_border_does_not_reach() -> None:
    line = torch.ones(1, 3, 9, 9)
    line[:, :, 2:7, 2:7] = -1
    line[:, :, 3:6, 3:6] = 1
    inside = enclosed(line)[0, 0]
    assert int(inside.sum()) == 9 and bool(inside[3:6, 3:6].all())
    line[:, :, 2, 4] = 1
    assert not enclosed(line).any(), "a gap in the outline lets the border in"


def test_a_constant_colouring_is_perfect_where_all_are_of_one_colour(tmp_path: Path) -> None:
    root = drawings(tmp_path, 6)
    for path in (root / "color").iterdir():
        image = np.asarray(Image.open(path)).copy()
        image[(image[..., 0] == 220)] = (220, 20, 40)
        Image.fromarray(image).save(path)
    source = open_data(Pairs(root / "line", root / "color", held_out=0.3), resolution=16)
    assert source.held_out is not None and source.held_out.condition is not None
    rows = np.arange(len(source.held_out))
    condition = source.held_out.condition
    line = condition.encode(condition.gather(rows)).expand(-1, 3, -1, -1)
    wanted = source.transform.encode(source.held_out.gather(rows))
    found = constant_colourings(source, line)
    assert list(found)[:3] == [
        "line art as it is",
        "enclosed areas in the mean colour",
        "enclosed areas in the median colour",
    ]
    torch.testing.assert_close(found["enclosed areas in the mean colour"], wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(found["enclosed areas in the median colour"], wanted, atol=1e-5, rtol=0)
    assert not torch.allclose(found["line art as it is"], wanted)
    everywhere = found["the mean colour everywhere"]
    assert bool((everywhere == everywhere[:1, :, :1, :1]).all()), "one colour and nothing else"


def test_bounds_look_up_and_look_at_the_target(tmp_path: Path) -> None:
    root = drawings(tmp_path, 30)
    source = open_data(Pairs(root / "line", root / "color", held_out=0.3), resolution=16)
    judge = judged_on(source)
    looked_up, own = references(source, judge).values()
    torch.testing.assert_close(own, judge.colour, msg="a square has one colour, which the bound knows")
    assert judge(looked_up)["l1"] > 0
    # Six sizes of square, all of them on either side.
    assert bool(known_outlines(source, judge.line).all())
    other = judge.line.clone()
    other[0, :, 0, 0] = -1.0
    assert known_outlines(source, other).tolist() == [False] + [True] * (len(other) - 1)


def test_a_judge_tells_known_outlines_from_new_ones(tmp_path: Path) -> None:
    root = drawings(tmp_path, 30)
    source = open_data(Pairs(root / "line", root / "color", held_out=0.3), resolution=16)
    judge = judged_on(source)
    halves = dataclasses.replace(judge, known=torch.arange(len(judge.line)) < 4)
    made = judge.colour.clone()
    made[:4] += 0.5
    found = halves(made)
    assert found["l1_known"] == pytest.approx(0.5) and found["l1_new"] == 0.0
    assert found["l1"] == pytest.approx(0.5 * 4 / len(made))


def test_the_page_is_made_of_parts_that_come_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "cache"))
    page, runs = tmp_path / "docs" / "translation.md", tmp_path / "runs"
    root = str(drawings(tmp_path / "data", 30))
    command = [root, "--tiny", "--page", str(page), "--runs", str(runs), "--only"]
    main([*command, "pairs", "domains"])
    text = page.read_text(encoding="utf-8")
    assert all(
        name in text for name in ("pix2pix", "cyclegan", "U-Net with L1 alone", "identity", "OpenMoji")
    )
    assert "reached" in text and "ratio to the fastest" not in text
    for part in ("pairs", "domains"):
        assert Image.open(page.with_name(f"translation-{part}.png")).width > 400
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*.safetensors")}
    assert len(list(runs.iterdir())) == 4
    capsys.readouterr()
    main([*command, "throughput", "pairs"])
    assert {path: path.stat().st_mtime_ns for path in runs.rglob("*.safetensors")} == before, "trained once"
    whole = page.read_text(encoding="utf-8")
    assert whole.startswith(text.partition("All emojis")[0]) and "ratio to the fastest" in whole
    assert capsys.readouterr().out.strip() == whole.strip()


def test_a_training_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "cache"))
    root, runs = drawings(tmp_path / "data", 30), tmp_path / "runs"
    data = Pairs(root / "line", root / "color", held_out=0.2)
    recipe = recipe_for("pix2pix", TINY, 0, **{"checkpoints.every_steps": 1, "log_every": 1})
    whole, facts = trained(data, recipe, runs / "whole")
    assert facts["images_seen"] == 3 * recipe.batch_size

    class Stop:
        def __call__(self, context: StepContext) -> Request | None:
            return "stop" if context.step == 1 else None

    monkeypatch.setattr("benchmarks.translation.quality.begin", partial(begin, callbacks=[Stop()]))
    trained(data, recipe, runs / "cut")
    went_on, facts = trained(data, recipe, runs / "cut")
    assert facts["images_seen"] == 3 * recipe.batch_size
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, went_on.module.state_dict()[name]), name
