"""Columns that repeat the time: what each part is, on whichever clock, and that samples have them, too."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import poise
from poise.cli import main
from poise.data import Files, Table, open_data
from poise.data.sources.calendar import PARTS, CalendarColumn, calendar_columns
from poise.data.tables.frame import Frame

EPOCH = datetime(1970, 1, 1)
HOUR, DAY = 3_600.0, 86_400.0
BY_THE_LIBRARY: dict[str, Callable[[datetime], int]] = {
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "hour": lambda moment: moment.hour,
    "minute": lambda moment: moment.minute,
    "second": lambda moment: moment.second,
    "weekday from 0": lambda moment: moment.weekday(),
    "weekday from 1": lambda moment: moment.isoweekday(),
    "weekday from Sunday": lambda moment: int(f"{moment:%w}"),
    "weekend": lambda moment: int(moment.isoweekday() > 5),
    "day of the year": lambda moment: moment.timetuple().tm_yday,
    "week": lambda moment: moment.isocalendar().week,
    "quarter": lambda moment: (moment.month + 2) // 3,
}


@given(st.lists(st.datetimes(datetime(1902, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=20))
def test_parts_are_those_of_the_standard_library(moments: list[datetime]) -> None:
    whole = [moment.replace(microsecond=0) for moment in moments]
    seconds = np.array([int((moment - EPOCH).total_seconds()) for moment in whole])
    for part, of in PARTS.items():
        assert of(seconds).tolist() == [BY_THE_LIBRARY[part](moment) for moment in whole], part
    assert set(PARTS) == set(BY_THE_LIBRARY)


def columns_of(columns: dict[str, list[str]], moments: np.ndarray) -> dict[str, CalendarColumn]:
    found = calendar_columns(Frame("t", columns, {}), moments, columns)
    return {column.name: column for column in found}


def days(count: int) -> tuple[list[datetime], np.ndarray]:
    dates = [datetime(2023, 11, 20) + timedelta(days=number) for number in range(count)]
    return dates, np.array([(date - EPOCH).total_seconds() for date in dates])


def test_words_and_padded_numbers_are_recognised_and_written_again() -> None:
    dates, moments = days(90)
    columns = {
        "name": [f"{date:%A}" for date in dates],
        "short": [f"{date:%b}" for date in dates],
        "padded": [f"{date:%m}" for date in dates],
        "float": [f"{date.isocalendar().week}.0" for date in dates],
        "weekend": [str(date.weekday() > 4) for date in dates],
        "gaps": ["" if number % 7 == 3 else f"{date.day}" for number, date in enumerate(dates)],
    }
    found = columns_of(columns, moments)
    assert list(found) == list(columns)
    assert {name: found[name].part for name in ("float", "padded", "gaps")} == {
        "float": "week", "padded": "month", "gaps": "day",
    }  # fmt: skip
    for name in ("name", "short", "padded", "weekend"):
        assert found[name].texts(moments) == columns[name]
    assert found["gaps"].texts(moments) == [str(date.day) for date in dates]


def test_what_is_almost_the_time_is_not() -> None:
    dates, moments = days(90)
    days_off = [f"{date:%A}" for date in dates]
    days_off[50] = "Friday" if days_off[50] != "Friday" else "Monday"
    columns = {
        "sales": [str(date.day + (number == 40)) for number, date in enumerate(dates)],
        "days off": days_off,
        "constant": ["11"] * 90,
        "nothing": [""] * 90,
        "trend": [str(number) for number in range(90)],
    }
    assert columns_of(columns, moments) == {}
    few = slice(0, 20)  # 20, 21, 22, ... may be sales
    assert columns_of({"day": [str(date.day) for date in dates[few]]}, moments[few]) == {}


@pytest.mark.parametrize("zone", [-5.0, 0.0, 5.5, 13.0])
def test_clocks_may_be_apart_and_keep_summer_time(zone: float) -> None:
    moments = np.arange(0, 200 * DAY, HOUR / 2)
    summer = (moments > 90 * DAY) & (moments < 150 * DAY)
    local = [EPOCH + timedelta(seconds=float(moment)) for moment in moments + HOUR * (zone + summer)]
    columns = {
        "hour": [str(date.hour) for date in local],
        "day": [str(date.day) for date in local],
        "month": [str(date.month) for date in local],
        "minute": [str(date.minute) for date in local],
    }
    found = columns_of(columns, moments)
    assert {name: column.hours for name, column in found.items() if name != "minute"} == dict.fromkeys(
        ("hour", "day", "month"), zone
    )
    first = slice(0, 48 * 80)
    assert all(column.texts(moments[first]) == columns[name][first] for name, column in found.items())


def weather(path: Path) -> Path:
    dates, _ = days(120)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["date", "weekday", "month", "station", "rain"])
        for station in "ab":
            for number, date in enumerate(dates):
                rows.writerow([f"{date:%Y-%m-%d}", f"{date:%A}", date.month, station, number % 7 + 0.25])
    return path


def test_they_are_no_channels_name_no_series_and_stand_in_the_samples(tmp_path: Path) -> None:
    path = weather(tmp_path / "weather.csv")
    data = Files(path, kind="series")
    opened = open_data(data, encoding="14", cache=tmp_path)
    assert opened.shape[-1] == 14 and opened.notices[0] == (
        "2 series by 'date', told apart by 'station'; channels are rain."
    )
    assert any("weekday, month" in notice and "--column month=number" in notice for notice in opened.notices)
    run = poise.train(data, encoding="14", steps=2, batch_size=4, out=tmp_path / "run")
    main(["sample", str(run.path), "-n", "3", "--out", str(tmp_path / "new.csv")])
    with (tmp_path / "new.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["date", "weekday", "month", "station", "rain"] and len(rows) == 42
    for row in rows:
        date = datetime.strptime(row["date"], "%Y-%m-%d")
        assert (row["weekday"], row["month"]) == (f"{date:%A}", str(date.month))


def test_a_column_that_is_named_a_number_stays_a_channel(tmp_path: Path) -> None:
    path = weather(tmp_path / "weather.csv")
    said = Files(Table(path, {"month": "number"}), kind="series")
    notices = open_data(said, encoding="14", cache=tmp_path).notices
    assert "channels are month, rain." in notices[0]
