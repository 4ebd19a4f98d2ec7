"""`poise translate`: from images to images."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, Number, at_least, verb

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
    seed: Number = 0,
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
    """
    from poise.cli.console import emit, line, output
    from poise.cli.events import Notice
    from poise.cli.outputs import OutputFolder, save_translations
    from poise.cli.progress import view_for
    from poise.run_folder import RunFolder
    from poise.text import counted, short_path

    at_least(0, seed=seed)
    folder = RunFolder.open(run).path
    target = OutputFolder(out, made_by="poise translate", card="translations.json")
    view = view_for(json=json)
    with view.reading(short_path(folder)):
        from poise.generator import Generator

        generator = Generator.load(folder)
        done = save_translations(generator, inputs, target, direction=direction, seed=seed)
    for sentence in done.notices:
        view.report(Notice(sentence))
    if json:
        paths = {"run": str(folder.absolute()), "out": str(out.absolute())}
        files = {"count": len(done.files), "files": list(done.files), "refused": list(done.refused)}
        made_by = {"shape": list(done.shape), "step": generator.description["step"]}
        emit({"event": "translations", **paths, **files, "direction": direction, "seed": seed, **made_by})
        return 0
    _, height, width = done.shape
    images = f"{counted(len(done.files), 'image')} of {width}x{height}"
    line(output(), "wrote ", (short_path(out), "cyan"), f": {images}, {direction}, seed {seed}")
    return 0
