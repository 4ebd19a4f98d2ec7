"""What the columns of a log mean, by their names, and what can be read from them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from poise.diagnosis.logs.steps import Rows, undone, whole_steps
from poise.diagnosis.measurement import Measurement
from poise.errors import PoiseError, unknown_name

MOST = 240
"""Readings that a log becomes; of a longer one stretches are averaged."""

QUANTITIES: Mapping[str, str] = {
    "step": r"(global_?)?step|iter(ation)?s?|it|kimg|epoch|n_?imgs?|images_seen",
    "generator_loss": r"(loss|err|cost)[ _/.-]*(g|gen|generator)([ _/.-]*loss)?"
    r"|(g|gen|generator)[ _/.-]*(loss|err|cost).*",
    "discriminator_loss": r"(loss|err|cost)[ _/.-]*(d|disc|discriminator|critic|dis)([ _/.-]*loss)?"
    r"|(d|disc|discriminator|critic|dis)[ _/.-]*(loss|err|cost).*",
    "real_score": r"(d[ _(]?x\)?|.*(scores?|logits?)[ _/.-]*real|.*real[ _/.-]*(scores?|logits?))",
    "fake_score": r"(d[ _(]?g[ _(]?z\)*|.*(scores?|logits?)[ _/.-]*(fake|gen)"
    r"|.*fake[ _/.-]*(scores?|logits?))",
    "separation": r".*(auc|(d|disc|discriminator)[ _/.-]*acc(uracy)?)",
    "generator_gradient": r".*(g|gen|generator)[ _/.-]*grad.*",
    "discriminator_gradient": r".*(d|disc|discriminator)[ _/.-]*grad.*",
    "metric": r".*(fid|kid|frechet|swd|mmd).*",
}
"""Names that each quantity goes by, as regular expressions over lower case."""


MISSING: Mapping[str, str] = {
    **{quantity: f"the log has no column of the {quantity.replace('_', ' ')}" for quantity in QUANTITIES},
    **dict.fromkeys(("distance", "held_out_gap", "condition_response"), "a log holds no samples"),
}
"""What a log does not tell, where it does not."""


def guessed(names: Sequence[str]) -> dict[str, str]:
    """Which column holds which quantity, by their names; the shortest fitting name is taken.

    Args:
        names: The columns.

    Example:
        >>> guessed(["iter", "Loss/D", "Loss/G", "fid50k_full", "lr"])
        {'step': 'iter', 'generator_loss': 'Loss/G', 'discriminator_loss': 'Loss/D', 'metric': 'fid50k_full'}
    """
    found: dict[str, str] = {}
    for quantity, pattern in QUANTITIES.items():
        fitting = [name for name in names if _fits(pattern, name) and name not in found.values()]
        if fitting:
            found[quantity] = min(fitting, key=len)
    return found


def _fits(pattern: str, name: str) -> bool:
    plain = name.strip().lower()
    return any(re.fullmatch(pattern, tail) for tail in (plain, plain.rpartition("/")[2]))


def readings_of(
    rows: Rows, columns: Mapping[str, str] | None = None
) -> tuple[list[Measurement], dict[str, str]]:
    """Readings from the rows of a log.

    A log whose steps go back was begun again there: what it had told from that step on is left out, as a loop
    that resumed did it anew. Where there is no column of whole steps, the number of the row is one.

    Args:
        rows: Numbers by column; a value that is not finite may stand among them.
        columns: The column of some quantities; those of the others are guessed.

    Returns:
        The readings in the order of their steps, and the columns that were used.

    Raises:
        PoiseError: A quantity or a column does not exist, or no column tells anything.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    chosen = _checked(columns or {}, names)
    used = guessed([name for name in names if name not in chosen.values()]) | chosen
    told = [quantity for quantity in used if quantity != "step"]
    if not told:
        raise PoiseError(
            "No column of the log is known to tell anything",
            why=_columns_are(names),
            hint="say what they are: --columns step=NAME generator_loss=NAME metric=NAME",
        )
    steps = whole_steps(rows, used.get("step"), [used[quantity] for quantity in told])
    if steps is None:
        used.pop("step", None)
        steps = [float(place) for place in range(len(rows))]
    gone = {quantity: undone(rows, steps, used[quantity]) for quantity in told}
    placed = [
        (int(step), {q: row[used[q]] for q in told if used[q] in row and place not in gone[q]})
        for place, (step, row) in enumerate(zip(steps, rows, strict=True))
        if math.isfinite(step)
    ]
    placed = [pair for pair in sorted(placed, key=lambda pair: pair[0]) if pair[1]]
    size = max(1, math.ceil(len(placed) / MOST))
    pieces = [placed[start : start + size] for start in range(0, len(placed), size)]
    return [_reading(piece, used) for piece in pieces], used


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
    for quantity, column in columns.items():
        if quantity not in QUANTITIES:
            raise unknown_name("quantity", quantity, QUANTITIES, where="in --columns")
        if column not in names:
            raise unknown_name("column", column, names, where="in the log")
    return dict(columns)


def _reading(piece: Sequence[tuple[int, Mapping[str, float]]], used: Mapping[str, str]) -> Measurement:
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
