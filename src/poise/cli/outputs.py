"""Samples and translations as files; what others made is never written over."""

from __future__ import annotations

import filecmp
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from poise.errors import PoiseError, report_system_errors

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from poise.generator import Generator

PIECE = 256
"""Samples made at once: the generator's own number, so that the bits are those of `Generator.sample`."""

DEFAULT_COUNT = 64
COLUMNS = 8
"""Samples in a row of a grid that has a row for each class."""

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")

Form = Literal["grid", "array", "folder"]


@dataclass(frozen=True)
class Request:
    """Which samples are wanted: of one class, of all (`None`), or a row of a grid for each of `rows`."""

    count: int
    seed: int
    label: str | None = None
    rows: tuple[str, ...] = ()

    def pieces(self, generator: Generator) -> Iterator[Tensor]:
        """The samples, some at once."""
        latents = generator.latents(self.count, seed=self.seed)
        conditions = generator.conditions(self.count, seed=self.seed, label=self.label)
        for start in range(0, self.count, PIECE):
            condition = None if conditions is None else conditions[start : start + PIECE]
            yield generator(latents[start : start + PIECE], condition)


@dataclass(frozen=True)
class Translated:
    """Translations that were written, in the order of the inputs, and the inputs that could not be used."""

    files: tuple[str, ...]
    refused: tuple[str, ...]
    notices: tuple[str, ...]
    shape: tuple[int, ...]


class OutputFolder:
    """A folder that a command fills; a card in it lists the files that are ours."""

    def __init__(self, path: Path, *, made_by: str, card: str) -> None:
        self.path, self.made_by, self._card = path, made_by, path / card
        if path.exists() and not path.is_dir():
            what, hint = f"'{path}' is a file, not a folder", "name another with --out"
            raise PoiseError(what, code="cli.not-a-folder", hint=hint)
        self._before = _files_of(self._card)
        present = {file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir()}
        if strangers := sorted(present - self._before - {card}):
            what = f"The folder '{path}' holds other things, such as '{strangers[0]}'"
            hint = "name a new or an empty folder with --out"
            raise PoiseError(what, code="cli.folder-not-ours", hint=hint)

    @contextmanager
    def writing(self, names: Sequence[str], about: Mapping[str, Any]) -> Iterator[None]:
        """Write files of these names within; afterwards the folder holds them alone."""
        card = {"made_by": self.made_by, **about}
        self.path.mkdir(parents=True, exist_ok=True)
        # First what is about to be there, so that a folder left half written is known as ours.
        self._card.write_text(
            json.dumps({**card, "files": sorted({*names, *self._before})}), encoding="utf-8"
        )
        yield
        for name in self._before - set(names):
            (self.path / name).unlink(missing_ok=True)
        self._card.write_text(json.dumps({**card, "files": sorted(names)}), encoding="utf-8")


@dataclass(frozen=True)
class Target:
    """Where samples go, and what it is to hold."""

    path: Path
    form: Form
    folder: OutputFolder | None = None


def sample_target(out: str) -> Target:
    """What `poise sample --out` means; a folder ends in a slash, exists, or has no ending.

    Example:
        >>> sample_target("grid.png").form, sample_target("samples.npy").form, sample_target("digits/").form
        ('grid', 'array', 'folder')
    """
    path = Path(out).expanduser()
    suffix = path.suffix.lower()
    if out.endswith("/") or path.is_dir() or not suffix:
        return Target(path, "folder", OutputFolder(path, made_by="poise sample", card="samples.json"))
    if suffix not in (".png", ".npy"):
        hint = "name a .png for a grid, a .npy for raw numbers, or a folder/ for a file each"
        raise PoiseError(f"Samples cannot be written as '{suffix}'", code="cli.unknown-format", hint=hint)
    if suffix == ".png" and path.exists() and not _is_our_grid(path):
        raise _taken(path)
    return Target(path, "grid" if suffix == ".png" else "array")


def sample_request(
    generator: Generator, target: Target, *, count: int | None, seed: int, label: str | None
) -> Request:
    """Which samples are meant: by default 64, or a grid with a row for each class."""
    if count is None and label is None and target.form == "grid" and generator.classes:
        return Request(COLUMNS * len(generator.classes), seed, rows=generator.classes)
    return Request(DEFAULT_COUNT if count is None else count, seed, label)


def save_samples(generator: Generator, target: Target, request: Request) -> str:
    """Make samples, write them, and return what was written, in words; a file appears whole or not at all."""
    about = {
        "count": request.count,
        "seed": request.seed,
        "label": request.label,
        "step": generator.description.get("step"),
    }
    kind, path = generator.kind, target.path
    with _writing(f"The samples cannot be written to '{path}'"):
        path.parent.mkdir(parents=True, exist_ok=True)
        if target.folder is not None:
            with target.folder.writing(kind.written(request.count), about):
                kind.write(path, request.pieces(generator), request.count)
            return kind.as_files
        with _whole(path) as partial:
            if target.form == "grid":
                _draw_grid(generator, partial, request, about)
                return kind.as_picture
            shape = _write_array(generator, partial, request)
            # An array has no room for a mark of ours, so it may only be written again with the same content.
            if path.exists() and not (path.is_file() and filecmp.cmp(path, partial, shallow=False)):
                raise _taken(path)
            return f"as float32 of shape {shape}"


def save_translations(
    generator: Generator, inputs: Path, folder: OutputFolder, *, direction: str, seed: int
) -> Translated:
    """Translate a folder, a zip or an image, and write each output under the name of its input."""
    from poise.data import Pixels, save_image, to_pixels

    single = inputs.is_file() and inputs.suffix.lower() in IMAGES
    images = _pixels_of(generator, inputs, direction) if single else inputs
    dataset = generator.translatable(images, direction=direction, refuse_above=1)
    files = _output_names([inputs.name] if single else dataset.files or map(str, range(len(dataset))))
    refused = tuple(f"{one['file']}: {one['reason']}" for one in dataset.summary.get("refused", []))
    shape: tuple[int, ...] = ()
    with (
        _writing(f"The translations cannot be written to '{folder.path}'"),
        folder.writing(files, {"direction": direction, "seed": seed}),
    ):
        left = iter(files)
        for piece in generator.translations(dataset, direction=direction, seed=seed):
            for pixels in to_pixels(piece, Pixels()):
                shape, path = pixels.shape, folder.path / next(left)
                path.parent.mkdir(parents=True, exist_ok=True)
                save_image(pixels, path)
    return Translated(tuple(files), refused, dataset.notices, shape)


def _draw_grid(generator: Generator, path: Path, request: Request, about: Mapping[str, Any]) -> None:
    from PIL.PngImagePlugin import PngInfo

    mark = PngInfo()
    mark.add_text("poise", json.dumps({"made_by": "poise sample", **about}))
    if request.rows:
        image = generator.class_grid(COLUMNS, seed=request.seed)
    else:
        image = generator.grid(request.count, seed=request.seed, label=request.label)
    image.save(path, format="PNG", pnginfo=mark)


def _write_array(generator: Generator, path: Path, request: Request) -> tuple[int, ...]:
    import numpy as np

    shape, start = (request.count, *generator.shape), 0
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for piece in request.pieces(generator):
        array[start : start + len(piece)] = piece.numpy()
        start += len(piece)
    array.flush()
    return shape


def _pixels_of(generator: Generator, image: Path, direction: str) -> np.ndarray[Any, Any]:
    """One image, with the channels and the size that one direction takes."""
    from poise.data import RefusedError, as_channels, read_image

    channels, _, side = generator.input_shape(direction)
    what, code = f"'{image}' cannot be read", "cli.unreadable-image"
    try:
        with report_system_errors(what, code=code), image.open("rb") as file:
            return as_channels(read_image(file, resolution=side), channels)[None]
    except RefusedError as error:
        raise PoiseError(what, code=code, why=str(error)) from None


def _output_names(inputs: Iterator[str] | Sequence[str]) -> list[str]:
    """Each input's own path, ending in .png; behind its whole name if two would meet otherwise."""
    names = list(inputs)
    plain = [str(PurePosixPath(name).with_suffix(".png")) for name in names]
    often = Counter(plain)
    return [short if often[short] == 1 else f"{name}.png" for short, name in zip(plain, names, strict=True)]


def _files_of(card: Path) -> set[str]:
    """The files that a card lists; none if it is no card of ours."""
    try:
        names = [PurePosixPath(str(name)) for name in json.loads(card.read_text(encoding="utf-8"))["files"]]
    except (OSError, ValueError, TypeError, KeyError):
        return set()
    return {str(name) for name in names if not name.is_absolute() and ".." not in name.parts}


def _writing(what: str) -> Any:
    return report_system_errors(what, code="cli.cannot-write", hint="name another place with --out")


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its name if the block ends well, and is removed if it does not."""
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


def _taken(path: Path) -> PoiseError:
    what = f"'{path}' exists already and holds something else"
    return PoiseError(what, code="cli.would-overwrite", hint="remove it, or name another with --out")
