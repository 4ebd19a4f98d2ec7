"""The numbers of a run as columns of one length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

Json = Mapping[str, Any]
Column = list[float | None]
Table = dict[str, Column]

MOST_LINES = 2_000
"""Lines of the history that a report carries; of a longer one the extremes of each stretch are kept."""

AXES = ("step", "images_seen", "seconds")
"""What a chart may have along its foot."""

LOW, HIGH = "low of ", "high of "
"""What stands before a column's name in the names of the columns that hold the edges of its band."""


def history_table(lines: Iterable[Json]) -> Table:
    """The history as columns, by step; of two lines for one step the later counts.

    Args:
        lines: As the run folder gives them; any number under any name is taken, and may be missing.

    Returns:
        Columns of one length, with None where a line does not have the value; always with `step`.

    Example:
        >>> history_table([{"step": 2, "real_score": 0.5}, {"step": 1}])
        {'step': [1, 2], 'real_score': [None, 0.5]}
    """
    by_step: dict[int, Json] = {}
    for line in lines:
        step = line.get("step")
        if isinstance(step, int) and not isinstance(step, bool):
            by_step[step] = line
    ordered = [by_step[step] for step in sorted(by_step)]
    names = dict.fromkeys(name for line in ordered for name in line)
    table = {name: [finite(line.get(name)) for line in ordered] for name in names}
    return {"step": []} | {
        name: column for name, column in table.items() if any(value is not None for value in column)
    }


def keep_extremes(table: Table, most: int = MOST_LINES) -> Table:
    """The table with at most `most` lines, such that no peak of any column is lost.

    The lines are parted into equal stretches; of each, those are kept where some column is least or
    greatest, and the run's first and last.

    Args:
        table: Columns of one length.
        most: How many lines to keep.

    Example:
        >>> spike = [0.0] * 100; spike[57] = 9.0
        >>> max(keep_extremes({"step": list(range(100)), "loss": spike}, 10)["loss"])
        9.0
    """
    count = len(table["step"])
    if count <= most:
        return table
    columns = [column for name, column in table.items() if name not in AXES]
    stretches = max(1, (most - 2) // max(1, 2 * len(columns)))
    kept = {0, count - 1}
    for stretch in range(stretches):
        rows = range(stretch * count // stretches, (stretch + 1) * count // stretches)
        for column in columns:
            present = [(value, row) for row in rows if (value := column[row]) is not None]
            if present:
                kept |= {min(present)[1], max(present)[1]}
    rows_kept = sorted(kept)
    return {name: [column[row] for row in rows_kept] for name, column in table.items()}


def rounded(table: Table, digits: int = 6) -> Table:
    """The table with numbers of so many significant digits, which halves the size of a report.

    Example:
        >>> rounded({"step": [1], "loss": [0.123456789]})
        {'step': [1], 'loss': [0.123457]}
    """
    return {
        name: [
            value if value is None or isinstance(value, int) else float(f"{value:.{digits}g}")
            for value in column
        ]
        for name, column in table.items()
    }


def finite(value: Any) -> float | None:
    """A finite number, or None: JSON of other writers may hold anything."""
    if type(value) not in (int, float) or not math.isfinite(value):
        return None
    number: float = value
    return number
