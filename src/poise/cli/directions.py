"""`poise directions`: what can be turned in a generator, found, judged and named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from poise.cli.verb import (
    Device,
    Json,
    Listed,
    Names,
    Number,
    Switch,
    at_least,
    emit,
    line,
    output,
    table,
    verb,
)
from poise.errors import PoiseError
from poise.text import counted, short_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poise.generator import Direction, Directions

SHEET = "directions.png"

app = verb(
    "directions",
    ("poise directions runs/hands", "find, judge and show them"),
    ("poise directions runs/hands --name 3=smile", "give one a name"),
    ("poise directions runs/hands --method jacobian", "by one method alone"),
    ("poise directions runs/hands --again --seed 1", "find them again"),
)


@app.default
def directions(
    run: Path,
    /,
    *,
    name: Names = (),
    method: Listed = (),
    space: Annotated[str | None, Parameter(metavar="NAME")] = None,
    most: Number = 12,
    no_labels: Switch = False,
    again: Switch = False,
    seed: Number = 0,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Find directions along which the samples of a generator change, and rank them.

    Each is compared with random directions: what a standard deviation changes,
    how alike it changes all samples, and what it costs in Fréchet distance and
    precision. Directions that were found before are shown again.

    Args:
        run: The run's folder, where the directions are kept with a sheet of them.
        name: A name for a direction, as 3=smile; 3= takes it away.
        method: jacobian, components or closed-form; by default all of them.
        space: z, latents; or w, styles, which is the default if the generator has some.
        most: How many directions stay, beside those of labels.
        no_labels: Look for no directions of the classes that the data came with.
        again: Find them again, although there are some; names are lost.
        seed: Draws the samples.
        device: Where they are found.
    """
    from poise.cli.working import working
    from poise.data import default_cache
    from poise.generator import Generator, read_directions
    from poise.generator.direction_methods import METHODS
    from poise.generator.directions import has_directions, save_directions
    from poise.generator.exploring import contact_sheet, explore
    from poise.generator.labelling import labels_of_run
    from poise.run_folder import one_run

    at_least(0, seed=seed)
    at_least(1, directions=most)
    if space not in (None, "z", "w"):
        what = f"Directions cannot be of the space '{space}'"
        raise PoiseError(what, code="cli.bad-space", hint="give z or w")
    names = dict(map(_named, name))
    for one in method:
        METHODS.named(one)  # before a classifier of labels is trained
    folder = one_run(run)
    generator = Generator.load(folder.path, device=device)
    step = int(generator.description.get("step", 0))
    note = ""
    if has_directions(folder.path) and not again:
        found = read_directions(folder.path)
        found.check(generator)
    else:
        with working(json=json) as stages:
            labels = None
            if not no_labels:

                def learning(share: float) -> None:
                    stages("learning the classes of the data", share)

                learning(0.0)
                try:
                    labels = labels_of_run(generator, cache=default_cache(), on_epoch=learning)
                except PoiseError as error:
                    note = f"No directions of labels: {error}"
            found = explore(
                generator,
                space=space,  # type: ignore[arg-type]  # checked above
                methods=method or None,
                labels=labels,
                most=most,
                seed=seed,
                on_stage=stages,
            )
    found = found.named(names)
    with folder.locked():
        save_directions(folder.path, found, step=step)
        picture = folder.path / SHEET
        contact_sheet(generator, found, seed=seed).save(picture)
    _report(found, picture, note, json=json)
    return 0


def _named(text: str) -> tuple[int, str]:
    number, sign, name = text.partition("=")
    if not sign or not number.isdigit():
        what = f"'{text}' names no direction"
        raise PoiseError(what, code="cli.bad-name", hint="give its number and a name: --name 3=smile")
    return int(number), name.strip()


def _report(found: Directions, picture: Path, note: str, *, json: bool) -> None:
    from poise.generator.exploring import better_than_random

    if json:
        rows = [
            {
                "number": number,
                "name": one.name,
                "label": one.label,
                "method": one.method,
                "better_than_random": better_than_random(one, found),
                "measures": {key: value.to_json() for key, value in one.measures.items()},
            }
            for number, one in enumerate(found.directions, 1)
        ]
        random = {key: value.to_json() for key, value in found.random.items()}
        about: dict[str, Any] = {"generator": found.generator, "space": found.space}
        notes = {"notes": [note]} if note else {}
        sheet = {"sheet": str(picture.absolute())}
        emit({"event": "directions", **about, "directions": rows, "random": random, **sheet, **notes})
        return
    console = output()
    if note:
        line(console, note)
    labelled = ["label"] if "log-odds" in found.random else []
    headings = ["effect", "distance", "cosine", "Fréchet", "precision", *labelled]
    columns = [*COLUMNS, *(["log-odds"] if labelled else [])]
    shown = table("", "direction", *headings, left=2)
    for number, one in enumerate(found.directions, 1):
        mark = "" if better_than_random(one, found) else " (as random)"
        shown.add_row(str(number), (one.called or one.method) + mark, *_numbers(one, columns))
    low_high = {key: value.interval for key, value in found.random.items()}
    ranges = [f"{low:.2f}-{high:.2f}" for low, high in (low_high[key] for key in columns)]
    shown.add_row("", "random, from-to", *ranges)
    console.print(shown)
    line(
        console,
        "effect: what one standard deviation changes in the same way in all samples; ± is half of a 95 % "
        f"interval; Fréchet and precision at two deviations, against samples as they are ({found.space})",
    )
    if labelled:
        line(console, "label: what one standard deviation adds to the log-odds of the direction's own label")
    line(console, "wrote ", (short_path(picture), "cyan"), f": {counted(len(found), 'direction')}")


COLUMNS = ("effect", "distance", "consistency", "frechet", "precision")


def _numbers(one: Direction, columns: Sequence[str]) -> list[str]:
    made = []
    for key in columns:
        if (measure := one.measures.get(key)) is None:
            made.append("")
            continue
        low, high = measure.interval
        made.append(f"{measure.value:.2f} ±{(high - low) / 2:.2f}")
    return made
