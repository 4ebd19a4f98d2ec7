"""`poise mix`: a table of samples that are made of two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.verb import Device, Json, Name, Names, Number, at_least, emit, line, output, verb
from poise.errors import PoiseError
from poise.text import percent, short_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from torch import Tensor

    from poise.generator import Generator
    from poise.generator.naming import SampleName

ROWS, COLUMNS = 4, 6  # If no seeds are given
LONGEST = 14  # Letters of a heading

app = verb(
    "mix",
    ("poise mix runs/faces", "coarse layers of the columns"),
    ("poise mix runs/faces --rows 1 2 --layers 4-9", "of two seeds"),
    ("poise mix runs/flags --classes japan,norway", "between classes"),
)


@app.default
def mix(
    run: Path,
    /,
    *,
    rows: Names = (),
    columns: Names = (),
    layers: Annotated[str | None, Parameter(metavar="A-B")] = None,
    classes: Annotated[str | None, Parameter(metavar="NAMES")] = None,
    steps: Number = 7,
    label: Name = None,
    truncation: Annotated[float | None, Parameter(metavar="NUMBER")] = None,
    out: Annotated[str | None, Parameter(metavar="FILE")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Mix samples in a table: layers of styles, or classes.

    The first row and the first column show the samples that are mixed. Coarse
    layers, the first, hold pose and shape; fine ones, the last, hold colours.

    Args:
        run: The run's folder.
        rows: Seeds, names or PNG files of samples; by default four of seed 0.
        columns: The samples whose layers are taken; by default six of seed 1.
        layers: The layers of the columns, from 0; by default the first half.
        classes: Mix classes instead: from the first to the next, with commas between.
        steps: Columns from the first class to the last.
        label: The class of all samples.
        truncation: Below 1 samples are more typical.
        out: A .png; by default in the run.
        device: Where they are drawn.
    """
    from poise.cli.named import png_path
    from poise.cli.outputs import whole_file, writing_to
    from poise.cli.progress import view_for
    from poise.run_folder import one_run

    at_least(2, steps=steps)
    if classes is not None and (columns or label is not None):
        what = "--classes cannot be given with --columns or --label"
        raise PoiseError(what, code="cli.classes-and-columns", hint="leave one of them out")
    folder = one_run(run).path
    path = png_path(out, folder / "mix.png", "A table")
    with view_for(json=json).reading(short_path(folder)), writing_to(path):
        from poise.cli.walk import passed
        from poise.generator.again import named_generator
        from poise.generator.marks import mark_png, marks_of

        named = passed((*rows, *columns))
        generator = named_generator(folder, named, device=device)
        if truncation is not None:
            generator = generator.truncated(truncation)
        down = _samples(generator, folder, rows, count=ROWS, seed=0, label=label)
        if classes is None:
            across = _samples(generator, folder, columns, count=COLUMNS, seed=1, label=label)
            picture, words = _of_styles(generator, down, across, layers)
        else:
            across = []
            picture, words = _of_classes(generator, down, classes, steps, layers)
        path.parent.mkdir(parents=True, exist_ok=True)
        marks = marks_of([*down, *across], {"made_by": "poise mix", "layers": layers, "classes": classes})
        with whole_file(path) as partial:
            picture.save(partial, format="PNG")
            mark_png(partial, marks)
    if json:
        about = {"rows": [str(name) for name in down], "columns": [str(name) for name in across]}
        emit({"event": "mix", "run": str(folder.absolute()), "mix": str(path.absolute()), **about})
        return 0
    line(output(), "wrote ", (short_path(path), "cyan"), f": {words}")
    line(output(), "rows, from the top: ", ", ".join(map(str, down)))
    if across:
        line(output(), "columns, from the left: ", ", ".join(map(str, across)))
    return 0


def _samples(
    generator: Generator, folder: Path, given: tuple[str, ...], *, count: int, seed: int, label: str | None
) -> list[SampleName]:
    """The samples of one side."""
    from poise.generator.again import read_names
    from poise.generator.naming import name_of

    first = name_of(generator, folder, seed=seed, label=label)
    if not given:
        return [replace(first, index=index) for index in range(count)]
    seeds = [replace(first, seed=int(word)) if word.isdecimal() else None for word in given]
    return [
        one
        for word, name in zip(given, seeds, strict=True)
        for one in ([name] if name else read_names([word]))
    ]


def _of_styles(
    generator: Generator, down: list[SampleName], across: list[SampleName], layers: str | None
) -> tuple[Image, str]:
    """The table of mixed styles, with the samples beside and above it."""
    import torch

    from poise.generator.mixing import mix_styles
    from poise.generator.naming import inputs_of
    from poise.generator.styles import styles_of

    count = styles_of(generator).layers
    chosen = layers or f"0-{count // 2 - 1}"
    sides = [inputs_of(generator, names) for names in (down, across)]
    cells = mix_styles(generator, sides[0], sides[1], chosen)
    above, beside = generator(*sides[1]), generator(*sides[0])
    corner = torch.zeros_like(above[:1])
    whole = torch.cat([torch.cat([corner, above])[None], torch.cat([beside[:, None], cells], 1)])
    return _table(whole), f"layers {chosen} of {count} are the columns'"


def _of_classes(
    generator: Generator, down: list[SampleName], classes: str, steps: int, layers: str | None
) -> tuple[Image, str]:
    """The table from class to class, with the classes above it, and seeds and indices beside it."""
    import torch

    from poise.cli.walk import asked_classes
    from poise.generator.mixing import mix_classes
    from poise.generator.naming import inputs_of
    from poise.generator.sheets import sheet
    from poise.generator.walks import blended

    asked = asked_classes(generator, classes)
    ends = torch.eye(len(generator.classes))[[generator.classes.index(one) for one in asked]]
    times = torch.linspace(0, len(asked) - 1, steps, dtype=torch.float64)
    path = blended(ends, times, closed=False)
    latents, _ = inputs_of(generator, down)
    words = f"columns go through {', '.join(asked)}; mixed ones are off the law of the training data"
    texts = [f"{name.seed}/{name.index}" for name in down]
    headings = [_heading(asked, time) for time in times.tolist()]
    return sheet(mix_classes(generator, latents, path, layers), rows=texts, columns=headings), words


def _heading(classes: Sequence[str], time: float) -> str:
    """The class of a column, or the share that the next class has of it.

    Example:
        >>> [_heading(["one", "five"], time) for time in (0.0, 0.25, 1.0)]
        ['one', '25 % of five', 'five']
    """
    before = int(time + 1e-9)
    if time - before < 1e-9:
        return classes[before][:LONGEST]
    return f"{percent(time - before)} of {classes[before + 1]}"[:LONGEST]


def _table(cells: Tensor) -> Image:
    """A picture of samples in rows and columns."""
    from poise.data import Pixels, to_pillow

    return to_pillow(Pixels().decode(cells.flatten(0, 1)), columns=cells.shape[1])
