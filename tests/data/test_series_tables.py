"""Series of tables: what becomes time, series and channels, what is filled, and what is refused by name."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from refusals import refused

import poise
from poise.cli import main
from poise.data import Files, Table, inspect_data, open_data

DAYS = [f"2024-02-{day:02}" for day in range(20, 30)] + [f"2024-03-{day:02}" for day in range(1, 11)]


def written(folder: Path, rows: list[str], header: str = "day,shop,sales,visitors") -> Path:
    path = folder / "shops.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rows_of(shops: str = "abc") -> list[str]:
    """Sales of each shop by day, over the end of a February of 29 days."""
    return [
        f"{day},{shop},{10 * number + place},{place * 1.5 + number}"
        for number, shop in enumerate(shops, 1)
        for place, day in enumerate(DAYS)
    ]


def values_of(path: Path, folder: Path, **columns: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    data = Files(Table(path, columns) if columns else path, kind="series")
    dataset = open_data(data, encoding="common", cache=folder)
    return dataset.gather(np.arange(len(dataset))).numpy()


def test_rows_in_any_order_become_series_in_the_order_of_time(tmp_path: Path) -> None:
    rows = rows_of()
    random.Random(1).shuffle(rows)
    values = values_of(written(tmp_path, rows), tmp_path)
    assert values.shape == (3, 2, 20)
    shops = values[np.argsort(values[:, 0, 0])]
    expected = 10 * np.arange(1, 4)[:, None] + np.arange(20)
    assert np.abs(shops[:, 0] - expected).max() <= 0.5  # spread between its levels
    assert (
        "3 series by 'day', told apart by 'shop'; channels are sales, visitors."
        in open_data(Files(tmp_path / "shops.csv", kind="series"), cache=tmp_path).notices
    )


def test_missing_cells_and_times_are_filled_along_the_line(tmp_path: Path) -> None:
    rows = [row for row in rows_of() if not row.startswith("2024-02-29,b")]  # a time that no row has
    rows[4] = "2024-02-24,a,,7.0"  # a cell that is empty
    data = open_data(Files(written(tmp_path, rows), kind="series"), encoding="common", cache=tmp_path)
    values = data.gather(np.arange(3)).numpy()
    assert abs(values[0, 0, 4] - 14) <= 0.5 and abs(values[1, 0, 9] - 29) <= 0.5
    assert "3 missing values are filled along the line between their neighbours." in data.notices


def test_series_of_one_table_may_have_several_lengths(tmp_path: Path) -> None:
    rows = [row for row in rows_of() if not ("c" in row and row > "2024-03-05")]
    values = values_of(written(tmp_path, rows), tmp_path)
    assert values.shape == (3, 3, 20) and values[:, 2].sum(1).tolist() == [20, 20, 14]


def test_roles_can_be_said(tmp_path: Path) -> None:
    path = written(tmp_path, rows_of("a"))
    assert values_of(path, tmp_path, sales="drop").shape == (1, 1, 20)
    numbered = written(tmp_path, [row.replace(",a,", ",7,").replace(",b,", ",8,") for row in rows_of("ab")])
    assert values_of(numbered, tmp_path, shop="category").shape == (2, 2, 20)


@pytest.mark.parametrize(
    ("change", "columns", "code"),
    [
        (lambda rows: [row.replace(",a,11,", ",a,many,") for row in rows], {"sales": "number"}, "no-number"),
        (lambda rows: [row.replace(",b,", ",a,") for row in rows], {}, "same-time"),
        (lambda rows: [row.replace("2024-02-21", "21.02.2024") for row in rows], {"day": "date"}, "dates"),
        (lambda rows: [row.rpartition(",")[0] + "," for row in rows[:50]] + rows[50:], {}, "missing"),
        (lambda rows: [row for row in rows if not "2024-02-25" < row < "2024-03-02"], {}, "times-missing"),
        (lambda rows: [f"{row.rpartition(',')[0]},{row[:10]}" for row in rows], {}, "columns"),
        (lambda rows: rows, {"sales": "drop", "visitors": "drop"}, "columns"),
    ],
)
def test_what_is_no_series_is_refused_by_name(
    change: object, columns: dict[str, str], code: str, tmp_path: Path
) -> None:
    assert callable(change)
    path = written(tmp_path, change(rows_of()))
    with refused(f"data.series-{code}"):
        open_data(Files(Table(path, columns), kind="series"), cache=tmp_path)


def test_all_columns_with_gaps_are_named_at_once(tmp_path: Path) -> None:
    rows = [",".join([*row.split(",")[:2], "", ""]) for row in rows_of()[:10]] + rows_of()[10:]
    with refused("data.series-missing") as caught:
        open_data(Files(written(tmp_path, rows), kind="series"), cache=tmp_path)
    assert "--column sales=drop --column visitors=drop" in str(caught.value.hint)


def test_windows_are_proposed_for_few_long_series(tmp_path: Path) -> None:
    hours = [
        f"2024-0{1 + day // 28}-{1 + day % 28:02} {hour:02}:00,{hour + day}"
        for day in range(28)
        for hour in range(24)
    ]
    hourly = Files(written(tmp_path, hours, "time,sales"), kind="series")
    told = inspect_data(hourly, cache=tmp_path)["notices"]
    assert any("--set encoding=24 cuts 28 windows" in notice for notice in told)
    enough = Files(np.random.default_rng(0).normal(size=(20, 500)), kind="series")
    assert not any("windows" in notice for notice in inspect_data(enough, cache=tmp_path)["notices"])


def test_uneven_times_are_refused(tmp_path: Path) -> None:
    rows = [
        f"2024-02-20 0{hour}:{minute},a,{hour}.{minute},1" for hour in range(8) for minute in (10, 31, 44)
    ]
    with refused("data.series-uneven"):
        open_data(Files(written(tmp_path, rows), kind="series"), cache=tmp_path)


def test_a_run_of_a_table_of_series_goes_on(tmp_path: Path) -> None:
    data = Files(Table(written(tmp_path, rows_of()), {"visitors": "drop"}), kind="series")
    run = poise.train(data, steps=2, batch_size=3, out=tmp_path / "run")
    assert run.recipe.name == "series" and run.sample(2).shape[1:] == (1, 20)
    assert poise.resume(tmp_path / "run", steps=3).generator.description["step"] == 3


def test_the_length_of_windows_may_be_a_number() -> None:
    from poise.recipes import RECIPES, recipe_with
    from poise.recipes.overrides import parse_override

    assert recipe_with(RECIPES["series"], dict([parse_override("encoding=24")])).encoding == "24"


def sampled(run: poise.Run, out: Path, count: int) -> str:
    assert not main(["sample", str(run.path), "-n", str(count), "--out", str(out)])
    return out.read_text()


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_samples_are_written_as_the_table_was_read(tmp_path: Path, suffix: str) -> None:
    data = written(tmp_path, rows_of("abcd"))
    run = poise.train(Files(data, kind="series"), steps=2, batch_size=4, out=tmp_path / "run", doctor="off")
    text = sampled(run, tmp_path / f"new{suffix}", 3)
    lines = text.splitlines()
    cells = [line.split("," if suffix == ".csv" else "\t") for line in lines]
    assert cells[0] == ["day", "shop", "sales", "visitors"]
    assert [row[0] for row in cells[1:21]] == DAYS and len(cells) == 61
    assert [row[1] for row in cells[1::20]] == ["sample-00000", "sample-00001", "sample-00002"]
    assert all("." not in row[2] for row in cells[1:]), "whole numbers stay whole"
    read = values_of(tmp_path / f"new{suffix}", tmp_path)
    assert read.shape == (3, 2, 20)
    values = np.array([[float(cell) for cell in row[2:]] for row in cells[1:]]).reshape(3, 20, 2)
    assert np.abs(read - values.transpose(0, 2, 1)).max() <= 0.5
    assert np.abs(values.transpose(0, 2, 1) - run.sample(3)).max() <= 0.5


def test_windows_of_one_series_are_told_apart_and_parquet_has_its_types(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    days = polars.date_range(polars.date(2024, 1, 1), polars.date(2024, 4, 9), eager=True)
    frame = polars.DataFrame({"day": days, "kelvin": [273 + place % 7 + 0.25 for place in range(len(days))]})
    frame.write_parquet(tmp_path / "week.parquet")
    data = Files(tmp_path / "week.parquet", kind="series")
    run = poise.train(data, encoding="10", steps=2, batch_size=4, out=tmp_path / "run", doctor="off")
    out = tmp_path / "new.parquet"
    assert not main(["sample", str(run.path), "-n", "2", "--out", str(out)])
    made = polars.read_parquet(out)
    assert made.columns == ["series", "day", "kelvin"] and len(made) == 20
    assert made["day"].dtype == polars.Date and made["kelvin"].dtype == polars.Float64
    assert made["day"][0] == frame["day"][0] and made["day"][10] == frame["day"][0]


def test_series_of_arrays_are_no_table(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.random.default_rng(0).normal(size=(20, 1, 24)))
    data = Files(tmp_path / "array.npy", kind="series")
    run = poise.train(data, steps=2, batch_size=4, out=tmp_path / "run", doctor="off")
    assert main(["sample", str(run.path), "--out", str(tmp_path / "new.csv")])
