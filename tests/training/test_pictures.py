"""The picture of a step is there whole, or not at all and a person is told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from poise.run_folder import RunFolder
from poise.training.callbacks.pictures import save_picture


@pytest.fixture
def context(tmp_path: Path) -> Any:
    run = RunFolder.create(tmp_path / "run", recipe={}, environment={}, data={})
    return SimpleNamespace(run=run, step=20)


def test_a_picture_is_kept_under_its_step(context: Any) -> None:
    said: list[str] = []
    save_picture(Image.new("RGB", (4, 3)), context, said.append)
    ((step, path),) = context.run.samples()
    assert step == 20 and said == []
    with Image.open(path) as kept:
        assert kept.size == (4, 3)
    assert list(path.parent.iterdir()) == [path]


def test_what_the_disk_refuses_is_said_and_leaves_what_was_there(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    save_picture(Image.new("RGB", (4, 3)), context, said.append)

    def half(image: Image.Image, path: Path, **_: Any) -> None:
        path.write_bytes(b"\x89PNG")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    save_picture(Image.new("RGB", (9, 9)), context, said.append)
    assert said == ["Could not write the picture of step 20: No space left on device."]
    ((_, path),) = context.run.samples()
    with Image.open(path) as kept:
        assert kept.size == (4, 3)
    assert list(path.parent.iterdir()) == [path]
