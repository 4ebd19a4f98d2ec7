"""What the columns of a log mean, by their names, and the measurements that they hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from poise.diagnosis.finding import Measurement
from poise.errors import PoiseError, unknown_name

Rows = Sequence[Mapping[str, float]]

MOST = 240  # Measurements that a log becomes at most; those of a longer log are averages over several rows
# Names that each quantity goes by, as regular expressions over lower case
QUANTITIES: Mapping[str, str] = {
    "step": r"(global_?)?step|iter(ation)?s?|it|kimg|epoch|n_?imgs?|images_seen",
    "generator_loss": r"(loss|err|cost)[ _/.-]*(g|gen|generator)([ _/.-]*loss)?"
    r"|(g|gen|generator)[ _/.-]*(loss|err|cost).*",
    "discriminator_loss": r"(loss|err|cost)[ _/.-]*(d|disc|discriminator|critic|dis)([ _/.-]*loss)?"
    r"|(d|disc|discriminator|critic|dis)[ _/.-]*(loss|err|cost).*",
    "real_score": r"(d[ _(]?x\)?|.*(scores?|logits?)[ _/.-]*real|.*real[ _/.-]*(scores?|logits?))",
    "fake_score": r"(d[ _(]?g[ _(]?z\)*|.*(scores?|logits?)[ _/.-]*(fake|gen)"
    r"|.*fake[ _/.-]*(scores?|logits?))",
    "auc": r".*(auc|(d|disc|discriminator)[ _/.-]*acc(uracy)?)",
    "generator_gradient": r".*(g|gen|generator)[ _/.-]*grad.*",
    "discriminator_gradient": r".*(d|disc|discriminator)[ _/.-]*grad.*",
    "metric": r".*(fid|kid|frechet|swd|mmd).*",
}


FORMER_NAMES: Mapping[str, str] = {"separation": "auc"}  # Names of quantities that are still taken
# Why a quantity is missing if the log has no column of it
MISSING: Mapping[str, str] = {
    **{quantity: f"the log has no column of the {quantity.replace('_', ' ')}" for quantity in QUANTITIES},
    "auc": "the log has no column of the AUC",
    **dict.fromkeys(("distance", "held_out_gap", "condition_response"), "a log holds no samples"),
}


def guessed(names: Sequence[str]) -> dict[str, str]:
    """Which column holds which quantity, by their names; the shortest fitting name is taken."""
    found: dict[str, str] = {}
    for quantity, pattern in QUANTITIES.items():
        fitting = [name for name in names if _fits(pattern, name) and name not in found.values()]
        if fitting:
            found[quantity] = min(fitting, key=len)
    return found


def _fits(pattern: str, name: str) -> bool:
    plain = name.strip().lower()
    return any(re.fullmatch(pattern, tail) for tail in (plain, plain.rpartition("/")[2]))


def measurements_of(
    rows: Rows, columns: Mapping[str, str] | None = None
) -> tuple[list[Measurement], dict[str, str]]:
    """Measurements from the rows of a log.

    If the steps of a log go back, the loop was resumed there: earlier rows from that step on are left out,
    since the loop wrote them again. Without a column of whole steps, the number of the row is the step.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    chosen = _checked(columns or {}, names)
    used = guessed([name for name in names if name not in chosen.values()]) | chosen
    quantities = [quantity for quantity in used if quantity != "step"]
    if not quantities:
        raise PoiseError(
            "No column of the log is known",
            code="diagnosis.no-known-column",
            why=_columns_are(names),
            hint="say what they are: --columns step=NAME generator_loss=NAME metric=NAME",
        )
    steps = whole_steps(rows, used.get("step"), [used[quantity] for quantity in quantities])
    if steps is None:
        used.pop("step", None)
        steps = [float(index) for index in range(len(rows))]
    replaced = {quantity: replaced_rows(rows, steps, used[quantity]) for quantity in quantities}
    found = [
        (int(step), {q: row[used[q]] for q in quantities if used[q] in row and index not in replaced[q]})
        for index, (step, row) in enumerate(zip(steps, rows, strict=True))
        if math.isfinite(step)
    ]
    found = [pair for pair in sorted(found, key=lambda pair: pair[0]) if pair[1]]
    size = max(1, math.ceil(len(found) / MOST))
    pieces = [found[start : start + size] for start in range(0, len(found), size)]
    return [_measurement(piece, used) for piece in pieces], used


def _columns_are(names: Sequence[str]) -> str:
    if all(_is_number(name) for name in names):
        return f"it has no line of column names; it begins with {', '.join(names[:3])}"
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
    first = next((step for step, row in piece if not all(map(math.isfinite, row.values()))), steps[-1])
    return Measurement(
        step=first if culprit else steps[-1],
        non_finite=culprit,
        missing=MISSING,
        **means,  # type: ignore[arg-type]  # its quantities, none of which is a text
    )


def whole_steps(rows: Rows, column: str | None, columns: Sequence[str]) -> list[float] | None:
    """The step of each row; `None` if there is no column of steps, or none that can be used.

    A column cannot be used if it holds parts of an epoch, or begins anew more than once, as the number of a
    batch within an epoch does.
    """
    if column is None:
        return None
    steps = [row.get(column, float(index)) for index, row in enumerate(rows)]
    if any(step % 1 for step in steps if math.isfinite(step)):
        return None
    for one in columns:
        own = [step for step, row in zip(steps, rows, strict=True) if one in row and math.isfinite(step)]
        anew = sum(later < earlier and later <= own[0] for earlier, later in pairwise(own))
        if anew > 1:
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
