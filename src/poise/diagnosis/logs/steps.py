"""At which step each row of a log was written, where logs begin again, count anew, or count in parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

Rows = Sequence[Mapping[str, float]]


def whole_steps(rows: Rows, column: str | None, columns: Sequence[str]) -> list[float] | None:
    """The step of each row; `None` where a column of steps is not there, or is not fit for it.

    It is not where it holds parts of an epoch, nor where it begins anew more than once, as the number of a
    batch within an epoch does.

    Args:
        rows: Numbers by column.
        column: That of the steps.
        columns: Those that are read besides.

    Example:
        >>> whole_steps([{"it": 0.0, "a": 1.0}, {"it": 10.0, "a": 2.0}], "it", ["a"])
        [0.0, 10.0]
        >>> whole_steps([{"it": it, "a": 1.0} for it in (0.0, 1.0, 0.0, 1.0, 0.0)], "it", ["a"]) is None
        True
    """
    if column is None:
        return None
    steps = [row.get(column, float(place)) for place, row in enumerate(rows)]
    if any(step % 1 for step in steps if math.isfinite(step)):
        return None
    for one in columns:
        own = [step for step, row in zip(steps, rows, strict=True) if one in row and math.isfinite(step)]
        anew = sum(later < earlier and later <= own[0] for earlier, later in pairwise(own))
        if anew > 1:
            return None
    return steps


def undone(rows: Rows, steps: Sequence[float], column: str) -> set[int]:
    """The rows whose value of a column was written anew: a loop went back before them and came again.

    Args:
        rows: Numbers by column.
        steps: The step of each.
        column: Which one.

    Example:
        >>> rows = [{"loss": 1.0}, {"loss": 2.0}, {"loss": 3.0}, {"loss": 4.0}]
        >>> undone(rows, [10, 20, 15, 25], "loss")
        {1}
    """
    kept: list[int] = []
    gone: set[int] = set()
    for place, row in enumerate(rows):
        if column not in row or not math.isfinite(steps[place]):
            continue
        if kept and steps[place] < steps[kept[-1]]:
            while kept and steps[kept[-1]] >= steps[place]:
                gone.add(kept.pop())
        kept.append(place)
    return gone
