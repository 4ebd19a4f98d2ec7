"""`poise compare`: runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.evaluate import Measuring, protocol, watched
from poise.cli.verb import Json, emit, line, output, panel, table, verb
from poise.text import label, number

if TYPE_CHECKING:
    from poise.evaluation import Compared
    from poise.evaluation.comparing import Row

LEGEND = "* best   = not beyond its 95 % interval   < beyond it, so worse by more than chance"
MARKS = {"best": " *", "within": " =", "beyond": " <", "": "  "}
STYLES = {"best": "bold green", "within": "bold", "beyond": "", "": ""}

app = verb(
    "compare",
    ("poise compare runs/a runs/b", "which one is better"),
    ("poise compare runs/* --metrics coverage", "many, by one metric"),
    ("poise compare runs/a runs/b --against test-photos", "trained on different data"),
)


@app.default
def compare(
    *runs: Annotated[str, Parameter(name="RUN")],
    how: Measuring = Measuring(),  # noqa: B008 - frozen
    json: Json = False,
) -> int:
    """Put runs in one table, with the differences that are beyond chance.

    If poise evaluate has measured all of them under one protocol, its results
    are shown; else all are measured now, alike, and the results are saved.

    Args:
        runs: Two or more runs' folders.
    """
    from poise.evaluation import compare_runs
    from poise.evaluation.comparing import to_json

    with watched(f"{len(runs)} runs", json=json) as (progress, telling):
        compared = compare_runs(runs, **how.arguments(), progress=progress, telling=telling)
    if not json:
        _print(compared)
        return 0
    for row in to_json(compared):
        emit({"event": "row", **row})
    each = zip(compared.names, compared.results, strict=True)
    results = {name: [result.to_json() for result in results] for name, results in each}
    emit({"event": "end", "measured": not compared.stored, "results": results})
    return 0


def _print(compared: Compared) -> None:
    from rich.text import Text

    console = output()
    verdicts: dict[str, list[str]] = {}
    for row in compared.rows:
        verdicts.setdefault(_verdict(row, compared.names), []).append(label(row.name))
    sentences = [f"{', '.join(rows)}: {verdict}" for verdict, rows in verdicts.items() if verdict]
    sentences += compared.notices
    when = f"measured {'before' if compared.stored else 'now'}, and saved in the runs"
    how = [*protocol(compared.results[0]), when]
    made = table("", *compared.names, "reals")
    for row in compared.rows:
        texts = [f"{number(cell.value)}{MARKS[cell.verdict]}" for cell in row.cells]
        ranges = [
            "" if cell.interval is None else " to ".join(map(number, cell.interval)) for cell in row.cells
        ]
        floor = "" if row.floor is None else number(row.floor)
        if console.is_terminal:
            styled = [Text(text, STYLES[cell.verdict]) for text, cell in zip(texts, row.cells, strict=True)]
            for text, interval in zip(styled, ranges, strict=True):
                text.append(f"\n{interval}  " if interval else "", "not bold dim default")
            made.add_row(Text(label(row.name), "cyan"), *styled, Text(floor or "-", "dim"))
            continue
        each = zip(compared.names, texts, ranges, strict=True)
        numbers = [
            f"{name} {text.rstrip()}{f' [{interval}]' if interval else ''}" for name, text, interval in each
        ]
        line(console, f"{label(row.name)}: {', '.join(numbers)}{f' (reals {floor})' if floor else ''}")
    if not console.is_terminal:
        for sentence in [LEGEND, *sentences, *how]:
            line(console, sentence)
        return
    below = [Text(LEGEND, "dim"), Text(), *map(Text, sentences), Text(), *(Text(one, "dim") for one in how)]
    title = Text(f"{len(compared.names)} runs under one protocol", "bold")
    panel(console, title, made, Text(), *below)


def _verdict(row: Row, names: tuple[str, ...]) -> str:
    """What can be said of a number; nothing if no side of it is better."""
    named: dict[str, list[str]] = {"best": [], "within": [], "beyond": [], "": []}
    for name, cell in zip(names, row.cells, strict=True):
        named[cell.verdict].append(name)
    if not named["best"] or not (named["beyond"] or named["within"]):
        return ""
    if not named["beyond"]:
        return "no difference beyond chance"
    level = f"; {_listed(named['within'])} may be as good" if named["within"] else ""
    worse = _listed(named["beyond"])
    return f"{named['best'][0]} is better than {worse}, beyond chance{level}"


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
