"""Texts of a column as numbers and dates, and back: what a text means, and how one is written."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from poise.data.rows import Array

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""Texts that stand for a missing number or date; of other columns only an empty one does."""

DATES = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%d-%m-%Y",
    "%Y-%m",
    "%d %b %Y",
    "%b %d, %Y",
    "%H:%M",
    "%H:%M:%S",
)
"""The forms of dates and times that are recognised, the first that fits every text of a column."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_PADDED = re.compile(r"[+-]?0\d")
_EPOCH = datetime(1970, 1, 1)
_MOST_DECIMALS = 15


@dataclass(frozen=True)
class Form:
    """How the numbers of a column are written.

    Attributes:
        kind: `"integer"`, `"number"` or `"date"`.
        decimals: The most decimals of any number; negative for numbers with an exponent.
        padded: Whether all have as many.
        date: The format of dates, as `strftime` takes it.
    """

    kind: str
    decimals: int = 0
    padded: bool = False
    date: str = ""

    def number(self, text: str) -> float:
        """The number that a text stands for; days or seconds since 1970 for a date.

        Raises:
            ValueError: It stands for none.
        """
        if self.kind != "date":
            return as_number(text)
        moment = datetime.strptime(text, self.date) - _EPOCH
        return moment.total_seconds() / self.unit

    def numbers(self, texts: Sequence[str]) -> Array:
        """The numbers of texts `(N,)`, NaN where one is missing."""
        known = {text: np.nan if text in MISSING else self.number(text) for text in dict.fromkeys(texts)}
        return np.array([known[text] for text in texts], dtype=np.float64)

    @property
    def unit(self) -> float:
        """Seconds in a step of a date: a day if the format has no hours."""
        return 1.0 if any(code in self.date for code in ("%H", "%M", "%S")) else 86_400.0

    def text(self, number: float) -> str:
        """A number as it is written in this column.

        Example:
            >>> Form("number", 2, True).text(3.14159), Form("date", date="%Y-%m-%d").text(365.0)
            ('3.14', '1971-01-01')
        """
        if self.kind == "date":
            whole = round(number) if self.unit > 1 or "%f" not in self.date else number
            return (_EPOCH + timedelta(seconds=whole * self.unit)).strftime(self.date)
        if self.kind == "integer":
            return str(round(number))
        if self.decimals < 0:
            return f"{number:.9g}"
        written = f"{number:.{self.decimals}f}"
        if not self.padded:
            written = written.rstrip("0").rstrip(".") if "." in written else written
        return "0" if written in ("-0", "") else written

    def rounded(self, number: float) -> float:
        """The number that its text stands for."""
        return self.number(self.text(number))


def as_number(text: str) -> float:
    """The finite number that a text is.

    Raises:
        ValueError: It is none, or written as codes are: 007.

    Example:
        >>> as_number("-1.5e3")
        -1500.0
    """
    if not _NUMBER.fullmatch(text) or _PADDED.match(text):
        raise ValueError(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        as_number(text)
    except ValueError:
        return False
    return True


def number_form(texts: Sequence[str]) -> Form:
    """How these numbers are written.

    Example:
        >>> number_form(["1.50", "2.25"]), number_form(["3", "10"]).kind
        (Form(kind='number', decimals=2, padded=True, date=''), 'integer')
    """
    if any("e" in text.lower() for text in texts):
        return Form("number", -1)
    decimals = {len(text.partition(".")[2]) for text in texts}
    most = max(decimals, default=0)
    if most == 0 and not any("." in text for text in texts):
        return Form("integer")
    if most > _MOST_DECIMALS:
        return Form("number", -1)
    return Form("number", most, padded=len(decimals) == 1)


def date_format(texts: Sequence[str]) -> str | None:
    """The format that all texts share; `None` if there is none."""
    return next((form for form in DATES if all(is_date(text, form) for text in texts)), None)


def is_date(text: str, form: str) -> bool:
    """Whether a text is written in a format, and would be written so again."""
    try:
        return datetime.strptime(text, form).strftime(form) == text
    except ValueError:
        return False


def any_date(text: str) -> str | None:
    """The first format that a text has; `None` if it is no date."""
    return next((form for form in DATES if is_date(text, form)), None)
