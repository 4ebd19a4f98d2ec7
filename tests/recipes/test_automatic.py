"""The recipe that is chosen by the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import poise
from poise.errors import PoiseError
from poise.recipes import DEFAULT_RECIPE, RECIPES, Automatic
from poise.recipes.automatic import FEW, LEARNT_BY_HEART, LEAST_SEEN, MOST_SEEN, PASSES
from poise.spec import DataSpec
from poise.training import plan

LARGE, SMALL, POINTS = (
    DataSpec("image", (3, 64, 48)),
    DataSpec("image", (1, 16, 16)),
    DataSpec("vector", (2,)),
)
CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    draw = np.random.default_rng(0)
    for number in range(80):
        Image.fromarray(draw.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(made / f"{number}.png")
    return made


@pytest.mark.parametrize("spec", [SMALL, POINTS])
@pytest.mark.parametrize("accelerated", [False, True])
def test_small_images_and_vectors_have_the_default_recipe(spec: DataSpec, accelerated: bool) -> None:
    recipe, choice = Automatic().chosen(spec, 500, accelerated=accelerated)
    assert recipe == RECIPES[DEFAULT_RECIPE]
    assert choice is not None


@pytest.mark.parametrize(("count", "augmented"), [(100, True), (LEARNT_BY_HEART, False)])
def test_few_images_are_augmented(count: int, augmented: bool) -> None:
    recipe, choice = Automatic().chosen(LARGE, count)
    assert ("diffaugment" in recipe.augmentations) == augmented
    assert recipe.generator.options == recipe.discriminator.options == {"width": 32}
    assert choice is not None and f"{count:,}" in choice.why and "48x64" in choice.why


@pytest.mark.parametrize(("count", "seen"), [(100, LEAST_SEEN), (2_000, 2_000 * PASSES), (10**6, MOST_SEEN)])
def test_the_length_grows_with_the_number_of_images(count: int, seen: int) -> None:
    recipe, _ = Automatic().chosen(LARGE, count)
    assert (recipe.steps or 0) * recipe.batch_size == pytest.approx(seen, abs=recipe.batch_size)


@pytest.mark.parametrize(
    ("count", "name"), [(200, "fastgan"), (2_000, "stylegan2-ada"), (10**5, "stylegan2")]
)
def test_an_accelerator_has_the_capable_recipes(count: int, name: str) -> None:
    assert Automatic().chosen(LARGE, count, accelerated=True)[0].name == name


def test_minutes_on_an_accelerator_are_not_for_networks_of_styles() -> None:
    """Each names the time: an hour or more is enough for the capable recipes."""
    recipe, choice = Automatic().chosen(LARGE, 2_000, accelerated=True, seconds=180.0)
    assert recipe.name == DEFAULT_RECIPE and "diffaugment" in recipe.augmentations
    assert choice is not None and "60 minutes" in choice.why
    assert Automatic().chosen(LARGE, 2_000, accelerated=True, seconds=7_200.0)[0].name == "stylegan2-ada"
    assert Automatic().chosen(LARGE, 2_000, seconds=180.0)[0].generator.options == {"width": 32}
    assert Automatic().chosen(LARGE, FEW - 1, accelerated=True, seconds=180.0)[0].name == "fastgan"


@pytest.mark.parametrize("seconds", [None, 180.0])
def test_a_game_with_a_classifier_gets_networks_that_classify(seconds: float | None) -> None:
    automatic = Automatic({"game": "auxiliary-classifier"})
    for count in (200, 10_000, 10**5):
        recipe, choice = automatic.chosen(LARGE, count, accelerated=True, seconds=seconds)
        assert choice is not None and recipe.discriminator.name == RECIPES[DEFAULT_RECIPE].discriminator.name
        assert recipe.game.name == "auxiliary-classifier"


@pytest.mark.parametrize(
    "changes", [{"loss": "hinge"}, {"optimizers.generator.lr": 1e-3}, {"generator": "resnet"}]
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_change_of_the_game_is_one_of_the_default_recipe(changes: dict[str, Any]) -> None:
    recipe, choice = Automatic(changes).chosen(LARGE, 100)
    assert choice is None
    assert recipe == Automatic(changes).draft
    assert recipe.name == DEFAULT_RECIPE and not recipe.augmentations


def test_a_game_with_classes_has_what_is_chosen() -> None:
    recipe, choice = Automatic({"game": "conditional"}).chosen(LARGE, 100)
    assert choice is not None
    assert recipe.game.name == "conditional" and "diffaugment" in recipe.augmentations
    assert Automatic({"game": "image-tagging"}).chosen(LARGE, 100)[1] is None


def test_what_is_asked_for_holds() -> None:
    asked = {"steps": 7, "batch_size": 5, "precision": "float32", "ema.ramp": 0.5}
    recipe, choice = Automatic(asked).chosen(LARGE, 100)
    assert choice is not None
    assert (recipe.steps, recipe.batch_size, recipe.precision, recipe.ema.ramp) == (7, 5, "float32", 0.5)


@pytest.mark.parametrize("spec", [LARGE, SMALL, POINTS])
def test_a_batch_is_never_more_than_there_is_unless_that_is_asked_for(spec: DataSpec) -> None:
    assert Automatic().chosen(spec, 18)[0].batch_size == 18
    assert Automatic({"batch_size": 24}).chosen(spec, 18)[0].batch_size == 24
    recipe, _ = Automatic().chosen(LARGE, 18)
    assert recipe.steps is not None and recipe.steps * 18 == pytest.approx(LEAST_SEEN, rel=0.01)


def test_a_setting_that_no_recipe_has_is_refused_before_data_are_read() -> None:
    with pytest.raises(PoiseError) as refused:
        plan("/nowhere", Automatic({"stepps": 3}), CPU)
    assert refused.value.code == "unknown-setting"


def test_training_without_a_recipe_records_the_one_that_was_chosen(folder: Path, tmp_path: Path) -> None:
    run = poise.train(folder, out=tmp_path / "run", steps=2, doctor="off", evaluate_every=0)
    saved = json.loads((run.path / "recipe.json").read_text())
    assert saved["name"] == DEFAULT_RECIPE
    assert "diffaugment" in saved["augmentations"]
    assert (saved["generator"]["width"], saved["batch_size"], saved["steps"]) == (32, 32, 2)


def test_networks_of_ones_own_have_the_default_recipe(folder: Path) -> None:
    own = torch.nn.Sequential(torch.nn.Linear(64, 3 * 24 * 24), torch.nn.Unflatten(1, (3, 24, 24)))
    made = plan(folder, Automatic({"steps": 2}), CPU, given={"generator": own})
    assert made.choice is None
    assert made.recipe.batch_size == RECIPES[DEFAULT_RECIPE].batch_size
