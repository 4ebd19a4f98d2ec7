"""How a function becomes a verb of the command line, and the options that verbs share."""

from typing import Annotated, Literal, TypeAlias

from cyclopts import App, Parameter

from poise.errors import PoiseError

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
Name: TypeAlias = Annotated[str | None, Parameter(metavar="NAME")]
Names: TypeAlias = Annotated[
    tuple[str, ...], Parameter(metavar="NAME", consume_multiple=True, show_default=False)
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
