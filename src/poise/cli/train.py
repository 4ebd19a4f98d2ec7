"""`poise train`: from data to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from poise.cli.verb import Count, Device, Json, Name, Switch, verb

app = verb(
    "train",
    ("poise train digits", "handwritten digits"),
    ("poise train my-photos --resolution 64", "a folder of images"),
    ("poise train ring --recipe wasserstein-gp", "points, another recipe"),
    ("poise train digits --set loss=hinge --set packing=2", "your own settings"),
    ("poise train my-photos --recipe conditional", "sub-folders are classes"),
    ("poise train ring --seeds 40", "forty seeds side by side"),
    ("poise train my-photos --dry-run", "check, write nothing"),
)


@app.default
def train(
    data: str,
    /,
    *,
    recipe: Name = "non-saturating",
    labels: Annotated[str | None, Parameter(metavar="FILE")] = None,
    label_column: Annotated[str | None, Parameter(metavar="NAME")] = None,
    out: Path | None = None,
    steps: Count = None,
    seed: Count = None,
    resolution: Count = None,
    batch_size: Count = None,
    device: Device = "auto",
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="PATH=VALUE", show_default=False)
    ] = (),
    seeds: Count = None,
    grid: Annotated[tuple[str, ...], Parameter(metavar="PATH=VALUE,VALUE", show_default=False)] = (),
    dry_run: Switch = False,
    json: Json = False,
) -> int:
    """Train a GAN on your data, into a new run folder.

    Ctrl-C saves and stops; `poise resume` goes on as if never interrupted.
    A run that is there already is never written over.

    Args:
        data: A folder or zip of images, a .npy or .npz array, or digits, ring, grid, spiral or triangles.
        recipe: What to train with; `poise recipes` lists them.
        labels: A CSV of files and labels, for a recipe with conditions; sub-folders need none.
        label_column: Its column of labels, where it has more than two columns.
        out: The run's folder; a new one below runs/ where none is given.
        steps: How many updates of the game; by the data where none are given.
        seed: From which all randomness is derived.
        resolution: Pixels on a side, to which images are cropped and resized.
        batch_size: Samples in a batch.
        device: Where to train.
        settings: A setting as path=value, as `poise recipes NAME` lists them; may be given often.
        seeds: Train so many games side by side, from the seed upwards; small networks only gain by it.
        grid: With --seeds: train every combination of such values; may be given often.
        dry_run: Check and show everything, and write nothing.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.sitting import begin_prepared, prepare
    from poise.cli.view import view_for
    from poise.errors import PoiseError
    from poise.recipes import RECIPES, parse_override, recipe_with

    if label_column is not None and labels is None:
        raise PoiseError(
            f"There is no file with the column '{label_column}'", mend="name it: --labels FILE.csv"
        )

    flags = {"steps": steps, "seed": seed, "resolution": resolution, "batch_size": batch_size}
    changes: dict[str, Any] = dict(parse_override(text) for text in settings)
    changes |= {name: value for name, value in flags.items() if value is not None}
    chosen = recipe_with(RECIPES.named(recipe), changes)
    view = view_for(json=json)
    if seeds is not None or grid:
        from poise.cli.many import train_many

        return train_many(
            view, data, chosen, seeds=seeds, grid=grid, device=device, out=out, dry_run=dry_run, as_json=json
        )
    labels_of_it = None if labels is None else (labels, label_column)
    prepared = prepare(view, data, chosen, device=device, out=out, labels=labels_of_it)
    if dry_run:
        from poise.cli.dry_run import show

        return show(prepared.beginning, as_json=json)
    return begin_prepared(prepared, view)
