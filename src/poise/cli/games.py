"""`poise games`: which dynamics converge, on two numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from poise.cli.verb import Json, Listed, emit, output, table, verb
from poise.errors import PoiseError

if TYPE_CHECKING:
    from poise.toys import Row, Toy

Schedule = Literal["simultaneous", "alternating", "alternating-5"]
COLOURS = {"converges": "green", "circles": "yellow", "diverges": "red"}

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
    methods: Listed = (),
    dynamics: Schedule | None = None,
    out: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    json: Json = False,
) -> int:
    """Train a game of two numbers with many methods, and see which converge.

    Args:
        name: The game: dirac, bilinear or curl; all are listed if none is named.
        methods: The methods to use; by default all.
        dynamics: How the players of the Dirac-GAN are updated; simultaneous by default.
        out: A PNG to draw the field and the paths into.
    """
    from poise.toys import TOYS, run_toy

    if name is None:
        if methods or dynamics or out:
            raise PoiseError("No game is named", code="cli.no-game", hint="name one, as poise games dirac")
        _list(json=json)
        return 0
    toy = TOYS.named(name)
    file = None if out is None else _checked_png(out)
    results = run_toy(toy, methods, dynamics)
    if file is not None:
        from poise.toys.picture import draw

        draw(toy, results, file)
    rows = [row for _, row in results]
    if json:
        emit({"game": toy.name, "rows": [row.to_json() for row in rows]})
        return 0
    _print(toy, rows)
    if file is not None:
        output().print(f"\nThe picture is in {file}.", soft_wrap=True)
    return 0


def _list(*, json: bool) -> None:
    from rich.text import Text

    from poise.toys import TOYS

    made = table("", "", left=2)
    made.show_header = False
    for toy in TOYS.values():
        if json:
            about = {"name": toy.name, "summary": toy.summary, "source": toy.source}
            emit({**about, "methods": list(toy.methods)})
        made.add_row(Text(toy.name, "cyan"), Text(f"{toy.summary}\n").append(", ".join(toy.methods), "dim"))
    if not json:
        output().print(made)


def _print(toy: Toy, rows: list[Row]) -> None:
    from rich.text import Text

    console = output()
    made = table("method", "verdict", "eigenvalues", "distance", "predicted", "observed", left=3)
    none = "none: a kink" if toy.name == "dirac" else "none: the rate fades"
    for row in rows:
        values = None if row.eigenvalues is None else dict.fromkeys(map(_complex, row.eigenvalues[:2]))
        predicted = "-" if row.spectral_radius is None else f"{row.spectral_radius:.4f}"
        made.add_row(
            Text(row.method, "cyan"),
            Text(row.verdict, COLOURS[row.verdict]),
            none if values is None else ", ".join(values),
            *(f"{row.final_distance:.2g}", predicted, f"{row.observed_rate:.4f}"),
        )
    console.print(Text.assemble((toy.name, "bold cyan"), f"  {toy.summary}"))
    console.print(Text(toy.setting_text(rows[0].dynamics), "dim"))
    console.print(made)
    note = "predicted and observed: the factor by which a step multiplies the distance to (0, 0)"
    console.print(Text(note, "dim"))


def _complex(value: complex) -> str:
    """A number with its mirror image.

    Example:
        >>> _complex(0.97 - 0.1j), _complex(0.9 + 0j)
        ('0.970 ± 0.100i', '0.900')
    """
    turning = abs(value.imag)
    return f"{value.real:.3f} ± {turning:.3f}i" if turning > 5e-4 else f"{value.real:.3f}"


def _checked_png(out: Path) -> Path:
    file = out.expanduser()
    if file.suffix.lower() != ".png":
        what = f"A picture cannot be written as '{out}'"
        raise PoiseError(what, code="cli.unknown-format", hint="name a file that ends in .png")
    if file.is_dir() or not file.absolute().parent.is_dir():
        what = f"'{out}' cannot be written"
        raise PoiseError(what, code="cli.cannot-write", why="its folder does not exist", hint="make it first")
    return file
