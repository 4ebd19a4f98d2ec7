"""Samples into files: a grid, raw numbers, or a file each; what others made is never written over."""

from __future__ import annotations

import filecmp
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from poise.errors import PoiseError, report_system_errors

if TYPE_CHECKING:
    from torch import Tensor

    from poise.generator import Generator

CARD = "samples.json"
"""What says, in a folder of samples, which files are ours."""

PIECE = 256
"""Samples made at once: the generator's own piece, so that the bits are those of `Generator.sample`."""

DEFAULT_COUNT = 64
COLUMNS = 8
"""Samples in a row where each class has one."""

Form = Literal["grid", "array", "folder"]


@dataclass(frozen=True)
class Target:
    """Where samples go.

    Attributes:
        path: A file or a folder.
        form: What it is to hold.
    """

    path: Path
    form: Form


@dataclass(frozen=True)
class Request:
    """Which samples are wanted.

    Attributes:
        count: How many.
        seed: From which they are drawn.
        label: Of which class; `None` for all, as often as in the data.
        rows: The classes of a grid's rows, where each has one.
    """

    count: int
    seed: int
    label: str | None = None
    rows: tuple[str, ...] = ()


def request_of(
    generator: Generator, place: Target, *, count: int | None, seed: int, label: str | None
) -> Request:
    """What a person means: without a number and a class, a grid of classes has a row for each.

    Args:
        generator: The generator.
        place: Where samples go.
        count: How many, where that is said.
        seed: From which they are drawn.
        label: Of which class, where that is said.
    """
    if count is None and label is None and place.form == "grid" and generator.classes:
        return Request(COLUMNS * len(generator.classes), seed, rows=generator.classes)
    return Request(DEFAULT_COUNT if count is None else count, seed, label)


def safe(label: str) -> str:
    """A class's name as a part of a file's."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in label)


def target(out: str) -> Target:
    """What a person means by `--out`, refused where something else lies there.

    Args:
        out: A `.png` file, a `.npy` file, or a folder: what ends in a slash, is a folder, or has no ending.

    Raises:
        PoiseError: It has another ending, or holds what `poise sample` did not make.

    Example:
        >>> target("grid.png").form, target("samples.npy").form, target("digits/").form
        ('grid', 'array', 'folder')
    """
    path = Path(out).expanduser()
    suffix = path.suffix.lower()
    if out.endswith("/") or path.is_dir() or not suffix:
        _refuse_strangers(path)
        return Target(path, "folder")
    if suffix not in (".png", ".npy"):
        raise PoiseError(
            f"Samples cannot be written as '{suffix}'",
            hint="name a .png for a grid, a .npy for raw numbers, or a folder/ for a file each",
        )
    if suffix == ".png" and path.exists() and not _is_our_grid(path):
        raise _taken(path)
    return Target(path, "grid" if suffix == ".png" else "array")


def save(generator: Generator, place: Target, request: Request) -> str:
    """Make samples and write them; a file appears whole or not at all.

    Args:
        generator: The generator.
        place: Where to.
        request: Which.

    Returns:
        What was written, in words.

    Raises:
        PoiseError: It cannot be written, or an array with other content is there.
    """
    form = {"grid": _save_grid, "array": _save_array, "folder": _save_folder}[place.form]
    what = f"The samples cannot be written to '{place.path}'"
    with report_system_errors(what, hint="name another place with --out"):
        place.path.parent.mkdir(parents=True, exist_ok=True)
        return form(generator, place.path, request)


def _save_grid(generator: Generator, path: Path, request: Request) -> str:
    from PIL.PngImagePlugin import PngInfo

    mark = PngInfo()
    mark.add_text("poise", json.dumps(_facts(generator, request)))
    if request.rows:
        image = generator.class_grid(COLUMNS, seed=request.seed)
    else:
        image = generator.grid(request.count, seed=request.seed, label=request.label)
    with _whole(path) as partial:
        image.save(partial, format="PNG", pnginfo=mark)
    return "in a grid" if len(generator.shape) == 3 else "in a scatter"


def _save_array(generator: Generator, path: Path, request: Request) -> str:
    import numpy as np

    shape = (request.count, *generator.shape)
    with _whole(path) as partial:
        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
        for start, piece in _pieces(generator, request):
            array[start : start + len(piece)] = piece.numpy()
        array.flush()
        # An array has no room for a mark of ours, so only its very content may be written again.
        if path.exists() and not (path.is_file() and filecmp.cmp(path, partial, shallow=False)):
            raise _taken(path)
    return f"as float32 of shape {shape}"


def _save_folder(generator: Generator, path: Path, request: Request) -> str:
    import numpy as np
    from PIL import Image

    from poise.data import to_pixels

    count = request.count
    images = len(generator.shape) == 3
    digits = max(5, len(str(count - 1)))
    names = [f"sample-{number:0{digits}}.png" for number in range(count)] if images else ["samples.csv"]
    before = _ours(path)
    path.mkdir(parents=True, exist_ok=True)
    card = {**_facts(generator, request), "files": names}
    # First what is about to be there, so that a folder left half written is known as ours.
    (path / CARD).write_text(json.dumps({**card, "files": sorted({*names, *before})}), encoding="utf-8")
    if images:
        for start, piece in _pieces(generator, request):
            for number, pixels in enumerate(to_pixels(piece, generator.transform), start):
                image = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
                Image.fromarray(image).save(path / names[number])
    else:
        header = ",".join(f"column_{number}" for number in range(generator.shape[0]))
        rows = np.concatenate([piece.numpy() for _, piece in _pieces(generator, request)])
        np.savetxt(path / "samples.csv", rows, fmt="%.9g", delimiter=",", header=header, comments="")
    for name in before - set(names):
        (path / name).unlink(missing_ok=True)
    (path / CARD).write_text(json.dumps(card), encoding="utf-8")
    return "in a PNG each" if images else "in a table"


def _pieces(generator: Generator, request: Request) -> Iterator[tuple[int, Tensor]]:
    latents = generator.latents(request.count, seed=request.seed)
    conditions = generator.conditions(request.count, seed=request.seed, label=request.label)
    for start in range(0, request.count, PIECE):
        condition = None if conditions is None else conditions[start : start + PIECE]
        yield start, generator(latents[start : start + PIECE], condition)


def _facts(generator: Generator, request: Request) -> dict[str, Any]:
    return {
        "made_by": "poise sample",
        "count": request.count,
        "seed": request.seed,
        "label": request.label,
        "step": generator.description.get("step"),
    }


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its name when the block ends well, and is gone when it does not."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _is_our_grid(path: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return "poise" in image.info
    except (OSError, ValueError, SyntaxError):
        return False


def _refuse_strangers(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise PoiseError(f"'{path}' is a file and no folder", hint="name another with --out")
    if not path.is_dir():
        return
    strangers = sorted({entry.name for entry in path.iterdir()} - _ours(path) - {CARD})
    if strangers:
        raise PoiseError(
            f"The folder '{path}' holds other things, such as '{strangers[0]}'",
            hint="name a new or an empty folder with --out",
        )


def _ours(folder: Path) -> set[str]:
    """The files that the card of a folder lists; none where there is no card of ours."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        return {str(name) for name in card["files"] if Path(name).name == name}
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def _taken(path: Path) -> PoiseError:
    return PoiseError(
        f"'{path}' is there already and holds something else", hint="remove it, or name another with --out"
    )
