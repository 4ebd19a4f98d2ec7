"""`poise tag`: what a picture is called, by a run that has learnt tags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, verb

app = verb(
    "tag",
    ("poise tag runs/emoji photo.png", "its ten likeliest tags"),
    ("poise tag runs/emoji photo.png -n 3 --draws 1000", "three, more exactly"),
)


@app.default
def tag(
    run: Path,
    image: Path,
    /,
    *,
    count: Annotated[int, Parameter(name="-n", metavar="N")] = 10,
    draws: Annotated[int, Parameter(metavar="N")] = 200,
    seed: Annotated[int, Parameter(metavar="N")] = 0,
    json: Json = False,
) -> int:
    """Name the tags of a picture, with a run of the recipe image-tagging.

    Each latent names one tag, so that many latents name the many tags that
    are right; a tag's frequency is the share of latents that named it.

    Args:
        run: The run's folder.
        image: The picture.
        count: How many tags at most.
        draws: How many latents are drawn.
        seed: From which they are drawn.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.console import emit, line, output
    from poise.errors import PoiseError
    from poise.run_folder import RunFolder

    for name, value, least in (("tags", count, 1), ("draws", draws, 1), ("seed", seed, 0)):
        if value < least:
            raise PoiseError(f"The number for {name} cannot be {value}", hint=f"give {least} or more")
    folder = RunFolder.open(run).path
    from poise.run import open_run

    found = open_run(folder).tag(image, count, draws=draws, seed=seed)
    if json:
        tags = [{"tag": one.name, "frequency": one.frequency} for one in found]
        emit(
            {
                "event": "tags",
                "run": str(folder.absolute()),
                "image": str(image),
                "draws": draws,
                "tags": tags,
            }
        )
    else:
        widest = max(len(one.name) for one in found)
        for one in found:
            line(output(), (f"{one.name:<{widest}}", "cyan"), f"  {one.frequency:5.1%}")
    return 0
