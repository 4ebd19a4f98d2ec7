"""Callbacks beside many games: each game's are called as if it were alone, and no game is disturbed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import poise
from poise.diagnosis import budget
from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder, game_folders
from poise.training import Resumption, begin, pick_device, plan, resume
from poise.training.callbacks import CALLBACKS, CallbackContext, CallbackRow, StepContext
from poise.training.callbacks.callback import Request
from poise.training.vectorised import EnsembleContext, begin_many, plan_many, resume_many

CPU = pick_device("cpu")


def recipe(data: str = "ring", /, **changes: Any) -> Recipe:
    small: dict[str, Any] = {"batch_size": 16, "latent.size": 4, "steps": 6, "seed": 3, **changes}
    network = {"name": "mlp", "width": 16} if data == "ring" else {"name": "dcgan", "width": 8}
    return recipe_with(RECIPES["pacgan"], {"generator": network, "discriminator": network, **small})


def silent(sentence: str) -> None:
    """Nobody is told."""


def only_the_doctor(sentence: str) -> None:
    assert not re.search("doctor", sentence), sentence


class Tally:
    """Sums the generator's losses, and requests something at a step."""

    def __init__(self, run: RunFolder, at: int, request: Request) -> None:
        self.run, self.at, self.request = run, at, request
        self.sum = torch.zeros(())
        self.steps: list[int] = []

    def __call__(self, context: StepContext) -> Request | None:
        self.sum = self.sum + context.logs["generator_loss"]
        self.steps.append(context.step)
        if context.last:
            weight = next(context.generator().parameters())
            own = next(context.components.modules["generator"].parameters())
            self.run.append("metrics", {
                "step": context.step, "metric": "tally", "value": float(self.sum), "steps": self.steps,
                "average": float(weight.detach().sum()), "weight": float(own.detach().sum()),
            })  # fmt: skip
        return self.request if context.step == self.at else None

    def finish(self, context: StepContext) -> None:
        self.run.append("metrics", {"step": context.step, "metric": "finished", "value": 1.0})

    def state(self) -> dict[str, Any]:
        return {"sum": self.sum, "steps": self.steps}

    def load(self, state: Mapping[str, Any]) -> None:
        self.sum, self.steps = state["sum"], list(state["steps"])


def tally(context: CallbackContext, *, at: int = 0, request: str = "save") -> Tally:
    return Tally(context.run, at, request)  # type: ignore[arg-type]  # one of them


@pytest.fixture(autouse=True)
def row() -> Iterator[None]:
    CALLBACKS.add(CallbackRow("tally-test", tally, "Sums."), origin="a test")
    yield
    CALLBACKS._parts.pop("tally-test")


def tallies(run: RunFolder) -> list[dict[str, Any]]:
    return [line for line in run.lines("metrics") if line["metric"] == "tally"]


@pytest.mark.parametrize("data", ["ring", "digits"])
def test_each_game_is_watched_as_if_it_were_alone_and_none_is_disturbed(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MOST_SHARE", 1e9)
    watched = recipe(data, **{"callbacks.tally-test.at": 0})
    begin_many(plan_many(data, watched, CPU, seeds=2), tmp_path / "many", notify=only_the_doctor)
    begin_many(
        plan_many(data, recipe(data), CPU, seeds=2), tmp_path / "still", notify=only_the_doctor, doctor="off"
    )
    many, still = (game_folders(tmp_path / name) for name in ("many", "still"))
    for one, other in zip(many, still, strict=True):
        wanted = other.load_checkpoint(6).trained
        assert all(torch.equal(value, wanted[name]) for name, value in one.load_checkpoint(6).trained.items())

    begin(plan(data, recipe_with(watched, {"seed": 4}), CPU), tmp_path / "alone", notify=only_the_doctor)
    alone = RunFolder.open(tmp_path / "alone")
    lines, wanted_lines = many[1].lines("readings"), alone.lines("readings")
    assert [line["step"] for line in lines] == [line["step"] for line in wanted_lines] == [1, 2, 3, 4, 5, 6]
    for line, other_line in zip(lines, wanted_lines, strict=True):
        assert line.keys() == other_line.keys()
        for name in ("auc", "generator_loss", "spread", "coverage", "distance"):
            assert line[name] == pytest.approx(other_line[name], rel=1e-2, abs=1e-2), (name, line["missing"])
    [mine], [theirs] = tallies(many[1]), tallies(alone)
    assert mine["steps"] == theirs["steps"] == [1, 2, 3, 4, 5, 6]
    for name in ("value", "average", "weight"):
        assert mine[name] == pytest.approx(theirs[name], rel=1e-3), name
    assert many[1].samples()[-1][0] == 6


def test_callbacks_go_on_with_their_state(tmp_path: Path) -> None:
    asked = recipe(**{"callbacks.tally-test.at": 2, "checkpoints.every_steps": None})
    begin_many(plan_many("ring", asked, CPU, seeds=2), tmp_path / "whole", notify=silent)

    def stop(context: EnsembleContext) -> str | None:
        return "stop" if context.step == 3 else None

    begin_many(plan_many("ring", asked, CPU, seeds=2), tmp_path / "cut", notify=silent, watch=stop)
    assert 2 in RunFolder.open(tmp_path / "cut").checkpoint_steps()  # the one that a callback asked for
    for game in game_folders(tmp_path / "cut"):
        assert [line["step"] for line in game.lines("metrics") if line["metric"] == "finished"] == [3]
        assert game.samples()[-1][0] == 3
    resume_many(Resumption(tmp_path / "cut", CPU), notify=silent)
    for one, other in zip(game_folders(tmp_path / "cut"), game_folders(tmp_path / "whole"), strict=True):
        assert tallies(one) == tallies(other)
        assert tallies(one)[0]["steps"] == [1, 2, 3, 4, 5, 6]
    [first, _] = game_folders(tmp_path / "cut")
    resume(Resumption(first.path, CPU, steps=8), notify=silent)  # alone, with the state that all gave it
    assert tallies(first)[-1]["steps"] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_game_that_asks_to_stop_waits_for_the_others_and_can_keep_its_best(tmp_path: Path) -> None:
    best = recipe(**{"callbacks.tally-test": {"at": 2, "request": "keep-best"}})
    begin_many(plan_many("ring", best, CPU, seeds=2), tmp_path / "best", notify=silent)
    assert [run.load_checkpoint("best").step for run in game_folders(tmp_path / "best")] == [2, 2]
    grid: dict[str, list[Any]] = {"callbacks.tally-test.at": [2, 4]}
    asked = recipe(**{"callbacks.tally-test.request": "stop"})
    outcome = begin_many(plan_many("ring", asked, CPU, seeds=1, grid=grid), tmp_path / "two", notify=silent)
    assert (outcome.status, outcome.position.step, outcome.exit_status) == ("interrupted", 4, 0)


def test_what_befalls_one_game_is_found_in_that_game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_SHARE", 1e9)

    def breaking(context: CallbackContext) -> Any:
        def act(step: StepContext) -> None:
            *_, last = (one for one in step.components.modules["generator"].parameters() if one.dim() == 2)
            if step.step == 1:
                last.data.mul_(20)
            if step.step == 10 and step.recipe.seed == 4:
                last.data.zero_()

        return act

    monkeypatch.setitem(CALLBACKS._parts, "tally-test", CallbackRow("tally-test", breaking, "Breaks."))
    still = {f"optimisers.{player}.learning_rate": 1e-9 for player in ("generator", "discriminator")}
    told: list[str] = []
    begin_many(
        plan_many(
            "ring", recipe(steps=20, log_every=1, **still, **{"callbacks.tally-test": {}}), CPU, seeds=2
        ),
        tmp_path / "two",
        notify=silent,
        watch=lambda context: told.append(context.doctor),
    )
    kept, collapsed = (
        [line["spread"] for line in run.lines("readings")] for run in game_folders(tmp_path / "two")
    )
    assert kept[1:] == kept[1:2] * 19 and kept[1] > 0.3
    assert collapsed[1:9] == collapsed[1:2] * 8 and max(collapsed[10:]) < 1e-3
    names = [{line["name"] for line in run.lines("findings")} for run in game_folders(tmp_path / "two")]
    assert names[1] - names[0]  # what the rules call it is theirs
    assert told[0] == "OK" and told[-1].startswith("1 of 2 TROUBLE")


def test_a_callback_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == "unknown-callback"):
        plan_many("ring", recipe(**{"callbacks.tally": {}}), CPU, seeds=2)


def test_many_games_from_python_have_no_doctor_if_none_is_wanted(tmp_path: Path) -> None:
    poise.train("ring", recipe("ring"), seeds=2, doctor="off", out=tmp_path / "many", device="cpu")
    assert not any(run.lines("readings") for run in game_folders(tmp_path / "many"))
    assert not any((run.path / "readings.jsonl").exists() for run in game_folders(tmp_path / "many"))
