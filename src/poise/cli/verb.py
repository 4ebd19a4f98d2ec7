"""What verbs share: the options that are common to them, and the two streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO, TypeAlias

from cyclopts import App, Parameter, Token

from poise.errors import PoiseError
from poise.spec import Fit

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

Switch: TypeAlias = Annotated[bool, Parameter(show_default=False)]
Json: TypeAlias = Annotated[
    Switch, Parameter(name="--json", help="One JSON object a line on standard output, and nothing else.")
]
DoctorMode: TypeAlias = Annotated[
    Literal["off", "watch", "suggest", "apply"],
    Parameter(help="Name what goes wrong (watch), suggest remedies (suggest), or try them (apply)."),
]
Count: TypeAlias = Annotated[int | None, Parameter(metavar="N")]
Number: TypeAlias = Annotated[int, Parameter(metavar="N")]
Size: TypeAlias = Annotated[str | None, Parameter(metavar="SIZE", allow_leading_hyphen=True)]
FitName: TypeAlias = Annotated[Fit | None, Parameter(metavar="NAME", show_choices=False)]
Name: TypeAlias = Annotated[str | None, Parameter(metavar="NAME")]
Names: TypeAlias = Annotated[
    tuple[str, ...], Parameter(metavar="NAME", consume_multiple=True, show_default=False)
]


def _divided(kind: object, tokens: Sequence[Token]) -> tuple[str, ...]:
    """The names of an option, each in a word of its own or with commas between."""
    return tuple(name.strip() for token in tokens for name in token.value.split(",") if name.strip())


# Of things that Poise names itself, so that no name has a comma
Listed: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(metavar="NAME,...", consume_multiple=True, show_default=False, converter=_divided),
]
Device: TypeAlias = Annotated[
    str, Parameter(metavar="NAME", help="auto, cpu, cuda or mps; auto takes the fastest available.")
]


def verb(name: str, *examples: tuple[str, str]) -> App:
    """A verb by its name, whose help ends with examples: commands, each with what it does."""
    widest = max(len(command) for command, _ in examples)
    lines = [f"  [cyan]{command:<{widest}}[/]  {what}" for command, what in examples]
    return App(name=name, help_epilogue="\n".join(["[bold]Examples[/]", *lines]))


def at_least(least: int, **values: int | None) -> None:
    """Raise a `PoiseError` if one of the numbers, by what they count, is smaller; `None` was not given."""
    for name, value in values.items():
        if value is not None and value < least:
            what = f"The number of {name} cannot be {value}" if least else f"The {name} cannot be {value}"
            raise PoiseError(what, code=f"cli.bad-{name}", hint=f"give {least} or more")


LOG_WIDTH = 160
"""Columns if there is no terminal: wide enough that a row of a table is one line that can be searched."""


def output(file: TextIO | None = None) -> Console:
    """A stream for people, by default standard output; colours only on a terminal that wants them."""
    from rich.console import Console

    class HonestConsole(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - called while the BrokenPipeError is handled; rich would exit, and lose a run

    console = HonestConsole(file=file, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = LOG_WIDTH
    return console


def is_watched(console: Console) -> bool:
    """Whether a person looks at the stream while it is written."""
    return console.is_interactive and console.file.isatty()


def emit(event: Mapping[str, Any]) -> None:
    """Write one JSON object on a line of standard output, at once."""
    import json

    sys.stdout.write(json.dumps(event, allow_nan=False) + "\n")
    sys.stdout.flush()


def line(console: Console, *pieces: tuple[str, str] | str) -> None:
    """Print a line of text; wrapped on a terminal, whole elsewhere, so that it can be searched."""
    from rich.text import Text

    console.print(Text.assemble(*pieces), soft_wrap=not console.is_terminal)


def facts(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Print labels and values: in columns on a terminal, a whole line each elsewhere."""
    rows = list(rows)
    if console.is_terminal:
        console.print(pairs(rows))
        return
    widest = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        line(console, f"{label + ':':<{widest + 1}} {value}")


def pairs(rows: Iterable[tuple[str, str]], *, styles: tuple[str, str] = ("dim", "")) -> RenderableType:
    """Two columns of plain text; labels are never wrapped."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    for style in styles:
        grid.add_column(style=style, no_wrap=styles[0] == style == "dim", overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))
    return grid


def table(*columns: str, left: int = 1) -> Table:
    """An empty table; the first `left` columns hold names, the others numbers, set to the right."""
    from rich.table import Table

    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for index, heading in enumerate(columns):
        made.add_column(heading, justify="left" if index < left else "right", no_wrap=index == 0)
    return made


def panel(console: Console, title: Text, *parts: RenderableType) -> None:
    """Print parts one below the other in a frame with a title."""
    from rich.console import Group
    from rich.panel import Panel

    console.print(Panel(Group(*parts), title=title, title_align="left", border_style="dim", padding=(1, 2)))
