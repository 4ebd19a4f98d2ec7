"""`poise sample`: from a run to pictures or numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from poise.cli.named import (
    ends_of,
    in_a_name,
    mark_files,
    names_of,
    refuse_file,
    sample_again,
    write_one_file,
    writes_to,
)
from poise.cli.rows import names_rows, sample_rows
from poise.cli.verb import Device, Json, Name, Names, Number, Switch, at_least, emit, line, output, verb
from poise.errors import PoiseError
from poise.text import counted, short_path

if TYPE_CHECKING:
    from torch import Tensor

    from poise.cli.outputs import OutputFolder
    from poise.generator import Generator
    from poise.generator.naming import SampleName
    from poise.generator.refining import Refined

PIECE = 256
"""Samples made at once: the generator's own number, so that the bits are those of `Generator.sample`."""

DEFAULT_COUNT = 64
COLUMNS = 8  # Samples in a row of a grid that has a row for each class

app = verb(
    "sample",
    ("poise sample runs/demo", "a grid of 64 into runs/demo"),
    ("poise sample runs/demo -n 16 --seed 7 --out g.png", "another grid"),
    ("poise sample runs/demo -n 1000 --out digits/", "a thousand files"),
    ("poise sample runs/demo -n 50000 --out samples.npy", "raw numbers"),
    ("poise sample runs/flags --label japan -n 16", "one class"),
    ("poise sample runs/faces --tags smile,hat", "these tags and no others"),
    ("poise sample runs/demo --refine reject", "those nearer to the data"),
    ("poise sample runs/demo --name grid.png", "its samples again"),
    ("poise sample runs/adult -n 1000 --out rows.csv", "rows of a table"),
    ("poise sample runs/adult --where 'age>40'", "rows that meet a condition"),
)


@app.default
def sample(
    run: Path,
    /,
    *,
    count: Annotated[int | None, Parameter(name=("-n", "--count"), metavar="N")] = None,
    label: Name = None,
    tags: Annotated[str | None, Parameter(metavar="TAGS")] = None,
    seed: Number = 0,
    where: Annotated[str | None, Parameter(metavar="CONDITION")] = None,
    truncation: Annotated[float | None, Parameter(metavar="NUMBER")] = None,
    refine: Name = None,
    filter_copies: Switch = False,
    out: Annotated[str | None, Parameter(metavar="PATH")] = None,
    name: Names = (),
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Make samples with the generator of a run.

    The same seed makes the same samples. Raw numbers are float32: images of
    shape (N, C, H, W) in -1 to 1, rows of shape (N, d) in the data's units.
    PNG files say that they are generated, and name their samples.

    Args:
        run: The run's folder.
        count: How many; by default 64, or 8 of each class or frequent tag, a row for each.
        label: Their class; by default each class as often as in the data.
        tags: Their tags, with commas between; by default those of samples of the data.
        seed: Draws the samples; the first of many are the same as of few.
        where: What every row of a table meets: comparisons of columns with values, and, or, not.
        truncation: Below 1 samples vary less and are more typical; of generators with styles.
        refine: Nearer to the data, by the run's discriminator: reject, chain, weights or langevin.
        filter_copies: Leave near-duplicates of training rows out.
        out: A .png for a grid, a .npy for raw numbers, a folder/ for a file each, a .csv or .parquet for rows
            of a table and for series of one, a .smi, .g6 or .graphml for graphs; by default a grid in RUN.
        name: Samples that were made before, by the names that were printed or by PNG files that hold them.
        device: Where they are made.
    """
    from poise.cli.outputs import writing_to
    from poise.cli.progress import view_for
    from poise.run_folder import one_run

    at_least(1, samples=count)
    at_least(0, seed=seed)
    folder = one_run(run).path
    if where is not None or (names_rows(out) and not writes_to(folder, str(out))):
        return sample_rows(
            folder, count, seed, where, out,
            {"class": label, "tags": tags, "truncation": truncation, "refinement": refine, "name": name},
            json=json,
        )  # fmt: skip
    if name:
        words: dict[str, Any] = {"-n": count, "--label": label, "--tags": tags, "--seed": seed or None}
        words |= {"--truncation": truncation, "--refine": refine, "--filter-copies": filter_copies or None}
        return sample_again(folder, name, words, out, device=device, json=json)
    wanted, asked_for = {"label": label, "tags": tags}, label if tags is None else tags or "no tags"
    named = "".join(in_a_name(f"-{one}") for one in (asked_for, refine) if one is not None)
    path, files = _place(folder / f"grid{named}-seed{seed}.png", out)
    is_grid = files is None and path.suffix.lower() == ".png"
    with view_for(json=json).reading(short_path(folder)):
        from poise.generator import Generator

        generator = Generator.load(folder, device=device)
        if truncation is not None:
            generator = generator.truncated(truncation)
        plain = asked_for is None and refine is None and not filter_copies
        rows = generator.rows if is_grid and count is None and plain else ()
        count = COLUMNS * len(rows) if rows else DEFAULT_COUNT if count is None else count
        step = generator.description.get("step")
        about: dict[str, Any] = {"count": count, "seed": seed, "label": label, "step": step}
        latents, conditions, refined = _inputs(generator, count, seed, wanted, refine, filter_copies)
        facts = {} if refined is None else refined.facts
        chosen = {"tags": tags, "truncation": truncation, "refine": refine, **facts}
        about |= {key: value for key, value in chosen.items() if value is not None}
        pieces = _pieces(generator, latents, conditions)
        names = names_of(
            generator,
            folder,
            range(count) if refined is None else refined.indices,
            rows,
            columns=COLUMNS,
            seed=seed,
            **wanted,
        )
        with writing_to(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if files is not None:
                with files.writing(generator.kind.written(count, generator.transform), about):
                    generator.kind.write(path, pieces, count, generator.transform)
                    mark_files(path, names, about)
                made = generator.kind.as_files
            elif is_grid:
                made = _draw_grid(generator, path, rows, about, (latents, conditions), names)
            else:
                made = write_one_file(path, generator, count, pieces)
    if json:
        asked = {"count": count, **wanted, "rows": list(rows), "seed": seed, "truncation": truncation}
        more = {**asked, "refine": refine, **facts, "shape": list(generator.shape), "step": step}
        paths = {"run": str(folder.absolute()), "samples": str(path.absolute())}
        emit({"event": "samples", **paths, **more, "names": ends_of(names)})
        return 0
    samples = counted(count, "sample") + ("" if asked_for is None else f" of '{asked_for}'")
    line(output(), "wrote ", (short_path(path), "cyan"), f": {samples} {made}, seed {seed}")
    _write_notes(refined, rows, names)
    return 0


def _place(by_default: Path, out: str | None) -> tuple[Path, OutputFolder | None]:
    """Where samples go: a file, or a folder that is filled; what others made is refused."""
    from poise.cli.outputs import OutputFolder

    path = by_default if out is None else Path(out).expanduser()
    if out is not None and (out.endswith("/") or path.is_dir() or not path.suffix):
        return path, OutputFolder(path, made_by="poise sample", card="samples.json")
    refuse_file(path)
    return path, None


def _write_notes(refined: Refined | None, rows: tuple[str, ...], names: Sequence[SampleName]) -> None:
    """What else is to be known of the samples."""
    if refined is not None:
        line(output(), refined.text)
    if rows:
        line(output(), "rows, from the top: ", ", ".join(rows))
    if names:
        line(output(), "names: ", " to ".join(ends_of(names)))


def _inputs(
    generator: Generator,
    count: int,
    seed: int,
    wanted: Mapping[str, str | None],
    refine: str | None,
    filter_copies: bool,
) -> tuple[Tensor, Tensor | None, Refined | None]:
    """The latents and conditions of the samples, and how they were chosen if they were."""
    if refine is not None and filter_copies:
        what, hint = "Samples are refined or filtered, not both at once", "leave one of the two out"
        raise PoiseError(what, code="cli.refined-and-filtered", hint=hint)
    if filter_copies:
        from poise.generator.copies import TrainingRows, without_copies

        filtered = without_copies(TrainingRows(generator), count, seed=seed, **wanted)
        return filtered.latents, filtered.conditions, filtered
    if refine is None:
        latents, conditions = (
            generator.latents(count, seed=seed),
            generator.conditions(count, seed=seed, **wanted),
        )
        return latents, conditions, None
    refined = generator.refined(count, refine, seed=seed, **wanted)
    return refined.latents, refined.conditions, refined


def _pieces(generator: Generator, latents: Tensor, conditions: Tensor | None) -> Iterator[Tensor]:
    """The samples, some at once."""
    for start in range(0, len(latents), PIECE):
        condition = None if conditions is None else conditions[start : start + PIECE]
        yield generator(latents[start : start + PIECE], condition)


def _draw_grid(
    generator: Generator,
    path: Path,
    rows: tuple[str, ...],
    about: Mapping[str, Any],
    inputs: tuple[Tensor, Tensor | None],
    names: Sequence[SampleName],
) -> str:
    from poise.cli.outputs import whole_file
    from poise.generator.marks import mark_png, marks_of

    image = generator.class_grid(COLUMNS, seed=about["seed"]) if rows else generator.picture(*inputs)
    with whole_file(path) as partial:
        image.save(partial, format="PNG")
        mark_png(partial, marks_of(names, {"made_by": "poise sample", **about}))
    return generator.kind.as_picture
