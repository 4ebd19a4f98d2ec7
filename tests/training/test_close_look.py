"""The pictures at the end of a run: copies show, held-out pictures are never called trained on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from poise.augment import AugmentContext
from poise.augment.diffaugment import diffaugment
from poise.data import Files, open_data
from poise.randomness import torch_stream
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.tasks.held_out import examined
from poise.training import begin, pick_device, plan
from poise.training.callbacks.close_look import COLUMNS, CloseLook
from poise.web import write_report
from poise.web.pictures import close_look

CPU = pick_device("cpu")
SMALL = {
    "batch_size": 8,
    "steps": 2,
    "latent.size": 4,
    "generator": {"name": "dcgan", "width": 4},
    "discriminator": {"name": "dcgan", "width": 4},
    "evaluate_every": 0,
}


def recipe(**changes: Any) -> Recipe:
    return recipe_with(RECIPES["non-saturating"], {**SMALL, **changes})


def photographs(count: int = 700) -> Any:
    values = np.random.default_rng(0).integers(0, 256, (count, 4, 6, 3), dtype=np.uint8)
    return values.repeat(4, axis=1).repeat(4, axis=2)


def silent(sentence: str) -> None:
    """Nobody is told."""


class Copying(nn.Module):
    """A generator that gives back the same pictures."""

    def __init__(self, pictures: Tensor) -> None:
        super().__init__()
        self.pictures = pictures

    def forward(self, latent: Tensor) -> Tensor:
        return self.pictures[: len(latent)]


def of(generator: nn.Module, **more: Any) -> Any:
    components = SimpleNamespace(device=CPU, players=more.pop("players", None))
    facts = {"step": 5, "images_seen": 40, "components": components}
    return SimpleNamespace(generator=lambda: generator, **facts, **more)


def test_copies_lie_above_the_pictures_that_they_copy() -> None:
    data = open_data(photographs())
    look = CloseLook(data, recipe(), silent)
    rows = examined(look.recipe, data)[1]
    assert len(rows.held_out), "these are enough to hold some out"
    copied = data.transform.encode(data.gather(rows.training[::10]))
    drawn = look.nearest(of(Copying(copied)))
    assert drawn is not None and len(drawn.rows[0]) == COLUMNS
    assert torch.equal(drawn.rows[0], drawn.rows[1])
    assert "is 0 to 0;" in drawn.caption and "of held-out pictures" in drawn.caption


def test_a_held_out_picture_is_not_its_own_nearest() -> None:
    data = open_data(photographs())
    look = CloseLook(data, recipe(), silent)
    held_out = examined(look.recipe, data)[1].held_out
    drawn = look.nearest(of(Copying(data.transform.encode(data.gather(held_out)))))
    assert drawn is not None
    assert all(not torch.equal(one, other) for one, other in zip(*drawn.rows, strict=True))


def test_some_of_many_pictures_are_said_to_be_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poise.training.callbacks.close_look.COMPARED", 100)
    data = open_data(photographs(300))
    drawn = CloseLook(data, recipe(), silent).nearest(of(Copying(torch.zeros(64, 3, 16, 24))))
    assert drawn is not None and "among 100 of 285" in drawn.caption


def test_large_pictures_are_read_in_small_parts_to_the_same_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_data(photographs(300))
    look = CloseLook(data, recipe(), silent)
    copied = data.transform.encode(data.gather(np.arange(64)))
    drawn = look.nearest(of(Copying(copied)))
    monkeypatch.setattr("poise.training.callbacks.close_look.AT_ONCE", 3 * int(np.prod(data.shape)))
    again = look.nearest(of(Copying(copied)))
    assert drawn is not None and again is not None
    for one, other in zip(drawn.rows, again.rows, strict=True):
        assert torch.equal(one.sort(0).values, other.sort(0).values)
    monkeypatch.setattr("poise.training.callbacks.close_look.NUMBERS", 0)
    few = look.nearest(of(Copying(copied)))
    assert few is not None and "among 100 of 285" in few.caption


def test_augmented_views_are_those_of_the_game() -> None:
    planned = plan(photographs(100), recipe(**{"augmentations.diffaugment.cutout": 0.25}), CPU)
    look = CloseLook(planned.dataset, planned.recipe, silent)
    generator = planned.components.ema.current()
    drawn = look.augmented(of(generator, players=planned.components.players))
    assert drawn is not None
    reals, seen, fakes, seen_fakes = drawn.rows
    context = AugmentContext(torch_stream(0, 5, "augmented views"), 5, 40, 16, {})
    expected = diffaugment(torch.cat([reals, fakes]), context, cutout=0.25)
    assert torch.equal(torch.cat([seen, seen_fakes]), expected)
    plain = plan(photographs(100), recipe(packing=2), CPU)
    alone = CloseLook(plain.dataset, plain.recipe, silent)
    assert alone.augmented(of(generator, players=plain.components.players)) is None


def test_a_run_writes_them_for_its_report_and_trains_as_without(tmp_path: Path) -> None:
    styles = {"name": "stylegan2", "width": 4, "style_size": 8, "mapping_layers": 2}
    asked = {"generator": styles, "augmentations.ada.probability": 0.5, "steps": 4}
    for name, on in (("with", True), ("without", False)):
        planned = plan(photographs(60), recipe(**asked, **{"callbacks.close-look.on": on}), CPU)
        begin(planned, tmp_path / name, notify=silent)
    ended = [RunFolder.open(tmp_path / name).load_checkpoint(4).trained for name in ("with", "without")]
    assert all(torch.equal(value, ended[1][name]) for name, value in ended[0].items())
    run = RunFolder.open(tmp_path / "with")
    figures = close_look(run)
    titles = ["Truncation", "Nearest training pictures", "As the discriminator sees them"]
    assert [figure.title for figure in figures] == titles
    with Image.open(run.path / "close-look/truncation.png") as picture:
        assert picture.size == (8 * (24 * 2 + 2) + 2, 3 * (16 * 2 + 2) + 2)
    page = write_report(run.path).read_text()
    assert all(title in page for title in titles) and "at probability 0.5" in page
    assert not (tmp_path / "without/close-look").exists() and not close_look(RunFolder(tmp_path / "without"))


def test_a_report_leaves_out_what_is_damaged(tmp_path: Path) -> None:
    begin(plan(photographs(60), recipe(), CPU), tmp_path / "run", notify=silent)
    run = RunFolder.open(tmp_path / "run")
    assert [figure.title for figure in close_look(run)] == ["Nearest training pictures"]
    picture = run.path / "close-look/nearest.png"
    picture.write_bytes(picture.read_bytes()[:50])
    assert close_look(run) == []
    (run.path / "close-look/captions.json").write_text("{")
    assert close_look(run) == [] and write_report(run.path).is_file()


def test_series_and_other_data_that_are_no_pictures_lie_beneath_samples(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(700, 2, 24))
    asked = recipe_with(RECIPES["series"], {"batch_size": 8, "steps": 2, "evaluate_every": 0})
    begin(plan(Files(values, kind="series"), asked, CPU), tmp_path / "run", notify=silent)
    run = RunFolder.open(tmp_path / "run")
    [figure] = close_look(run)
    assert figure.title == "Beside the data" and "8 samples" in figure.caption and "series" in figure.caption

    data = open_data(Files(values, kind="series"), cache=tmp_path)
    look = CloseLook(data, Recipe.model_validate(run.read_json("recipe")), silent)
    rows = examined(look.recipe, data)[1]
    known = data.transform.encode(data.gather(rows.training))
    drawn = look.beside(of(Copying(known[:24])))
    assert drawn is not None and [len(row) for row in drawn.rows] == [4, 4, 4, 4]
    for real in torch.cat(list(drawn.rows[2:])):
        assert (known - real).abs().amax((1, 2)).min() == 0, "it was trained on"


def test_translations_and_points_have_none(tmp_path: Path) -> None:
    changes = {"generator": {"name": "mlp", "width": 4}, "discriminator": {"name": "mlp", "width": 4}}
    begin(plan("ring", recipe(**changes), CPU), tmp_path / "run", notify=silent)
    assert not (tmp_path / "run/close-look").exists()
