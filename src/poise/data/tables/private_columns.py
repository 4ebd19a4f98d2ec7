"""Columns of a table whose rows are private: what a schema says of them, and noised counts for the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from poise.data.rows import Array
from poise.data.tables.column import CATEGORIES, CELLS, KNOTS, Cell, Column, groups
from poise.data.tables.frame import Frame
from poise.data.tables.private import Counting, Privately
from poise.data.tables.schema import Declared
from poise.data.tables.values import DATES, MISSING, Form, is_date, is_number
from poise.errors import PoiseError

FORMS = ("missing", *(f"{decimals} decimals" for decimals in range(10)), "exponent", *DATES, "text")
"""What a cell of a column may be written as."""

MOSTLY = 0.9
"""The share of numbers, or of dates of one format, that makes a column one of them."""

UNITS = {"forms": 0.1, "magnitudes": 0.3, "values": 1.0, "counts": 1.0}
"""How the budget is shared out among the counts of a column: in inverse squares of their noise."""

POWERS = range(-30, 62)
"""The powers of two between which numbers are looked for."""

BINS = 512
"""Into which the range of a column of numbers is cut; whole numbers of a smaller range are counted each."""

CLEAR = 3.0
"""In deviations of the noise, what a count must exceed for more than chance to be behind it."""


def private_columns(
    frame: Frame, types: Mapping[str, str], schema: Mapping[str, Declared], privately: Privately
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns of a table, and what a person should know of them.

    Args:
        frame: The table.
        types: The types that were given to columns.
        schema: What is publicly known of columns; it costs nothing.
        privately: The noise.

    Raises:
        PoiseError: A column holds nothing that may be named, or a type that cannot be learnt in private.
    """
    counting = Counting(privately)
    names = [name for name in frame.columns if types.get(name) != "drop"]
    unknown = [name for name in names if name not in schema]
    forms = _forms(frame, unknown, types, counting)
    asked = {name: _kinds_of_counts(name, schema, forms) for name in names}
    total = sum(UNITS[kind] for kinds in asked.values() for kind in kinds)
    rest = (1.0 - (UNITS["forms"] if unknown else 0.0)) if total else 0.0
    privately.counted.extend(["forms"] if unknown else [])
    privately.counted.extend(kind for kinds in asked.values() for kind in kinds)
    deviations = {kind: counting.share(rest * unit / total) if rest else 0.0 for kind, unit in UNITS.items()}
    columns, notices = [], []
    for name in names:
        form, missing = forms[name] if name in forms else (schema[name].form, schema[name].missing)
        texts = frame.columns[name]
        if form is None:
            declared = schema[name].values if name in schema else None
            column, told = _category(name, texts, declared, counting, deviations["values"], len(names))
        else:
            column, told = _number(
                name, texts, form, missing, schema.get(name), counting, deviations, len(names)
            )
        columns.append(column)
        notices += told
    return tuple(columns), tuple(notices)


def _kinds_of_counts(
    name: str, schema: Mapping[str, Declared], forms: Mapping[str, tuple[Form | None, bool]]
) -> tuple[str, ...]:
    """Which counts a column needs."""
    if name not in schema:
        return ("values",) if forms[name][0] is None else ("magnitudes", "values", "counts")
    return () if schema[name].form is None else ("counts",)


def _forms(
    frame: Frame, names: Sequence[str], types: Mapping[str, str], counting: Counting
) -> dict[str, tuple[Form | None, bool]]:
    """The form of each column, `None` for categories, and whether cells are missing."""
    if not names:
        return {}
    deviation = counting.share(UNITS["forms"] / len(names))
    found = {}
    for name in names:
        known = {text: _written(text) for text in dict.fromkeys(frame.columns[name])}
        counts = np.bincount([known[text] for text in frame.columns[name]], minlength=len(FORMS))
        found[name] = _form_of(name, counting.noised(counts, deviation), deviation, types.get(name), frame)
    return found


def _written(text: str) -> int:
    if text in MISSING:
        return 0
    if is_number(text):
        decimals = len(text.partition(".")[2])
        return 11 if "e" in text.lower() or decimals > 9 else 1 + decimals
    form = next((form for form in DATES if is_date(text, form)), "text")
    return FORMS.index(form)


def _form_of(
    name: str, counts: Array, deviation: float, said: str | None, frame: Frame
) -> tuple[Form | None, bool]:
    clear = CLEAR * deviation
    missing, known = bool(counts[0] > clear), np.where(counts > clear, counts, 0.0)[1:]
    numbers, dates = known[:11], known[11:-1]
    total = known.sum()
    if said == "category" or not total or max(numbers.sum(), dates.max()) < MOSTLY * total:
        if said in ("integer", "number", "date"):
            what = f"The column '{name}' of '{frame.name}' cannot be told from texts within the budget"
            hint = "describe it in the schema"
            raise PoiseError(what, code="data.private-type", hint=hint)
        return None, missing
    if dates.max() >= MOSTLY * total:
        return Form("date", date=DATES[int(dates.argmax())]), missing
    if numbers[10]:
        return Form("number", -1), missing
    decimals = int(np.flatnonzero(numbers[:10]).max())
    if decimals == 0 or said == "integer":
        return Form("integer"), missing
    return Form("number", decimals, padded=not numbers[:decimals].any()), missing


def _category(
    name: str,
    texts: Sequence[str],
    declared: Sequence[str] | None,
    counting: Counting,
    deviation: float,
    columns: int,
) -> tuple[Column, list[str]]:
    if declared is not None:
        counts: dict[str, float] = dict.fromkeys(declared, 1.0)
    else:
        counts = counting.named(texts, deviation, columns)
    if not counts:
        what = f"No value of the column '{name}' is in enough rows to be named"
        hint = f"leave it out, --column {name}=drop, or name its values in the schema"
        raise PoiseError(what, code="data.private-values", hint=hint)
    often = list(counts) if declared is not None else sorted(counts, key=lambda text: -counts[text])
    head = often if len(often) <= CATEGORIES else often[: CATEGORIES - 1]
    rest = often[len(head) :]
    cells = [Cell((text,), (counts[text],)) for text in head]
    if rest:
        cells.append(Cell(tuple(rest), tuple(counts[text] for text in rest)))
    told = []
    if declared is None:
        told.append(
            f"The column '{name}' has {len(often)} values that are in enough rows to be named; the others "
            f"become '{often[0]}'."
        )
    return Column(name, "flag" if len(often) == 2 else "category", tuple(cells)), told


def _number(
    name: str,
    texts: Sequence[str],
    form: Form,
    missing: bool,
    declared: Declared | None,
    counting: Counting,
    deviations: Mapping[str, float],
    columns: int,
) -> tuple[Column, list[str]]:
    known = {text: _number_of(text, form) for text in dict.fromkeys(texts)}
    numbers = np.array([known[text] for text in texts], dtype=np.float64)
    numbers = numbers[~np.isnan(numbers)]
    told = []
    if declared is None:
        low, high = _range(name, numbers, counting, deviations["magnitudes"])
        named = counting.named(texts, deviations["values"], columns)
        spikes = {text: count for text, count in named.items() if not np.isnan(known[text])}
        often = sorted(spikes, key=lambda text: -spikes[text])[: CELLS // 2]
        spikes = {text: spikes[text] for text in often}
    else:
        low, high = declared.low, declared.high
        spikes = dict.fromkeys(declared.special, 1.0)
    alone = np.array([known.get(text, _number_of(text, form)) for text in spikes])
    inside = numbers[~np.isin(numbers, alone)].clip(low, high)
    edges = _edges(low, high, form)
    bins = (np.searchsorted(edges, inside, side="right") - 1).clip(max=len(edges) - 2)
    counts = np.bincount(bins, minlength=len(edges) - 1)
    noised = counting.noised(counts.astype(np.float64), deviations["counts"])
    ranges = _ranges(edges, noised, deviations["counts"], form)
    if not ranges and not spikes:
        what = f"The numbers of the column '{name}' cannot be seen through the noise"
        hint = f"leave it out, --column {name}=drop, or give a larger epsilon"
        raise PoiseError(what, code="data.private-numbers", hint=hint)
    alone_in = [(form.number(text), Cell((text,), (count,))) for text, count in spikes.items()]
    cells = [cell for _, cell in sorted([*ranges, *alone_in], key=lambda pair: pair[0])]
    if declared is None:
        ends = [_end(cell, form, end) for cell in cells for end in (0, -1)]
        told.append(
            f"The column '{name}' is taken to reach from {form.text(min(ends))} to {form.text(max(ends))}."
        )
    cells = [Cell(("",), (1.0,)), *cells] if missing else cells
    return Column(name, form.kind, tuple(cells), form), told


def _end(cell: Cell, form: Form, end: int) -> float:
    return cell.knots[end] if cell.knots else form.number(cell.texts[end])


def _number_of(text: str, form: Form) -> float:
    try:
        return math.nan if text in MISSING else form.number(text)
    except ValueError:
        return math.nan


def _range(name: str, numbers: Array, counting: Counting, deviation: float) -> tuple[float, float]:
    """Powers of two between which the numbers are, as far as they can be told from the noise."""
    size = len(POWERS)
    powers = np.floor(np.log2(np.maximum(np.abs(numbers), 2.0 ** POWERS[0]))).clip(POWERS[0], POWERS[-1])
    place = (powers - POWERS[0]).astype(np.int64)
    place = np.where(numbers == 0, size, np.where(numbers < 0, size - 1 - place, size + 1 + place))
    counts = counting.noised(np.bincount(place, minlength=2 * size + 1).astype(np.float64), deviation)
    clear = np.flatnonzero(counts > (CLEAR + 1) * deviation)
    if not len(clear):
        what = f"The range of the column '{name}' cannot be seen through the noise"
        hint = f"leave it out, --column {name}=drop, or describe it in the schema"
        raise PoiseError(what, code="data.private-range", hint=hint)

    def ends(at: int) -> tuple[float, float]:
        if at == size:
            return 0.0, 0.0
        power = POWERS[0] + (size - 1 - at if at < size else at - size - 1)
        return (-(2.0 ** (power + 1)), -(2.0**power)) if at < size else (2.0**power, 2.0 ** (power + 1))

    low, high = ends(int(clear[0]))[0], ends(int(clear[-1]))[1]
    return (low, high) if low < high else (low, low + 1.0)


def _edges(low: float, high: float, form: Form) -> Array:
    """The ends of bins, ascending: each whole number alone if they are few."""
    if _whole(form):
        low, high = math.floor(low), math.ceil(high)
        width = max(1, math.ceil((high - low + 1) / BINS))
        edges: Array = np.arange(low, high + width + 1, width, dtype=np.float64)
        return edges
    return np.linspace(low, high, BINS + 1)


def _ranges(edges: Array, counts: Array, deviation: float, form: Form) -> list[tuple[float, Cell]]:
    """Cells with the number that each begins with: bins that are clear of the noise, in groups of about equal
    counts, and stretches between them that are so together.
    """
    clear = counts > CLEAR * deviation
    filled = np.flatnonzero(clear)
    found = [
        (float(edges[filled[group[0]]]), _range_cell(edges, filled[group], counts, form))
        for group in (groups(counts[filled]) if len(filled) else ())
    ]
    ends = np.concatenate([[-1], filled, [len(counts)]])
    for before, after in pairwise(ends.tolist()):
        stretch = np.arange(before + 1, after)
        if len(stretch) and counts[stretch].sum() > CLEAR * deviation * math.sqrt(len(stretch)):
            cell = Cell(knots=(float(edges[before + 1]), _last(edges, after - 1, form)))
            found.append((float(edges[before + 1]), cell))
    return found


def _range_cell(edges: Array, bins: Array, counts: Array, form: Form) -> Cell:
    if _whole(form) and edges[1] - edges[0] == 1:
        return Cell(tuple(form.text(edges[one]) for one in bins), tuple(counts[bins].tolist()))
    ends = np.append(edges[bins], _last(edges, int(bins[-1]), form))
    share = np.concatenate([[0.0], counts[bins].cumsum() / counts[bins].sum()])
    return Cell(knots=tuple(np.interp(np.linspace(0.0, 1.0, KNOTS), share, ends).tolist()))


def _last(edges: Array, one: int, form: Form) -> float:
    """The largest number of a bin."""
    return float(edges[one + 1]) - (1.0 if _whole(form) else 0.0)


def _whole(form: Form) -> bool:
    return form.kind == "integer" or (form.kind == "date" and form.unit > 1)
