"""Tables: types, cells, the way to rows and back, rules, and bad input."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import poise
from poise.data import Files, Table, TableTransform, kind_of, open_data, spec_of
from poise.data.tables.column import CELLS, groups
from poise.data.tables.frame import read_frame, write_frame

PEOPLE = Path(__file__).parents[1] / "fixtures" / "people.csv"


def transform_of(data: Any) -> TableTransform:
    transform = open_data(data).transform
    assert isinstance(transform, TableTransform)
    return transform


def table(path: Path, columns: dict[str, list[str]]) -> Path:
    write_frame(path, columns, {"delimiter": ",", "dtypes": {}})
    return path


def there_and_back(data: Any) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The texts of a table, and those that come back from what networks see."""
    dataset = open_data(data)
    transform = dataset.transform
    assert isinstance(transform, TableTransform)
    seen = transform.encode(dataset.gather(np.arange(len(dataset))))
    back = transform.texts(transform.decode(seen).numpy())
    given_ = data.data if isinstance(data, Table) else data
    frame = read_frame(given_, given_ if isinstance(given_, Path) else None, "table")
    return {name: list(frame.columns[name]) for name in back}, {name: list(back[name]) for name in back}


def refused(path: Path, code: str, *, data: Any = None) -> poise.PoiseError:
    with pytest.raises(poise.PoiseError) as caught:
        open_data(path if data is None else data)
    assert caught.value.code == code
    return caught.value


# Types -----------------------------------------------------------------------------------------------------


def test_types_are_recognised_and_rows_come_back() -> None:
    transform = transform_of(PEOPLE)
    types = {column.name: column.type for column in transform.columns}
    assert types == {
        "age": "integer",
        "height": "number",
        "income": "number",
        "colour": "category",
        "city": "category",
        "joined": "date",
        "visits": "integer",
        "member": "flag",
    }
    assert [(one.name, one.type, one.of) for one in transform.derived] == [("country", "copy", "city")]
    before, after = there_and_back(PEOPLE)
    assert before == after


def test_networks_see_spans_within_minus_one_and_one() -> None:
    dataset = open_data(PEOPLE)
    seen = dataset.transform.encode(dataset.gather(np.arange(50)))
    spec = spec_of(dataset)
    assert seen.shape == (50, spec.numbers) and seen.abs().max() <= 1
    start = 0
    for span in spec.spans:
        if span.kind in ("one-hot", "ordered"):
            assert (seen[:, start : start + span.size].sum(1) == 1).all()
        start += span.size


def test_a_record_in_json_gives_the_same_transform() -> None:
    transform = transform_of(PEOPLE)
    again = TableTransform.from_json(json.loads(json.dumps(transform.to_json())))
    assert again == transform
    with pytest.raises(poise.PoiseError) as caught:
        TableTransform.from_json({"columns": [3]})
    assert caught.value.code == "data.table-transform"


ODD_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
ODD = st.one_of(
    st.lists(st.integers(-(10**9), 10**9).map(str), min_size=8, max_size=40),
    st.lists(st.decimals(-1000, 1000, places=3, allow_nan=False).map(str), min_size=8, max_size=40),
    st.lists(st.sampled_from(["", "1", "2.50", "-3", "NA"]), min_size=8, max_size=40),
    st.lists(st.dates().map(str), min_size=8, max_size=40),
    st.lists(ODD_TEXTS, min_size=8, max_size=40),
    st.lists(st.sampled_from(["true", "false", ""]), min_size=8, max_size=40),
)


@given(first=ODD, second=ODD)
@settings(max_examples=60)
def test_odd_rows_come_back(
    first: list[str], second: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = min(len(first), len(second))
    side = ["x", "y", "z"] * rows
    columns = {"a": first[:rows], "b": second[:rows], "c": side[:rows]}
    path = table(tmp_path_factory.mktemp("odd") / "odd.csv", columns)
    try:
        before, after = there_and_back(path)
    except poise.PoiseError as error:
        # whatever is refused can be learnt as categories
        assert error.code in ("data.table-identifiers", "data.table-mixed", "data.table-dates")
        before, after = there_and_back(Table(path, columns=dict.fromkeys("ab", "category")))
    assert before == after


def test_numbers_of_a_long_tail_come_back_to_their_precision(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).lognormal(3.0, 2.0, 5_000)
    column = [f"{number:.2f}" for number in drawn]
    column[::10] = ["0.00"] * 500
    before, after = there_and_back(table(tmp_path / "tail.csv", {"x": column, "y": ["a", "b"] * 2_500}))
    assert before == after
    (cells,) = (one.cells for one in transform_of(tmp_path / "tail.csv").columns if one.name == "x")
    assert cells[0].texts == ("0.00",) and len(cells) <= CELLS + 2
    assert any(cell.knots for cell in cells)


def test_a_column_never_leaves_its_range_nor_its_decimals(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).normal(5.0, 3.0, 4_000)
    path = table(tmp_path / "x.csv", {"x": [f"{number:.1f}" for number in drawn], "y": ["a", "b"] * 2_000})
    transform = transform_of(path)
    column = transform.columns[0]
    places = np.random.default_rng(1).random(10_000)
    cells = np.random.default_rng(2).integers(0, len(column.cells), 10_000)
    made = column.decode(cells, places)
    assert min(map(float, made)) >= drawn.min().round(1) and max(map(float, made)) <= drawn.max().round(1)
    assert all(len(text.partition(".")[2]) == 1 for text in made)


def test_groups_keep_spikes_alone_and_have_equal_mass() -> None:
    counts = np.random.default_rng(0).integers(1, 30, 700)
    counts[[5, 300]] = 4_000
    found = groups(counts)
    assert [5] in [group.tolist() for group in found] and [300] in [group.tolist() for group in found]
    assert np.array_equal(np.concatenate(found), np.arange(700)) and len(found) <= CELLS + 2
    masses = [counts[group].sum() for group in found if len(group) > 1]
    assert max(masses) < 3 * np.mean(masses)


# What a person says ----------------------------------------------------------------------------------------


def test_a_type_that_is_said_is_taken(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv", {"zip": ["1000", "2000"] * 30, "n": [str(number) for number in range(60)]}
    )
    transform = transform_of(Table(path, columns={"zip": "category", "n": "drop"}))
    assert [(one.name, one.type) for one in transform.columns] == [("zip", "category")]
    assert transform.order == ("zip",)
    assert refused(path, "unknown-column", data=Table(path, columns={"zap": "drop"})).hint
    with pytest.raises(poise.PoiseError) as caught:
        Table(path, columns={"zip": "text"})
    assert caught.value.code == "unknown-column-type"


def test_identifiers_are_refused_or_made_anew(tmp_path: Path) -> None:
    rows = 60
    columns = {
        "id": [str(number) for number in range(5, 5 + rows)],
        "code": [f"AB-{number:04d}" for number in range(rows)],
        "note": [f"a long text that says something else in row {number}" for number in range(rows)],
        "kind": ["x", "y"] * 30,
    }
    path = table(tmp_path / "t.csv", columns)
    error = refused(path, "data.table-identifiers")
    assert (
        all(name in error.what for name in ("'id'", "'code'", "'note'")) and "--column id=drop" in error.hint
    )
    made = Table(path, columns={"id": "new", "code": "new", "note": "drop"})
    transform = transform_of(made)
    dataset = open_data(made)
    texts = transform.texts(dataset.gather(np.arange(3)).numpy())
    assert list(texts) == ["id", "code", "kind"] and texts["id"] == ["65", "66", "67"]
    assert all(len(text) == 7 and text[:2].isupper() and text[3:].isdigit() for text in texts["code"])


def test_rules_hold_in_every_row(tmp_path: Path) -> None:
    stream = np.random.default_rng(0)
    low = stream.integers(0, 50, 200)
    high, part = low + stream.integers(1, 30, 200), stream.integers(0, 9, 200)
    city = stream.choice(["Oslo,Norway", "Rome,Italy"], 200)
    columns = {
        "high": [str(number) for number in high],
        "low": [str(number) for number in low],
        "part": [str(number) for number in part],
        "total": [str(number) for number in part + low],
        "city": [text.split(",")[0] for text in city],
        "land": [text.split(",")[1] for text in city],
    }
    path = table(tmp_path / "t.csv", columns)
    said = Table(path, constraints=["low < high", "total = part + low", "fixed: city, land"])
    before, after = there_and_back(said)
    assert before == after and list(after) == list(columns)
    transform = transform_of(said)
    cells = [stream.integers(0, len(column.cells), 500) for column in transform.columns]
    places = stream.random((500, len(transform.ranged)))
    made = transform.texts(np.concatenate([np.stack(cells, 1), places], 1).astype(np.float32))
    assert all(int(one) < int(two) for one, two in zip(made["low"], made["high"], strict=True))
    sums = zip(made["total"], made["part"], made["low"], strict=True)
    assert all(int(one) == int(two) + int(three) for one, two, three in sums)
    assert set(zip(made["city"], made["land"], strict=True)) <= {("Oslo", "Norway"), ("Rome", "Italy")}


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("low < high", "data.constraint-broken"),
        ("low < name", "data.constraint-unfit"),
        ("low < hihg", "unknown-column"),
        ("something", "data.constraint-unknown"),
        ("high = low + low", "data.constraint-broken"),
    ],
)
def test_rules_that_rows_break_are_refused(rule: str, code: str, tmp_path: Path) -> None:
    columns = {"low": ["1", "5"] * 20, "high": ["2", "4"] * 20, "name": ["a", "b"] * 20}
    path = table(tmp_path / "t.csv", columns)
    error = refused(path, code, data=Table(path, constraints=[rule]))
    assert "line 3" in error.what if code == "data.constraint-broken" and "<" in rule else error.hint


# Files and frames ------------------------------------------------------------------------------------------


def test_every_form_holds_the_same_table(tmp_path: Path) -> None:
    text = PEOPLE.read_text()
    zipped, semicolons, parquet = tmp_path / "p.csv.gz", tmp_path / "p.csv", tmp_path / "p.parquet"
    zipped.write_bytes(gzip.compress(text.encode()))
    semicolons.write_text("\ufeff" + text.replace(",", ";"))
    frame = polars.read_csv(PEOPLE, try_parse_dates=True)
    frame.write_parquet(parquet)
    first = open_data(PEOPLE)
    for other in (zipped, semicolons):
        assert np.array_equal(open_data(other).array, first.array)  # type: ignore[arg-type]
    for other_frame in (parquet, frame):
        dataset = open_data(other_frame)
        assert kind_of(dataset).name == "table" and len(dataset) == 300
        assert {one.name: one.type for one in transform_of(other_frame).columns} == {
            one.name: one.type for one in transform_of(PEOPLE).columns
        }


def test_parquet_comes_back_in_its_types(tmp_path: Path) -> None:
    frame = polars.read_csv(PEOPLE, try_parse_dates=True)
    dataset = open_data(frame)
    kind, path = kind_of(dataset), tmp_path / "again.parquet"
    assert kind.write_file is not None
    kind.write_file(path, [dataset.transform.encode(dataset.gather(np.arange(300)))], dataset.transform)
    again = polars.read_parquet(path)
    assert again.schema == frame.schema and again.equals(frame)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('a,b\n1,"x\n2,y\n', "data.table-quotes", "line 2"),
        ('a,b\n1,"x"y\n', "data.table-quotes", "line 2"),
        ("a,b\n1,2\n3\n", "data.table-ragged", "Line 3"),
        ("a,a\n1,2\n", "data.table-header", "header"),
        ("a,\n1,2\n", "data.table-header", "header"),
        ("a,b\n", "data.table-empty", "no rows"),
        ("a,b\n1,1\n1,1\n", "data.table-constant", "no column"),
        ("a,b\n" + "1,x\n2,y\n" * 20 + "three,x\n", "data.table-mixed", "line 42"),
        (
            "a,b\n" + "2026-01-02,x\n2026-01-03,y\n" * 20 + "4.1.2026,x\n03.01.2026,y\n",
            "data.table-dates",
            "line",
        ),
        ("a,b\n" + "".join(f"{row},{row % 3}\n" for row in range(50)), "data.table-identifiers", "'a'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, code: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    assert said in refused(path, code).what


def test_other_bytes_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes("name\nOslo\nMünchen\n".encode("latin-1"))
    assert "line 3" in refused(path, "data.table-not-utf8").what


def test_many_categories_share_a_cell_and_keep_their_shares(tmp_path: Path) -> None:
    stream = np.random.default_rng(0)
    texts = [f"job {number}" for number in np.minimum(stream.geometric(0.004, 20_000), 1_500)]
    path = table(tmp_path / "jobs.csv", {"job": texts, "x": ["a", "b"] * 10_000})
    transform, dataset = transform_of(path), open_data(path)
    assert transform.columns[0].ranged and any("rarest" in notice for notice in dataset.notices)
    before, after = there_and_back(path)
    assert before == after


def test_a_value_in_nearly_every_row_and_an_empty_column_are_told(tmp_path: Path) -> None:
    columns = {"a": ["0"] * 97 + ["1", "2", "3"], "b": [""] * 100, "c": ["x", "y"] * 50}
    notices = " ".join(open_data(table(tmp_path / "t.csv", columns)).notices)
    assert "'a' is '0' in 97.0% of the rows" in notices and "'b' is empty" in notices


def test_more_columns_than_rows_are_told(tmp_path: Path) -> None:
    columns = {f"c{number}": ["a", "b", "a"] for number in range(2)} | {
        f"d{number}": ["1", "2", str(number)] for number in range(8)
    }
    assert any("more columns" in notice for notice in open_data(table(tmp_path / "t.csv", columns)).notices)


def test_columns_whose_values_are_all_different_are_no_copies_of_each_other(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(60, 3)).round(6)
    path = tmp_path / "few.csv"
    path.write_text("\n".join(["a,b,c", *(",".join(map(str, row)) for row in numbers)]))
    dataset = open_data(path, cache=tmp_path / "cache")
    assert not [notice for notice in dataset.notices if "repeats" in notice]
    assert [column["name"] for column in dataset.transform.to_json()["columns"]] == ["a", "b", "c"]


def days(*, places: int, count: int, of: np.random.Generator) -> dict[str, list[str]]:
    """Sales of each day at each place, in an order by chance."""
    order = of.permutation(places * count)
    first = np.datetime64("2024-02-01")
    return {
        "day": [str(first + int(row) // places) for row in order],
        "place": ["abc"[int(row) % places] for row in order],
        "sales": [str(int(row) % 17) for row in order],
    }


@pytest.mark.parametrize("places", [1, 3])
def test_rows_of_every_day_are_told_to_be_a_series(tmp_path: Path, places: int) -> None:
    columns = days(places=places, count=60, of=np.random.default_rng(0))
    (notice,) = [text for text in open_data(table(tmp_path / "t.csv", columns)).notices if "series" in text]
    assert "'day'" in notice and "by 1 d," in notice
    assert open_data(Files(tmp_path / "t.csv", kind="series")).shape == (1, 60)  # so it is no false advice


def test_a_few_days_that_are_missing_change_nothing_and_dates_by_chance_are_no_series(tmp_path: Path) -> None:
    of = np.random.default_rng(0)
    columns = days(places=3, count=200, of=of)
    kept = np.flatnonzero(of.random(600) > 0.02)
    gaps = {name: [texts[row] for row in kept] for name, texts in columns.items()}
    assert any("series" in text for text in open_data(table(tmp_path / "gaps.csv", gaps)).notices)
    drawn = columns | {
        "day": [str(np.datetime64("2024-02-01") + int(day)) for day in of.integers(200, size=600)]
    }
    assert not any("series" in text for text in open_data(table(tmp_path / "drawn.csv", drawn)).notices)
