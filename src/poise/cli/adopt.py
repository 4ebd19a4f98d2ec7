"""`poise import`: a generator of a public implementation, without running its code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, emit, line, output, verb

app = verb(
    "import",
    ("poise import network.pkl --out generators/faces", "a pickle of StyleGAN2-ADA"),
    ("poise import 550000.pt --out generators/faces", "a checkpoint of another code"),
)


@app.default
def import_(
    source: Path,
    /,
    *,
    out: Annotated[Path, Parameter(metavar="FOLDER")],
    json: Json = False,
) -> int:
    """Take a StyleGAN2 generator that another program trained.

    A pickle can run anything. Here none of it is run: names and tensors are
    read, and a name that is not known is refused.

    Args:
        source: A .pkl, .pt or .safetensors, or a folder with one of them.
        out: The folder of the generator, which poise sample, walk and export take as they take a run.
    """
    from dataclasses import asdict

    from poise.cli.outputs import writing_to
    from poise.generator.adopting import adopt
    from poise.spec import size_text
    from poise.text import counted, short_path

    with writing_to(out):
        made = adopt(source, out)
    if json:
        found = {**asdict(made), "path": str(made.path.absolute()), "source": str(made.source.absolute())}
        emit({"event": "import", **found})
        return 0
    channels, height, width = made.shape
    classes = f", {counted(made.classes, 'class')}" if made.classes else ""
    line(output(), "wrote ", (short_path(out), "cyan"), f": a generator of {made.layout}")
    size = f"{size_text(height, width)}, {counted(channels, 'channel')}"
    facts = f"{size}, latents of {made.latent_size}{classes}"
    line(output(), "  ", f"{facts}, {made.parameters:,} parameters")
    for note in made.notes:
        line(output(), "  ", note)
    return 0
