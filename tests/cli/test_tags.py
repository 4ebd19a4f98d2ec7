"""Tags on the command line: from a table into a run, and asked for by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poise
from poise.errors import PoiseError

from .conftest import QUICK, Cli, refused

SMALL = ("--set", "generator.width=4", "--set", "discriminator.width=4", "--set", "generator.blocks=1")
TRAIN = ("train", "photos", "--labels", "tags.csv", "--steps", 3, "--batch-size", 4, "--out", "run", *QUICK)
TAGS = ("blonde hair", "blue eyes", "smile")


@pytest.fixture(autouse=True)
def _files() -> None:
    stream = np.random.default_rng(0)
    lines = ["file,tags"]
    Path("photos").mkdir()
    for number in range(16):
        Image.fromarray(stream.integers(0, 256, (8, 8), dtype=np.uint8)).save(f"photos/{number}.png")
        chosen = [tag for place, tag in enumerate(TAGS) if number >> place & 1 or (place == 2 and number > 3)]
        lines.append(f"{number}.png,{'; '.join(chosen)}")
    Path("tags.csv").write_text("\n".join(lines), encoding="utf-8")


def trained(cli: Cli) -> None:
    done = cli(*TRAIN, "--recipe", "anime", "--set", "game.least=2", *SMALL)
    assert done.status == 0, done.err
    assert "3 tags" in done.out + done.err


def test_tags_are_asked_for_by_name(cli: Cli) -> None:
    trained(cli)
    run = poise.open_run("run")
    assert run.generator.tags == TAGS and run.generator.classes == ()
    done = cli("sample", "run", "--tags", "blonde hair,blue eyes", "-n", "5", "--out", "s.npy", "--json")
    assert done.events[0]["tags"] == "blonde hair,blue eyes"
    expected = run.sample(5, tags=["blue eyes", "blonde hair"])
    np.testing.assert_array_equal(np.load("s.npy"), expected)
    conditions = run.generator.conditions(2, tags="blonde hair, blue eyes")
    assert conditions is not None and conditions.tolist() == [[1, 1, 0]] * 2
    assert not np.allclose(expected, run.sample(5, tags=""))
    out = cli("sample", "run", "--tags", "smile", "-n", "4").out
    assert out.startswith("wrote run/grid-smile-seed0.png: 4 samples of 'smile'")


def test_without_wishes_tags_are_drawn_as_often_as_in_the_data(cli: Cli) -> None:
    trained(cli)
    generator = poise.open_run("run").generator
    drawn = generator.conditions(4_000, seed=1)
    assert drawn is not None
    # 8 of 16 images, 8 of 16, and those above 3: 12 of 16; standard errors are below 0.008
    np.testing.assert_allclose(drawn.mean(0), [0.5, 0.5, 0.75], atol=0.032)
    together = float((drawn[:, 0] * (1 - drawn[:, 2])).mean())
    assert together == pytest.approx(2 / 16, abs=0.02), "rows are drawn, not tags alone"
    few = generator.conditions(10, seed=1)
    assert few is not None and few.equal(drawn[:10])


def test_pictures_have_a_row_for_each_tag_the_most_frequent_first(cli: Cli) -> None:
    trained(cli)
    done = cli("sample", "run")
    assert done.out.splitlines() == [
        "wrote run/grid-seed0.png: 24 samples in a grid, seed 0",
        "rows, from the top: smile, blonde hair, blue eyes",
    ]
    report = Path(poise.open_run("run").report()).read_text(encoding="utf-8")
    assert "Each row is a tag" in report and "from the top: smile, blonde hair, blue eyes." in report
    last = sorted(Path("run/samples").glob("*.png"))[-1]
    with Image.open(last) as picture:
        assert picture.height / picture.width == pytest.approx(3 / 8, abs=0.02)


def test_what_is_no_tag_is_refused(cli: Cli) -> None:
    trained(cli)
    refused(cli, "sample", "run", "--tags", "blonde hear", code="unknown-tag", names=("'blonde hair'",))
    refused(cli, "sample", "run", "--label", "smile", code="generator.tags-are-no-classes", names=("--tags",))
    cli("train", "digits", "--steps", 2, "--out", "plain", "--batch-size", 4, *QUICK)
    refused(cli, "sample", "plain", "--tags", "smile", code="generator.takes-no-tags", names=("anime",))
    with pytest.raises(PoiseError) as caught:
        poise.open_run("run").sample(1, tags=["smile", "frown"])
    assert caught.value.code == "unknown-tag"


def test_tags_are_refused_by_a_recipe_of_classes_before_training(cli: Cli) -> None:
    words = (*TRAIN, "--recipe", "auxiliary-classifier")
    refused(cli, *words, code="tasks.labels-are-tags", names=("anime",))
    assert not Path("run").exists()


@pytest.mark.parametrize("recipe", ["conditional", "projection"])
def test_other_games_take_tags_as_a_condition(cli: Cli, recipe: str) -> None:
    assert cli(*TRAIN, "--recipe", recipe, "--set", "game.least=2").status == 0
    smiling, blue = (poise.open_run("run").sample(3, tags=tag) for tag in ("smile", "blue eyes"))
    assert not np.allclose(smiling, blue)
