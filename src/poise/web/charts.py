"""Charts of a run: named columns of numbers, and what is drawn of them. `charts.js` draws every chart."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from poise.text import label
from poise.web.wording import Fact

Json = Mapping[str, Any]
Column = list[float | None]
Table = dict[str, Column]
"""Columns of one length by name; `None` where a line lacks the number, NaN or infinite where it had none."""

MOST_LINES = 2_000
"""Lines of a history that a page carries; of a longer one the extremes of each stretch are kept."""

AXES = ("step", "images_seen", "seconds")
"""What a chart may have along its horizontal axis."""

LOW, HIGH = "low of ", "high of "
"""Prefixes of the columns that hold the edges of a column's band."""


@dataclass(frozen=True)
class Series:
    """One line of a chart."""

    key: str
    label: str
    role: str
    low: str = ""
    high: str = ""
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart over the columns of one table."""

    title: str
    note: str = ""
    table: str = "history"
    series: tuple[Series, ...] = ()
    unit: str = ""
    logarithmic: bool = False
    guide: float | None = None
    guide_label: str = ""
    protocol: tuple[Fact, ...] = ()


def charts_json(charts: Iterable[Chart], tables: Mapping[str, Table], *, unit: str) -> dict[str, Any]:
    """Charts and their tables as `charts.js` takes them."""
    titles = {"step": "Steps", "images_seen": label(unit), "seconds": "Time"}
    units = {"step": "step", "images_seen": unit, "seconds": "s"}
    history = tables["history"]
    return {
        "axes": [
            {"key": name, "label": titles[name], "unit": units[name]}
            for name in AXES
            if history.get(name) and None not in history[name]
        ],
        "tables": {
            name: {key: [_json(value) for value in column] for key, column in table.items()}
            for name, table in tables.items()
        },
        "charts": [
            {key: value for key, value in asdict(chart).items() if key not in ("note", "protocol")}
            for chart in charts
        ],
    }


def _json(value: float | None, digits: int = 6) -> float | str | None:
    """Six significant digits, which halves the size of a page; JSON has no NaN and no infinity."""
    if value is None or isinstance(value, int):
        return value
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return float(f"{value:.{digits}g}")


def real(value: Any) -> float | None:
    """A number of a line, which may be NaN or infinite; None for anything else."""
    return value if type(value) in (int, float) else None


def finite(value: Any) -> float | None:
    """A finite number of a line; None for anything else."""
    number = real(value)
    return number if number is not None and math.isfinite(number) else None


def keep_extremes(table: Table, most: int = MOST_LINES) -> Table:
    """The table with at most `most` lines, such that no peak of any column is lost.

    The lines are divided into equal stretches. Of each stretch those lines are kept in which some column is
    least, greatest, or for the first time not finite; and the first and the last line of the run.
    """
    count = len(table["step"])
    if count <= most:
        return table
    columns = [column for name, column in table.items() if name not in AXES]
    broken = [any(value is not None and not math.isfinite(value) for value in column) for column in columns]
    stretches = max(1, (most - 2) // max(1, 2 * len(columns) + sum(broken)))
    kept = {0, count - 1}
    for stretch in range(stretches):
        rows = range(stretch * count // stretches, (stretch + 1) * count // stretches)
        for column in columns:
            present = [(value, row) for row in rows if (value := column[row]) is not None]
            sound = [pair for pair in present if math.isfinite(pair[0])]
            if sound:
                kept |= {min(sound)[1], max(sound)[1]}
            if len(sound) < len(present):
                kept.add(next(row for value, row in present if not math.isfinite(value)))
    return {name: [column[row] for row in sorted(kept)] for name, column in table.items()}
