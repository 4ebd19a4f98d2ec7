"""`poise games`: which ways of playing converge, on two numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from poise.cli.verb import Json, verb
from poise.errors import PoiseError

if TYPE_CHECKING:
    from poise.games import Row, Toy

Names = Annotated[tuple[str, ...], Parameter(metavar="NAME", consume_multiple=True, show_default=False)]
Schedule = Literal["simultaneous", "alternating", "alternating-5"]

app = verb(
    "games",
    ("poise games", "the games there are"),
    ("poise games dirac", "what converges, what circles"),
    ("poise games dirac --methods r1 wgan", "two of them"),
    ("poise games bilinear --out bilinear.png", "draw the paths"),
)


@app.default
def games(
    name: str | None = None,
    /,
    *,
    methods: Names = (),
    dynamics: Schedule | None = None,
    out: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    json: Json = False,
) -> int:
    """Play a game of two numbers with many methods, and see which converge.

    Args:
        name: The game: dirac, bilinear or curl; all are listed where none is named.
        methods: The methods to play; all where none is named.
        dynamics: How the players of the Dirac-GAN move; simultaneous where nothing is said.
        out: A PNG to draw the field and the paths into.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.console import emit, output
    from poise.games import TOYS
    from poise.games.rounds import play_toy

    if name is None:
        if methods or dynamics or out:
            raise PoiseError("No game is named to play", hint="name one, as poise games dirac")
        return _list(json=json)
    toy = TOYS.named(name)
    place = None if out is None else _place(out)
    played = play_toy(toy, methods, dynamics)
    if place is not None:
        from poise.games.picture import draw

        draw(toy, played, place)
    rows = [row for _, row in played]
    if json:
        emit({"game": toy.name, "rows": [row.to_json() for row in rows]})
    else:
        _show(toy, rows)
        if place is not None:
            output().print(f"\nThe picture is in {place}.", soft_wrap=True)
    return 0


def _list(*, json: bool) -> int:
    from rich.table import Table
    from rich.text import Text

    from poise.cli.console import emit, output
    from poise.games import TOYS

    console = output()
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for toy in TOYS.values():
        if json:
            emit(
                {"name": toy.name, "summary": toy.summary, "source": toy.source, "methods": list(toy.methods)}
            )
        else:
            table.add_row(toy.name, Text(f"{toy.summary}\n").append(", ".join(toy.methods), "dim"))
    if not json:
        console.print(table)
    return 0


def _show(toy: Toy, rows: list[Row]) -> None:
    from rich.table import Table
    from rich.text import Text

    from poise.cli.console import output

    console = output()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("method", style="cyan")
    for heading, side in (("distance", "right"), ("verdict", "left"), ("eigenvalues", "left")):
        table.add_column(heading, justify="right" if side == "right" else "left")
    table.add_column("predicted", justify="right")
    table.add_column("observed", justify="right")
    colours = {"converges": "green", "circles": "yellow", "diverges": "red"}
    for row in rows:
        values = "none: a kink" if toy.name == "dirac" else "none: the rate fades"
        if row.eigenvalues is not None:
            values = ", ".join(dict.fromkeys(_complex(value) for value in row.eigenvalues[:2]))
        radius = row.spectral_radius
        table.add_row(
            row.method,
            f"{row.final_distance:.2g}",
            Text(row.verdict, colours[row.verdict]),
            values,
            "-" if radius is None else f"{radius:.4f}",
            f"{row.observed_rate:.4f}",
        )
    moved = f", {rows[0].dynamics} moves" if toy.schedules else ""
    begun = f"from ({toy.start[0]:g}, {toy.start[1]:g}), {toy.steps} steps{moved}"
    console.print(Text.assemble((toy.name, "bold cyan"), f"  {toy.summary}"))
    console.print(Text(begun, "dim"))
    console.print(table)
    console.print(Text("predicted and observed: what a step multiplies the distance to (0, 0) with", "dim"))


def _complex(value: complex) -> str:
    """A number with its mirror image.

    Example:
        >>> _complex(0.97 - 0.1j), _complex(0.9 + 0j)
        ('0.970 ± 0.100i', '0.900')
    """
    turning = abs(value.imag)
    return f"{value.real:.3f} ± {turning:.3f}i" if turning > 5e-4 else f"{value.real:.3f}"


def _place(out: Path) -> Path:
    place = out.expanduser()
    if place.suffix.lower() != ".png":
        raise PoiseError(f"A picture cannot be written as '{out}'", hint="name a file that ends in .png")
    if place.is_dir() or not place.absolute().parent.is_dir():
        raise PoiseError(f"'{out}' cannot be written", why="its folder is not there", hint="make it first")
    return place
