"""Rules that hold in every row by construction: columns are replaced before they are learnt, and put back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from poise.data.tables.frame import Frame
from poise.data.tables.values import MISSING, Form, date_format, is_number, number_form
from poise.errors import PoiseError, unknown_name

JOINED = "\x1f"
"""Stands between the values of a fixed combination."""

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Rule:
    """A rule, and what it makes of the columns.

    Attributes:
        kind: `"less"`, `"sum"` or `"fixed"`.
        columns: The columns, in the order of its text: low and high; the total and its parts; the combined.
        form: How the column that is put back is written.
        places: Where the columns that it puts back stood among all.
    """

    kind: str
    columns: tuple[str, ...]
    form: Form | None = None
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def made(self) -> str:
        """The column that stands in for those that are replaced; empty if there is none."""
        if self.kind == "less":
            return f"{self.columns[1]} - {self.columns[0]}"
        return " + ".join(self.columns) if self.kind == "fixed" else ""

    @property
    def replaced(self) -> tuple[str, ...]:
        """The columns that it puts back."""
        return {"less": self.columns[1:], "sum": self.columns[:1]}.get(self.kind, self.columns)

    def apply(self, columns: Columns) -> dict[str, Sequence[str]]:
        """The columns as they are learnt."""
        left = {name: texts for name, texts in columns.items() if name not in self.replaced}
        if self.kind == "less":
            low, high = (columns[name] for name in self.columns)
            left[self.made] = [self._difference(*pair) for pair in zip(low, high, strict=True)]
        elif self.kind == "fixed":
            left[self.made] = [
                JOINED.join(row) for row in zip(*(columns[one] for one in self.columns), strict=True)
            ]
        return left

    def undo(self, columns: Columns) -> dict[str, Sequence[str]]:
        """The columns of the table."""
        made = {name: texts for name, texts in columns.items() if name != self.made}
        if self.kind == "less":
            low, difference = columns[self.columns[0]], columns[self.made]
            made[self.columns[1]] = [self._sum(pair) for pair in zip(low, difference, strict=True)]
        elif self.kind == "sum":
            parts = zip(*(columns[name] for name in self.columns[1:]), strict=True)
            made[self.columns[0]] = [self._sum(row) for row in parts]
        else:
            rows = [text.split(JOINED) for text in columns[self.made]]
            made |= dict(
                zip(self.columns, zip(*rows, strict=True) if rows else [()] * len(self.columns), strict=True)
            )
        return made

    def _difference(self, low: str, high: str) -> str:
        assert self.form is not None
        return (
            ""
            if low in MISSING or high in MISSING
            else _plain(self.form, self.form.number(high) - self.form.number(low))
        )

    def _sum(self, texts: Sequence[str]) -> str:
        assert self.form is not None
        if any(text in MISSING for text in texts):
            return ""
        first = self.form.number(texts[0])
        return self.form.text(first + sum(float(text) for text in texts[1:]))

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain values."""
        form = self.form
        written = None if form is None else [form.kind, form.decimals, form.padded, form.date]
        return {
            "kind": self.kind,
            "columns": list(self.columns),
            "form": written,
            "places": dict(self.places),
        }

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Rule:
        """The rule of a record that `to_json` wrote."""
        form = record["form"]
        made = None if form is None else Form(*form)
        return Rule(record["kind"], tuple(record["columns"]), made, dict(record["places"]))


def _plain(form: Form, number: float) -> str:
    """A difference as a number, also between dates."""
    if form.kind == "number" and form.decimals >= 0:
        return f"{number:.{form.decimals}f}"
    return repr(number) if form.kind == "number" else f"{number:.0f}"


def read_rule(text: str, frame: Frame) -> Rule:
    """The rule of a text, checked against every row.

    Raises:
        PoiseError: The text is no rule, names no column, or rows break it.

    Example:
        >>> frame = Frame("t", {"low": ["1", "2"], "high": ["3", "2"]}, {})
        >>> read_rule("low <= high", frame).made
        'high - low'
    """
    if text.strip().startswith("fixed:"):
        names = _named([one.strip() for one in text.split(":", 1)[1].split(",")], frame, text)
        return _fixed(names, frame)
    compared = re.fullmatch(r"(.+?)\s*(<=|<|>=|>)\s*(.+)", text.strip())
    if compared:
        low, sign, high = compared.groups()
        low, high = (high, low) if sign.startswith(">") else (low, high)
        return _less(_named([low.strip(), high.strip()], frame, text), frame, strict="=" not in sign)
    total, equals, parts = text.partition("=")
    if equals:
        return _sum(_named([total.strip(), *(one.strip() for one in parts.split(" + "))], frame, text), frame)
    what = f"'{text}' is no constraint"
    hint = "write 'low < high', 'low <= high', 'total = part + rest' or 'fixed: city, country'"
    raise PoiseError(what, code="data.constraint-unknown", hint=hint)


def _named(names: Sequence[str], frame: Frame, text: str) -> tuple[str, ...]:
    for name in names:
        if name not in frame.columns:
            raise unknown_name("column", name, frame.columns, where=f"in the constraint '{text}'")
    return tuple(names)


def _form(names: Sequence[str], frame: Frame) -> Form:
    """How the numbers or dates of some columns are written together."""
    values = [text for name in names for text in frame.columns[name] if text not in MISSING]
    if all(map(is_number, values)):
        forms = [number_form([t for t in frame.columns[name] if t not in MISSING]) for name in names]
        most = -1 if any(form.decimals < 0 for form in forms) else max(form.decimals for form in forms)
        whole = all(form.kind == "integer" for form in forms)
        return Form("integer") if whole else Form("number", most, padded=forms[-1].padded)
    form = date_format(values)
    if form is None:
        listed = " and ".join(f"'{name}'" for name in names)
        what = f"The columns {listed} of '{frame.name}' hold neither numbers nor dates of one form"
        raise PoiseError(what, code="data.constraint-unfit", hint="leave the constraint out")
    return Form("date", date=form)


def _less(names: tuple[str, ...], frame: Frame, *, strict: bool) -> Rule:
    form = _form(names, frame)
    for row, (low, high) in enumerate(zip(*(frame.columns[name] for name in names), strict=True)):
        if (low in MISSING) != (high in MISSING):
            raise _broken(names, frame, row, "one of the two is missing")
        if low not in MISSING and not _in_order(form.number(low), form.number(high), strict=strict):
            raise _broken(names, frame, row, f"'{low}' is not below '{high}'")
    return Rule("less", names, form, _places(names[1:], frame))


def _in_order(low: float, high: float, *, strict: bool) -> bool:
    return low < high if strict else low <= high


def _sum(names: tuple[str, ...], frame: Frame) -> Rule:
    form = _form(names[:1], frame)
    for row, cells in enumerate(zip(*(frame.columns[name] for name in names), strict=True)):
        missing = [text in MISSING for text in cells]
        if missing[0] != any(missing[1:]):
            raise _broken(names, frame, row, "the total or a part is missing")
        if not any(missing) and form.text(sum(map(float, cells[1:]))) != form.text(float(cells[0])):
            raise _broken(names, frame, row, f"'{cells[0]}' is not the sum of {' and '.join(cells[1:])}")
    return Rule("sum", names, form, _places(names[:1], frame))


def _fixed(names: tuple[str, ...], frame: Frame) -> Rule:
    return Rule("fixed", names, None, _places(names, frame))


def _places(names: Sequence[str], frame: Frame) -> dict[str, int]:
    order = list(frame.columns)
    return {name: order.index(name) for name in names}


def _broken(names: Sequence[str], frame: Frame, row: int, why: str) -> PoiseError:
    listed = " and ".join(f"'{name}'" for name in names)
    what = f"The constraint on {listed} does not hold in {frame.row(row)} of '{frame.name}'"
    return PoiseError(what, code="data.constraint-broken", why=why, hint="correct the row, or leave it out")
