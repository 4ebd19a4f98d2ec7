"""Judging runs and samples: what is measured against what, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import poise
from poise.errors import PoiseError
from poise.evaluation import evaluate
from poise.evaluation.evaluating import metric_named, metrics_for, which_of
from poise.generator import Generator
from poise.metrics import compare
from poise.metrics import evaluate as measure
from poise.metrics.lines import lines_of, results_of
from poise.metrics.table import default_metrics, metrics_that_need
from poise.run_folder import RunFolder

SMALL: dict[str, Any] = {
    "steps": 4,
    "batch_size": 16,
    "generator": {"name": "mlp", "width": 8},
    "discriminator": {"name": "mlp", "width": 8},
    "checkpoints": {"every_steps": 2},
}
QUICK = ["frechet-distance", "precision-recall-density-coverage"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run: poise.Run = poise.train("digits", out=tmp_path_factory.mktemp("runs") / "digits", **SMALL)
    return run.path


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run: poise.Run = poise.train("ring", out=tmp_path_factory.mktemp("runs") / "ring", **SMALL)
    return run.path


def blobs(seed: int, count: int = 60, side: int = 8) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), dtype=np.uint8)


def test_samples_score_the_same_whoever_hands_them_over(digits: Path, tmp_path: Path) -> None:
    """The run itself, its samples in a folder of PNG files, in a zip and in an array: one value each."""
    from poise.cli import main

    own = evaluate(digits, metrics=QUICK, samples=300)
    assert main(["sample", str(digits), "-n", "300", "--out", str(tmp_path / "made"), "--json"]) == 0
    array = poise.open_run(digits).sample(300)
    shown = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "made").glob("*.png"))])
    for samples in (tmp_path / "made", shown):
        theirs = evaluate(samples, "digits", metrics=QUICK, samples=300)
        for mine, other in zip(own, theirs, strict=True):
            assert mine.values == pytest.approx(other.values, abs=1e-9)
            assert compare(mine, other).differences == pytest.approx(
                dict.fromkeys(mine.values, 0.0), abs=1e-9
            )
    # Floats are not rounded to bytes first, which moves the value a little.
    raw = evaluate(array, "digits", metrics=["frechet-distance"], samples=300)
    assert float(raw.results[0]) == pytest.approx(float(own.results[0]), rel=1e-2)


def test_it_is_what_the_metrics_give_on_the_same_rows(digits: Path) -> None:
    found = evaluate(digits, metrics=QUICK, seed=3)
    images = torch.tensor(poise.open_run(digits).generator.sample(1797, seed=3))
    fakes = ((images + 1) * 127.5).round().to(torch.uint8)
    reals = torch.tensor(np.rint(_digits() * (255 / 16)).astype(np.uint8))[:, None]
    expected = measure(reals, fakes, metrics=QUICK, seed=3)
    for mine, other in zip(found, expected, strict=True):
        assert mine.values == pytest.approx(other.values, rel=1e-9)
        assert mine.reference == other.reference
        assert mine.preparation.startswith("bytes of 8 x 8")


def _digits() -> Any:
    from sklearn.datasets import load_digits

    return load_digits().images


def test_each_kind_of_data_has_its_metrics(digits: Path, ring: Path) -> None:
    images = evaluate(digits, samples=100)
    assert [result.metric for result in images] == [
        "frechet-distance",
        "kernel-distance",
        "precision-recall-density-coverage",
        "memorisation",
    ]
    assert images.pairs is not None
    assert images.pairs.shape == (32, 1, 8, 8)
    # A twentieth of the digits is held out of the training: copies are told from honest samples by it.
    assert images.results[-1].samples == {"train": 1707, "held_out": 90, "fake": 100}
    mixture = evaluate(ring, samples=500)
    assert mixture.results[0].metric == "mode-statistics"
    assert set(mixture.values) >= {"modes", "high_quality", "frechet-distance", "coverage"}
    points = np.random.default_rng(0).standard_normal((80, 3)).astype(np.float32) * [1, 100, 0.01]
    rows = evaluate(points + 3, points)
    assert "standardised" in rows.results[0].preparation
    assert {result.metric for result in rows} >= {"sliced-wasserstein-distance", "kernel-distance"}


def test_columns_of_any_scale_weigh_the_same() -> None:
    stream = np.random.default_rng(0)
    points = stream.standard_normal((400, 2)) * [1.0, 1000.0]
    moved = stream.standard_normal((400, 2)) * [1.0, 1000.0] + [3.0, 0.0]
    (found,) = evaluate(moved, points, metrics=["frechet-distance"])
    assert float(found) == pytest.approx(9, rel=0.3)  # three standard deviations of the first column


def test_a_copy_is_told_from_honest_samples(tmp_path: Path) -> None:
    """Held-out data beside the training data give C_T: far below nought for copies, near it for others."""
    train, held_out, fresh = (blobs(seed, 120) for seed in (1, 2, 3))
    np.save(tmp_path / "train.npy", train)
    run = poise.train(str(tmp_path / "train.npy"), out=tmp_path / "run", **SMALL)
    honest = evaluate(run, held_out, metrics=["memorisation"])
    assert {"c_t", "authentic"} == set(honest.values)
    copied = evaluate(train, train, metrics=["memorisation"])
    assert "c_t" not in copied.values  # nobody knows what was held out
    assert copied.values["authentic"] == 0.0
    assert evaluate(fresh, train, metrics=["memorisation"]).values["authentic"] > 0.3


def test_the_best_and_older_generators_can_be_judged(digits: Path) -> None:
    folder = RunFolder.open(digits)
    assert folder.checkpoint_steps() == [2, 4]
    newest, last, early = (
        evaluate(digits, metrics=QUICK, samples=50, checkpoint=c) for c in ("newest", 4, 2)
    )
    assert newest.values == last.values != early.values
    assert (newest.step, early.step) == (4, 2)
    assert Generator.load(digits, checkpoint=2).description["images_seen"] == 32


def test_a_run_without_an_average_is_judged_by_its_weights(tmp_path: Path) -> None:
    run = poise.train("ring", out=tmp_path / "run", ema={"half_life": 0}, **SMALL)
    latent = run.generator.latents(5)
    torch.testing.assert_close(Generator.load(run.path, checkpoint=4)(latent), run.generator(latent))


def test_results_are_kept_in_the_run_and_read_back(digits: Path) -> None:
    before = RunFolder.open(digits).lines("metrics")
    found = poise.evaluate(digits, metrics=QUICK, samples=100)
    assert found.written == digits / "metrics.jsonl"
    lines = RunFolder.open(digits).lines("metrics")[len(before) :]
    assert [line["metric"] for line in lines] == [
        "frechet_distance",
        "precision",
        "recall",
        "density",
        "coverage",
    ]
    assert all(line["step"] == 4 and line["by"] == "evaluate" for line in lines)
    again = [result for _, by, result in results_of(lines) if by == "evaluate"]
    for mine, kept in zip(found, again, strict=True):
        assert mine.values == kept.values
        assert mine.intervals == kept.intervals
        assert mine.floors == kept.floors
        assert mine.protocol_digest == kept.protocol_digest
        assert compare(mine, kept).differences == dict.fromkeys(mine.values, 0.0)
    assert "These numbers were measured by" in (digits / "report.html").read_text(encoding="utf-8")


def test_a_run_in_training_is_judged_and_not_written_to(digits: Path) -> None:
    folder = RunFolder.open(digits)
    before = folder.lines("metrics")
    with folder.locked():
        found = poise.evaluate(digits, metrics=["frechet-distance"], samples=50)
    assert found.written is None
    assert "being trained" in found.notices[-1]
    assert folder.lines("metrics") == before


def test_lines_do_not_depend_on_the_clock(digits: Path) -> None:
    first, second = (
        [
            line
            for result in evaluate(digits, metrics=QUICK, samples=60)
            for line in lines_of(result, step=4, by="training")
        ]
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("thing", "settings", "code"),
    [
        ("nowhere", {}, "evaluation.not-found"),
        (blobs(0), {}, "evaluation.nothing-to-measure-against"),
        (blobs(0), {"against": "ring"}, "evaluation.different-shapes"),
        (blobs(0), {"against": "digits", "metrics": ["frechet"]}, "unknown-metric"),
        (blobs(0), {"against": "digits", "features": "inception"}, "unknown-extractor"),
        (blobs(0), {"against": "digits", "features": "identity"}, "evaluation.features-unfit"),
        (blobs(0), {"against": "digits", "samples": 9}, "evaluation.too-few-samples"),
        (blobs(0), {"against": "digits", "seed": -1}, "evaluation.negative-seed"),
        (blobs(0, 5), {"against": "digits"}, "metrics.too-few-samples"),
        (blobs(0), {"against": blobs(1), "features": "classifier"}, "evaluation.no-labels"),
        (blobs(0), {"against": "digits", "metrics": ["mode-statistics"]}, "evaluation.modes-not-known"),
        (blobs(0), {"against": "digits", "metrics": ["inception-score"]}, "evaluation.no-probabilities"),
        (blobs(0), {"against": "digits", "metrics": ["latent-path-length"]}, "evaluation.no-generator"),
        (blobs(0), {"against": "digits", "metrics": ["duality-gap"]}, "metrics.not-of-samples"),
    ],
)
def test_what_cannot_be_measured_is_named(thing: Any, settings: dict[str, Any], code: str) -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == code):
        evaluate(thing, **settings)


def test_labels_that_do_not_match_the_rows_are_refused() -> None:
    with pytest.raises(PoiseError, match="There are 2 labels for the 60 rows"):
        evaluate(blobs(0), blobs(1), features="classifier", labels=[0, 1])


def test_data_that_are_gone_are_asked_for(tmp_path: Path) -> None:
    run = poise.train(blobs(1), out=tmp_path / "run", **SMALL)
    with pytest.raises(PoiseError, check=lambda error: error.code == "generator.data-in-memory"):
        evaluate(run)
    assert evaluate(run, blobs(2), metrics=["frechet-distance"]).against == "array"


def test_a_conditional_run_knows_its_own_data(tmp_path: Path) -> None:
    """Labels count as content of what was trained on; the same data without them are the same data here."""
    small = {**SMALL, "recipe": "conditional"}
    run = poise.train("digits", out=tmp_path / "run", **small)
    for against in (None, "digits"):
        found = evaluate(run, against, metrics=["memorisation"], samples=50)
        assert found.results[0].samples == {"train": 1707, "held_out": 90, "fake": 50}
        assert not any("have changed" in notice for notice in found.notices)


def test_labels_of_every_kind_train_the_same_features(tmp_path: Path) -> None:
    """A table as training takes it, an array file, an array: one classifier, so one number."""
    fakes, reals = blobs(0), blobs(1)
    codes = np.arange(len(reals)) % 3
    np.save(tmp_path / "codes.npy", codes)
    rows = "".join(f"{number},{'abc'[code]},x\n" for number, code in enumerate(codes))
    (tmp_path / "table.csv").write_text(f"row,group,other\n{rows}")
    asked: dict[str, Any] = {"features": "classifier", "metrics": ["frechet-distance"], "cache": tmp_path}
    values = [
        evaluate(fakes, reals, labels=labels, label_column=column, **asked).values
        for labels, column in (
            (codes, None),
            (tmp_path / "codes.npy", None),
            (tmp_path / "table.csv", "group"),
        )
    ]
    assert values[0] == values[1] == values[2]
    with pytest.raises(PoiseError, match=r"no column 'grop'.*did you mean 'group'"):
        evaluate(fakes, reals, labels=tmp_path / "table.csv", label_column="grop", **asked)
    with pytest.raises(PoiseError, check=lambda error: error.code == "evaluation.column-without-file"):
        evaluate(fakes, reals, label_column="group", **asked)


def test_a_score_by_class_needs_the_same_classes(tmp_path: Path) -> None:
    reals = blobs(1)
    codes = np.arange(len(reals)) % 3
    small = {**SMALL, "recipe": "conditional"}
    run = poise.train(poise.Labelled(reals, codes), out=tmp_path / "run", **small)
    asked: dict[str, Any] = {"metrics": ["classifier-accuracy-score"]}
    assert 0 <= float(evaluate(run, reals, labels=codes, **asked).results[0]) <= 1
    with pytest.raises(PoiseError, check=lambda error: error.code == "evaluation.different-classes"):
        evaluate(run, reals, labels=codes % 2, **asked)


def test_a_metric_by_its_name_or_that_of_a_number() -> None:
    assert metric_named("frechet_distance") == "frechet-distance"
    assert metric_named("coverage") == "precision-recall-density-coverage"


def test_metrics_that_suit_data() -> None:
    assert metrics_for({"kind": "vector", "name": "points.npy"})[0] == "frechet-distance"
    assert default_metrics("samples")[:2] == ("frechet-distance", "kernel-distance")
    assert metrics_that_need("made", "back") == ("translation-errors", "cycle-error")


def test_a_checkpoint_by_its_name_or_step() -> None:
    assert which_of("best") == "best"
    assert which_of("2000") == 2000
