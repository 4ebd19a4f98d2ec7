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
)


@app.default
def sample(
    run: Path,
    /,
    *,
    count: Annotated[int, Parameter(name="-n", metavar="N")] = 64,
    seed: Annotated[int, Parameter(metavar="N")] = 0,
    out: Annotated[str | None, Parameter(metavar="PATH")] = None,
    json: Json = False,
) -> int:
    """Make samples with the generator of a run.

    The same seed makes the same samples. Raw numbers are float32: images of
    shape (N, C, H, W) in -1 to 1, rows of shape (N, d) in the data's units.

    Args:
        run: The run's folder.
        count: How many.
        seed: From which they are drawn; the first of many are the same as of few.
        out: A .png for a grid, a .npy for raw numbers, a folder/ for a file each; by default a grid in RUN.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.console import emit, line, output
    from poise.cli.saving import save, target
    from poise.cli.view import view_for
    from poise.cli.wording import counted, shown
    from poise.errors import PoiseError
    from poise.run_folder import RunFolder

    if count < 1:
        raise PoiseError(f"The number of samples cannot be {count}", mend="give -n 1 or more")
    if seed < 0:
        raise PoiseError(f"The seed cannot be {seed}", mend="give 0 or more")
    folder = RunFolder.open(run).path
    place = target(str(folder / f"grid-seed{seed}.png") if out is None else out)
    with view_for(json=json).opening(shown(folder)):
        from poise.generator import Generator

        generator = Generator.load(folder)
        made = save(generator, place, count=count, seed=seed)
    if json:
        emit(
            {
                "event": "samples",
                "run": str(folder.absolute()),
                "samples": str(place.path.absolute()),
                "count": count,
                "seed": seed,
                "shape": list(generator.shape),
                "step": generator.description["step"],
            }
        )
    else:
        samples = counted(count, "sample")
        line(output(), "wrote ", (shown(place.path), "cyan"), f": {samples} {made}, seed {seed}")
    return 0
