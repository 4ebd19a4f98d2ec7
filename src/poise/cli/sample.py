"""`poise sample`: from a run to pictures or numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, verb

app = verb(
    "sample",
    ("poise sample runs/demo", "a grid of 64 into runs/demo"),
    ("poise sample runs/demo -n 16 --seed 7 --out g.png", "another grid"),
    ("poise sample runs/demo -n 1000 --out digits/", "a thousand files"),
    ("poise sample runs/demo -n 50000 --out samples.npy", "raw numbers"),
    ("poise sample runs/flags --label japan -n 16", "one class"),
)


@app.default
def sample(
    run: Path,
    /,
    *,
    count: Annotated[int | None, Parameter(name="-n", metavar="N")] = None,
    label: Annotated[str | None, Parameter(metavar="NAME")] = None,
    seed: Annotated[int, Parameter(metavar="N")] = 0,
    out: Annotated[str | None, Parameter(metavar="PATH")] = None,
    json: Json = False,
) -> int:
    """Make samples with the generator of a run.

    The same seed makes the same samples. Raw numbers are float32: images of
    shape (N, C, H, W) in -1 to 1, rows of shape (N, d) in the data's units.

    Args:
        run: The run's folder.
        count: How many; 64 where none is given, or 8 of each class, a row for each.
        label: Of which class; without it as often as in the data.
        seed: From which they are drawn; the first of many are the same as of few.
        out: A .png for a grid, a .npy for raw numbers, a folder/ for a file each; by default a grid in RUN.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.console import emit, line, output
    from poise.cli.saving import request_of, safe, save, target
    from poise.cli.view import view_for
    from poise.cli.wording import counted, shown
    from poise.errors import PoiseError
    from poise.run_folder import one_run

    if count is not None and count < 1:
        raise PoiseError(f"The number of samples cannot be {count}", hint="give -n 1 or more")
    if seed < 0:
        raise PoiseError(f"The seed cannot be {seed}", hint="give 0 or more")
    folder = one_run(run).path
    stem = "grid" if label is None else f"grid-{safe(label)}"
    place = target(str(folder / f"{stem}-seed{seed}.png") if out is None else out)
    with view_for(json=json).opening(shown(folder)):
        from poise.generator import Generator

        generator = Generator.load(folder)
        request = request_of(generator, place, count=count, seed=seed, label=label)
        made = save(generator, place, request)
    if json:
        emit(
            {
                "event": "samples",
                "run": str(folder.absolute()),
                "samples": str(place.path.absolute()),
                "count": request.count,
                "label": label,
                "rows": list(request.rows),
                "seed": seed,
                "shape": list(generator.shape),
                "step": generator.description["step"],
            }
        )
    else:
        samples = counted(request.count, "sample") + ("" if label is None else f" of '{label}'")
        line(output(), "wrote ", (shown(place.path), "cyan"), f": {samples} {made}, seed {seed}")
        if request.rows:
            line(output(), "rows, from the top: ", ", ".join(request.rows))
    return 0
