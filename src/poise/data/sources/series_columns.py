"""How series stood in a table, so that samples can be written as they were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.data.rows import Array
from poise.data.sources.calendar import CalendarColumn
from poise.data.tables.values import Form

SERIES = "series"  # The column that tells samples apart if no column of the data did


@dataclass(frozen=True)
class SeriesColumns:
    """The columns of a table of series.

    Attributes:
        order: All columns in the order of the table.
        channels: Those that are channels, in the order of the channels.
        forms: How the numbers of each are written.
        time: The column of dates; empty if rows are in order.
        date: How dates are written.
        start: The first date of all, as `Form` has it; samples begin there.
        step: From one date to the next.
        names: The column that names series, of several the first; empty if there is none.
        like: `delimiter` and `dtypes` of the table.
        calendar: Columns that repeat the time, which are written again from it.
    """

    order: tuple[str, ...]
    channels: tuple[str, ...]
    forms: tuple[Form, ...]
    time: str
    date: str
    start: float
    step: float
    names: str
    like: Mapping[str, Any]
    calendar: tuple[CalendarColumn, ...] = ()

    @property
    def seconds(self) -> float:
        """From one step to the next; 0 without a column of dates."""
        return self.step * Form("date", date=self.date).unit if self.time else 0.0

    def texts(self, series: Array, *, first: int = 0) -> dict[str, list[str]]:
        """Samples `(N, channels, steps)`, NaN after the end of each, as columns of texts.

        Args:
            series: The samples.
            first: The number of the first.

        Example:
            >>> columns = SeriesColumns(("sales",), ("sales",), (Form("integer"),), "", "", 0, 1, "", {})
            >>> columns.texts(np.array([[[3.2, 5.0]], [[1.0, np.nan]]]))
            {'series': ['sample-00000', 'sample-00000', 'sample-00001'], 'sales': ['3', '5', '1']}
        """
        names = self.names or SERIES
        order = self.order if names in self.order else (names, *self.order)
        found: dict[str, list[str]] = {name: [] for name in order}
        dates = Form("date", date=self.date)
        for number, sample in enumerate(series, start=first):
            steps = int((~np.isnan(sample).all(axis=0)).sum())
            found[names] += [f"sample-{number:05}"] * steps
            if self.time:
                moments = self.start + self.step * np.arange(steps)
                found[self.time] += [dates.text(moment) for moment in moments.tolist()]
                for column in self.calendar:
                    found[column.name] += column.texts(moments * dates.unit)
            for name, form, values in zip(self.channels, self.forms, sample, strict=True):
                found[name] += [form.text(float(value)) for value in values[:steps]]
        return found

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain values."""
        return {
            "order": list(self.order),
            "channels": list(self.channels),
            "forms": [vars(form) for form in self.forms],
            "time": self.time,
            "date": self.date,
            "start": self.start,
            "step": self.step,
            "names": self.names,
            "like": dict(self.like),
            "calendar": [vars(column) for column in self.calendar],
        }

    @staticmethod
    def from_json(written: Mapping[str, Any]) -> SeriesColumns:
        """The record that `to_json` wrote."""
        return SeriesColumns(
            tuple(map(str, written["order"])),
            tuple(map(str, written["channels"])),
            tuple(Form(**form) for form in written["forms"]),
            str(written["time"]),
            str(written["date"]),
            float(written["start"]),
            float(written["step"]),
            str(written["names"]),
            dict(written["like"]),
            tuple(CalendarColumn(**column) for column in written.get("calendar", ())),
        )
