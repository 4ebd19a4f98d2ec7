"""`poise tag`: what a picture is called, by a run that has learnt tags."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, Number, at_least, emit, line, output, verb

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
    count: Annotated[int, Parameter(name=("-n", "--count"), metavar="N")] = 10,
    draws: Number = 200,
    seed: Number = 0,
    json: Json = False,
) -> int:
    """Name the tags of a picture, with a run of the recipe image-tagging.

    Each latent names one tag, so many latents name the many tags that are
    right; a tag's frequency is the share of latents that named it.

    Args:
        run: The run's folder.
        image: The picture.
        count: How many tags at most.
        draws: How many latents are drawn.
        seed: Draws the latents.
    """
    from poise.run_folder import RunFolder

    at_least(1, tags=count, draws=draws)
    at_least(0, seed=seed)
    folder = RunFolder.open(run).path
    from poise.api import open_run

    found = open_run(folder).tag(image, count, draws=draws, seed=seed)
    if json:
        tags = [{"tag": one.name, "frequency": one.frequency} for one in found]
        about = {"run": str(folder.absolute()), "image": str(image), "draws": draws}
        emit({"event": "tags", **about, "tags": tags})
        return 0
    widest = max(len(one.name) for one in found)
    for one in found:
        line(output(), (f"{one.name:<{widest}}", "cyan"), f"  {one.frequency:5.1%}")
    return 0
