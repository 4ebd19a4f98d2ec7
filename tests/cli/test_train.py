from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poise.recipes import DEFAULT_RECIPE, Recipe
from poise.run_folder import RunFolder

from .conftest import QUICK, Cli, everything_in, refused


def test_json_is_one_object_a_line_from_start_to_end(cli: Cli, tmp_path: Path) -> None:
    done = cli("train", "digits", "--steps", "5", "--json", *QUICK)
    start, *lines, end = done.events
    assert done.status == 0 and done.err == ""
    assert start["event"] == "start" and start["steps"] == 5 and start["step"] == 0
    assert start["data"] == {"name": "digits", "kind": "image", "shape": [1, 8, 8], "count": 1797}
    assert set(start["parameters"]) == {"generator", "discriminator"}
    assert [line["event"] for line in lines] == ["line"] * 3
    assert [line["step"] for line in lines] == [2, 4, 5]
    assert [line["percent"] for line in lines] == [40.0, 80.0, 100.0]
    assert end["event"] == "end" and end["status"] == "finished" and end["resume"] is None
    run = RunFolder.open(end["run"])
    assert run.path == tmp_path / "runs" / f"digits-{DEFAULT_RECIPE}"
    history = [
        {
            name: value
            for name, value in line.items()
            if name not in ("event", "percent", "seconds_left", "doctor")
        }
        for line in lines
    ]
    assert history == run.lines("history")
    for name in ("report", "samples", "generator"):
        assert Path(end[name]).is_absolute() and Path(end[name]).exists()


def test_a_log_gets_plain_lines_whole(cli: Cli) -> None:
    done = cli("train", "digits", "--steps", "4", "--out", "mine", *QUICK)
    assert done.status == 0 and done.err == ""
    assert "\x1b" not in done.out
    text = done.out.splitlines()
    assert text[0].split(maxsplit=1) == ["data:", "digits: 1,797 images of 8x8, grey"]
    assert any(line.startswith("run:") and line.endswith(" mine") for line in text)
    (last,) = [line for line in text if line.startswith("step ")]
    for part in (
        "step 4/4",
        "100 %",
        "0:00 left",
        "images/s",
        "discriminator ",
        "generator ",
        "reals ",
        "fakes ",
    ):
        assert part in last
    for path in ("mine/samples/step-00000004.png", "mine/report.html", "mine/generator"):
        assert path in done.out and Path(path).exists()
    for command in ("poise sample mine", "poise report mine", "poise resume mine --steps 8"):
        assert command in done.out


def test_the_notices_of_the_data_are_told(cli: Cli) -> None:
    words = ("train", "digits", "--resolution", "16", "--steps", "1", *QUICK)
    sentence = "were enlarged to 16"
    assert sentence in cli(*words).out
    notices = [event for event in cli(*words, "--json").events if event["event"] == "notice"]
    assert len(notices) == 1 and sentence in notices[0]["sentence"]


def test_a_run_begins_with_the_weights_of_another(cli: Cli) -> None:
    assert cli("train", "digits", "--steps", "2", "--out", "first", *QUICK).status == 0
    done = cli("train", "digits", "--from", "first", "--steps", "2", "--out", "second", *QUICK)
    assert done.status == 0 and "were taken" in done.out
    assert RunFolder.open("second").environment["from"]["step"] == 2
    frozen = ("--set", "freeze_discriminator_layers=1", "--dry-run")
    dry = cli("train", "digits", "--from", "first", "--steps", "2", *QUICK, *frozen)
    assert "were taken" in dry.out and "layer of the discriminator next to the image" in dry.out
    (plan,) = cli("train", "digits", "--from", "first", "--steps", "2", *QUICK, *frozen, "--json").events
    assert plan["from"]["step"] == 2 and plan["from"]["frozen_layers"] == 1
    assert plan["from"]["taken"]["generator"][0] > 0
    seeds = cli("train", "digits", "--from", "first", "--seeds", "2", "--out", "third", *QUICK)
    assert seeds.status == 2 and not Path("third").exists()


def test_weights_that_are_not_there_are_refused_before_anything_is_timed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poise.training.rehearsal.rehearse", lambda experiment: pytest.fail("timed"))
    done = cli("train", "digits", "--from", "nowhere", "--steps", "2", *QUICK, "--json")
    assert [event.get("code") for event in done.events][-1] == "training.no-weights"


def test_flags_are_settings(cli: Cli) -> None:
    flags = ("--steps", "1", "--seed", "7", "--batch-size", "32", "--set", "loss=hinge", "--set", "packing=2")
    done = cli("train", "digits", "--out", "mine", *flags, *QUICK)
    recipe = Recipe.model_validate(RunFolder.open("mine").recipe)
    assert done.status == 0
    assert (recipe.steps, recipe.seed, recipe.batch_size, recipe.packing) == (1, 7, 32, 2)
    assert recipe.loss.name == "hinge"


def test_an_old_name_of_a_setting_is_taken_with_a_notice(cli: Cli) -> None:
    done = cli("train", "ring", "--set", "average.half_life=7", "--dry-run", "--json")
    notice, plan = done.events
    assert (done.status, done.err, notice["event"]) == (0, "", "notice")
    assert "'average.half_life'" in notice["sentence"] and "'ema.half_life'" in notice["sentence"]
    assert plan["recipe"]["ema"]["half_life"] == 7


def test_a_second_run_gets_a_folder_of_its_own(cli: Cli, tmp_path: Path) -> None:
    words = ("train", "digits", "--steps", "1", "--json", *QUICK)
    runs = [cli(*words).events[-1]["run"] for _ in range(2)]
    first = tmp_path / "runs" / f"digits-{DEFAULT_RECIPE}"
    assert runs == [str(first), f"{first}-2"]


@pytest.mark.parametrize("data", ["digits", "ring"])
def test_a_dry_run_shows_every_value_and_writes_nothing(cli: Cli, tmp_path: Path, data: str) -> None:
    done = cli("train", data, "--dry-run", "--seed", "7")
    assert done.status == 0 and everything_in(tmp_path) == {}
    shown = dict(line.split() for line in done.out.splitlines() if len(line.split()) == 2)
    assert shown["seed"] == "7" and int(shown["steps"]) > 0
    assert shown["optimisers.generator.learning_rate"] and shown["generator.width"]
    assert "auto" not in shown.values()
    assert "parameters" in done.out and f"runs/{data}-{DEFAULT_RECIPE}" in done.out


def test_a_dry_run_for_a_program_is_one_object(cli: Cli, tmp_path: Path) -> None:
    (event,) = cli("train", "digits", "--dry-run", "--json").events
    recipe = Recipe.model_validate(event["recipe"])
    assert event["event"] == "plan" and everything_in(tmp_path) == {}
    assert recipe.steps == event["steps"] and recipe.generator.name != "auto"
    assert event["data"]["fingerprint"] and event["parameters"]["generator"] > 0


def test_a_dry_run_refuses_what_a_run_would(cli: Cli, digits_run: Path) -> None:
    words = ("train", "digits", "--dry-run", "--out", digits_run)
    refused(cli, *words, code="run-folder.run-exists", names=("poise resume",))


def test_paths_with_spaces_can_be_copied(cli: Cli) -> None:
    done = cli("train", "digits", "--steps", "1", "--out", "my runs/a b", *QUICK)
    assert "poise sample 'my runs/a b'" in done.out


def test_the_command_is_recorded(cli: Cli) -> None:
    cli("train", "digits", "--steps", "1", "--out", "mine", *QUICK)
    environment: dict[str, Any] = json.loads(Path("mine/environment.json").read_text())
    assert environment["command"]


def test_a_fault_in_the_report_does_not_hide_the_run(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.setattr("poise.web.write_report", fail)
    done = cli("train", "digits", "--steps", "1", "--out", "mine", "--json", *QUICK)
    assert done.status == 0 and RunFolder.open("mine").status == "finished"
    (notice,) = [event["sentence"] for event in done.events if event["event"] == "notice"]
    assert "ZeroDivisionError" in notice and "poise report mine" in notice
    assert done.events[-1]["event"] == "end" and done.events[-1]["report"] is None


def test_a_run_that_fails_leaves_a_report_and_status_4(cli: Cli) -> None:
    diverging = ("--set", "optimisers.discriminator.learning_rate=1e30", "--steps", "50")
    done = cli("train", "digits", "--out", "mine", *diverging, *QUICK)
    run = RunFolder.open("mine")
    assert done.status == 4 and run.status == "failed" and run.lines("findings")
    assert "not finite" in done.err and done.err.count("\n") == 1
    assert "mine/report.html" in done.out and Path("mine/report.html").is_file()
