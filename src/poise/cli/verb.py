"""How a function becomes a verb of the command line."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from cyclopts import App, Parameter

Switch: TypeAlias = Annotated[bool, Parameter(show_default=False)]
Json: TypeAlias = Annotated[
    Switch, Parameter(name="--json", help="One JSON object a line on standard output, and nothing else.")
]
DoctorMode: TypeAlias = Annotated[
    Literal["off", "watch", "suggest", "apply"],
    Parameter(help="Say what goes wrong (watch), and what to do (suggest), or try it in branches (apply)."),
]
Count: TypeAlias = Annotated[int | None, Parameter(metavar="N")]
Device: TypeAlias = Annotated[
    str, Parameter(metavar="NAME", help="auto, cpu, cuda or mps; auto takes the fastest that is there.")
]


def verb(name: str, *examples: tuple[str, str]) -> App:
    """A verb whose help ends with examples.

    Args:
        name: What people type after `poise`.
        examples: Commands, each with what it does.
    """
    widest = max(len(command) for command, _ in examples)
    lines = [f"  [cyan]{command:<{widest}}[/]  {what}" for command, what in examples]
    return App(name=name, help_epilogue="\n".join(["[bold]Examples[/]", *lines]))
