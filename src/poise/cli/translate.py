"""`poise translate`: from images to images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, Number, at_least, emit, line, output, verb
from poise.text import counted, short_path

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
    from poise.cli.events import Notice
    from poise.cli.outputs import OutputFolder, writing_to
    from poise.cli.progress import view_for
    from poise.run_folder import RunFolder

    at_least(0, seed=seed)
    folder = RunFolder.open(run).path
    target = OutputFolder(out, made_by="poise translate", card="translations.json")
    view = view_for(json=json)
    with view.reading(short_path(folder)):
        from poise.data import Pixels, save_image, to_pixels
        from poise.generator import Generator
        from poise.generator.sampling import IMAGES

        generator = Generator.load(folder)
        dataset = generator.translatable(inputs, direction=direction, refuse_above=1)
        single = [inputs.name] if inputs.suffix.lower() in IMAGES else []
        files = _output_names(single or dataset.files or map(str, range(len(dataset))))
        shape: tuple[int, ...] = ()
        with writing_to(out), target.writing(files, {"direction": direction, "seed": seed}):
            left = iter(files)
            for piece in generator.translations(dataset, direction=direction, seed=seed):
                for pixels in to_pixels(piece, Pixels()):
                    shape, path = pixels.shape, out / next(left)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    save_image(pixels, path)
    for sentence in dataset.notices:
        view.report(Notice(sentence))
    if json:
        refused = [f"{one['file']}: {one['reason']}" for one in dataset.summary.get("refused", [])]
        paths = {"run": str(folder.absolute()), "out": str(out.absolute())}
        made = {"count": len(files), "files": files, "refused": refused}
        made_by = {"shape": list(shape), "step": generator.description["step"]}
        emit({"event": "translations", **paths, **made, "direction": direction, "seed": seed, **made_by})
        return 0
    _, height, width = shape
    size = f"{counted(len(files), 'image')} of {width}x{height}"
    line(output(), "wrote ", (short_path(out), "cyan"), f": {size}, {direction}, seed {seed}")
    return 0


def _output_names(inputs: Iterable[str]) -> list[str]:
    """Each input's own path, ending in .png; behind its whole name if two would meet otherwise."""
    names = list(inputs)
    plain = [str(PurePosixPath(name).with_suffix(".png")) for name in names]
    often = Counter(plain)
    return [short if often[short] == 1 else f"{name}.png" for short, name in zip(plain, names, strict=True)]
