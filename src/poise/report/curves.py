"""The numbers of a run as columns, and which charts they make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from poise.report.wording import Fact, facts, label, number

Json = Mapping[str, Any]
Column = list[float | None]
Table = dict[str, Column]

MOST_LINES = 2_000
"""Lines of the history that a report carries; of a longer one the extremes of each stretch are kept."""

AXES = ("step", "images_seen", "seconds")
"""What a chart may have along its foot."""

LOW, HIGH = "low of ", "high of "
"""What stands before a column's name in the names of the columns that hold the edges of its band."""


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        key: The column of its values.
        label: What it is called.
        role: Whose it is, which decides its colour.
        low: The column of the lower end of its interval; empty for none.
        high: The column of the upper end.
        dashed: Whether it is a bound to compare with rather than a measurement.
    """

    key: str
    label: str
    role: str
    low: str = ""
    high: str = ""
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart over the columns of one table.

    Attributes:
        title: What it shows.
        note: How to read it, in a sentence.
        table: The name of the table that holds its columns.
        lines: What is drawn.
        logarithmic: Whether it starts with a logarithmic scale.
        guide: A level to compare with.
        guide_label: What that level means.
        protocol: How the numbers were taken, for metrics.
    """

    title: str
    note: str
    table: str
    lines: tuple[Line, ...]
    logarithmic: bool = False
    guide: float | None = None
    guide_label: str = ""
    protocol: tuple[Fact, ...] = field(default=())


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
    table = {name: [_number(line.get(name)) for line in ordered] for name in names}
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


@dataclass(frozen=True)
class MetricPoint:
    """One measurement of a metric; what the line did not say is None."""

    step: int
    value: float
    low: float | None
    high: float | None
    floor: float | None
    training: float | None = None


def metric_points(lines: Iterable[Json]) -> dict[str, list[MetricPoint]]:
    """The measurements of each metric, by step.

    Args:
        lines: As the run folder gives them: `{"step", "metric", "value", "interval", "floor", ...}`. What
            has no name, no step or no number is passed over.

    Example:
        >>> metric_points([{"step": 5, "metric": "frechet", "value": 2.0, "interval": [1.5, 2.5]}])
        {'frechet': [MetricPoint(step=5, value=2.0, low=1.5, high=2.5, floor=None, training=None)]}
    """
    found: dict[str, dict[int, MetricPoint]] = {}
    for line in lines:
        name, step, value = _metric_name(line), line.get("step"), _number(line.get("value"))
        if name and isinstance(step, int) and value is not None:
            low, high = _interval(line.get("interval"))
            floor = line.get("floor")
            level = _number(floor.get("value") if isinstance(floor, Mapping) else floor)
            found.setdefault(name, {})[step] = MetricPoint(
                step, value, low, high, level, _number(line.get("training"))
            )
    return {name: [points[step] for step in sorted(points)] for name, points in found.items()}


def metric_charts(lines: Sequence[Json]) -> tuple[list[Chart], dict[str, Table]]:
    """A chart and a table for each metric that was measured while training, with how it was measured.

    Args:
        lines: As for `metric_points`.
    """
    charts: list[Chart] = []
    tables: dict[str, Table] = {}
    for of_one in _of_one_protocol(lines):
        ((name, points),) = metric_points(of_one).items()
        place = len(charts)
        table: Table = {
            "step": [point.step for point in points],
            "value": [point.value for point in points],
            "low": [point.low for point in points],
            "high": [point.high for point in points],
            "floor": [point.floor for point in points],
            "training": [point.training for point in points],
        }
        last = of_one[-1]
        drawn = [Line("value", label(name), "metric", low="low", high="high")]
        if any(value is not None for value in table["floor"]):
            drawn.append(Line("floor", "Floor", "floor", dashed=True))
        if any(value is not None for value in table["training"]):
            drawn.append(Line("training", "On what is trained on", "floor", dashed=True))
        tables[f"metric-{place}"] = table
        charts.append(
            Chart(
                label(name),
                _metric_note(points, str(last.get("better", "")), many="games" in last),
                f"metric-{place}",
                tuple(drawn),
                protocol=tuple(_protocol(last)),
            )
        )
    return charts, tables


def _of_one_protocol(lines: Sequence[Json]) -> list[list[Json]]:
    """The lines that make one curve each: of one name and one protocol, and measured while training."""
    groups: dict[tuple[str, str], list[Json]] = {}
    for line in lines:
        if line.get("by") != "evaluate" and metric_points([line]):
            groups.setdefault((_metric_name(line), str(line.get("protocol", ""))), []).append(line)
    return list(groups.values())


def _metric_note(points: Sequence[MetricPoint], better: str, *, many: bool) -> str:
    newest = points[-1]
    within = (
        f" ({number(newest.low)} to {number(newest.high)})"
        if newest.low is not None and newest.high is not None
        else ""
    )
    said = [f"Newest {number(newest.value)}{within}, of step {newest.step:,}."]
    if better in ("lower", "higher"):
        best = (min if better == "lower" else max)(points, key=lambda point: point.value)
        said.append(f"{better.capitalize()} is better; best {number(best.value)}, of step {best.step:,}.")
    if any(point.low is not None for point in points):
        said.append("The band is that of the games." if many else "The band is its interval.")
    if any(point.floor is not None for point in points):
        said.append("The dashed floor is what reals score against reals.")
    if any(point.training is not None for point in points):
        said.append(
            "The dashed line is the same on images that are trained on; the gap is learning by heart."
        )
    return " ".join(said)


def _protocol(line: Json) -> list[Fact]:
    shown = {
        "step",
        "metric",
        "name",
        "value",
        "interval",
        "floor",
        "better",
        "seconds",
        "images_seen",
        "by",
        "training",
    }
    return facts({key: _short(value) for key, value in line.items() if key not in shown})


def _short(value: Any) -> Any:
    """A SHA-256 by its first digits; anything else as it is."""
    known = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return value[:12] if known else value


def _metric_name(line: Json) -> str:
    name = line.get("metric", line.get("name"))
    return name if isinstance(name, str) else ""


def _interval(value: Any) -> tuple[float | None, float | None]:
    if isinstance(value, Mapping):
        value = [value.get("low"), value.get("high")]
    if isinstance(value, list | tuple) and len(value) == 2:
        low, high = map(_number, value)
        if low is not None and high is not None:
            return low, high
    return None, None


def _number(value: Any) -> float | None:
    """A finite number, or None: JSON of other writers may hold anything."""
    if type(value) not in (int, float) or not math.isfinite(value):
        return None
    number: float = value
    return number


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
