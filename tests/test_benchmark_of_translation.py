"""The benchmark of translations runs, on a handful of drawings and a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.translation.__main__ import main
from benchmarks.translation.judging import constant_colourings, enclosed
from PIL import Image

from poise.data import Pairs, open_data


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
    wanted = source.encoding.encode(source.held_out.gather(rows))
    found = constant_colourings(source, line)
    assert list(found) == [
        "line art as it is",
        "enclosed areas in the mean colour",
        "enclosed areas in the median colour",
    ]
    torch.testing.assert_close(found["enclosed areas in the mean colour"], wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(found["enclosed areas in the median colour"], wanted, atol=1e-5, rtol=0)
    assert not torch.allclose(found["line art as it is"], wanted)


def test_the_page_is_written_with_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "cache"))
    page = tmp_path / "docs" / "translation.md"
    main([str(drawings(tmp_path / "data", 30)), "--tiny", "--page", str(page)])
    text = page.read_text(encoding="utf-8")
    assert all(
        name in text for name in ("pix2pix", "cyclegan", "U-Net with L1 alone", "identity", "OpenMoji")
    )
    assert "reached" in text and "ratio to the faster" in text
    for part in ("pairs", "domains"):
        assert Image.open(page.with_name(f"translation-{part}.png")).width > 400
