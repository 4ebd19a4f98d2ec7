"""`poise sample`: from a run to pictures or numbers."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, Name, Number, at_least, verb

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
    label: Name = None,
    seed: Number = 0,
    out: Annotated[str | None, Parameter(metavar="PATH")] = None,
    json: Json = False,
) -> int:
    """Make samples with the generator of a run.

    The same seed makes the same samples. Raw numbers are float32: images of
    shape (N, C, H, W) in -1 to 1, rows of shape (N, d) in the data's units.

    Args:
        run: The run's folder.
        count: How many; by default 64, or 8 of each class, a row for each.
        label: Their class; by default each class as often as in the data.
        seed: Draws the samples; the first of many are the same as of few.
        out: A .png for a grid, a .npy for raw numbers, a folder/ for a file each; by default a grid in RUN.
    """
    from poise.cli.console import emit, line, output
    from poise.cli.outputs import sample_request, sample_target, save_samples
    from poise.cli.progress import view_for
    from poise.run_folder import one_run
    from poise.text import counted, short_path

    at_least(1, samples=count)
    at_least(0, seed=seed)
    folder = one_run(run).path
    named = "" if label is None else "".join(c if c.isalnum() or c in "-_." else "-" for c in f"-{label}")
    target = sample_target(str(folder / f"grid{named}-seed{seed}.png") if out is None else out)
    with view_for(json=json).reading(short_path(folder)):
        from poise.generator import Generator

        generator = Generator.load(folder)
        request = sample_request(generator, target, count=count, seed=seed, label=label)
        made = save_samples(generator, target, request)
    if json:
        paths = {"run": str(folder.absolute()), "samples": str(target.path.absolute())}
        asked = {"count": request.count, "label": label, "rows": list(request.rows), "seed": seed}
        made_by = {"shape": list(generator.shape), "step": generator.description["step"]}
        emit({"event": "samples", **paths, **asked, **made_by})
        return 0
    samples = counted(request.count, "sample") + ("" if label is None else f" of '{label}'")
    line(output(), "wrote ", (short_path(target.path), "cyan"), f": {samples} {made}, seed {seed}")
    if request.rows:
        line(output(), "rows, from the top: ", ", ".join(request.rows))
    return 0
