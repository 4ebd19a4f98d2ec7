"""`poise edit`: samples and pictures, moved along directions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.verb import Device, Json, Name, Number, at_least, emit, line, output, verb
from poise.errors import PoiseError
from poise.text import counted, short_path

if TYPE_CHECKING:
    from torch import Tensor

    from poise.generator import Directions, Generator
    from poise.generator.editing import Subjects
    from poise.generator.inverted import Inversion

DEFAULT_COUNT = 8
Turned = Annotated[
    tuple[str, ...], Parameter(name="--direction", metavar="NAME=STRENGTH", show_default=False)
]

app = verb(
    "edit",
    ("poise edit runs/hands --direction smile=+2", "eight samples"),
    ("poise edit runs/hands --direction 3=-1.5 me.jpg", "a picture of yours"),
    ("poise edit runs/hands --direction 1=2 --direction 4=1", "two at once"),
    ("poise edit runs/hands --direction 1=2 --mask m.png me.jpg", "a part of it"),
)


@app.default
def edit(
    run: Path,
    /,
    *subjects: str,
    direction: Turned = (),
    mask: Annotated[Path | None, Parameter(metavar="PICTURE")] = None,
    count: Annotated[int, Parameter(name=("-n", "--count"), metavar="N")] = DEFAULT_COUNT,
    label: Name = None,
    seed: Number = 0,
    out: Annotated[Path | None, Parameter(metavar="PATH")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Move samples or pictures along directions of poise directions.

    A strength counts standard deviations of the samples. A picture is found
    in the generator first, unless poise invert has found it already.

    Args:
        run: The run's folder.
        subjects: Pictures, a folder of poise invert, or names of samples; by default samples of the seed.
        direction: A direction's name or number, and how far to go: smile=+2; may be given often.
        mask: A picture that is white where the edit is wanted; the rest stays, and how far is said.
        count: How many samples, if no subjects are named.
        label: The class of those samples; by default each class as often as in the data.
        seed: Draws those samples.
        out: A .png for a sheet, or a folder/ for a file each; by default edited.png in RUN.
        device: Where they are edited.
    """
    import torch

    from poise.cli.outputs import writing_to
    from poise.generator import Generator, read_directions
    from poise.generator.editing import change_outside, read_mask, read_strengths, within_mask
    from poise.generator.editing import edit as moved
    from poise.run_folder import one_run

    at_least(0, seed=seed)
    at_least(1, samples=count)
    if not direction:
        hint = "name one: --direction 1=+2; poise directions RUN shows them"
        raise PoiseError("No direction is named", code="cli.no-direction", hint=hint)
    strengths = read_strengths(direction)
    folder = one_run(run).path
    generator = Generator.load(folder, device=device)
    directions = read_directions(folder)
    directions.check(generator)
    found = _subjects(generator, directions, folder, subjects, count, label, seed, json=json)
    changed = moved(found, directions, strengths)
    before, after = found.images(), changed.images()
    columns, shown = ["before", "after"], [before, after]
    outside: list[tuple[float, float]] = []
    if mask is not None:
        area = read_mask(mask, (generator.shape[1], generator.shape[2]))
        local = within_mask(found, changed, area)
        columns, shown = ["before", "everywhere", "in the mask"], [before, after, local]
        outside = list(
            zip(
                change_outside(before, after, area).tolist(),
                change_outside(before, local, area).tolist(),
                strict=True,
            )
        )
    path = folder / "edited.png" if out is None else out
    with writing_to(path):
        _write(path, torch.stack(shown, 1), found, columns)
    change = (shown[-1] - before).square().flatten(1).mean(1).sqrt().tolist()
    if json:
        rows = [
            {"subject": name, "change": moved_by, **({"outside": outside[row][1]} if outside else {})}
            for row, (name, moved_by) in enumerate(zip(found.names, change, strict=True))
        ]
        about = {"run": str(folder.absolute()), "out": str(path.absolute()), "space": found.space.name}
        emit({"event": "edited", **about, "strengths": strengths, "subjects": rows})
        return 0
    console = output()
    line(
        console,
        f"moved by {sum(change) / len(change):.3f} in the mean (root mean square; black and white are "
        "2 apart)",
    )
    if outside:
        wholly, local_change = (sum(one[place] for one in outside) / len(outside) for place in (0, 1))
        line(
            console,
            f"outside of the mask: {local_change:.4f}, and {wholly:.4f} if the whole picture were edited",
        )
    line(console, "wrote ", (short_path(path), "cyan"), f": {counted(len(found.names), 'picture')}")
    return 0


def _subjects(
    generator: Generator,
    directions: Directions,
    folder: Path,
    given: tuple[str, ...],
    count: int,
    label: str | None,
    seed: int,
    *,
    json: bool,
) -> Subjects:
    """What is to be edited: samples of a seed, named samples, or pictures."""
    from poise.generator.editing import of_inversion, of_names, of_samples
    from poise.generator.naming import FORM, SampleName

    if not given:
        return of_samples(generator, directions.space, count, seed=seed, label=label)
    if all(FORM.fullmatch(text) for text in given):
        return of_names(generator, directions.space, [SampleName.read(text) for text in given])
    if len(given) > 1:
        what = "Pictures are given one at a time, or as a folder"
        raise PoiseError(what, code="cli.many-pictures", hint="put them into a folder and name that")
    return of_inversion(generator, _inverted(generator, directions, folder, Path(given[0]), json=json))


def _inverted(
    generator: Generator, directions: Directions, folder: Path, path: Path, *, json: bool
) -> Inversion:
    """A picture, as it was found earlier or as it is found now."""
    from poise.cli.invert import LATENTS
    from poise.cli.working import working
    from poise.data import default_cache
    from poise.generator.inverted import rows_of
    from poise.generator.pictures import open_pictures
    from poise.generator.stored_inversion import earlier_inversion, read_inversion
    from poise.metrics.arrays import fingerprint

    if (path / LATENTS).is_dir():
        return read_inversion(path / LATENTS)
    opened = open_pictures(generator, path)
    keys = [fingerprint(image) for image in opened.images]
    earlier = earlier_inversion(folder / "inverted" / LATENTS)
    if earlier is not None and set(keys) <= set(earlier.keys) and earlier.space[0] == directions.space:
        earlier.check(generator)
        return rows_of(earlier, [earlier.keys.index(key) for key in keys])
    with working(json=json) as stages:
        return generator.invert(
            path, space=directions.space, own_samples=0, cache=default_cache(), on_stage=stages
        )


def _write(path: Path, cells: Tensor, found: Subjects, columns: list[str]) -> None:
    from poise.cli.outputs import OutputFolder
    from poise.generator.sheets import sheet

    texts = [name[-28:] for name in found.names]
    if path.suffix.lower() == ".png":
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet(cells, rows=texts, columns=columns).save(path)
        return
    if path.suffix:
        hint = "name a .png for a sheet, or a folder/ for a file each"
        raise PoiseError(f"Edits cannot be written as '{path.suffix}'", code="cli.unknown-format", hint=hint)
    from poise.data import Pixels, save_image, to_pixels

    names = [f"edited-{number:05}.png" for number in range(len(cells))]
    target = OutputFolder(path, made_by="poise edit", card="edits.json")
    with target.writing(names, {"subjects": list(found.names)}):
        for name, pixels in zip(names, to_pixels(cells[:, -1], Pixels()), strict=True):
            save_image(pixels, path / name)
