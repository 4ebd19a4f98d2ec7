"""The measurements that the columns of a log hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from poise.diagnosis.finding import Measurement
from poise.diagnosis.logs.names import RECIPES, guessed, is_epoch, step_columns
from poise.errors import PoiseError, unknown_name

Rows = Sequence[Mapping[str, float]]
Columns = Mapping[str, tuple[str, ...]]

MOST = 240  # Measurements that a log becomes at most; those of a longer log are averages over several rows
QUANTITIES = ("step", *RECIPES)
FORMER_NAMES: Mapping[str, str] = {"separation": "auc"}  # Names of quantities that are still taken
LARGEST_METRIC = 1e5  # A distance beyond this is what is left of a computation that failed
LEAST_METRIC = -1.0  # The same below this; an unbiased estimate may be a little below zero
# Why a quantity is missing if the log has no column of it
MISSING: Mapping[str, str] = {
    **{quantity: f"the log has no column of the {quantity.replace('_', ' ')}" for quantity in QUANTITIES},
    "auc": "the log has no column of the AUC",
    **dict.fromkeys(("distance", "held_out_gap", "condition_response"), "a log holds no samples"),
}


@dataclass(frozen=True)
class Readings:
    """What a log says of one game: most logs tell of one, those of a CycleGAN of two."""

    measurements: Sequence[Measurement]
    columns: Mapping[str, str]  # The column of each quantity, or several joined by " + "

    @property
    def name(self) -> str:
        """The columns of the players, which tell the games of one log apart."""
        players = (f"{player}_loss" for player in ("discriminator", "generator"))
        return " and ".join(self.columns[player] for player in players if player in self.columns)


def readings_of(rows: Rows, columns: Mapping[str, str] | None = None) -> list[Readings]:
    """The measurements of each game that the rows of a log tell of.

    If the steps of a log go back, the loop was resumed there: earlier rows from that step on are left out,
    since the loop wrote them again. Without a column of whole steps, the number of the row is the step.

    Args:
        rows: Numbers by column.
        columns: The column of a quantity, by the quantity's name; the others are guessed by their names.

    Raises:
        PoiseError: No column is known, or one that is named is not there.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    chosen = _checked(columns or {}, names)
    named = {quantity: (column,) for quantity, column in chosen.items() if quantity != "step"}
    games = guessed([name for name in names if name not in chosen.values()])
    if not games or {"generator_loss", "discriminator_loss"} <= named.keys():
        games = [games[0] if games else {}]
    games = [game | named for game in games]
    if not games[0]:
        raise PoiseError(
            "No column of the log is known",
            code="diagnosis.no-known-column",
            why=_columns_are(names),
            hint="say what they are: --columns step=NAME generator_loss=NAME metric=NAME",
        )
    found: dict[tuple[tuple[str, str], ...], Readings] = {}
    for game in games:
        readings = _readings(rows, game, [(chosen["step"],)] if "step" in chosen else step_columns(names))
        found.setdefault(tuple(sorted(readings.columns.items())), readings)
    return list(found.values())


def _readings(rows: Rows, game: Columns, counting: Sequence[tuple[str, ...]]) -> Readings:
    columns = [name for names in game.values() for name in names]
    steps, named = steps_of(rows, counting, columns)
    replaced = {column: replaced_rows(rows, steps, column) for column in columns}
    found: list[tuple[int, dict[str, float]]] = []
    for index, (step, row) in enumerate(zip(steps, rows, strict=True)):
        if not math.isfinite(step):
            continue
        values = {}
        for quantity, names in game.items():
            parts = [row[name] for name in names if name in row and index not in replaced[name]]
            if parts:
                values[quantity] = _plausible(
                    quantity, math.fsum(parts) / len(parts) if _finite(parts) else math.nan
                )
        if values:
            found.append((int(step), values))
    found.sort(key=lambda pair: pair[0])
    used = {quantity: " + ".join(names) for quantity, names in game.items()}
    size = max(1, math.ceil(len(found) / MOST))
    pieces = [found[start : start + size] for start in range(0, len(found), size)]
    return Readings(
        [_measurement(piece, used) for piece in pieces], ({"step": named} if named else {}) | used
    )


def _finite(values: Sequence[float]) -> bool:
    return all(map(math.isfinite, values))


def _plausible(quantity: str, value: float) -> float:
    """A metric that no distance can have is what is left of a computation that failed."""
    return value if quantity != "metric" or LEAST_METRIC < value < LARGEST_METRIC else math.nan


def _columns_are(names: Sequence[str]) -> str:
    if all(_is_number(name) for name in names):
        return f"it has no line of column names, so that they are {', '.join(names[:12])}"
    return "there are: " + ", ".join(names[:12])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _checked(columns: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    columns = {FORMER_NAMES.get(quantity, quantity): column for quantity, column in columns.items()}
    for quantity, column in columns.items():
        if quantity not in QUANTITIES:
            raise unknown_name("quantity", quantity, QUANTITIES, where="in --columns")
        if column not in names:
            raise unknown_name("column", column, names, where="in the log")
    return dict(columns)


def _measurement(piece: Sequence[tuple[int, Mapping[str, float]]], used: Mapping[str, str]) -> Measurement:
    values: dict[str, list[float]] = {}
    culprit: str | None = None
    for _, row in piece:
        for quantity, value in row.items():
            if math.isfinite(value):
                values.setdefault(quantity, []).append(value)
            else:
                culprit = culprit or f"column '{used[quantity]}'"
    means = {quantity: sum(found) / len(found) for quantity, found in values.items()}
    steps = [step for step, _ in piece]
    first = next((step for step, row in piece if not _finite(list(row.values()))), steps[-1])
    return Measurement(
        step=first if culprit else steps[-1],
        non_finite=culprit,
        missing=MISSING,
        **means,  # type: ignore[arg-type]  # its quantities, none of which is a text
    )


def steps_of(
    rows: Rows, counting: Sequence[tuple[str, ...]], columns: Sequence[str]
) -> tuple[list[float], str]:
    """The step of each row, and the columns that tell it; the number of the row if none can be used.

    A column cannot be used if it holds parts of an epoch, or begins again at its first step. One that begins
    again with every epoch, as the number of a batch does, counts together with the column of epochs.
    """
    epochs = [name for group in counting for name in group if is_epoch(name)]
    fine = [group for group in counting if group[0] not in epochs]
    single = [(name,) for group in fine if len(group) > 1 for name in group]
    for group in [*fine, *single]:
        counts = _counts(rows, group)
        stands = (
            len(set(counts)) < len(counts) / 10
        )  # what a loop writes every time at the same place of an epoch
        if not stands and (steps := whole_steps(counts, rows, columns)) is not None:
            return steps, group[0]
    for name in [name for group in fine for name in group] if epochs else ():
        both = [row for row in rows if name in row and epochs[0] in row]
        gaps = [gap for row, later in pairwise(both) if (gap := later[name] - row[name]) > 0]
        counted = [row[name] for row in both] or [0.0]
        stride = max(counted) + (max(gaps, default=1.0) if min(counted) == 0 else 0.0)
        counts = [row.get(epochs[0], math.nan) * stride + row.get(name, math.nan) for row in rows]
        if (steps := whole_steps(counts, rows, columns)) is not None:
            return steps, f"{epochs[0]} + {name}"
    for name in epochs:
        if (steps := whole_steps(_counts(rows, (name,)), rows, columns)) is not None:
            return steps, name
    return [float(index) for index in range(len(rows))], ""


def _counts(rows: Rows, names: Sequence[str]) -> list[float]:
    """What the first of some columns counts: NaN for a row without it, infinity if it is no number."""
    found = [next((row[name] for name in names if name in row), None) for row in rows]
    return [math.nan if one is None else one if math.isfinite(one) else math.inf for one in found]


def whole_steps(counts: Sequence[float], rows: Rows, columns: Sequence[str]) -> list[float] | None:
    """The step of each row by what a column counts, or of the row before; `None` if it cannot be used.

    Args:
        counts: The column; NaN for a row without it.
        rows: The rows, of which those with one of `columns` count.
        columns: The columns whose steps they are to be.
    """
    counted = [step for step in counts if math.isfinite(step)]
    held = sum(any(name in row for name in columns) for row in rows)
    if len(counted) < max(1, held / 2) or (len(counted) > 1 and len(set(counted)) == 1):
        return None
    if any(step % 1 for step in counted) and len(set(map(int, counted))) < len(set(counted)) / 2:
        return None  # parts of an epoch
    steps, last = [], counted[0]
    for step in counts:
        last = step if math.isfinite(step) else last
        steps.append(last if math.isnan(step) else step)
    for name in columns:
        own = [step for step, row in zip(steps, rows, strict=True) if name in row and math.isfinite(step)]
        backward = [(earlier, later) for earlier, later in pairwise(own) if later < earlier]
        if any(later <= own[0] for _, later in backward) or len(backward) > max(3, len(own) // 20):
            return None
    return steps


def replaced_rows(rows: Rows, steps: Sequence[float], column: str) -> set[int]:
    """The rows whose value of a column was written again later, by a loop that went back before them."""
    kept: list[int] = []
    replaced: set[int] = set()
    for index, row in enumerate(rows):
        if column not in row or not math.isfinite(steps[index]):
            continue
        if kept and steps[index] < steps[kept[-1]]:
            while kept and steps[kept[-1]] >= steps[index]:
                replaced.add(kept.pop())
        kept.append(index)
    return replaced
