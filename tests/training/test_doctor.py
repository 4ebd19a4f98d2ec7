"""The doctor in training: it changes no bit, survives a resume, and writes what it reads."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poise.data import open_data, spec_of
from poise.diagnosis import budget
from poise.diagnosis.window import StepStats, Window
from poise.errors import PoiseError
from poise.recipes import RECIPES, recipe_with, saved_recipe
from poise.registry import bound, provided
from poise.run_folder import RunFolder
from poise.tasks.held_out import examined, split
from poise.training import Resumption, StepContext, begin, pick_device, plan
from poise.training import resume as resume_session
from poise.training.batches import training_batches
from poise.training.callbacks import doctor
from poise.training.components import build_components
from poise.training.resolve import resolve

pytestmark = pytest.mark.usefixtures("few_compared")
CPU = pick_device("cpu")


SMALL: dict[str, Any] = {"batch_size": 16, "generator.width": 8, "discriminator.width": 8, "sample_every": 40}
STEPS = 24


def begun(
    folder: Path, data: Any = "spiral", *, watched: bool = True, recipe: str = "non-saturating", **more: Any
) -> RunFolder:
    planned = plan(data, recipe_with(RECIPES[recipe], {**SMALL, "steps": STEPS, **more}), CPU)
    told: list[str] = []
    begin(planned, folder, notify=told.append, doctor="suggest" if watched else "off")
    assert told == []
    return RunFolder(folder)


@pytest.fixture(autouse=True)
def every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_SHARE", 1e9)


def test_training_has_the_same_bits_with_and_without(tmp_path: Path) -> None:
    with_, without = (
        begun(tmp_path / str(watched), watched=watched).load_checkpoint(STEPS).trained
        for watched in (True, False)
    )
    assert all(torch.equal(value, without[name]) for name, value in with_.items())
    assert RunFolder(tmp_path / "True").lines("readings")
    assert not RunFolder(tmp_path / "False").lines("readings")


def test_a_resumed_run_has_the_readings_of_one_that_never_stopped(tmp_path: Path) -> None:
    whole = begun(tmp_path / "whole").lines("readings")

    class Enough(Exception):  # noqa: N818
        pass

    def stop(context: StepContext) -> None:
        if context.step == 17:
            raise Enough

    planned = plan(
        "spiral",
        recipe_with(RECIPES["non-saturating"], {**SMALL, "steps": STEPS, "checkpoints.every_steps": 12}),
        CPU,
    )  # fmt: skip
    with pytest.raises(Enough):
        begin(planned, tmp_path / "cut", callbacks=[stop], notify=print)
    cut = RunFolder(tmp_path / "cut")
    assert cut.lines("readings")[-1]["step"] == 17
    resume_session(Resumption(cut.path, CPU), notify=print)
    again = cut.lines("readings")
    assert [line["step"] for line in again] == [line["step"] for line in whole]
    # Movement is from the last check, which a fresh process has not seen; the losses are of its own steps.
    forgotten = {"movement", "missing"}
    for one, other in zip(again, whole, strict=True):
        assert {k: v for k, v in one.items() if k not in forgotten} == {
            k: v for k, v in other.items() if k not in forgotten
        }


def written(path: Path, stops: tuple[int, ...]) -> list[bytes]:
    """The readings and the findings of sixty steps, of which some are the last of a session."""
    source = open_data("ring", resolution=None, channels=None, seed=0)
    changes = {**SMALL, "latent.size": 4, "steps": 240, "generator": "mlp", "discriminator": "mlp"}
    recipe = resolve(recipe_with(RECIPES["non-saturating"], changes), spec_of(source))
    run = RunFolder.create(path, recipe={}, environment={}, data={})
    components = build_components(recipe, spec_of(source), CPU)
    sampler = training_batches(recipe, source, CPU, drawn=0)
    make_step = provided(
        bound(components.dynamics.step, recipe.dynamics.options), epoch_steps=sampler.epoch_steps
    )
    watching = doctor.Doctor(recipe, *examined(recipe, source), print)
    for step in range(1, 61):
        measured = dict(make_step(components.players, partial(sampler.next, step - 1), step - 1))
        last = step in (*stops, 60)
        watching(StepContext(step, 0, 0.0, run, recipe, components, measured, None, last))
        if step in stops:
            assert run.lines("readings")[-1]["step"] == step
            state = watching.state()
            watching = doctor.Doctor(recipe, *examined(recipe, source), print)
            watching.load(state)
    files = [run.path / f"{name}.jsonl" for name in ("readings", "findings")]
    return [file.read_bytes() if file.is_file() else b"" for file in files]


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "MOST_SHARE", 1e9)
        return written(tmp_path_factory.mktemp("whole") / "run", ())


@pytest.mark.parametrize("stops", [(), (29,), (28, 41)])
def test_a_run_that_was_stopped_writes_what_one_that_never_stopped_writes(
    stops: tuple[int, ...], never_stopped: list[bytes], tmp_path: Path
) -> None:
    """A check is due at every fourth step: at 28 the stop comes with one, at 29 and 41 it does not."""
    assert never_stopped[0].count(b"\n") == 15
    assert written(tmp_path / "run", stops) == never_stopped


def test_a_conditional_run_is_read_with_its_labels(tmp_path: Path) -> None:
    run = begun(tmp_path / "run", "ring", recipe="conditional")
    last = run.lines("readings")[-1]
    assert last["condition_followed_real"] > 0.95
    assert 0 <= last["condition_followed"] <= 1
    assert last["training_above_held_out"] == pytest.approx(0.5, abs=0.15)


def test_a_packed_discriminator_is_asked_with_packs(tmp_path: Path) -> None:
    assert "held_out_gap" not in begun(tmp_path / "run", packing=2).lines("readings")[-1].get("missing", {})


def test_a_fault_of_the_doctors_own_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("nothing")

    monkeypatch.setattr(doctor.Doctor, "_check", broken)
    told: list[str] = []
    planned = plan("spiral", recipe_with(RECIPES["non-saturating"], {**SMALL, "steps": 5}), CPU)
    assert begin(planned, tmp_path / "run", notify=told.append).status == "finished"
    assert told == ["The doctor has stopped watching (ZeroDivisionError: nothing); training goes on."]


def test_a_value_that_is_not_finite_is_a_reading_and_a_finding(tmp_path: Path) -> None:
    def spoil(context: StepContext) -> None:
        if context.step == 9:
            with torch.no_grad():
                next(context.components.modules["generator"].parameters()).fill_(torch.nan)

    planned = plan("spiral", recipe_with(RECIPES["non-saturating"], {**SMALL, "steps": 20}), CPU)
    with pytest.raises(PoiseError, match="begin again with lower learning rates: poise train spiral"):
        begin(planned, tmp_path / "run", callbacks=[spoil], notify=print)
    run = RunFolder(tmp_path / "run")
    assert run.lines("readings")[-1]["non_finite"].startswith("generator's weight 0.weight")
    finding = run.lines("findings")[-1]
    assert (finding["name"], finding["severity"], finding["step"]) == ("non-finite", "trouble", 9)


@pytest.mark.parametrize(
    ("count", "share", "wanted"),
    [
        (1797, 0.05, 90),
        (600, 0.05, 0),
        (10**6, 0.05, 1000),
        (100, 0.5, 50),
        (100, 8, 8),
        (10, 8, 5),
        (100, 0, 0),
        (79, None, 0),
        (90, None, 8),
        (200, None, 10),
        (640, None, 32),
        (10**6, None, 1000),
    ],
)
def test_rows_are_split_once_and_for_all(count: int, share: float | None, wanted: int) -> None:
    one, other = split(count, share, 3), split(count, share, 3)
    assert len(one.held_out) == wanted
    assert np.array_equal(np.sort(np.concatenate([one.training, one.held_out])), np.arange(count))
    assert np.array_equal(one.held_out, other.held_out)


def test_held_out_rows_are_never_trained_on() -> None:
    recipe = recipe_with(RECIPES["non-saturating"], {**SMALL, "held_out": 0.2, "latent.size": 2})
    dataset = open_data(torch.arange(400.0).reshape(200, 2))
    sampler = training_batches(resolve(recipe, spec_of(dataset)), dataset, CPU, drawn=0)
    assert sampler.epoch_steps == 10
    drawn = torch.cat([dataset.transform.decode(sampler.next(step).real) for step in range(20)])
    shown = {round(float(first)) // 2 for first in drawn[:, 0]}
    rows = split(200, 0.2, recipe.seed)
    assert len(rows.held_out) == 40 and shown == set(rows.training.tolist())


def test_what_is_held_out_of_few_rows_stands_in_the_recipe(tmp_path: Path) -> None:
    """A run of an earlier version, whose recipe says 0.05, goes on as it was; a new one says how many."""
    for count, wanted in ((200, 10), (1_000, 0.05), (40, 0)):
        points = torch.randn(count, 2, generator=torch.Generator().manual_seed(0)).numpy()
        planned = plan(points, recipe_with(RECIPES["non-saturating"], SMALL), CPU)
        assert planned.recipe.held_out == wanted
        assert type(planned.recipe.held_out) is type(wanted)
        again = saved_recipe(json.loads(planned.recipe.model_dump_json()))
        assert again == planned.recipe
        assert type(again.held_out) is type(wanted)


def test_few_pictures_are_judged_by_those_that_are_held_out(tmp_path: Path) -> None:
    """The readings say how many are held out, and r_t."""
    images = np.random.default_rng(0).integers(0, 255, (200, 8, 8), dtype=np.uint8)
    asked = {**SMALL, "steps": 12, "evaluate_every": 0, "generator.width": 8, "discriminator.width": 8}
    planned = plan(images, recipe_with(RECIPES["non-saturating"], asked), CPU)
    begin(planned, tmp_path / "run", notify=print, doctor="watch", callbacks=[])
    line = RunFolder(tmp_path / "run").lines("readings")[-1]
    assert (line["training_count"], line["held_out_count"]) == (190, 10)
    assert -1 <= line["r_t"] <= 1


def test_r_t_is_the_mean_sign_from_the_boundary_between_real_and_fake() -> None:
    scores = torch.tensor([0.2, 0.6, 0.9, 2.0])
    for boundary, wanted in ((0.0, 1.0), (0.5, 0.5), (None, None)):
        window = Window(boundary)
        window.add(StepStats(real_scores=scores, fake_scores=-scores))
        assert window.close(1).r_t == wanted
