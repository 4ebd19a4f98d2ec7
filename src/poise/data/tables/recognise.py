"""The types of a table's columns: recognised, or as a person says; what cannot be made is refused by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poise.data.tables.asked import Table
from poise.data.tables.column import CATEGORIES, Derived, category_column, number_column
from poise.data.tables.frame import Frame
from poise.data.tables.modes import AnyColumn, mode_column
from poise.data.tables.values import MISSING, Form, any_date, as_number, date_format, is_number, number_form
from poise.errors import PoiseError
from poise.text import counted, duration

MOSTLY = 0.9  # Of values that are numbers or dates: the others are then taken for mistakes
UNIQUE = 0.5  # Different values a row from which texts identify rows
FEW_ROWS = 20  # With fewer rows nothing is an identifier
LONG = 25  # The mean length from which such texts are called texts
_TRIED = 1_000  # Different values of which dates of several formats are told
MOMENTS = 30  # With fewer dates in even steps nothing is called a course of time
COPIED = 1_000  # The most values of a column that may be a copy of another
NumberColumn = Callable[[str, Mapping[str, int], Form], AnyColumn]
NUMBERS: Mapping[str, NumberColumn] = {"cells": number_column, "modes": mode_column}
"""What makes a column of numbers or dates of its name, its counts and its form, by the encoding's name."""
_NAMED = re.compile(r"(^|[_\s-])(id|uuid|guid|key|index|row|nr|no|rownames?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Recognised:
    """The columns of a table.

    Attributes:
        columns: Those that networks see.
        derived: Those that they do not.
        notices: What a person should know before training.
    """

    columns: tuple[AnyColumn, ...]
    derived: tuple[Derived, ...]
    notices: tuple[str, ...]


def recognised(frame: Frame, asked: Table, encoding: str = "cells") -> Recognised:
    """The type, the cells and the text form of each column; numbers and dates by an encoding of `NUMBERS`.

    Raises:
        PoiseError: A column identifies rows, holds texts, or mixes numbers or dates with other things.
    """
    frame.check_columns(asked.columns)
    counts = {name: Counter(texts) for name, texts in frame.columns.items()}
    columns: list[AnyColumn] = []
    derived: list[Derived] = []
    notices: list[str] = []
    unmade: dict[str, str] = {}
    for name, texts in frame.columns.items():
        said = asked.columns.get(name)
        if said == "drop":
            continue
        if said == "new":
            derived.append(_generated(name, texts))
            continue
        present = {text: count for text, count in counts[name].items() if text}
        if said is None and len(counts[name]) == 1:
            text = next(iter(counts[name]))
            derived.append(Derived(name, "constant", values={"": text}))
            notices.append(
                f"The column '{name}' is '{text}' in every row." if text else f"The column '{name}' is empty."
            )
            continue
        source = None if said is not None else _copied(name, frame, counts, columns)
        if source is not None:
            pairs = dict(zip(frame.columns[source], texts, strict=True))
            derived.append(Derived(name, "copy", source, pairs))
            notices.append(f"The column '{name}' repeats '{source}' in other words.")
            continue
        column = _column(name, counts[name], present, said, frame, NUMBERS[encoding])
        if said is None and (why := _identifies(name, texts, present, column)):
            unmade[name] = why
            continue
        columns.append(column)
        notices += [*_told(column, len(frame)), *_in_steps(column, present)]
    if unmade:
        raise _refused(unmade, frame)
    if not columns:
        what = f"The table '{frame.name}' has no column that varies"
        raise PoiseError(what, code="data.table-constant", hint="give one whose rows differ")
    if len(columns) > len(frame):
        notices.append(
            f"There are more columns ({len(columns)}) than rows ({len(frame)}): too few to learn from."
        )
    return Recognised(tuple(columns), tuple(derived), tuple(notices))


def _column(
    name: str,
    counts: Mapping[str, int],
    present: Mapping[str, int],
    said: str | None,
    frame: Frame,
    of_numbers: NumberColumn,
) -> AnyColumn:
    values = [text for text in present if text not in MISSING]
    if said == "category":
        return category_column(name, counts)
    if said in ("integer", "number"):
        _check_all(name, values, is_number, f"type {said}", frame)
        form = number_form(values)
        whole = said == "integer" and form.kind != "integer"
        return of_numbers(name, counts, Form("integer") if whole else form)
    if said == "date":
        form_of = date_format(values)
        if form_of is None:
            raise _mixed_dates(name, values, frame)
        return of_numbers(name, counts, Form("date", date=form_of))
    numeric = sum(present[text] for text in values if is_number(text))
    total = sum(present[text] for text in values)
    if values and numeric == total:
        return of_numbers(name, counts, number_form(values))
    padded = all(is_number(text.lstrip("+-0") or "0") for text in values)
    if total and numeric >= MOSTLY * total and not padded:
        _check_all(name, values, is_number, "numbers", frame)
    if values and (form_of := date_format(values)) is not None:
        return of_numbers(name, counts, Form("date", date=form_of))
    # Few tell whether most are dates: each is tried in many formats
    some = values[:: max(1, len(values) // _TRIED)] if len(values) > 2 else []
    dated = sum(present[text] for text in some if any_date(text) is not None)
    if some and dated >= MOSTLY * sum(present[text] for text in some):
        raise _mixed_dates(name, values, frame)
    return category_column(name, counts, kind="flag" if len(counts) == 2 else "category")


def _check_all(name: str, values: Sequence[str], fits: object, wanted: str, frame: Frame) -> None:
    """Refuse a column of numbers some of whose values are none, with the first of their rows."""
    strange = {text for text in values if not is_number(text)}
    if not strange:
        return
    rows = [index for index, text in enumerate(frame.columns[name]) if text in strange]
    text = frame.columns[name][rows[0]]
    places = ", ".join(frame.row(row) for row in rows[:3])
    more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    what = f"The column '{name}' of '{frame.name}' holds {wanted}, and '{text}' in {places}{more}"
    hint = f"correct {'it' if len(rows) == 1 else 'them'}, or say --column {name}=category"
    raise PoiseError(what, code="data.table-mixed", hint=hint)


def _mixed_dates(name: str, values: Sequence[str], frame: Frame) -> PoiseError:
    forms = {form: text for text in reversed(values) if (form := any_date(text)) is not None}
    strange = next((text for text in values if any_date(text) is None), None)
    shown = [strange] if strange is not None else []
    shown = [*dict.fromkeys(list(forms.values())[::-1]), *shown][:3]
    rows = [frame.columns[name].index(text) for text in shown]
    texts = " and ".join(f"'{text}' in {frame.row(row)}" for text, row in zip(shown, rows, strict=True))
    what = f"The column '{name}' of '{frame.name}' holds dates of several forms, such as {texts}"
    hint = f"write all in one form, such as 2026-11-26, or say --column {name}=category"
    return PoiseError(what, code="data.table-dates", hint=hint)


def _identifies(name: str, texts: Sequence[str], present: Mapping[str, int], column: AnyColumn) -> str:
    """Why a column only names its rows; empty if it does not."""
    rows = sum(present.values())
    if rows < FEW_ROWS or len(present) <= UNIQUE * rows:
        return ""
    if column.form is None:
        long = sum(map(len, present)) / len(present) >= LONG
        return (
            f"{counted(len(present), 'different text')} in {rows:,} rows"
            if long
            else (f"{len(present):,} different values in {rows:,} rows")
        )
    if column.form.kind != "integer" or len(present) != rows:
        return ""
    numbers = sorted(int(as_number(text)) for text in present if text not in MISSING)
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"the numbers from {numbers[0]:,} to {numbers[-1]:,}"
    return f"{len(present):,} different numbers in {rows:,} rows" if _NAMED.search(name) else ""


def _refused(unmade: Mapping[str, str], frame: Frame) -> PoiseError:
    named = "; ".join(f"'{name}' holds {why}" for name, why in unmade.items())
    which = (
        "A column of '{}' only names its rows" if len(unmade) == 1 else "Columns of '{}' only name their rows"
    )
    what = f"{which.format(frame.name)}: {named}"
    first = next(iter(unmade))
    options = " ".join(f"--column {name}=drop" for name in unmade)
    return PoiseError(
        what,
        code="data.table-identifiers",
        why="a generator could only repeat such values",
        hint=f"leave them out, {options}, or have them generated, --column {first}=new, or learn them all "
        f"the same, --column {first}=category",
    )


def _copied(
    name: str, frame: Frame, counts: Mapping[str, Mapping[str, int]], columns: Sequence[AnyColumn]
) -> str | None:
    """The column before it whose values go one to one with its own."""
    own = counts[name]
    # Values that are nearly all different go one to one with those of any other such column
    if not 2 <= len(own) <= min(COPIED, len(frame) // 2):
        return None
    shape = sorted(own.values())
    for other in columns:
        if sorted(counts[other.name].values()) != shape or sum(shape) < FEW_ROWS:
            continue
        if len(set(zip(frame.columns[other.name], frame.columns[name], strict=True))) == len(own):
            return other.name
    return None


def _generated(name: str, texts: Sequence[str]) -> Derived:
    """A generated column: a counter that goes on, or texts of the patterns that are there."""
    if all(is_number(text) and "." not in text for text in texts):
        return Derived(name, "counter", values={"": str(max(int(as_number(text)) for text in texts) + 1)})
    patterns = Counter(
        "".join("0" if c.isdigit() else "a" if c.islower() else "A" if c.isupper() else c for c in text)
        for text in texts
    )
    most = patterns.most_common(1)[0][0]
    return Derived(name, "pattern", values={"": most})


def _told(column: AnyColumn, rows: int) -> list[str]:
    """What a person should know of a column that is learnt."""
    found = []
    largest = max((max(cell.shares) for cell in column.cells if cell.shares), default=0.0)
    text = next((cell.texts[0] for cell in column.cells if cell.shares and max(cell.shares) == largest), "")
    if largest >= 0.95 * rows:
        shown = f"'{text}'" if text else "empty"
        found.append(f"The column '{column.name}' is {shown} in {largest / rows:.1%} of the rows.")
    rare = column.cells[-1]
    if column.form is None and len(rare.texts) > 1:
        found.append(
            f"The column '{column.name}' has {len(rare.texts) + CATEGORIES - 1:,} categories: the "
            f"{len(rare.texts):,} rarest, {sum(rare.shares) / rows:.1%} of the rows, are made as often as "
            "they occur, without regard to other columns."
        )
    return found


def _in_steps(column: AnyColumn, present: Mapping[str, int]) -> list[str]:
    """That rows are those of series, if nearly all dates follow in even steps and have as many rows each."""
    dates = [text for text in present if text not in MISSING]
    if column.form is None or column.form.kind != "date" or len(dates) < MOMENTS:
        return []
    if max(Counter(present[text] for text in dates).values()) < MOSTLY * len(dates):
        return []
    steps = Counter(np.diff(sorted(column.form.number(text) for text in dates)).tolist())
    step, often = steps.most_common(1)[0]
    if often < MOSTLY * (len(dates) - 1):
        return []
    apart = duration(step * column.form.unit)
    return [
        f"The dates in '{column.name}' follow each other by {apart}, and each row is learnt for itself: "
        "--kind series learns how they go on."
    ]
