"""A chart and its parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from poise.report.wording import Fact


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        key: The column of its values.
        label: What it is called.
        role: Whose it is, which decides its colour.
        low: The column of the lower end of its interval; empty for none.
        high: The column of the upper end.
        dashed: Whether it is a bound to compare with rather than a measurement.
    """

    key: str
    label: str
    role: str
    low: str = ""
    high: str = ""
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart over the columns of one table.

    Attributes:
        title: What it shows.
        note: How to read it, in a sentence.
        table: The name of the table that holds its columns.
        lines: What is drawn.
        logarithmic: Whether it starts with a logarithmic scale.
        guide: A level to compare with.
        guide_label: What that level means.
        protocol: How the numbers were taken, for metrics.
    """

    title: str
    note: str
    table: str
    lines: tuple[Line, ...]
    logarithmic: bool = False
    guide: float | None = None
    guide_label: str = ""
    protocol: tuple[Fact, ...] = field(default=())
