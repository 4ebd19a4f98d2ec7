"""The charts that the columns of a history make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poise.report.chart import Chart, Line
from poise.report.columns import AXES, HIGH, LOW, Column, Table
from poise.text import label


@dataclass(frozen=True)
class _Group:
    title: str
    note: str
    word: str
    logarithmic: bool = False
    guide: float | None = None
    guide_label: str = ""


_GROUPS = (
    _Group(
        "Losses",
        "Each loss has its own healthy range, so compare a run with itself and not with a rule.",
        "loss",
    ),
    _Group(
        "Scores of reals and fakes",
        "What the discriminator gives each, raw. The farther apart, the surer it is.",
        "score",
    ),
    _Group(
        "Judged right",
        "Share of each that the discriminator tells rightly. Near 1 it wins, near one half it cannot tell.",
        "right",
        guide=0.5,
        guide_label="a coin",
    ),
    _Group(
        "Gradient norms",
        "How hard each player is pushed. A fall by orders of magnitude means that it has stopped learning.",
        "gradient_norm",
        logarithmic=True,
    ),
    _Group("Penalties", "What keeps the discriminator smooth.", "penalty"),
    _Group(
        "Speed, per second",
        "A dip means that something else took the machine, or that data came late.",
        "per_second",
    ),
)

_ROLES = ("discriminator", "generator", "real", "fake")


def history_charts(table: Table) -> list[Chart]:
    """The charts that the columns of a history make; names that are not known get one each.

    Args:
        table: As `history_table` gives it, with the edges of bands where there are any.

    Example:
        >>> charts = history_charts({"step": [1], "generator_loss": [0.7], "balance": [0.1]})
        >>> [chart.title for chart in charts]
        ['Losses', 'Balance']
    """
    rest = [
        name
        for name in table
        if not name.startswith((LOW, HIGH)) and name not in AXES and not _is_constant_count(name, table[name])
    ]
    charts = []
    for group in _GROUPS:
        names = [name for name in rest if f"_{group.word}_" in f"_{name}_"]
        rest = [name for name in rest if name not in names]
        if names:
            lines = _lines(names, group.word, table)
            charts.append(
                Chart(
                    group.title,
                    group.note,
                    "history",
                    lines,
                    logarithmic=group.logarithmic,
                    guide=group.guide,
                    guide_label=group.guide_label,
                )
            )
    return charts + [Chart(label(name), "", "history", _lines([name], "", table)) for name in rest]


def _is_constant_count(name: str, column: Column) -> bool:
    """Whether a column only says, line by line, how many games there are; a change would be news."""
    return name == "games" and len({value for value in column if value is not None}) == 1


def _lines(names: Sequence[str], shared: str, table: Table) -> tuple[Line, ...]:
    """Lines of one chart, each with its band where there is one; a word that all names share is left out."""
    lines = []
    others = 0
    for name in sorted(names, key=_rank):
        role = next((role for role in _ROLES if role in name.split("_")), "")
        if not role:
            others += 1
            role = f"other-{(others - 1) % 4 + 1}"
        short = f"_{name}_".replace(f"_{shared}_", "_").strip("_") if shared else name
        words = (short or name).replace("_", " ")
        band = (LOW + name, HIGH + name) if LOW + name in table else ("", "")
        lines.append(Line(name, words[:1].upper() + words[1:], role, *band))
    return tuple(lines)


def _rank(name: str) -> int:
    return next((place for place, role in enumerate(_ROLES) if role in name.split("_")), len(_ROLES))
