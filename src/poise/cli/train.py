"""`poise train`: from data to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from poise.cli.named_data import NamedData, Side
from poise.cli.verb import Count, Device, DoctorMode, Json, Switch, verb

Two: TypeAlias = Annotated[tuple[str, str] | None, Parameter(metavar="PATH PATH")]

app = verb(
    "train",
    ("poise train digits", "handwritten digits"),
    ("poise train my-photos --resolution 64", "a folder of images"),
    ("poise train ring --recipe wasserstein-gp", "points, another recipe"),
    ("poise train digits --set loss=hinge --set packing=2", "your own settings"),
    ("poise train my-photos --recipe conditional", "sub-folders are classes"),
    ("poise train ring --seeds 40", "forty seeds side by side"),
    ("poise train --pairs line colour", "images from images"),
    ("poise train --domains horses zebras", "the same without pairs"),
    ("poise train my-photos --dry-run", "check, write nothing"),
)


@app.default
def train(
    data: str | None = None,
    /,
    *,
    recipe: Annotated[str | None, Parameter(metavar="NAME")] = None,
    pairs: Two = None,
    side_by_side: Annotated[str | None, Parameter(metavar="PATH")] = None,
    source_side: Annotated[Side, Parameter(metavar="SIDE")] = "left",
    domains: Two = None,
    held_out: Annotated[float | None, Parameter(metavar="SHARE")] = None,
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
    doctor: DoctorMode = "suggest",
    dry_run: Switch = False,
    json: Json = False,
) -> int:
    """Train a GAN on your data, into a new run folder.

    Ctrl-C saves and stops; `poise resume` goes on as if never interrupted.
    A run that is there already is never written over.

    Args:
        data: A folder or zip of images, a .npy or .npz array, or digits, ring, grid, spiral or triangles.
        recipe: What to train with; `poise recipes` lists them. By the data where none is given:
            non-saturating, pix2pix for pairs, cyclegan for domains.
        pairs: Sources and targets, two folders or zips with the same names, or two arrays.
        side_by_side: Images that hold source and target side by side.
        source_side: Which half of those is the source, left or right.
        domains: Two kinds of images without pairs, to be made into each other.
        held_out: The share of pairs or domains never trained on, to judge by; 0.1 where none is given.
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
        doctor: Say what goes wrong (watch), and what to do (suggest), or try it in branches (apply).
        dry_run: Check and show everything, and write nothing.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.sitting import begin_prepared, prepare
    from poise.cli.view import view_for
    from poise.recipes import RECIPES, parse_override, recipe_with

    named = NamedData(
        data, pairs, side_by_side, source_side, domains, held_out, labels=labels, label_column=label_column
    )
    flags = {"steps": steps, "seed": seed, "resolution": resolution, "batch_size": batch_size}
    changes: dict[str, Any] = dict(parse_override(text) for text in settings)
    changes |= {name: value for name, value in flags.items() if value is not None}
    chosen = recipe_with(RECIPES.named(recipe or named.recipe), changes)
    view = view_for(json=json)
    if seeds is not None or grid:
        from poise.cli.many import refuse_remedies, train_many

        refuse_remedies(doctor)

        return train_many(
            view,
            named,
            chosen,
            seeds=seeds,
            grid=grid,
            device=device,
            out=out,
            dry_run=dry_run,
            as_json=json,
            doctor=doctor,
        )
    prepared = prepare(view, named, chosen, device=device, out=out)
    if dry_run:
        from poise.cli.dry_run import show

        return show(prepared.beginning, as_json=json)
    return begin_prepared(prepared, view, doctor=doctor)
