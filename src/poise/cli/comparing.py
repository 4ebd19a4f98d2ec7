"""What `poise compare` shows: a column for each run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poise.cli.judging import number, words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from poise.evaluation import Compared
    from poise.evaluation.comparing import Cell, Row

LEGEND = "* best   = not beyond its 95 % interval   < beyond it, so worse by more than chance"
MARKS = {"best": " *", "within": " =", "beyond": " <", "": "  "}


def show(compared: Compared, *, as_json: bool) -> None:
    """Tell which run is better at what.

    Args:
        compared: The runs side by side.
        as_json: Whether a program reads.
    """
    from poise.cli.console import emit, output
    from poise.evaluation.comparing import to_json

    if as_json:
        for row in to_json(compared):
            emit({"event": "row", **row})
        results = {
            name: [result.to_json() for result in results]
            for name, results in zip(compared.names, compared.results, strict=True)
        }
        emit({"event": "end", "measured": not compared.stored, "results": results})
        return
    console = output()
    if console.is_terminal:
        _panel(console, compared)
    else:
        _lines(console, compared)


def sentences(compared: Compared) -> list[str]:
    """What can be said of each number that has a better side.

    Args:
        compared: The runs side by side.
    """
    return [said for row in compared.rows if (said := _sentence(row, compared.names))]


def _sentence(row: Row, names: tuple[str, ...]) -> str:
    by = {
        verdict: [name for name, cell in zip(names, row.cells, strict=True) if cell.verdict == verdict]
        for verdict in ("best", "within", "beyond")
    }
    if not by["best"]:
        return ""
    if by["beyond"]:
        level = f"; {_listed(by['within'])} may be as good" if by["within"] else ""
        return (
            f"{words(row.name)}: {by['best'][0]} is better than {_listed(by['beyond'])}, beyond chance{level}"
        )
    if by["within"]:
        return f"{words(row.name)}: no difference beyond chance"
    return ""


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""


def _panel(console: Console, compared: Compared) -> None:
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    rows.add_column("", no_wrap=True)
    for name in compared.names:
        rows.add_column(name, justify="right", overflow="fold")
    rows.add_column("reals", justify="right", style="dim", no_wrap=True)
    for row in compared.rows:
        floor = "-" if row.floor is None else number(row.floor)
        rows.add_row(Text(words(row.name), "cyan"), *map(_cell, row.cells), floor)
    told = [*sentences(compared), *compared.notices]
    below = [
        Text(LEGEND, "dim"),
        Text(),
        *map(Text, told),
        Text(),
        *(Text(one, "dim") for one in _protocol(compared)),
    ]
    heading = Text(f"{len(compared.names)} runs under one protocol", "bold")
    console.print(
        Panel(
            Group(rows, Text(), *below), title=heading, title_align="left", border_style="dim", padding=(1, 2)
        )
    )


def _cell(cell: Cell) -> Text:
    from rich.text import Text

    style = {"best": "bold green", "within": "bold", "beyond": "", "": ""}[cell.verdict]
    told = Text.assemble((number(cell.value), style), (MARKS[cell.verdict], style))
    if cell.interval is not None:
        low, high = map(number, cell.interval)
        told.append(f"\n{low} to {high}  ", "dim")
    return told


def _lines(console: Console, compared: Compared) -> None:
    from poise.cli.console import line

    for row in compared.rows:
        told = ", ".join(
            f"{name} {_plain(cell)}" for name, cell in zip(compared.names, row.cells, strict=True)
        )
        floor = "" if row.floor is None else f" (reals {number(row.floor)})"
        line(console, f"{words(row.name)}: {told}{floor}")
    for sentence in [LEGEND, *sentences(compared), *compared.notices, *_protocol(compared)]:
        line(console, sentence)


def _plain(cell: Cell) -> str:
    mark = MARKS[cell.verdict].strip()
    told = number(cell.value) + (f" {mark}" if mark else "")
    if cell.interval is None:
        return told
    low, high = map(number, cell.interval)
    return f"{told} [{low}, {high}]"


def _protocol(compared: Compared) -> list[str]:
    from poise.cli.judging import protocol_of

    ways = protocol_of(compared.results[0])
    return [
        *ways,
        "measured before, and kept in the runs" if compared.stored else "measured now, and kept in the runs",
    ]
