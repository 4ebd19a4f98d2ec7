"""Conditions on rows: what they mean, and what is no condition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import poise
from poise.data import TableTransform, open_data
from poise.data.tables.conditions import read_condition

People = tuple[TableTransform, dict[str, list[str]]]
PEOPLE = Path(__file__).parents[1] / "fixtures" / "people.csv"


@pytest.fixture(scope="module")
def people() -> tuple[TableTransform, dict[str, list[str]]]:
    dataset = open_data(PEOPLE)
    assert isinstance(dataset.transform, TableTransform)
    texts = dataset.transform.texts(dataset.gather(np.arange(len(dataset))).numpy())
    return dataset.transform, {name: list(column) for name, column in texts.items()}


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("age > 40", lambda row: int(row["age"]) > 40),
        ("member == 'yes' and 30 < age <= 50",
          lambda row: row["member"] == "yes" and 30 < int(row["age"]) <= 50),
        ("colour in ('blue', 'red')", lambda row: row["colour"] in ("blue", "red")),
        ("colour not in ['blue']", lambda row: row["colour"] != "blue"),
        ("not member == 'yes'", lambda row: row["member"] == "no"),
        ("income is None", lambda row: row["income"] == ""),
        ("income > 20000.5", lambda row: row["income"] != "" and float(row["income"]) > 20000.5),
        ("joined >= '2022-01-01'", lambda row: row["joined"] >= "2022-01-01"),
        ("country == 'Italy'", lambda row: row["city"] == "Rome"),
        ("`age` < 30 or visits == 0", lambda row: int(row["age"]) < 30 or row["visits"] == "0"),
        ("visits > age", lambda row: int(row["visits"]) > int(row["age"])),
        ("age > 20 and (visits == 0 or member == 'no')",
         lambda row: int(row["age"]) > 20 and (row["visits"] == "0" or row["member"] == "no")),
    ],
)  # fmt: skip
def test_rows_meet_what_the_condition_says(
    text: str, means: Callable[[dict[str, str]], bool], people: People
) -> None:
    transform, texts = people
    condition = read_condition(text, transform)
    rows = [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]
    expected = np.array([means(row) for row in rows])
    assert expected.any() and np.array_equal(condition.whole(texts), expected)
    for index, allowed in condition.alone.items():
        column = transform.columns[index]
        cells, _ = column.encode(texts[column.name])
        assert (allowed.shares[cells[expected]] > 0).all()


def test_columns_that_stand_alone_are_told_from_those_that_are_tied(people: People) -> None:
    transform, _ = people
    assert read_condition("age > 40 and member == 'yes'", transform).exact
    tied = read_condition("age > 40 and visits > age", transform)
    assert not tied.exact and [transform.columns[index].name for index in tied.alone] == ["age"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("aeg > 40", "unknown-column"),
        ("colour == 'blu'", "unknown-value"),
        ("age > 'x'", "data.condition-value"),
        ("joined > 'soon'", "data.condition-value"),
        ("colour > 'blue'", "data.condition-unread"),
        ("age + 1 > 40", "data.condition-unread"),
        ("age", "data.condition-unread"),
        ("age >", "data.condition-unread"),
        ("__import__('os').system('true')", "data.condition-unread"),
        ("age > (lambda: 3)()", "data.condition-unread"),
        ("3 > 2", "data.condition-unread"),
        ("age > 200", "data.condition-empty"),
        ("age > 40 and age < 30", "data.condition-empty"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, code: str, people: People) -> None:
    transform, _ = people
    with pytest.raises(poise.PoiseError) as caught:
        read_condition(text, transform)
    assert caught.value.code == code
