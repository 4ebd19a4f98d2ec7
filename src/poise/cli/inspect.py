"""`poise inspect`: what training would see."""

from __future__ import annotations

from poise.cli.verb import Count, Json, verb

app = verb(
    "inspect",
    ("poise inspect my-photos", "a folder: what fits, what would be refused"),
    ("poise inspect samples.npy --json", "an array, for a program"),
)


@app.default
def inspect(data: str, /, *, resolution: Count = None, json: Json = False) -> int:
    """Show what training would see in your data.

    Every file that would be refused is listed with the reason. The exit
    status is 0 when the data can be trained on as they are, and 2 when not.

    Args:
        data: A folder or zip of images, a .npy or .npz array, or digits, ring, grid, spiral or triangles.
        resolution: Pixels on a side, to which images would be cropped and resized.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.seeing import seen, show
    from poise.cli.view import view_for

    sight = seen(data, resolution, view_for(json=json))
    show(sight, as_json=json)
    return 0 if sight.obstacle is None else sight.obstacle.exit_status
