"""Series of a table: a row for each moment, a column for each channel, perhaps one that names the series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poise.data.rows import Array
from poise.data.sources.calendar import PARTS, CalendarColumn, calendar_columns
from poise.data.sources.series_columns import SeriesColumns
from poise.data.tables.frame import Frame
from poise.data.tables.values import MISSING, Form, as_number, date_format, number_form
from poise.errors import PoiseError

_MOST_FILLED = 0.1  # Of the moments of a series that may be missing
_UNEVEN = 0.01  # Of a step, by which times may be off


@dataclass(frozen=True)
class Tabled:
    """Series that were read of a table.

    Attributes:
        values: `(N, channels, steps)`, NaN after the end of a series.
        columns: How they stood in the table.
        notices: What a person should know before training.
    """

    values: Array
    columns: SeriesColumns
    notices: tuple[str, ...]


def series_of(frame: Frame, said: Mapping[str, str]) -> Tabled:
    """The series of a table, in the order of time.

    A column of dates gives the time; columns of texts name the series that a row belongs to; numbers are
    channels, but for those that only repeat the time. What is missing inside a series is filled along a
    straight line.

    Args:
        frame: The table.
        said: The role of a column by its name, if it is not the one that is recognised: `"date"`,
            `"category"` (it names the series), `"number"`, `"integer"` or `"drop"`.

    Raises:
        PoiseError: No column holds numbers, a cell is no number, two rows of a series have one time, times
            are uneven, or too much is missing.

    Example:
        >>> frame = Frame("t", {"shop": "aabb", "sales": ["1", "2", "5", "7"]}, {})
        >>> series_of(frame, {}).values.tolist()
        [[[1.0, 2.0]], [[5.0, 7.0]]]
    """
    frame.check_columns(said)
    roles = {name: said.get(name) or _role(texts) for name, texts in frame.columns.items()}
    times = [name for name, role in roles.items() if role == "date"]
    moments = _moments(times[0], frame) if len(times) == 1 else None
    others = [name for name in roles if name not in (*said, *times)]
    calendar = () if moments is None else calendar_columns(frame, moments, others)
    roles |= {column.name: "calendar" for column in calendar}
    channels = [name for name, role in roles.items() if role in ("number", "integer")]
    names = [name for name, role in roles.items() if role == "category"]
    if not channels or len(times) > 1:
        what = (
            f"'{frame.name}' has {len(times)} columns of time"
            if channels
            else f"'{frame.name}' has no numbers"
        )
        hint = "say which is left out: --column NAME=drop" if channels else "give a column of numbers"
        raise PoiseError(what, code="data.series-columns", hint=hint)
    numbers = np.stack([_numbers(name, frame) for name in channels])
    keys = list(zip(*(frame.columns[name] for name in names), strict=True)) if names else [()] * len(frame)
    rows_of: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    step = None if moments is None else _step(moments, list(rows_of.values()))
    courses, filled = [], 0
    gaps: dict[str, tuple[float, str]] = {}
    for key, rows in rows_of.items():
        owner = f"the series '{' '.join(key)}' of '{frame.name}'" if names else f"'{frame.name}'"
        if moments is None or step is None:
            course = numbers[:, rows]
        else:
            course = _placed(numbers[:, rows], moments[rows], step, owner)
        missing = np.isnan(course)
        for name, share in zip(channels, missing.mean(axis=1), strict=True):
            if share > max(_MOST_FILLED, gaps.get(name, (0.0, ""))[0]):
                gaps[name] = share, owner
        filled += int(missing.sum())
        courses.append(course)
    if gaps:
        what = ", ".join(
            f"{share:.0%} of '{name}' are missing in {owner}" for name, (share, owner) in gaps.items()
        )
        left_out = " ".join(f"--column {name}=drop" for name in gaps)
        hint = f"leave {'them' if len(gaps) > 1 else 'the column'} out, or fill the cells first: {left_out}"
        raise PoiseError(what, code="data.series-missing", hint=hint)
    courses = [_filled(course) for course in courses]
    longest = max(one.shape[1] for one in courses)
    values = np.full((len(courses), len(channels), longest), np.nan)
    for row, course in enumerate(courses):
        values[row, :, : course.shape[1]] = course
    columns = _columns(frame, channels, times, names, moments, step, calendar)
    return Tabled(values, columns, _notices(roles, channels, times, names, calendar, len(courses), filled))


def _columns(
    frame: Frame,
    channels: Sequence[str],
    times: Sequence[str],
    names: Sequence[str],
    moments: Array | None,
    step: float | None,
    calendar: tuple[CalendarColumn, ...],
) -> SeriesColumns:
    """The columns that samples are written in: of several that name series the first alone."""
    shown = (*times, *names[:1], *channels, *(column.name for column in calendar))
    date = date_format(frame.columns[times[0]]) if times else None
    unit = Form("date", date=date or "").unit
    dtypes = {name: dtype for name, dtype in frame.dtypes.items() if name not in names}
    return SeriesColumns(
        order=tuple(name for name in frame.columns if name in shown),
        channels=tuple(channels),
        forms=tuple(
            number_form([text for text in frame.columns[name] if text not in MISSING]) for name in channels
        ),
        time=times[0] if times else "",
        date=date or "",
        start=0.0 if moments is None else float(moments.min()) / unit,
        step=1.0 if step is None else step / unit,
        names=names[0] if names else "",
        like={"delimiter": frame.delimiter, "dtypes": dtypes},
        calendar=calendar,
    )


def _role(texts: Sequence[str]) -> str:
    known = [text for text in texts if text not in MISSING]
    try:
        for text in known:
            as_number(text)
    except ValueError:
        return "date" if date_format(known) else "category"
    return "number" if len(set(known)) > 1 else "drop"


def _numbers(name: str, frame: Frame) -> Array:
    found = np.full(len(frame), np.nan)
    for row, text in enumerate(frame.columns[name]):
        try:
            found[row] = np.nan if text in MISSING else as_number(text)
        except ValueError:
            what = f"'{text}' in the column '{name}' of '{frame.name}', {frame.row(row)}, is no number"
            hint = f"correct it, or leave the column out: --column {name}=drop"
            raise PoiseError(what, code="data.series-no-number", hint=hint) from None
    return found


def _moments(name: str, frame: Frame) -> Array:
    """Seconds since 1970."""
    texts = frame.columns[name]
    written = date_format(texts)
    if written is None:
        what = f"The column '{name}' of '{frame.name}' has no date in some rows, or dates of several formats"
        hint = f"write all alike, or leave it out if rows are in order: --column {name}=drop"
        raise PoiseError(what, code="data.series-dates", hint=hint)
    form = Form("date", date=written)
    return np.array([form.number(text) * form.unit for text in texts])


def _step(moments: Array, series: Sequence[Sequence[int]]) -> float:
    """The usual seconds from one moment of a series to the next."""
    gaps = np.concatenate([np.diff(np.sort(moments[rows])) for rows in series])
    return float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 1.0


def _placed(course: Array, moments: Array, step: float, owner: str) -> Array:
    """The values of a series at even steps of time, NaN at steps that no row has."""
    steps = (moments - moments.min()) / step
    places = np.rint(steps).astype(np.int64)
    if len(np.unique(moments)) < len(moments):
        what = f"Two rows of {owner} have the same time"
        hint = "name the column that tells series apart: --column NAME=category"
        raise PoiseError(what, code="data.series-same-time", hint=hint)
    if (np.abs(steps - places) > _UNEVEN).any():
        what = f"The times of {owner} are not even"
        hint = "resample them, or say --column NAME=drop of the time if rows are to count as steps"
        raise PoiseError(what, code="data.series-uneven", hint=hint)
    if len(places) < (1 - _MOST_FILLED) * (places.max() + 1):
        what = f"{1 - len(places) / (places.max() + 1):.0%} of the times of {owner} are missing"
        hint = "fill them, or cut it into several series"
        raise PoiseError(what, code="data.series-times-missing", hint=hint)
    found = np.full((len(course), places.max() + 1), np.nan)
    found[:, places] = course
    return found


def _filled(course: Array) -> Array:
    """Each channel with what is missing on the line between its neighbours, or like the nearest one."""
    found = course.copy()
    for channel in found:
        missing = np.isnan(channel)
        if missing.any():
            channel[missing] = np.interp(np.flatnonzero(missing), np.flatnonzero(~missing), channel[~missing])
    return found


def _notices(
    roles: Mapping[str, str],
    channels: Sequence[str],
    times: Sequence[str],
    names: Sequence[str],
    calendar: Sequence[CalendarColumn],
    count: int,
    filled: int,
) -> tuple[str, ...]:
    order = f"by '{times[0]}'" if times else "in the order of rows"
    apart = f", told apart by '{' '.join(names)}'" if names else ""
    found = [f"{count:,} series {order}{apart}; channels are {', '.join(channels)}."]
    dropped = [name for name, role in roles.items() if role == "drop"]
    if dropped:
        found.append(f"Columns that are left out: {', '.join(dropped)}.")
    if calendar:
        repeated = ", ".join(column.name for column in calendar)
        numbers = [column.name for column in calendar if column.part in PARTS]
        learnt = f"; --column {numbers[0]}=number makes one a channel" if numbers else ""
        found.append(f"Columns that repeat the time are not learnt but written from it: {repeated}{learnt}.")
    if filled:
        found.append(f"{filled:,} missing values are filled along the line between their neighbours.")
    return tuple(found)
