from __future__ import annotations

import json
from pathlib import Path

import pytest

from poise.cli.demo import DATA, RUN, demo_in
from poise.recipes import DEFAULT_RECIPE
from poise.run_folder import RunFolder

from .conftest import Cli, everything_in

PATH = Path("runs/demo")


def test_it_is_the_default_recipe_on_digits() -> None:
    assert (DATA, RUN) == ("digits", PATH)


def test_first_it_trains_then_it_says_what_is_there(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo_in(PATH, steps=2) == 0
    first = capsys.readouterr().out
    run = RunFolder.open(PATH)
    assert run.status == "finished" and run.recipe["name"] == DEFAULT_RECIPE
    before = everything_in(PATH)
    again = cli("demo")
    assert again.status == 0 and everything_in(PATH) == before
    for text in (first, again.out):
        assert "finished: 2 steps" in text
        for part in (
            "runs/demo/samples/step-00000002.png",
            "runs/demo/report.html",
            "poise sample runs/demo",
        ):
            assert part in text


def test_interrupted_it_goes_on(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo_in(PATH, steps=2) == 0
    capsys.readouterr()
    recipe = json.loads((PATH / "recipe.json").read_text())
    (PATH / "recipe.json").write_text(json.dumps({**recipe, "steps": 4}))
    (PATH / "status.json").write_text(json.dumps({"status": "interrupted", "step": 2}))
    done = cli("demo")
    assert done.status == 0 and "from step 2" in done.out
    assert RunFolder.open(PATH).status == "finished" and "finished: 4 steps" in done.out


def test_a_run_that_another_process_trains_is_left_alone(
    cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo_in(PATH, steps=2) == 0
    capsys.readouterr()
    (PATH / "status.json").write_text(json.dumps({"status": "running", "step": 2}))
    with RunFolder.open(PATH).locked():
        before = everything_in(PATH)
        done = cli("demo")
        assert done.status == 0 and "running: 2 steps" in done.out
        assert everything_in(PATH) == before


def test_something_else_in_its_place_is_refused(cli: Cli) -> None:
    PATH.mkdir(parents=True)
    (PATH / "thesis.txt").write_text("years of work")
    done = cli("demo")
    assert done.status == 2 and "runs/demo" in done.err
    assert everything_in(PATH) == {"thesis.txt": b"years of work"}
