"""Charts of a run: its history as columns, and what is drawn of them. `charts.js` draws every chart."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from poise.text import label, number
from poise.web.facts import Fact, Json

Column = list[float | None]
Table = dict[str, Column]
"""Columns of one length by name; `None` where a line lacks the number, NaN or infinite where it had none."""

MOST_LINES = 2_000
"""Lines of a history that a page carries; of a longer one the extremes of each stretch are kept."""

ROWS_IN_TABLE = 24  # Lines of the history in the table of numbers
AXES = {"step": "Steps", "images_seen": "", "seconds": "Time"}
"""What a chart may have along its horizontal axis, with its name; that of images depends on the data."""

LOW, HIGH = "low of ", "high of "
"""Prefixes of the columns that hold the edges of a column's band."""

AS_WRITTEN = {"r-t": "r_t", "wgan-gp": "WGAN-GP", "dragan": "DRAGAN"}
"""Names of quantities that are written in one way only, by what joins their words."""

ROLES = ("discriminator", "generator", "real", "fake")


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


GROUPS: Mapping[str, Chart] = {
    "loss": Chart("Losses", "Losses of different recipes have different ranges: compare a run with itself."),
    "score": Chart(
        "Scores of reals and fakes",
        "The mean raw score that the discriminator gives to each. The farther apart, the more certain it is.",
    ),
    "right": Chart(
        "Classified correctly",
        "The share of each that the discriminator classifies correctly. Near 1 the discriminator wins; near "
        "0.5 it cannot tell them apart.",
        unit="share",
        guide=0.5,
        guide_label="chance",
    ),
    "gradient_norm": Chart(
        "Gradient norms",
        "The norm of each player's gradient. A player whose norm falls by orders of magnitude has stopped "
        "learning.",
        logarithmic=True,
    ),
    "penalty": Chart(
        "Penalties", "Penalties keep the discriminator smooth. Values are before their weights."
    ),
    "ada": Chart(
        "Adaptive augmentation",
        "r_t is the mean sign of the scores of reals. Above the target the discriminator overfits, and the "
        "probability of each augmentation rises; below, it falls.",
        guide=0.6,
        guide_label="target of r_t",
    ),
    "per_second": Chart(
        "Speed",
        "A dip means that something else used the machine, or that data arrived late.",
        unit="per second",
    ),
}
"""A chart for the columns with this word in their name."""


def history_table(lines: Iterable[Json]) -> Table:
    """The history as columns, by step; of two lines for one step the later counts."""
    by_step = {line["step"]: line for line in lines if type(line.get("step")) is int}
    ordered = [by_step[step] for step in sorted(by_step)]
    names = dict.fromkeys(name for line in ordered for name in line)
    table = {name: [real(line.get(name)) for line in ordered] for name in names}
    return {"step": []} | {name: column for name, column in table.items() if set(column) - {None}}


def real(value: Any) -> float | None:
    """A number of a line, which may be NaN or infinite; None for anything else."""
    return value if type(value) in (int, float) else None


def finite(value: Any) -> float | None:
    """A finite number of a line; None for anything else."""
    number = real(value)
    return number if number is not None and math.isfinite(number) else None


def history_charts(table: Table, *, unit: str = "images") -> list[Chart]:
    """The charts of the columns of a history; a column that belongs to no group has a chart of its own."""
    rest = [name for name in table if not name.startswith((LOW, HIGH)) and name not in AXES]
    if len(set(table.get("games", ())) - {None}) == 1:  # only a change of their number is worth a chart
        rest.remove("games")
    charts = []
    for word, group in GROUPS.items():
        names = [name for name in rest if f"_{word}_" in f"_{name}_"]
        rest = [name for name in rest if name not in names]
        if names:
            charts.append(replace(group, series=_series(names, word, table, unit)))
    return charts + [Chart(label(name), series=_series([name], "", table, unit)) for name in rest]


def _series(names: Sequence[str], shared: str, table: Table, unit: str) -> tuple[Series, ...]:
    """The series of one chart, each with its band; the labels leave out the shared word."""

    def rank(name: str) -> int:
        return next((index for index, role in enumerate(ROLES) if role in name.split("_")), len(ROLES))

    found: list[Series] = []
    others = 0
    for name in sorted(names, key=rank):
        role = ROLES[rank(name)] if rank(name) < len(ROLES) else f"other-{others % 4 + 1}"
        others += role.startswith("other")
        short = f"_{name}_".replace(f"_{shared}_", "_").strip("_") if shared else name
        written = AS_WRITTEN.get(short.replace("_", "-"))
        words = unit if short == "images" else (short or name).replace("_", " ")
        band = (LOW + name, HIGH + name) if LOW + name in table else ("", "")
        found.append(Series(name, written or words[:1].upper() + words[1:], role, *band))
    return tuple(found)


def charts_json(charts: Iterable[Chart], tables: Mapping[str, Table], *, unit: str) -> dict[str, Any]:
    """Charts and their tables as `charts.js` takes them."""
    units = {"step": "step", "images_seen": unit, "seconds": "s"}
    return {
        "axes": [
            {"key": name, "label": title or label(unit), "unit": units[name]}
            for name, title in AXES.items()
            if tables["history"].get(name) and None not in tables["history"][name]
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


def _json(value: float | None) -> float | str | None:
    """Six significant digits, which halves the size of a page; JSON has no NaN and no infinity."""
    if value is None or isinstance(value, int):
        return value
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return float(f"{value:.6g}")


def keep_extremes(table: Table, most: int = MOST_LINES) -> Table:
    """The table with at most `most` lines, such that no peak of any column is lost.

    The lines are divided into equal stretches. Of each stretch those lines are kept in which some column is
    least, greatest, or for the first time not finite; and the first and the last line of the run.
    """
    count = len(table["step"])
    if count <= most:
        return table
    columns = [column for name, column in table.items() if name not in AXES]
    stretches = max(1, (most - 2) // max(1, 2 * len(columns) + sum(bool(_lost(one)) for one in columns)))
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


def number_rows(history: Table) -> list[list[str]]:
    """Lines of the history as texts: evenly chosen, and those in which a column is first not finite."""
    count = len(history["step"])
    chosen = {round(row * (count - 1) / (ROWS_IN_TABLE - 1)) for row in range(ROWS_IN_TABLE) if count}
    chosen |= {rows[0] for column in history.values() if (rows := _lost(column))}
    return [
        ["" if (value := column[row]) is None else number(value) for column in history.values()]
        for row in sorted(chosen)
    ]


def history_note(history: Table, drawn: Table) -> str:
    """What a reader of the curves must know: which lines are drawn, and what a cross means."""
    whole, kept = len(history["step"]), len(drawn["step"])
    thinned = f"The curves show {kept:,} of {whole:,} lines, among them the extremes of every stretch."
    cross = "A cross at the foot of a chart marks a number that was not finite."
    return " ".join([thinned] * (kept < whole) + [cross] * any(map(_lost, history.values())))


def _lost(column: Column) -> list[int]:
    return [row for row, value in enumerate(column) if value is not None and not math.isfinite(value)]
