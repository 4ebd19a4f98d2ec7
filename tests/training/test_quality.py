"""Measuring while training: which steps, what is written, which state is kept, and that no clock decides."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from poise.data import open_data
from poise.metrics import cheap_evaluation
from poise.metrics.frechet import distance_of
from poise.metrics.lines import results_of
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.tasks.held_out import split
from poise.training import Resumption, begin, pick_device, plan, resume
from poise.training.callbacks import quality
from poise.training.callbacks.quality import QualityWatch, Yardstick, best_of, rank
from poise.training.evaluation_cost import SHARE, operations_of, seconds_of_measuring

pytestmark = pytest.mark.usefixtures("few_compared")
CPU = pick_device("cpu")


def recipe(**changes: Any) -> Recipe:
    small: dict[str, Any] = {
        "batch_size": 32,
        "steps": 10,
        "sample_every": 4,
        "evaluate_every": 4,
        "generator": {"name": "mlp", "width": 16},
        "discriminator": {"name": "mlp", "width": 16},
    }
    return recipe_with(RECIPES["non-saturating"], {**small, **changes})


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("runs") / "digits"
    begin(plan("digits", recipe(), CPU), path, notify=print)
    return RunFolder.open(path)


def test_each_measured_step_has_its_numbers_with_their_protocol(digits: RunFolder) -> None:
    lines = digits.lines("metrics")
    assert [line["step"] for line in lines] == [4] * 5 + [8] * 5 + [10] * 5
    assert {line["metric"] for line in lines} == {
        "frechet_distance",
        "precision",
        "recall",
        "density",
        "coverage",
    }
    for line in lines:
        assert line["by"] == "training"
        assert line["samples"] == {"real": 1000, "fake": 1000}
        assert line["extractor"] == "random-convolutions"
        assert len(line["weights_hash"]) == len(line["reference"]) == 64
        assert line["floor"] is not None
        assert line["better"] == ("lower" if line["metric"] == "frechet_distance" else "higher")
    assert len({line["protocol"] for line in lines if line["metric"] == "coverage"}) == 1
    assert [result.metric for _, _, result in results_of(lines)][:2] == [
        "frechet-distance",
        "precision-recall-density-coverage",
    ]


def test_the_best_checkpoint_is_of_the_least_distance(digits: RunFolder) -> None:
    distances = [line for line in digits.lines("metrics") if line["metric"] == "frechet_distance"]
    best = min(distances, key=lambda line: float(line["value"]))
    assert digits.load_checkpoint("best").step == best["step"]
    assert all(0 < line["floor"] < line["value"] for line in distances)


def test_measuring_changes_nothing_that_is_trained(digits: RunFolder, tmp_path: Path) -> None:
    begin(plan("digits", recipe(evaluate_every=0), CPU), tmp_path / "run", notify=print)
    unwatched = RunFolder.open(tmp_path / "run")
    assert unwatched.lines("metrics") == []
    assert not (unwatched.path / "checkpoints" / "best").exists()
    one, other = (run.load_checkpoint(10).trained for run in (digits, unwatched))
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_a_resumed_run_writes_the_same_lines_and_keeps_the_same_state(
    digits: RunFolder, tmp_path: Path
) -> None:
    """Stopped between two measurements and resumed: not a byte of the metrics differs."""

    def stop_at_six(context: Any) -> Any:
        return "stop" if context.step == 6 else None

    path = tmp_path / "run"
    begin(plan("digits", recipe(), CPU), path, callbacks=[stop_at_six], notify=print)
    run = RunFolder.open(path)
    assert [line["step"] for line in run.lines("metrics")] == [4] * 5
    resume(Resumption(path, CPU), notify=print)
    assert (path / "metrics.jsonl").read_bytes() == (digits.path / "metrics.jsonl").read_bytes()
    mine, theirs = run.load_checkpoint("best"), digits.load_checkpoint("best")
    assert mine.step == theirs.step
    assert all(torch.equal(mine.trained[name], theirs.trained[name]) for name in theirs.trained)


def test_the_interval_follows_from_sizes_and_is_spelled_out() -> None:
    chosen = plan("digits", recipe(evaluate_every=None), CPU).recipe.evaluate_every
    again = plan("digits", recipe(evaluate_every=None, seed=5), CPU).recipe.evaluate_every
    assert chosen == again
    assert chosen is not None
    assert chosen % 4 == 0
    assert chosen > 10  # a run of ten steps is too short to be measured at all
    larger = plan("digits", recipe(evaluate_every=None, batch_size=256), CPU).recipe.evaluate_every
    assert larger is not None
    assert larger < chosen  # longer steps leave room for more


def test_at_any_length_the_model_allows_less_than_a_twentieth() -> None:
    """Reference, measurements and the last one, against the steps, by the model's own seconds."""
    watch = QualityWatch(
        plan("digits", recipe(evaluate_every=100), CPU).components, open_data("digits"), print
    )
    step = 1.0
    evaluation = SHARE * 100 * step
    for steps in range(1, 2000):
        watch.steps = steps
        count = sum(watch.due(done) for done in range(1, steps + 1))
        reference = 1.2 * evaluation if count else 0.0
        assert reference + count * evaluation < 0.05 * steps * step


def test_operations_are_those_of_the_layers() -> None:
    """A convolution of 3 x 3 on 2 channels, to 4 of 8 x 8; the same transposed, from 1 x 1."""
    plain = nn.Sequential(nn.Unflatten(1, (2, 8, 8)), nn.Conv2d(2, 4, 3, padding=1))
    assert operations_of(plain, 128, None, CPU) == 2 * (4 * 8 * 8) * (2 * 9)
    transposed = nn.Sequential(nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 4, 4))
    assert operations_of(transposed, 6, None, CPU) == 2 * 6 * (4 * 16)
    assert plain[1]._forward_hooks == {}


def test_larger_images_and_more_of_them_cost_more() -> None:
    assert seconds_of_measuring((1, 8, 8), 1000) < seconds_of_measuring((1, 32, 32), 1000)
    assert seconds_of_measuring((3, 64, 64), 1000) < seconds_of_measuring((3, 256, 256), 1000)
    assert seconds_of_measuring((2,), 500) < seconds_of_measuring((2,), 1000)


def test_reals_lie_at_the_floor_and_noise_far_above() -> None:
    source = open_data("digits")
    reference = Yardstick(source, recipe()).reference
    others = torch.from_numpy(source_rows()[:1000])
    noise = torch.randint(256, others.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    sound, noisy = (cheap_evaluation(reference, fakes, replicates=0)[0] for fakes in (others, noise))
    assert float(sound) < 2 * sound.floors["frechet-distance"]
    assert float(noisy) > 50 * float(sound)


def test_the_floor_is_of_rows_that_are_held_out_if_these_are_enough() -> None:
    """With 1,000 rows held out, no row that is trained on takes the place of a fake."""
    points = np.random.default_rng(0).standard_normal((2_400, 3)).astype(np.float32)
    dataset = open_data(points)
    reference = Yardstick(dataset, recipe(held_out=0.5)).reference
    held_out = split(len(points), 0.5, 0).held_out
    trained = np.setdiff1d(np.arange(len(points)), held_out)
    encoded = dataset.transform.encode(dataset.gather(np.arange(len(points)))).double()
    rows = {tuple(row) for row in reference.features.tolist()}
    assert rows <= {tuple(row) for row in encoded[torch.from_numpy(trained)].tolist()}
    floor = distance_of(reference.features, encoded[torch.from_numpy(held_out)])
    found = cheap_evaluation(reference, points[:1000], replicates=0)
    assert found[0].floors["frechet-distance"] == pytest.approx(floor, rel=1e-12)
    assert {result.floor_method for result in found} == {"reals against 1000 held-out reals"}


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_a_floor_of_rows_that_are_trained_on_says_so(share: float, tmp_path: Path) -> None:
    begin(plan("digits", recipe(held_out=share, steps=4), CPU), tmp_path / "run", notify=print)
    for line in RunFolder.open(tmp_path / "run").lines("metrics"):
        assert "trained on" in line["floor_method"]
        assert ("all but 90 of the 1797 rows" in line["floor_method"]) == (share > 0)


def source_rows() -> Any:
    source = open_data("digits")
    return source.gather(np.arange(len(source))).numpy()


def test_a_mixture_is_ranked_by_its_modes(tmp_path: Path) -> None:
    begin(plan("ring", recipe(), CPU), tmp_path / "run", notify=print)
    lines = RunFolder.open(tmp_path / "run").lines("metrics")
    assert {"modes", "high_quality", "reverse_kl", "coverage"} <= {line["metric"] for line in lines}
    assert all("interval" in line for line in lines if line["metric"] == "frechet_distance")
    six, seven = ({"metric": "modes", "value": count} for count in (6.0, 7.0))
    some, more = ({"metric": "high_quality", "value": share} for share in (0.5, 0.6))
    found = [rank(lines) for lines in ([seven, more], [seven, some], [six, more])]
    ranks = [one for one in found if one is not None]
    assert len(ranks) == 3
    assert ranks == sorted(ranks)


def test_the_best_so_far_is_that_of_training_and_of_earlier_steps() -> None:
    def line(step: int, value: float, by: str = "training") -> dict[str, Any]:
        return {"step": step, "metric": "frechet_distance", "value": value, "by": by}

    lines = [
        line(4, 3.0),
        line(4, 1.0, by="evaluate"),
        line(8, 2.0),
        line(12, 0.5),
        {"step": 4, "value": 0.1},
    ]
    assert best_of(lines, before=12) == (2.0,)
    assert best_of([], before=12) is None


def test_the_best_so_far_is_part_of_the_state() -> None:
    """What was saved is what is restored, and then the lines of the run are not asked."""
    components = plan("digits", recipe(), CPU).components
    watch, again = (QualityWatch(components, open_data("digits"), print) for _ in range(2))
    assert watch.state() == {}, "before the first measurement nothing is known"
    watch.best.recall([], before=4)
    assert watch.state() == {"best": None}
    assert watch.best.improved_by((3.0,)) and not watch.best.improved_by((3.0,))
    again.load(json.loads(json.dumps(watch.state())))
    again.best.recall([{"step": 2, "metric": "frechet_distance", "value": 1.0, "by": "training"}], before=4)
    assert again.state() == watch.state() == {"best": [3.0]}
    assert again.best.improved_by((2.0,)) and not again.best.improved_by((2.5,))


def test_a_number_that_is_not_finite_is_no_best() -> None:
    assert rank([{"metric": "frechet_distance", "value": None}]) is None
    assert rank([{"metric": "frechet_distance", "value": math.nan}]) is None
    assert rank([{"metric": "l1", "value": 0.5}, {"metric": "frechet_distance", "value": math.inf}]) == (0.5,)


def test_conditional_samples_have_the_classes_of_the_data(tmp_path: Path) -> None:
    small = {"steps": 4, "evaluate_every": 4, "batch_size": 32}
    networks = {"generator": {"name": "mlp", "width": 8}, "discriminator": {"name": "mlp", "width": 8}}
    chosen = recipe_with(RECIPES["conditional"], {**small, **networks})
    begin(plan("digits", chosen, CPU), tmp_path / "run", notify=print)
    assert {line["step"] for line in RunFolder.open(tmp_path / "run").lines("metrics")} == {4}


def test_what_cannot_be_measured_is_said_once_and_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("the decomposition did not converge")

    said: list[str] = []
    monkeypatch.setattr(quality, "cheap_evaluation", broken)
    outcome = begin(plan("digits", recipe(), CPU), tmp_path / "run", notify=said.append)
    assert outcome.status == "finished"
    assert said == ["Step 4 could not be measured: the decomposition did not converge"]


def test_a_handful_of_rows_is_too_little_to_measure(tmp_path: Path) -> None:
    points = np.random.default_rng(0).standard_normal((20, 2)).astype(np.float32)
    begin(plan(points, recipe(batch_size=2), CPU), tmp_path / "run", notify=print)
    assert RunFolder.open(tmp_path / "run").lines("metrics") == []
