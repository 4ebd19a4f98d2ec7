"""`poise export`: a generator for other programs, for phones and for the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from poise.cli.verb import Json, Name, Switch, emit, line, output, verb

app = verb(
    "export",
    ("poise export runs/demo --to onnx", "a file for ONNX runtimes"),
    ("poise export runs/demo --to onnx --half", "in float16, half the size"),
    ("poise export runs/demo --to pt2 --out demo.pt2", "a program of torch.export"),
    ("poise export runs/demo --to html", "a page that draws samples"),
    ("poise export runs/demo --to hub --license cc0-1.0", "a folder with a card"),
)


@app.default
def export(
    run: Path,
    /,
    *,
    to: Annotated[str, Parameter(metavar="NAME")],
    out: Annotated[str | None, Parameter(metavar="PATH")] = None,
    half: Switch = False,
    truncation: Annotated[float | None, Parameter(metavar="NUMBER")] = None,
    checkpoint: Annotated[str, Parameter(metavar="newest|best|N")] = "newest",
    license: Name = None,
    rights: Annotated[str | None, Parameter(metavar="TEXT")] = None,
    set: Annotated[tuple[str, ...], Parameter(name="--set", metavar="NAME=VALUE", show_default=False)] = (),
    json: Json = False,
) -> int:
    """Write the generator of a run for other programs.

    Samples of what was written are compared with Poise's own, and the
    difference is printed and stored.

    Args:
        run: The run's folder.
        to: onnx, pt2, html or hub.
        out: The file or folder; by default in the folder export of the run.
        half: Compute in float16, in half the size.
        truncation: The truncation that is set at first; of generators with styles.
        checkpoint: Which generator of the run: the newest, the best, or that of a step.
        license: Of the weights, as the hub names it, for the card of --to hub.
        rights: Your rights in the data, in words, for the card of --to hub.
        set: A setting of the target, such as opset=18.
    """
    from poise.cli.outputs import writing_to
    from poise.cli.progress import view_for
    from poise.evaluation.evaluating import which_of
    from poise.generator import Generator
    from poise.generator.export import EXPORT_TARGETS, Subject, place_of
    from poise.generator.export import export as write
    from poise.recipes.overrides import parse_override
    from poise.run_folder import one_run
    from poise.text import short_path

    target = EXPORT_TARGETS.named(to)
    folder = one_run(run)
    given = {"half": half or None, "license": license, "rights": rights}
    settings: dict[str, Any] = dict(map(parse_override, set))
    settings |= {name: value for name, value in given.items() if value is not None}
    path = place_of(folder.path, target) if out is None else Path(out).expanduser()
    which = which_of(checkpoint)
    with view_for(json=json).reading(short_path(folder.path)), writing_to(path):
        generator = Generator.load(folder.path, checkpoint=None if which == "newest" else which)
        if truncation is not None:
            generator = generator.truncated(truncation)
        made = write(Subject(generator, folder.path.name, folder), to, path, **settings)
    if json:
        files = [str(file.absolute()) for file in made.files]
        emit({"event": "export", "run": str(folder.path.absolute()), "to": to, "files": files, **made.facts})
        return 0
    line(output(), "wrote ", (", ".join(map(short_path, made.files)), "cyan"))
    for sentence in made.lines:
        line(output(), "  ", sentence)
    return 0
