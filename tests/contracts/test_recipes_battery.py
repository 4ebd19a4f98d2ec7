"""One battery over every recipe: it trains, survives kill -9, resumes bit for bit, samples, reports."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import poise
from poise.data import open_data
from poise.recipes import RECIPES, Recipe
from poise.run_folder import RunFolder
from poise.training import Resumption, StepContext, begin, pick_device, plan, resume
from small_recipes import STEPS, silent, stored, tiny
from tones import LENGTH

pytestmark = pytest.mark.usefixtures("few_compared")
CPU = pick_device("cpu")
KILLED_AT = 3


def test_the_number_of_recipes() -> None:
    assert len(RECIPES) == 41


def killed_in_a_child(train: Callable[[], object]) -> None:
    """Run something in a forked process that is expected to kill itself."""
    child = os.fork()
    if child == 0:
        try:
            train()
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def kill_at(step: int) -> Callable[[StepContext], None]:
    def callback(context: StepContext) -> None:
        if context.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return callback


def same_bits(first: Path, second: Path) -> None:
    one, other = (RunFolder.open(path).load_checkpoint(STEPS) for path in (first, second))
    assert one.trained.keys() == other.trained.keys()
    differing = [name for name in one.trained if not torch.equal(one.trained[name], other.trained[name])]
    assert differing == []
    generators = [RunFolder.open(path).load_generator()[0] for path in (first, second)]
    assert all(torch.equal(generators[0][name], generators[1][name]) for name in generators[0])


@pytest.mark.parametrize("name", list(RECIPES))
def test_survives_kill_and_resumes_to_the_same_bits(name: str, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    data = stored(name, tmp_path)
    planned = plan(data, tiny(name), CPU)  # the child has a copy
    killed_in_a_child(lambda: begin(planned, killed, callbacks=[kill_at(KILLED_AT)], notify=silent))
    begin(planned, whole, notify=silent)
    folder = RunFolder.open(killed)
    assert folder.status == "interrupted"
    assert [step for step in folder.checkpoint_steps() if step] == [2]  # fitted networks are saved at 0

    outcome = resume(Resumption(killed, CPU), notify=silent)
    assert (outcome.status, outcome.position.step) == ("finished", STEPS)
    same_bits(whole, killed)
    steps = [line["step"] for line in folder.lines("history")]
    assert steps == [2, 4, 5]
    assert [path.name for _, path in folder.samples()] == [p.name for _, p in RunFolder(whole).samples()]

    CHECKED.get(RECIPES[name].game.name, samples_agree)(killed, whole)
    assert poise.open_run(killed).report().stat().st_size > 10_000


def samples_agree(killed: Path, whole: Path) -> None:
    """Both runs make the same samples, of the shape of the data."""
    generator = poise.open_run(killed).generator
    samples = generator.sample(3, seed=1)
    data = generator.data(generator.latents(3, seed=1), generator.conditions(3, seed=1))
    # rows of a table are stored as cells, which are fewer numbers than networks see
    rows = generator.kind.write_file is not None
    assert rows or data.shape == (3, *generator.shape)
    assert len(data) == 3 and samples.dtype == np.float32
    assert len(samples) == 3 and np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1 or not generator.transform.bounded
    # A product rounds by its own shape, so the first of many equal those of few to rounding alone: some ulps
    # of float32 in each of up to twenty layers.
    np.testing.assert_allclose(samples, poise.open_run(whole).sample(5, seed=1)[:3], atol=1e-5)


def translations_agree(killed: Path, whole: Path) -> None:
    """Both runs make the same of the same images, whichever way."""
    digits = open_data("digits").array
    assert digits is not None
    for direction in poise.open_run(killed).generator.directions:
        made = poise.open_run(killed).translate(digits[:3], direction=direction, seed=1)
        assert made.shape == (3, 1, 8, 8) and made.dtype == np.float32
        again = poise.open_run(whole).translate(digits[:5], direction=direction, seed=1)
        np.testing.assert_allclose(made, again[:3], atol=1e-5)


def tags_agree(killed: Path, whole: Path) -> None:
    """Both runs name the same tags of a picture; every latent names one."""
    picture = killed.parent / "picture.png"
    Image.new("L", (8, 8), 128).save(picture)
    tags = poise.open_run(killed).tag(picture, 10, draws=20)
    assert tags == poise.open_run(whole).tag(picture, 10, draws=20)
    assert sum(tag.frequency for tag in tags) == pytest.approx(1)


def waves_agree(killed: Path, whole: Path) -> None:
    """Both runs make the same waves of the same recordings, as long as these."""
    recordings = killed.parent / "tones" / "low"
    made, again = (poise.open_run(run).vocode(recordings) for run in (killed, whole))
    assert len(made) == 12 and all(wave.shape == (LENGTH,) for wave in made.values())
    for name, wave in made.items():
        np.testing.assert_allclose(wave, again[name], atol=1e-5)


CHECKED: dict[str, Callable[[Path, Path], None]] = {
    "image-tagging": tags_agree,
    "paired-translation": translations_agree,
    "unpaired-translation": translations_agree,
    "vocoding": waves_agree,
}
"""What a game makes, where that is no sample of the data."""


def test_every_setting_of_a_run_is_spelled_out(tmp_path: Path) -> None:
    begin(plan("digits", tiny("non-saturating"), CPU), tmp_path / "run", notify=silent)
    saved = RunFolder.open(tmp_path / "run").recipe
    assert saved["generator"]["name"] == "dcgan" and saved["steps"] == STEPS
    assert "auto" not in str(saved)
    assert Recipe.model_validate(saved).model_dump() == saved
