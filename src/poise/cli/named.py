"""Samples by name for the command line: what they are called, and how they are made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli.rows import SUFFIXES as ROWS
from poise.cli.verb import emit, line, output
from poise.errors import PoiseError
from poise.text import counted, short_path

if TYPE_CHECKING:
    from torch import Tensor

    from poise.generator import Generator
    from poise.generator.naming import SampleName

GRAPHS = (".graphml", ".g6", ".smi")
"""The files of graphs."""

ONE_FILE = (*GRAPHS, *ROWS)
"""The files that hold all samples of some kind."""


def names_of(
    generator: Generator,
    folder: Path,
    which: Sequence[int],
    rows: tuple[str, ...],
    *,
    columns: int,
    **asked: Any,
) -> list[SampleName]:
    """The names of samples by their indices; none of rows of tags, which have the tags of others."""
    from poise.generator.naming import name_of

    first = name_of(generator, folder, **asked)
    if not rows:
        return [replace(first, index=index) for index in which]
    labels = rows if generator.classes else ()
    return [replace(first, index=column, label=row) for row in labels for column in range(columns)]


def ends_of(names: Sequence[SampleName]) -> list[str]:
    """The first and the last name."""
    return [str(name) for name in dict.fromkeys((*names[:1], *names[-1:]))]


def mark_files(folder: Path, names: Sequence[SampleName], about: Mapping[str, Any]) -> None:
    """Write into the PNG files of a folder, in their order, which sample each of them is."""
    from poise.generator.marks import mark_png, marks_of

    files = sorted(folder.glob("*.png"))
    known = len(files) == len(names)
    for place, file in enumerate(files):
        of = {"made_by": "poise sample", "step": about["step"]}
        mark_png(file, marks_of(names[place : place + 1] if known else (), of))


def sample_again(
    folder: Path, given: Sequence[str], asked: Mapping[str, Any], out: str | None, *, device: str, json: bool
) -> int:
    """Make named samples again: one as a picture of its own size, several as a grid, or as raw numbers."""
    from poise.cli.progress import view_for

    others = [word for word, value in asked.items() if value is not None]
    if others:
        what = f"--name says which samples are meant, so {', '.join(others)} cannot be given"
        raise PoiseError(what, code="cli.name-and-others", hint="leave one of them out")
    with view_for(json=json).reading(short_path(folder)):
        from poise.cli.outputs import whole_file, writing_to
        from poise.generator.again import named_generator, read_names, samples_of, write_picture

        names = read_names(given)
        generator = named_generator(folder, names, device=device)
        path = folder / f"{in_a_name(str(names[0]))}.png" if out is None else Path(out).expanduser()
        refuse_file(path)
        with writing_to(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix.lower() == ".npy":
                made = samples_of(generator, names)
                write_array(path, len(made), iter([made]))
            else:
                with whole_file(path) as partial:
                    write_picture(generator, names, partial)
    if json:
        paths = {"run": str(folder.absolute()), "samples": str(path.absolute())}
        emit({"event": "samples", **paths, "names": [str(name) for name in names]})
        return 0
    line(output(), "wrote ", (short_path(path), "cyan"), f": {counted(len(names), 'sample')} again")
    return 0


def in_a_name(text: str) -> str:
    """A text as a part of a file's name."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text)


def png_path(out: str | None, otherwise: Path, what: str) -> Path:
    """The PNG file to write, which `--out` names.

    Raises:
        PoiseError: It has another ending, or is something that others made.
    """
    path = otherwise if out is None else Path(out).expanduser()
    if path.suffix.lower() != ".png":
        sentence = f"{what} cannot be written as '{path.suffix or path.name}'"
        raise PoiseError(sentence, code="cli.unknown-format", hint="name a .png")
    refuse_file(path)
    return path


def writes_to(folder: Path, out: str) -> bool:
    """Whether the kind of data of a run writes all samples to one file of this name."""
    from poise.data import kind_of
    from poise.run_folder import one_run

    data = one_run(folder).data
    kind = kind_of(data)
    return suffix_in(Path(out), ONE_FILE) in kind.file_suffixes(kind.load_transform(data["encoding"]))


def suffix_in(path: Path, known: Sequence[str]) -> str:
    """The one of these that a file ends in, which may have two dots, or else its last."""
    return max(
        (one for one in known if path.name.lower().endswith(one)), key=len, default=path.suffix.lower()
    )


def refuse_file(path: Path) -> None:
    """Refuse a file of another format, and a picture that others made."""
    from PIL import Image

    from poise.cli.outputs import would_overwrite

    suffix = suffix_in(path, ONE_FILE)
    if suffix not in (".png", ".npy", *ONE_FILE):
        hint = "name a .png for a grid, a .npy for raw numbers, or a folder/ for a file each"
        raise PoiseError(f"Samples cannot be written as '{suffix}'", code="cli.unknown-format", hint=hint)
    if suffix == ".png" and path.exists():
        try:
            with Image.open(path) as image:
                ours = "poise" in image.info
        except (OSError, ValueError, SyntaxError):
            ours = False
        if not ours:
            raise would_overwrite(path)


def write_one_file(path: Path, generator: Generator, count: int, pieces: Iterator[Tensor]) -> str:
    """Write all samples to one file of their kind or as an array, and return how it holds them.

    Raises:
        PoiseError: The kind has no such file, or it is there and holds something else.
    """
    import filecmp

    from poise.cli.outputs import whole_file, would_overwrite

    kind, transform, suffix = generator.kind, generator.transform, suffix_in(path, ONE_FILE)
    if suffix not in ONE_FILE:
        return write_array(path, count, pieces)
    known = kind.file_suffixes(transform)
    if kind.write_file is None or suffix not in known:
        what = f"{kind.plural.capitalize()} of this run cannot be written as '{suffix}'"
        hint = f"name a {' or '.join((*known, '.png', '.npy'))} or a folder/"
        raise PoiseError(what, code="cli.unknown-format", hint=hint)
    with whole_file(path) as partial:
        kind.write_file(partial, pieces, transform)
        # It has no room for a mark of ours, so it may only be written again with the same samples
        if path.exists() and not (path.is_file() and filecmp.cmp(path, partial, shallow=False)):
            raise would_overwrite(path)
    return "in one file"


def write_array(path: Path, count: int, pieces: Iterator[Tensor]) -> str:
    """Write pieces of samples as one array of float32, and return how the file holds them."""
    import filecmp

    import numpy as np

    from poise.cli.outputs import whole_file, would_overwrite

    first = next(pieces)  # sounds become waves, whose shape is not that of what networks make
    shape, start = (count, *first.shape[1:]), 0
    with whole_file(path) as partial:
        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
        for piece in chain([first], pieces):
            array[start : start + len(piece)] = piece.numpy()
            start += len(piece)
        array.flush()
        # An array has no room for a mark of ours, so it may only be written again with the same content.
        if path.exists() and not (path.is_file() and filecmp.cmp(path, partial, shallow=False)):
            raise would_overwrite(path)
    return f"as float32 of shape {shape}"
