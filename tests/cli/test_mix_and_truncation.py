from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poise
from poise.cli import main
from poise.evaluation.truncation import Curve, advice
from poise.metrics import Result

from .conftest import QUICK, Cli, refused

SMALL = [*QUICK, "--set", "generator.style_size=8", "--set", "generator.mapping_layers=1"]


@pytest.fixture(scope="module")
def styles_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A run of two steps of StyleGAN2 on digits."""
    path = tmp_path_factory.mktemp("runs") / "styles"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POISE_CACHE", str(cache))
        assert (
            main(["train", "digits", "--recipe", "stylegan2", "--steps", "2", "--out", str(path), *SMALL])
            == 0
        )
    return path


def test_a_table_shows_the_samples_that_are_mixed(cli: Cli, styles_run: Path) -> None:
    words = ("--rows", "1", "2", "--columns", "7", "8", "9", "--out", "mix.png", "--json")
    (event,) = cli("mix", styles_run, *words).events
    assert [name.partition("/")[2] for name in event["columns"]] == ["7/0", "8/0", "9/0"]
    with Image.open("mix.png") as made:
        table = np.asarray(made)
    side = 48 + 2  # six times 8 pixels and a line
    assert table.shape == (3 * side + 2, 4 * side + 2)
    sample = poise.open_run(styles_run).sample(1, 8)[0, 0]
    wanted = np.rint((sample + 1) * 127.5).astype(int)
    shown = table[2:50:6, 2 + 2 * side : 50 + 2 * side : 6].astype(int)
    assert np.abs(shown - wanted).max() <= 1


def test_what_cannot_be_mixed_is_refused(cli: Cli, digits_run: Path, styles_run: Path) -> None:
    refused(cli, "mix", digits_run, code="generator.no-styles")
    refused(cli, "mix", digits_run, "--classes", "a,b", code="unknown-class")
    refused(cli, "mix", styles_run, "--layers", "0-40", code="generator.no-such-layers")
    refused(cli, "mix", styles_run, "--classes", "a,b", "--columns", "1", code="cli.classes-and-columns")
    refused(cli, "mix", styles_run, "--out", "mix.jpg", code="cli.unknown-format")
    assert not list(Path().glob("*"))


@pytest.mark.parametrize(("which", "word"), [("digits_run", "temperature"), ("styles_run", "truncation")])
def test_the_curve_measures_what_poise_evaluate_measures(
    cli: Cli, which: str, word: str, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue(which)
    done = cli("truncation", run, "--at", "0.5", "1", "--samples", "100", "--out", "curve.png", "--json")
    (event,) = done.events
    assert event["of"] == word and [point["truncation"] for point in event["points"]] == [0.5, 1.0]
    assert json.loads(Path("curve.json").read_text())["points"] == event["points"]
    with Image.open("curve.png") as made:
        assert made.size[0] > 800 and "poise" in made.info
    metrics = ["frechet-distance", "precision-recall-density-coverage"]
    whole = poise.evaluate(run, metrics=metrics, samples=100)
    wanted = {name: value for result in whole.results for name, value in result.values.items()}
    for name, value in wanted.items():
        assert event["points"][1][name] == pytest.approx(value, rel=1e-3), name


def test_truncations_out_of_range_are_refused(cli: Cli, digits_run: Path) -> None:
    refused(cli, "truncation", digits_run, "--at", "3", code="evaluation.truncation-out-of-range")
    refused(cli, "truncation", digits_run, "--out", "curve.svg", code="cli.unknown-format")


def test_advice_names_the_least_distance_and_what_precision_costs() -> None:
    def within(precision: float, width: float) -> dict[str, tuple[float, float]]:
        return {"precision": (precision - width, precision + width)}

    def results(distance: float, precision: float, recall: float, width: float = 0.01) -> list[Result]:
        values = {"precision": precision, "recall": recall, "density": 1.0, "coverage": 0.5}
        rest: tuple[None, str, None, str, dict[str, int]] = (None, "", None, "", {})
        return [
            Result("frechet-distance", distance, *rest),
            Result("precision-recall-density-coverage", values, within(precision, width), *rest[1:]),
        ]

    points = {0.5: results(3.0, 0.9, 0.2), 0.7: results(1.0, 0.8, 0.5), 1.0: results(2.0, 0.6, 0.7)}
    found = advice(Curve("a", "b", True, points))
    assert found == (
        "the distance is least at truncation 0.7; 0.5 gains 0.10 of precision and loses 0.30 of recall"
    )
    points[0.5] = results(3.0, 0.81, 0.2, width=0.02)
    assert advice(Curve("a", "b", True, points)) == (
        "the distance is least at truncation 0.7; no other precision is higher by more than chance"
    )
