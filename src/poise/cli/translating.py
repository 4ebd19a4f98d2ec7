"""Translations into a folder: each under the name of its input; what others made is never written over."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from poise.errors import PoiseError, report_system_errors

if TYPE_CHECKING:
    from poise.generator import Generator

CARD = "translations.json"
"""What says, in a folder of translations, which files are ours."""

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True)
class Done:
    """What was written.

    Attributes:
        files: Relative to the folder, in the order of the inputs.
        refused: Inputs that could not be used.
        notices: What a person should know of the inputs.
        shape: Of one output.
    """

    files: tuple[str, ...]
    refused: tuple[str, ...]
    notices: tuple[str, ...]
    shape: tuple[int, ...]


def checked_folder(out: Path) -> frozenset[str]:
    """The translations that a folder holds from before.

    Args:
        out: The folder; it need not be there.

    Raises:
        PoiseError: It is a file, or holds what `poise translate` did not make.
    """
    if out.exists() and not out.is_dir():
        raise PoiseError(f"'{out}' is a file and no folder", hint="name another with --out")
    if not out.is_dir():
        return frozenset()
    ours = _ours(out)
    there = {str(path.relative_to(out).as_posix()) for path in out.rglob("*") if not path.is_dir()}
    strangers = sorted(there - ours - {CARD})
    if strangers:
        raise PoiseError(
            f"The folder '{out}' holds other things, such as '{strangers[0]}'",
            hint="name a new or an empty folder with --out",
        )
    return frozenset(ours)


def save_translations(
    generator: Generator, inputs: Path, out: Path, before: frozenset[str], *, direction: str, seed: int
) -> Done:
    """Translate images and write them.

    Args:
        generator: The generator.
        inputs: A folder, a zip or an image.
        out: The folder, checked.
        before: The translations that it holds from before; those that are not written anew are removed.
        direction: Which way.
        seed: Draws the noise.

    Raises:
        PoiseError: There is nothing to translate, no such direction, or the folder cannot be written.
    """
    from PIL import Image

    from poise.data import Transform, to_pixels

    source = generator.translatable(
        _one_or_many(generator, inputs, direction), direction=direction, refuse_above=1
    )
    single = inputs.is_file() and inputs.suffix.lower() in IMAGES
    names = [inputs.name] if single else list(source.files or map(str, range(len(source))))
    files = _outputs(names)
    refused = tuple(f"{one['file']}: {one['reason']}" for one in source.summary.get("refused", []))
    card = {"made_by": "poise translate", "direction": direction, "seed": seed, "files": sorted(files)}
    shape: tuple[int, ...] = ()
    what = f"The translations cannot be written to '{out}'"
    with report_system_errors(what, hint="name another place with --out"):
        out.mkdir(parents=True, exist_ok=True)
        # First what is about to be there, so that a folder left half written is known as ours.
        (out / CARD).write_text(json.dumps({**card, "files": sorted({*files, *before})}), encoding="utf-8")
        left = iter(files)
        for piece in generator.translations(source, direction=direction, seed=seed):
            for pixels in to_pixels(piece, Transform("pixels")):
                shape, path = pixels.shape, out / next(left)
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0).copy()).save(
                    path
                )
        for name in before - set(files):
            (out / name).unlink(missing_ok=True)
        (out / CARD).write_text(json.dumps(card), encoding="utf-8")
    return Done(tuple(files), refused, source.notices, shape)


def _one_or_many(generator: Generator, inputs: Path, direction: str) -> Any:
    """What can be opened as data; of one image its pixels."""
    if not (inputs.is_file() and inputs.suffix.lower() in IMAGES):
        return inputs
    from poise.data.conversion import RefusedError, as_channels, read_image

    channels, _, side = generator.taken(direction)
    try:
        with report_system_errors(f"'{inputs}' cannot be read"), inputs.open("rb") as file:
            return as_channels(read_image(file, resolution=side), channels)[None]
    except RefusedError as error:
        raise PoiseError(f"'{inputs}' cannot be read", why=str(error)) from None


def _outputs(names: list[str]) -> list[str]:
    """Where each input goes: its own path, ending in .png; the whole name where two would meet."""
    plain = [str(PurePosixPath(name).with_suffix(".png")) for name in names]
    often = Counter(plain)
    return [name if often[name] == 1 else f"{whole}.png" for name, whole in zip(plain, names, strict=True)]


def _ours(folder: Path) -> set[str]:
    """The files that the card of a folder lists; none where there is no card of ours."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        names = [PurePosixPath(str(name)) for name in card["files"]]
    except (OSError, ValueError, TypeError, KeyError):
        return set()
    return {str(name) for name in names if not name.is_absolute() and ".." not in name.parts}
