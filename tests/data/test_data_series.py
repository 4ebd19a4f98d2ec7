"""Series: scaled by their own, of any lengths, cut after time is divided; and the networks that make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from refusals import refused

import poise
from poise.data import Array, Files, kind_of, open_data
from poise.data.courses import Courses
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.spec import DataSpec, Span

RANDOM = np.random.default_rng(0)


def births(count: int = 24, steps: int = 28) -> Array:
    """Whole numbers whose scale differs a hundredfold, with a weekly rhythm."""
    scale = 10.0 ** RANDOM.uniform(1, 3, (count, 1))
    rhythm = 1 + 0.3 * np.cos(2 * np.pi * np.arange(steps) / 7)
    return np.rint(scale * rhythm * RANDOM.uniform(0.9, 1.1, (count, steps))).astype(np.uint16)


def ending() -> Array:
    """Two channels that end at different steps."""
    values = RANDOM.normal(3, 1, (20, 2, 16))
    for row, steps in enumerate([16, *RANDOM.integers(5, 17, 19)]):
        values[row, :, steps:] = np.nan
    return values


def opened(values: Array, folder: Path, encoding: str | None = None) -> poise.data.Dataset:
    return open_data(Files(values, kind="series"), encoding=encoding, cache=folder)


def test_series_come_back_in_their_units_each_by_its_own_scale(tmp_path: Path) -> None:
    values = births()
    dataset = opened(values, tmp_path)
    assert dataset.shape == (3, 28) and "each series by its own" in str(dataset.summary["scaled"])
    stored = dataset.gather(np.arange(24))
    encoded = dataset.transform.encode(stored)
    assert float(encoded[:, 0].abs().max()) == pytest.approx(1.0) and float(encoded.mean((0, 2))[1]) < 1e-5
    samples = kind_of(dataset).sample(encoded, dataset.transform)
    assert np.array_equal(samples[:, 0].numpy(), values)
    assert opened(values, tmp_path, "common").shape == (1, 28)
    alike = RANDOM.normal(0, 1, (24, 28))
    assert opened(alike, tmp_path).shape == (1, 28) and opened(alike, tmp_path, "own").shape == (3, 28)


def test_values_in_few_levels_are_spread_between_them_and_come_back_exactly(tmp_path: Path) -> None:
    levels = np.array([0.0, 0.25, 1.0, 9.0, 10.0])
    values = np.stack([RANDOM.choice(levels, (40, 12)), RANDOM.normal(0, 1, (40, 12))], axis=1)
    dataset = opened(values, tmp_path, "common")
    stored = dataset.gather(np.arange(40))
    encoded = dataset.transform.encode(stored)
    assert len(encoded[:, 0].unique()) == 480  # no level is left that a discriminator could tell
    assert np.allclose(stored[:, 1], values[:, 1])
    samples = kind_of(dataset).sample(encoded, dataset.transform).numpy()
    assert np.array_equal(samples[:, 0], values[:, 0]) and np.allclose(samples[:, 1], values[:, 1], atol=1e-5)
    near = kind_of(dataset).sample(encoded + 0.01, dataset.transform).numpy()
    assert np.isin(near[:, 0], levels).all() and not np.isin(near[:, 1], values[:, 1]).any()
    assert "channel 1 (5)" in dataset.notices[-1]
    assert (
        kind_of(dataset).load_transform(json.loads(json.dumps(dataset.transform.to_json())))
        == dataset.transform
    )


@pytest.mark.parametrize("encoding", ["own", "common"])
def test_lengths_that_vary_come_back_as_nan_after_the_end(encoding: str, tmp_path: Path) -> None:
    values = ending()
    dataset = opened(values, tmp_path, encoding)
    assert dataset.shape == (3 if encoding == "common" else 7, 16) and dataset.summary["steps"][1] == 16
    encoded = dataset.transform.encode(dataset.gather(np.arange(20)))
    samples = kind_of(dataset).sample(encoded, dataset.transform).numpy()
    assert np.allclose(samples, values, atol=1e-4, equal_nan=True)
    # what a network makes after the end does not come back to life
    encoded[0, 2] = torch.tensor([1.0] * 6 + [-1.0] * 4 + [1.0] * 6)
    made = kind_of(dataset).sample(encoded, dataset.transform)[0, 0]
    assert torch.isnan(made[6:]).all() and not torch.isnan(made[:6]).any()


def test_time_is_divided_before_windows_are_cut(tmp_path: Path) -> None:
    long = np.arange(2 * 103, dtype=float).reshape(2, 103)
    dataset = opened(long, tmp_path, "10,common")
    assert dataset.held_out is not None and (len(dataset), len(dataset.held_out)) == (16, 4)
    learnt = kind_of(dataset).sample(
        dataset.transform.encode(dataset.gather(np.arange(16))), dataset.transform
    )
    apart = kind_of(dataset).sample(
        dataset.held_out.transform.encode(dataset.held_out.gather(np.arange(4))), dataset.transform
    )
    assert float(learnt[:8].max()) < float(apart[:2].min()) and float(learnt[8:].max()) < float(
        apart[2:].min()
    )
    assert sorted(torch.cat([learnt[:8], apart[:2]]).flatten().tolist()) == pytest.approx(np.arange(100))


@pytest.mark.parametrize(
    ("values", "encoding", "code"),
    [
        (np.full((4, 8), np.inf), None, "data.not-finite"),
        (np.array([[1.0, np.nan, 2.0, 3.0, 4.0]] * 3), None, "data.series-gaps"),
        (np.array([[np.nan] * 5, [1.0] * 5]), None, "data.series-empty"),
        (np.zeros((4, 8)), "9", "data.series-length"),
        (np.zeros((4, 8)), "weekly", "data.series-encoding"),
        (ending(), "4", "data.series-gaps"),
        (np.zeros((4, 2, 3, 8)), None, "data.not-series"),
    ],
)
def test_what_cannot_be_series(values: Array, encoding: str | None, code: str, tmp_path: Path) -> None:
    with refused(code):
        opened(values, tmp_path, encoding)


SPANS = (Span("channel 0", "real", 1), Span("channel 1", "real", 1), Span("attribute 0", "real", 1))


@pytest.mark.parametrize("name", ["series", "doppelganger"])
@pytest.mark.parametrize("attributes", [0, 1])
def test_attributes_are_the_same_at_all_steps_and_the_course_knows_them(name: str, attributes: int) -> None:
    torch.manual_seed(0)
    spec = DataSpec("series", (2 + attributes, 37), spans=SPANS[: 2 + attributes])
    generator = GENERATORS[name].build(spec, latent_size=6, width=4).eval()
    made = generator(torch.randn(5, 6))
    assert made.shape == (5, 2 + attributes, 37)
    if attributes:
        assert torch.equal(made[:, 2], made[:, 2, :1].expand(-1, 37))
        first = next(iter(dict(generator.named_modules())["features"].parameters()))
        (slope,) = torch.autograd.grad(made[:, :2].square().sum(), first)
        assert float(slope.abs().max()) > 0
    assert DISCRIMINATORS["dcgan"].build(spec, width=2)(made).shape == (5,)
    scores = DISCRIMINATORS["doppelganger"].build(spec, width=4)(made)
    assert scores.shape == ((5, 2) if attributes else (5,))


@pytest.mark.parametrize("name", ["series", "doppelganger"])
def test_series_of_their_own_range_fill_it_by_construction(name: str, tmp_path: Path) -> None:
    dataset = opened(births(), tmp_path)
    spec = kind_of(dataset).spec(dataset.shape, dataset.transform)
    made = GENERATORS[name].build(spec, latent_size=6, width=4)(torch.randn(5, 6))[:, 0].detach()
    assert torch.allclose(made.amin(1), -torch.ones(5), atol=1e-5)
    assert torch.allclose(made.amax(1), torch.ones(5), atol=1e-5)
    whole = births()
    whole[3] = 7
    spec = kind_of(dataset).spec(dataset.shape, opened(whole, tmp_path).transform)
    assert spec.spans[0].kind == "bounded", "whole numbers are spread, so that none stands still"
    still = RANDOM.normal(0, 10.0 ** RANDOM.uniform(1, 3, (24, 1)), (24, 28))
    still[3] = 7
    spec = kind_of(dataset).spec(dataset.shape, opened(still, tmp_path).transform)
    assert {span.kind for span in spec.spans} == {"real"}, "a series that stands still fills nothing"


@pytest.mark.parametrize("recipe", ["auto", "doppelganger"])
def test_a_run_on_series_makes_resumes_and_measures(recipe: str, tmp_path: Path) -> None:
    np.save(tmp_path / "births.npy", births(60))
    small: dict[str, Any] = {"generator.width": 4, "discriminator.width": 4, "batch_size": 8, "steps": 2}
    data = Files(tmp_path / "births.npy", kind="series")
    poise.train(data, recipe, out=tmp_path / "run", **small)
    poise.resume(tmp_path / "run", steps=3)
    run = poise.open_run(tmp_path / "run")
    samples = run.sample(3, seed=1)
    assert samples.shape == (3, 1, 28) and np.array_equal(samples, samples.round())
    if recipe == "auto":
        assert run.recipe.name == "series"
        names = [one.metric for one in poise.evaluate(run, samples=40).results]
        assert names[0] == "autocorrelation"


def test_series_that_stand_still_stay_so_under_small_errors_of_their_numbers(tmp_path: Path) -> None:
    """Rain of 0 in most windows: a generator hits middle and half range only nearly."""
    stream = np.random.default_rng(0)
    rain = np.rint(100 * stream.exponential(0.02, (400, 1, 24))) / 100
    rain[:300] = 0.0
    opened = open_data(Files(rain, kind="series"), encoding="own", cache=tmp_path)
    courses = opened.transform
    assert isinstance(courses, Courses) and courses.own and courses.full
    encoded = courses.encode(torch.as_tensor(opened.gather(np.arange(len(opened)))))
    assert torch.equal(courses.series(courses.decode(encoded)), torch.tensor(rain, dtype=torch.float32))
    missed = encoded.clone()
    missed[:, 1:] += 0.1 * torch.randn(missed[:, 1:, :1].shape, generator=torch.Generator().manual_seed(0))
    made = courses.series(courses.decode(missed))
    still = made.amax((1, 2)) == made.amin((1, 2))
    assert still[:300].float().mean() > 0.7, "a twentieth, if they are spread as far as others"
    assert not still[300:].any()
