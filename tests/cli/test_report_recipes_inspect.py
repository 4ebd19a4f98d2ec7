from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poise.recipes import RECIPES, Recipe, recipe_with

from .conftest import Cli, everything_in, refused

COLOURS = np.random.default_rng(0).integers(0, 256, (100, 16, 16, 3), dtype=np.uint8)


def photos(count: int, *, damaged: int = 0) -> Path:
    folder = Path("photos")
    folder.mkdir()
    for number in range(count):
        Image.fromarray(COLOURS[number % 100]).save(folder / f"{number:03}.png")
    for number in range(damaged):
        whole = (folder / f"{number:03}.png").read_bytes()
        (folder / f"cut-{number}.png").write_bytes(whole[: len(whole) // 2])
    return folder


def test_report_writes_it_anew_and_names_it(cli: Cli, tmp_path: Path, digits_run: Path) -> None:
    shutil.copytree(digits_run, tmp_path / "run")
    Path("run/report.html").unlink()
    assert cli("report", "run").out == "wrote run/report.html\n"
    assert Path("run/report.html").stat().st_size > 1_000
    (event,) = cli("report", "run", "--json").events
    assert event == {"event": "report", "run": f"{tmp_path}/run", "report": f"{tmp_path}/run/report.html"}


def test_the_table_names_every_recipe_with_its_paper(cli: Cli) -> None:
    done = cli("recipes")
    for recipe in RECIPES.values():
        (line,) = [line for line in done.out.splitlines() if line.split()[:1] == [recipe.name]]
        assert recipe.loss.name in line and recipe.paper.partition(",")[0].partition(" et al")[0] in line
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "data"), [("pix2pix", "--pairs"), ("cyclegan", "--domains"), ("dragan", "digits")]
)
def test_the_example_of_a_recipe_names_data_that_it_takes(cli: Cli, name: str, data: str) -> None:
    assert f"poise train {data}" in cli("recipes", name).out


def test_recipes_for_a_program_read_back(cli: Cli) -> None:
    events = cli("recipes", "--json").events
    assert [Recipe.model_validate(event) for event in events] == list(RECIPES.values())
    assert [Recipe.model_validate(event) for event in cli("recipes", "dragan", "--json").events] == [
        RECIPES["dragan"]
    ]


@pytest.mark.parametrize("name", ["wasserstein-gp", "lucic/began"])
def test_one_recipe_shows_every_value_that_set_takes(
    cli: Cli, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    recipe = RECIPES[name]
    text = cli("recipes", name).out
    for said in (recipe.summary, recipe.when, recipe.paper):
        assert said in text
    rows = [line.removeprefix("*").split() for line in text.splitlines()]
    values = {row[0]: row[1] for row in rows if len(row) > 1}
    changes = {
        path: json.loads(values[path])
        for path in ("optimisers.generator.learning_rate", "batch_size", "latent.size")
    }
    assert recipe_with(recipe, changes) == recipe
    starred = {line.split()[1] for line in text.splitlines() if line.startswith("*  ")}
    assert "loss" in starred and "batch_size" not in starred


def test_inspect_good_data(cli: Cli, tmp_path: Path) -> None:
    photos(70)
    before = everything_in(tmp_path)
    done = cli("inspect", "photos")
    assert done.status == 0 and "photos: 70 images of 16x16, colour" in done.out
    assert "trainable" in done.out and "poise train photos" in done.out
    assert everything_in(tmp_path) == before


def test_inspect_lists_every_file_that_is_refused_with_the_reason(cli: Cli) -> None:
    photos(70, damaged=3)
    done = cli("inspect", "photos")
    assert done.status == 2
    for number in range(3):
        (line,) = [line for line in done.out.splitlines() if line.strip().startswith(f"cut-{number}.png")]
        assert len(line.split(maxsplit=1)[1]) > 5
    assert "not trainable" in done.out and "3 of 73" in done.out


def test_inspect_for_a_program(cli: Cli) -> None:
    photos(70, damaged=3)
    done = cli("inspect", "photos", "--json")
    (event,) = done.events
    assert done.status == 2 and event["trainable"] is False and "3 of 73" in event["obstacle"]
    assert [one["file"] for one in event["refused"]] == ["cut-0.png", "cut-1.png", "cut-2.png"]
    (event,) = cli("inspect", "digits", "--json").events
    assert event["trainable"] is True and event["obstacle"] is None and event["shape"] == [1, 8, 8]


def test_inspect_fits_the_batch_to_few_pictures(cli: Cli) -> None:
    photos(5)
    done = cli("inspect", "photos")
    assert done.status == 0 and "batches of 5" in done.out


def test_inspect_takes_the_resolution_into_account(cli: Cli) -> None:
    photos(70)
    done = cli("inspect", "photos", "--resolution", "8")
    assert "70 images of 8x8" in done.out and "poise train photos --resolution 8" in done.out


def test_inspect_takes_the_types_of_columns_as_training_does(cli: Cli, tmp_path: Path) -> None:
    rows = [f"2024-01-{day:02},{day * 7 % 11},{day * 5 % 7}" for day in range(1, 29)]
    (tmp_path / "sales.csv").write_text("\n".join(["day,sales,visitors", *rows]) + "\n", encoding="utf-8")
    done = cli("inspect", "sales.csv", "--kind", "series", "--column", "visitors=drop")
    assert done.status == 0 and "channels are sales." in done.out
    assert "poise train sales.csv --column visitors=drop --kind series" in done.out


def test_inspect_takes_what_rows_must_meet_as_training_does(cli: Cli, tmp_path: Path) -> None:
    rows = [f"{number % 9},{number % 9 + number % 4 + 1},{'ab'[number % 2]}" for number in range(90)]
    (tmp_path / "trips.csv").write_text("\n".join(["start,end,kind", *rows]) + "\n", encoding="utf-8")
    done = cli("inspect", "trips.csv", "--constraint", "start < end", "--target", "kind")
    assert done.status == 0
    assert "poise train trips.csv --constraint 'start < end' --target kind" in done.out
    refused(cli, "inspect", "trips.csv", "--constraint", "end < start", code="data.constraint-broken")
