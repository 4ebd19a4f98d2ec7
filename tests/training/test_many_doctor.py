"""The doctor beside many games: each is read as if it were alone, and none is disturbed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from poise.data import Dataset, open_data, spec_of
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.registry import bound, provided
from poise.run_folder import RunFolder
from poise.training import StepContext
from poise.training.callbacks.doctor import Doctor
from poise.training.components import build_components
from poise.training.held_out import examined, training_batches
from poise.training.resolve import resolve
from poise.training.state import Position
from poise.training.vectorised.doctor import EnsembleDoctor, health
from poise.training.vectorised.stack import StackedState, tensors
from poise.training.vectorised.stacking import stack_games

CPU = torch.device("cpu")
STEPS = 60


def recipes(data: str, seeds: Sequence[int], **changes: Any) -> tuple[list[Dataset], list[Recipe]]:
    small: dict[str, Any] = {"batch_size": 16, "latent.size": 4, "steps": STEPS, **changes}
    if data == "ring":
        small |= {"generator": {"name": "mlp", "width": 16}, "discriminator": {"name": "mlp", "width": 16}}
    else:
        small |= {"generator": {"name": "dcgan", "width": 8}, "discriminator": {"name": "dcgan", "width": 8}}
    chosen = [recipe_with(RECIPES["pacgan"], {**small, "seed": seed}) for seed in seeds]
    sources = [open_data(data, resolution=None, channels=None, seed=seed) for seed in seeds]
    return sources, [resolve(recipe, spec_of(sources[0])) for recipe in chosen]


def folders(path: Path, count: int) -> list[RunFolder]:
    return [
        RunFolder.create(path / f"seed-{place}", recipe={}, environment={}, data={}) for place in range(count)
    ]


def silent(sentence: str) -> None:
    raise AssertionError(sentence)


def watched(stack: StackedState, doctor: EnsembleDoctor | None, first: int, end: int) -> None:
    for step in range(first, end):
        stack.step(step)
        if doctor is not None:
            doctor.look(stack.window[-1], Position(step=step + 1), last=step + 1 == end)


@pytest.mark.parametrize("data", ["ring", "digits"])
def test_each_game_is_read_as_if_it_were_alone_and_none_is_disturbed(data: str, tmp_path: Path) -> None:
    sources, own = recipes(data, (3, 4))
    stack, unwatched = (stack_games(range(2), own, sources, CPU) for _ in range(2))
    runs = folders(tmp_path, 2)
    watched(stack, EnsembleDoctor(stack, sources, runs, silent, most_share=1.0), 0, 6)
    watched(unwatched, None, 0, 6)
    other = tensors(unwatched)
    assert all(torch.equal(value, other[name]) for name, value in tensors(stack).items())

    recipe, source, alone = own[1], sources[1], folders(tmp_path / "alone", 1)[0]
    components, sampler = (
        build_components(recipe, spec_of(source), CPU),
        training_batches(recipe, source, CPU, drawn=0),
    )
    make_step = provided(
        bound(components.dynamics.step, recipe.dynamics.options), epoch_steps=sampler.epoch_steps
    )
    doctor = Doctor(recipe, *examined(recipe, source), silent, most_share=1.0)
    for step in range(6):
        measured = dict(make_step(components.players, lambda at=step: sampler.next(at), step))
        doctor(StepContext(step + 1, 0, 0.0, alone, recipe, components, measured, None, step == 5))
    lines, wanted = runs[1].lines("readings"), alone.lines("readings")
    assert [line["step"] for line in lines] == [line["step"] for line in wanted] == [1, 2, 3, 4, 5, 6]
    for line, other_line in zip(lines, wanted, strict=True):
        assert line.keys() == other_line.keys()
        for name in ("auc", "generator_loss", "spread", "coverage", "distance"):
            assert line[name] == pytest.approx(other_line[name], rel=1e-2, abs=1e-2), (name, line["missing"])


def test_what_befalls_one_game_is_found_in_that_game(tmp_path: Path) -> None:
    still = {f"optimisers.{player}.learning_rate": 1e-9 for player in ("generator", "discriminator")}
    sources, own = recipes("ring", (0, 1), **still)
    stack, runs = stack_games(range(2), own, sources, CPU), folders(tmp_path, 2)
    last = [name for name in stack.players.parameters["generator"] if name.endswith("weight")][-1]
    weights = stack.players.parameters["generator"][last].detach()
    weights.mul_(20)
    doctor = EnsembleDoctor(stack, sources, runs, silent, most_share=1.0)
    watched(stack, doctor, 0, 10)
    assert health([doctor]) == "OK"
    weights[1] = 0
    watched(stack, doctor, 10, 20)
    assert health([doctor]).endswith("of 2 TROUBLE")
    kept, collapsed = ([line["spread"] for line in run.lines("readings")] for run in runs)
    assert kept == kept[:1] * 20 and kept[0] > 0.5
    assert collapsed[:10] == collapsed[:1] * 10 and max(collapsed[10:]) < 1e-3
    found, other = ({line["name"] for line in run.lines("findings")} for run in (runs[1], runs[0]))
    assert found - other  # what the rules call it is theirs
    # After games have left, those that stay are read on from what was read.
    again = EnsembleDoctor(stack, sources, runs, silent, most_share=1.0)
    watched(stack, again, 20, 21)
    assert len(again.games[1].doctor.tracker.measurements) == 21
    assert {finding.name for finding in again.games[1].doctor.tracker.open} >= found
