"""The two streams: what a person or a program asked for, and what went wrong."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


LOG_WIDTH = 160
"""Columns where there is no terminal: wide enough that a row of a table is a line that can be searched."""


def output(file: TextIO | None = None) -> Console:
    """A stream for people; colours only on a terminal that wants them (`NO_COLOR` is heeded).

    Args:
        file: The stream; standard output where none is given.
    """
    from rich.console import Console

    class HonestConsole(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - called while the BrokenPipeError is handled; rich would exit, and lose a run

    console = HonestConsole(file=file, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = LOG_WIDTH
    return console


def complaints() -> Console:
    """Standard error for people."""
    return output(sys.stderr)


def emit(event: Mapping[str, Any]) -> None:
    """One JSON object on a line of standard output, at once."""
    sys.stdout.write(json.dumps(event, allow_nan=False) + "\n")
    sys.stdout.flush()


def line(console: Console, *pieces: tuple[str, str] | str) -> None:
    """A line of text; wrapped between words on a terminal, whole elsewhere, so that it can be searched."""
    from rich.text import Text

    console.print(Text.assemble(*pieces), soft_wrap=not console.is_terminal)


def pairs(rows: Iterable[tuple[str, RenderableType]]) -> RenderableType:
    """Labels and what they stand for, in two columns."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(label, value)
    return grid


def facts(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Labels and values: in columns on a terminal, a whole line each elsewhere."""
    from rich.text import Text

    given = list(rows)
    if console.is_terminal:
        console.print(pairs((label, Text(value)) for label, value in given))
        return
    widest = max((len(label) for label, _ in given), default=0)
    for label, value in given:
        line(console, f"{label + ':':<{widest + 1}} {value}")
