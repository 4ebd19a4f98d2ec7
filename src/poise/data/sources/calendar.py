"""Columns of a table that only repeat its time: month, hour, name of the day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from poise.data.rows import Array
from poise.data.tables.frame import Frame
from poise.data.tables.values import MISSING

_LEAST = 30  # Different moments below which a column may equal a part of the time by chance
_SAMPLE = 500  # Rows that are looked at before all of them
# Hours that clocks are apart, whole ones first
_ZONES = tuple(sorted(np.arange(-14, 14.5, 0.5).tolist(), key=lambda hours: (hours % 1 > 0, abs(hours))))
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def _whole(moments: Array, unit: str) -> Array:
    """How many whole units have passed since 1970."""
    return moments.astype("datetime64[s]").astype(f"datetime64[{unit}]").astype(np.int64)


def _since(moments: Array, unit: str, of: str) -> Array:
    """How many units have passed since the one above began."""
    began = _whole(moments, of).astype(f"datetime64[{of}]").astype("datetime64[s]").astype(np.int64)
    return _whole(moments, unit) - _whole(began, unit)


def _weekday(moments: Array) -> Array:
    """0 on Mondays."""
    return (_whole(moments, "D") + 3) % 7  # 1 January 1970 was a Thursday


def _week(moments: Array) -> Array:
    """The week of ISO 8601: that of its Thursday."""
    return _since(moments + (3 - _weekday(moments)) * 86_400, "D", "Y") // 7 + 1


PARTS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "year": lambda moments: _whole(moments, "Y") + 1970,
        "month": lambda moments: _since(moments, "M", "Y") + 1,
        "day": lambda moments: _since(moments, "D", "M") + 1,
        "hour": lambda moments: _since(moments, "h", "D"),
        "minute": lambda moments: _since(moments, "m", "h"),
        "second": lambda moments: _since(moments, "s", "m"),
        "weekday from 0": _weekday,
        "weekday from 1": lambda moments: _weekday(moments) + 1,
        "weekday from Sunday": lambda moments: (_weekday(moments) + 1) % 7,
        "weekend": lambda moments: (_weekday(moments) > 4).astype(np.int64),
        "day of the year": lambda moments: _since(moments, "D", "Y") + 1,
        "week": _week,
        "quarter": lambda moments: _since(moments, "M", "Y") // 3 + 1,
    }
)
"""Whole numbers of seconds since 1970."""

# Words that stand for the numbers of a part
_WORDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "name of the day": ("weekday from 0", _DAYS),
    "short name of the day": ("weekday from 0", tuple(day[:3] for day in _DAYS)),
    "name of the month": ("month", ("", *_MONTHS)),
    "short name of the month": ("month", ("", *(month[:3] for month in _MONTHS))),
    "whether it is a weekend": ("weekend", ("False", "True")),
}


@dataclass(frozen=True)
class CalendarColumn:
    """A column that is a part of the time.

    Attributes:
        name: The column's.
        part: Which part: a name in `PARTS`, or of words for one.
        hours: What is added to the time: the data's clock may be another than that of its dates.
        digits: How many there are at least, with zeros in front.
    """

    name: str
    part: str
    hours: float = 0.0
    digits: int = 0

    def texts(self, seconds: Array) -> list[str]:
        """The column at moments, in seconds since 1970.

        Example:
            >>> CalendarColumn("month", "month", digits=2).texts(np.array([0.0, 31 * 86_400.0]))
            ['01', '02']
        """
        part, words = _WORDS.get(self.part, (self.part, ()))
        numbers = PARTS[part](np.rint(seconds + 3_600 * self.hours).astype(np.int64)).tolist()
        return [words[number] if words else f"{number:0{self.digits}}" for number in numbers]


def calendar_columns(frame: Frame, moments: Array, names: Iterable[str]) -> tuple[CalendarColumn, ...]:
    """Those of the named columns that repeat the time, in all rows where something stands.

    Clocks may be up to 14 hours apart, and an hour more for a part of the rows: summer time.

    Args:
        frame: The table.
        moments: Of each row, in seconds since 1970.
        names: Columns to look at.
    """
    seconds = np.rint(moments).astype(np.int64)
    if len(np.unique(seconds)) < _LEAST:
        return ()
    likely = {name: _likely(frame.columns[name], seconds) for name in names}
    found = {name: one for name, one in likely.items() if one is not None}
    # One clock for all of them if there is one: months end when days end
    common = [hours for hours in _ZONES if all(hours in one.clocks for one in found.values())]
    return tuple(
        CalendarColumn(name, one.part, (common or one.clocks)[0], one.digits) for name, one in found.items()
    )


class _Likely(NamedTuple):
    part: str
    digits: int
    clocks: list[float]  # Hours with which the part is what stands in the column, whole ones first


def _likely(texts: Sequence[str], seconds: Array) -> _Likely | None:
    """What a column repeats, if it does."""
    known = np.array([text not in MISSING for text in texts])
    written, seconds = [text for text in texts if text not in MISSING], seconds[known]
    different = set(written)
    if not different:
        return None
    for name, (part, words) in _WORDS.items():
        if different <= set(words) and len(different) > 1:
            clocks = _clocks(np.array([words.index(text) for text in written]), seconds, part)
            return _Likely(name, 0, clocks) if clocks else None
    if not all(text.removesuffix(".0").isdecimal() and len(text) < 7 for text in different):
        return None
    numbers = np.array([float(text) for text in written])
    lengths = {len(text) for text in different}
    digits = lengths.pop() if len(lengths) == 1 and any(text.startswith("0") for text in different) else 0
    # A column that never changes says nothing, but for a year
    for part in PARTS if len(different) > 1 else ("year",):
        clocks = _clocks(numbers, seconds, part)
        if clocks:
            return _Likely(part, digits, clocks)
    return None


def _clocks(numbers: Array, seconds: Array, part: str) -> list[float]:
    """By how many hours a part of the time equals the numbers; in summer an hour more or less."""
    few = np.linspace(0, len(numbers) - 1, min(_SAMPLE, len(numbers))).astype(np.int64)
    first = [int(np.argmin(seconds))]
    zones = _ZONES if (seconds % 86_400).any() else (0.0,)
    found = []
    for hours in zones:
        for summer in (0, 1, -1):
            if all(
                _equal(numbers[rows], seconds[rows], part, hours, by).all()
                for rows, by in ((first, 0), (few, summer), (slice(None), summer))
            ):
                found.append(hours)
                break
    return found


def _equal(numbers: Array, seconds: Array, part: str, hours: float, summer: int) -> Array:
    equal: Array = PARTS[part](seconds + round(3_600 * hours)) == numbers
    return equal | (PARTS[part](seconds + round(3_600 * (hours + summer))) == numbers) if summer else equal
