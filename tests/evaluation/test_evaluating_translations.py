"""What a run makes of images that it held out, measured."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import poise
from poise.data import Domains, Pairs
from poise.errors import PoiseError
from poise.evaluation import compare_runs, evaluate
from poise.metrics.translation_errors import translation_errors
from poise.run_folder import RunFolder

SMALL: dict[str, Any] = {
    "steps": 3,
    "batch_size": 4,
    "generator": {"width": 2},
    "discriminator": {"width": 2, "halvings": 1},
    "checkpoints": {"every_steps": 3},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of images, the second the negative of the first."""
    root = tmp_path_factory.mktemp("pairs")
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), dtype=np.uint8)
    np.save(root / "a.npy", images)
    np.save(root / "b.npy", 255 - images)
    return root


def trained(files: Path, kind: type, recipe: str, out: Path, **more: Any) -> Path:
    data = kind(str(files / "a.npy"), str(files / "b.npy"), held_out=0.5)
    return Path(poise.train(data, recipe=recipe, out=out, **SMALL, **more).path)


@pytest.fixture(scope="module")
def pairs(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(files, Pairs, "pix2pix", tmp_path_factory.mktemp("runs") / "one")


def test_pairs_are_measured_on_what_was_held_out(files: Path, pairs: Path) -> None:
    found = evaluate(pairs)
    assert [result.metric for result in found] == ["translation-errors", "frechet-distance"]
    errors = found.results[0]
    # The same by hand: the held-out half, which `poise translate` has never seen as such.
    run = poise.open_run(pairs)
    apart = poise.data.open_data(Pairs(str(files / "a.npy"), str(files / "b.npy"), held_out=0.5)).held_out
    assert apart is not None and apart.condition is not None and len(apart) == 30
    first = apart.condition.gather(np.arange(30)).numpy()
    made = torch.from_numpy(run.translate(first))
    wanted = apart.transform.encode(apart.gather(np.arange(30)))
    assert errors.values["l1"] == pytest.approx(float((made - wanted).abs().mean()), rel=1e-5)
    assert errors.samples == {"images": 30}
    for name, value in errors.values.items():
        low, high = errors.intervals[name]
        assert low < value < high
    assert found.results[1].samples == {"real": 30, "fake": 30}


def test_what_was_measured_is_kept_and_runs_compare(files: Path, pairs: Path, tmp_path: Path) -> None:
    other = trained(files, Pairs, "pix2pix", tmp_path / "two", game={"adversarial": 0.0})
    compared = compare_runs([pairs, other])
    rows = {row.name: row for row in compared.rows}
    assert set(rows) == {"l1", "psnr", "ssim", "frechet-distance"}
    assert (rows["l1"].better, rows["psnr"].better) == ("lower", "higher")
    lines = [line for line in RunFolder.open(other).lines("metrics") if line.get("by") == "evaluate"]
    assert {line["metric"] for line in lines} == {"l1", "psnr", "ssim", "frechet_distance"}
    assert compare_runs([pairs, other]).stored, "nothing is measured twice"


def test_runs_of_other_pairs_are_not_told_to_measure_against_something(
    files: Path, pairs: Path, tmp_path: Path
) -> None:
    turned = poise.train(
        Pairs(str(files / "b.npy"), str(files / "a.npy"), held_out=0.5), out=tmp_path / "turned", **SMALL
    )
    with pytest.raises(PoiseError, check=lambda error: error.code == "evaluation.different-data") as told:
        compare_runs([pairs, turned.path])
    assert "--against" not in told.value.sentence


def test_runs_of_two_seeds_are_each_held_against_what_they_held_out(
    files: Path, pairs: Path, tmp_path: Path
) -> None:
    other = trained(files, Pairs, "pix2pix", tmp_path / "two", seed=1)
    compared = compare_runs([pairs, other])
    for one, of_other in zip(*compared.results, strict=True):
        assert one.reference != of_other.reference
    again = compare_runs([pairs, other])
    assert again.stored
    assert again.rows == compared.rows


def test_domains_are_measured_by_the_way_back(files: Path, tmp_path: Path) -> None:
    run = trained(files, Domains, "cyclegan", tmp_path / "both")
    found = evaluate(run)
    assert [result.metric for result in found] == ["cycle-error", "frechet-distance"]
    assert 0 < found.values["cycle-error"] < 2
    with pytest.raises(PoiseError, check=lambda error: error.code == "evaluation.not-for-translations"):
        evaluate(run, metrics=["l1"])


def test_what_translations_are_not_measured_by_is_named(pairs: Path, files: Path) -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == "evaluation.translations-have-targets"):
        evaluate(pairs, files / "b.npy")
    with pytest.raises(PoiseError, check=lambda error: error.code == "evaluation.not-for-translations"):
        evaluate(pairs, metrics=["memorisation"])


def test_errors_have_the_interval_of_a_mean() -> None:
    wanted = torch.zeros(4, 1, 8, 8)
    made = torch.tensor([0.1, 0.2, 0.3, 0.4]).view(4, 1, 1, 1).expand(4, 1, 8, 8)
    found = translation_errors(made, wanted)
    # Standard deviation sqrt(1/60), of which half is that of a mean over four; 1.96 of these to either side.
    assert found.values["l1"] == pytest.approx(0.25)
    assert found.intervals["l1"] == pytest.approx((0.25 - 0.126514, 0.25 + 0.126514), abs=1e-5)
    assert found.values["psnr"] == pytest.approx(
        float(torch.tensor([26.0206, 20.0, 16.4782, 13.9794]).mean()), abs=1e-4
    )
    with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.different-shapes"):
        translation_errors(made[:1], wanted[:1])
