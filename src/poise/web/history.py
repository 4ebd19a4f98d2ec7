"""The history of a run: its columns, the charts that they make, and some of its lines as a table."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from poise.text import label, number
from poise.web.charts import AXES, HIGH, LOW, Chart, Column, Json, Series, Table, real

ROWS_IN_TABLE = 24
"""Lines of the history in the table of numbers."""


def history_table(lines: Iterable[Json]) -> Table:
    """The history as columns, by step; of two lines for one step the later counts."""
    by_step: dict[int, Json] = {}
    for line in lines:
        if type(step := line.get("step")) is int:
            by_step[step] = line
    ordered = [by_step[step] for step in sorted(by_step)]
    names = dict.fromkeys(name for line in ordered for name in line)
    table = {name: [real(line.get(name)) for line in ordered] for name in names}
    return {"step": []} | {name: column for name, column in table.items() if set(column) - {None}}


_GROUPS: Mapping[str, Chart] = {
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
    "per_second": Chart(
        "Speed",
        "A dip means that something else used the machine, or that data arrived late.",
        unit="per second",
    ),
}
"""A chart for the columns with this word in their name."""

_ROLES = ("discriminator", "generator", "real", "fake")


def history_charts(table: Table, *, unit: str = "images") -> list[Chart]:
    """The charts of the columns of a history; a column that belongs to no group has a chart of its own."""
    rest = [name for name in table if not name.startswith((LOW, HIGH)) and name not in AXES]
    if len(set(table.get("games", ())) - {None}) == 1:  # only a change of their number is worth a chart
        rest.remove("games")
    charts = []
    for word, group in _GROUPS.items():
        names = [name for name in rest if f"_{word}_" in f"_{name}_"]
        rest = [name for name in rest if name not in names]
        if names:
            charts.append(replace(group, series=_series(names, word, table, unit)))
    return charts + [Chart(label(name), series=_series([name], "", table, unit)) for name in rest]


def _series(names: Sequence[str], shared: str, table: Table, unit: str) -> tuple[Series, ...]:
    """The series of one chart, each with its band; the labels leave out the shared word."""

    def rank(name: str) -> int:
        return next((index for index, role in enumerate(_ROLES) if role in name.split("_")), len(_ROLES))

    found: list[Series] = []
    others = 0
    for name in sorted(names, key=rank):
        role = _ROLES[rank(name)] if rank(name) < len(_ROLES) else f"other-{others % 4 + 1}"
        others += role.startswith("other")
        short = f"_{name}_".replace(f"_{shared}_", "_").strip("_") if shared else name
        words = unit if short == "images" else (short or name).replace("_", " ")
        band = (LOW + name, HIGH + name) if LOW + name in table else ("", "")
        found.append(Series(name, words[:1].upper() + words[1:], role, *band))
    return tuple(found)


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
    lost = any(_lost(column) for column in history.values())
    return " ".join([thinned] * (kept < whole) + [cross] * lost)


def _lost(column: Column) -> list[int]:
    return [row for row, value in enumerate(column) if value is not None and not math.isfinite(value)]
