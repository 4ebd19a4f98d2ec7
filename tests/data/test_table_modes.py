"""Numbers of tables as modes: what networks see, and that all comes back as with cells."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

import poise
import poise.data.tables.modes as modes_module
from poise.data import Array, Table, TableTransform, open_data, spec_of
from poise.data.tables.modes import MODES, ModeColumn, fitted_modes, mode_column, parameters_of, shares_of
from poise.data.tables.values import Form
from poise.evaluation.tables import mixture_of_products
from poise.networks import GENERATORS

STREAM = np.random.default_rng(0)
TWO = np.concatenate([STREAM.normal(-20, 1, 3_000), STREAM.normal(30, 4, 1_000)])


@pytest.fixture(autouse=True)
def _few_values_are_fitted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modes_module, "FITTED_ON", 500)


def column_of(texts: list[str], form: Form) -> ModeColumn:
    column = mode_column("x", Counter(texts), form)
    assert isinstance(column, ModeColumn)
    return column


def written(path: Path, **columns: list[str]) -> Path:
    rows = [",".join(row) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *rows]) + "\n", encoding="utf-8")
    return path


def opened(path: Path) -> tuple[Array, TableTransform]:
    data = open_data(path, encoding="modes")
    assert isinstance(data.transform, TableTransform)
    return data.gather(np.arange(len(data))).numpy(), data.transform


def test_the_modes_of_two_gaussians_are_found_and_numbers_are_scaled_by_four_deviations() -> None:
    """Xu et al. 2019, section 4.2: (x - mean) / (4 deviations) beside the mode."""
    texts = [f"{number:.2f}" for number in TWO]
    column = column_of(texts, Form("number", 2, True))
    cells, places = column.encode(texts)
    modes = parameters_of(column.modes)[:, cells]
    seen = 2 * places - 1
    assert np.allclose(seen * modes[3] + modes[1], np.round(TWO, 2), atol=1e-9)
    assert np.allclose(modes[3], np.maximum(4 * modes[2], modes[3])), "no mode reaches less"
    left = TWO < 0
    assert (modes[1][left] < 0).all() and (modes[1][~left] > 0).all()
    assert 0.15 < seen.std() < 0.35, "a Gaussian in its own four deviations has 1/4"
    assert len(column.cells) <= MODES and column.decode(cells, places) == texts


def test_a_mode_is_drawn_by_the_probability_that_a_number_belongs_to_it() -> None:
    texts = [f"{number:.1f}" for number in np.random.default_rng(1).normal(0, 3, 4_000)]
    texts += ["1.0"] * 4_000
    column = column_of(texts, Form("number", 1, True))
    cells, _ = column.encode(["1.0"] * 20_000)
    expected = shares_of(np.array([1.0]), parameters_of(column.modes))[0]
    assert np.count_nonzero(expected) > 1, "modes overlap at 1"
    shares = np.bincount(cells, minlength=len(expected)) / len(cells)
    assert shares == pytest.approx(expected, abs=5 * 0.5 / np.sqrt(len(cells)))
    assert np.array_equal(cells, column.encode(["1.0"] * 20_000)[0]), "the same rows, the same modes"


def test_shares_are_those_of_bayes() -> None:
    """Two Gaussians of weights 0.25 and 0.75 at one deviation of either."""
    modes = np.array([[0.25, 0.75], [-1.0, 1.0], [1.0, 1.0], [4.0, 4.0]])
    shares = shares_of(np.array([0.0, 1.0, 3.5]), modes)
    assert shares[0] == pytest.approx([0.25, 0.75])
    assert shares[1, 0] == pytest.approx(0.25 * np.exp(-2) / (0.25 * np.exp(-2) + 0.75))
    assert shares[2].tolist() == [0.0, 1.0], "a mode is not drawn beyond its reach"


def test_a_number_far_from_all_modes_comes_back(tmp_path: Path) -> None:
    texts = [f"{number:.1f}" for number in np.random.default_rng(2).normal(5, 1, 6_000)]
    texts[17], texts[4_000] = "900.0", "-350.5"
    path = written(tmp_path / "far.csv", x=texts, y=["a", "b"] * 3_000)
    stored, transform = opened(path)
    seen = transform.encode(torch.from_numpy(stored))
    assert float(seen.abs().max()) <= 1
    assert list(transform.texts(transform.decode(seen).numpy())["x"]) == texts
    column = transform.columns[0]
    assert (
        isinstance(column, ModeColumn)
        and max(mode.reach / mode.deviation for mode in column.modes if mode.reach) > 5
    )


def test_missing_numbers_spikes_dates_and_decimals_come_back(tmp_path: Path) -> None:
    stream, count = np.random.default_rng(3), 2_000
    price = [f"{number:.2f}" for number in stream.lognormal(3.0, 1.0, count)]
    days = [str(np.datetime64("2020-01-01") + int(day)) for day in stream.integers(0, 900, count)]
    gain = [
        "0" if share < 0.9 else str(9_000 + number) for share, number in stream.random((count, 2)) * [1, 50]
    ]
    gain = [text.partition(".")[0] for text in gain]
    price[::7], gain[::11] = [""] * len(price[::7]), ["NA"] * len(gain[::11])
    path = written(tmp_path / "all.csv", price=price, days=days, gain=gain, y=["a", "b"] * (count // 2))
    stored, transform = opened(path)
    back = transform.texts(transform.decode(transform.encode(torch.from_numpy(stored))).numpy())
    assert [list(back[name]) for name in ("price", "days", "gain")] == [price, days, gain]
    again = TableTransform.from_json(json.loads(json.dumps(transform.to_json())))
    assert again == transform and np.array_equal(again.rows(back), stored)


def test_what_networks_make_keeps_range_and_decimals() -> None:
    texts = [f"{number:.1f}" for number in TWO] + [""] * 50
    column = column_of(texts, Form("number", 1, True))
    stream = np.random.default_rng(4)
    made = column.decode(stream.integers(0, len(column.cells), 10_000), stream.random(10_000))
    numbers = [float(text) for text in made if text]
    known = [float(text) for text in texts if text]
    assert min(known) <= min(numbers) and max(numbers) <= max(known) and "" in made
    assert all(len(text.partition(".")[2]) == 1 for text in made if text)


def test_numbers_that_were_not_seen_are_kept_within_the_range_and_texts_are_refused() -> None:
    column = column_of([f"{number:.1f}" for number in TWO], Form("number", 1, True))
    cells, places = column.encode(["1e6", "-1e6", "31.07", "blue", ""])
    low, high, near, *_ = map(float, column.decode(cells[:3], places[:3])[:3])
    assert (low, high) == (TWO.max().round(1), TWO.min().round(1)) and near == pytest.approx(31.07, abs=0.06)
    assert cells[3:].tolist() == [-1, -1]


def test_a_mode_of_a_single_number_is_that_number() -> None:
    numbers = np.append(1_000.0 + np.arange(30), 0.0)
    order = np.argsort(numbers)
    often = np.append(np.full(30, 10.0), 5_000.0)
    modes = fitted_modes(numbers[order], often[order])
    spike, held = modes[0]
    assert (spike.mean, spike.reach) == (0.0, 0.0) and held[0] == 5_000


def test_a_picture_calls_modes_by_their_middles_and_single_numbers_by_themselves() -> None:
    texts = ["", "0"] * 500 + [str(1_000 + number % 30) for number in range(300)]
    column = column_of(texts, Form("integer", 0))
    assert column.labels[:2] == ("", "0")
    assert all(1_000 <= int(label.removeprefix("~")) < 1_030 for label in column.labels[2:])
    assert len(column.labels) == len(column.cells) > 2


def test_few_different_numbers_have_a_cell_each(tmp_path: Path) -> None:
    path = written(tmp_path / "few.csv", x=[str(row % MODES) for row in range(200)], y=["a", "b"] * 100)
    assert open_data(path, encoding="modes").transform == open_data(path).transform


def test_the_baseline_of_a_table_of_modes_draws_places_that_rows_have(tmp_path: Path) -> None:
    texts = [f"{number:.2f}" for number in TWO]
    stored, transform = opened(written(tmp_path / "two.csv", x=texts, y=["a", "b"] * 2_000))
    made = mixture_of_products(stored, transform, 4_000, seed=0)
    numbers = np.array([float(text) for text in transform.learnt(made)["x"]])
    assert set(made[:, 2].astype(np.float32)) <= set(stored[:, 2])
    for share in (0.1, 0.5, 0.8, 0.95):
        assert np.mean(numbers < np.quantile(TWO, share)) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(("encoding", "code"), [("quantile", "unknown-encoding-of-tables"), ("modes", "")])
def test_an_encoding_is_chosen_by_its_name(encoding: str, code: str, tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", x=[f"{number:.1f}" for number in TWO], y=["a", "b"] * 2_000)
    if not code:
        assert any(span.kind == "around" for span in spec_of(open_data(path, encoding=encoding)).spans)
        return
    with pytest.raises(poise.PoiseError) as caught:
        open_data(Table(path), encoding=encoding)
    assert caught.value.code.startswith("unknown")


def test_the_mixture_refuses_places_that_are_not_even(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", x=[f"{number:.1f}" for number in TWO], y=["a", "b"] * 2_000)
    with pytest.raises(poise.PoiseError) as caught:
        GENERATORS["mixture"].build(spec_of(open_data(path, encoding="modes")), latent_size=64)
    assert caught.value.code == "networks.no-choices"
