"""`poise translate`: from images to images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, verb

app = verb(
    "translate",
    ("poise translate runs/c sketches --out new", "a folder"),
    ("poise translate runs/c cat.png --out new", "one image"),
    ("poise translate runs/z a.zip --out new --direction b-to-a", "the other way"),
)


@app.default
def translate(
    run: Path,
    inputs: Path,
    /,
    *,
    out: Annotated[Path, Parameter(metavar="FOLDER")],
    direction: Annotated[str, Parameter(metavar="WAY")] = "a-to-b",
    seed: Annotated[int, Parameter(metavar="N")] = 0,
    json: Json = False,
) -> int:
    """Translate images with the generator of a run on pairs or domains.

    Every image is brought to the size that the run was trained at: its centre,
    resized. Outputs are PNG files under the names of their inputs.

    Args:
        run: The run's folder.
        inputs: A folder or zip of images, or one image.
        out: The folder to write to; nothing that was not made by this command is written over.
        direction: a-to-b, or between domains b-to-a, too.
        seed: Draws the noise, the same for every image.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.console import emit, line, output
    from poise.cli.translating import checked_folder, save_translations
    from poise.cli.view import view_for
    from poise.cli.wording import counted, shown
    from poise.errors import PoiseError
    from poise.run_folder import RunFolder

    if seed < 0:
        raise PoiseError(f"The seed cannot be {seed}", hint="give 0 or more")
    folder = RunFolder.open(run).path
    before = checked_folder(out)
    view = view_for(json=json)
    with view.opening(shown(folder)):
        from poise.generator import Generator

        generator = Generator.load(folder)
        done = save_translations(generator, inputs, out, before, direction=direction, seed=seed)
    for sentence in done.notices:
        view.notice(sentence)
    if json:
        emit(
            {
                "event": "translations",
                "run": str(folder.absolute()),
                "out": str(out.absolute()),
                "count": len(done.files),
                "files": list(done.files),
                "refused": list(done.refused),
                "direction": direction,
                "seed": seed,
                "shape": list(done.shape),
                "step": generator.description["step"],
            }
        )
    else:
        _, height, width = done.shape
        said = f": {counted(len(done.files), 'image')} of {width}x{height}, {direction}, seed {seed}"
        line(output(), "wrote ", (shown(out), "cyan"), said)
    return 0
