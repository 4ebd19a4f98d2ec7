"""Folders and archives of fields: arrays, and pictures of any depth, each file a sample with all its bits."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from dataclasses import dataclass

import numpy as np

from poise.data.cache import cached
from poise.data.kinds.kind import Request
from poise.data.rows import JSON, Array, RowWriter, digest_of, in_order
from poise.data.sources.arrays import array_of
from poise.data.sources.decoding import open_checked, reason_of, upright
from poise.data.sources.files import ARRAY_SUFFIXES, READ_SUFFIXES, Collection, Listing, suffix_of
from poise.data.sources.image_texts import check_share, shown
from poise.data.sources.pictures import bands_of, deep_values
from poise.errors import PoiseError
from poise.text import counted, first_few

_VERSION = 1
_SHAPES = 3  # Shapes that an error lists


@dataclass(frozen=True, eq=False)
class FieldFiles:
    """The files of a folder as rows of one shape and type."""

    array: Array  # (N, *shape of a file), memory-mapped
    files: tuple[str, ...]  # In the order of rows
    refused: dict[str, str]  # Why a file is none of them
    listing: Listing


def read_fields(collection: Collection, name: str, request: Request) -> FieldFiles:
    """Every file that holds an array or a picture, as it is.

    Raises:
        PoiseError: There is none, they differ in shape or type, or too many cannot be read.
    """
    listing = collection.listing()
    suffixes = Counter(suffix_of(file) for file in listing.files)
    arrays = sum(suffixes[suffix] for suffix in ARRAY_SUFFIXES)
    # pictures beside arrays are previews of them
    wanted = ARRAY_SUFFIXES if arrays else READ_SUFFIXES
    files = [file for file in listing.files if suffix_of(file) in wanted]
    refused = dict(listing.refused)
    digests: dict[str, str] = {}
    found: dict[str, tuple[tuple[int, ...], str]] = {}

    def looked_at(file: str) -> tuple[str, tuple[int, ...], str] | str:
        try:
            content = collection.read(file)
            values = field_of(content, suffix_of(file), file)
            return hashlib.sha256(content).hexdigest(), values.shape, values.dtype.str
        except Exception as error:
            return _reason(error)

    for number, (file, one) in enumerate(zip(files, in_order(looked_at, files), strict=True), 1):
        if isinstance(one, str):
            refused[file] = one
        else:
            digests[file], found[file] = one[0], one[1:]
        if request.progress is not None:
            request.progress(number, 2 * len(files))
    if not found:
        raise _no_fields(name, refused, suffixes)
    check_share(name, refused, len(found), request.refuse_above, files="files")
    (shape, dtype), *others = dict.fromkeys(found.values())
    if others:
        raise _different(name, found)

    def fill(store: RowWriter) -> dict[str, JSON]:
        contents = in_order(lambda file: field_of(collection.read(file), suffix_of(file), file), found)
        for number, values in enumerate(contents, len(files) + 1):
            store.write(values[None])
            if request.progress is not None:
                request.progress(number, 2 * len(files))
        return {}

    key = digest_of([_VERSION, list(digests.items())])
    entry = cached(request.cache, "fields", key, fill, shape=shape, dtype=dtype)
    return FieldFiles(entry.array, tuple(found), refused, listing)


def field_of(content: bytes, suffix: str, name: str) -> Array:
    """The values of one file, with all their bits: bands first, pages of a TIFF as the first axis."""
    if suffix in ARRAY_SUFFIXES:
        return array_of(io.BytesIO(content), suffix, name)
    file = io.BytesIO(content)
    bands = bands_of(file)
    if bands is not None:
        return np.stack([np.asarray(band) for band in bands])
    file.seek(0)
    image = open_checked(file)
    pages = int(getattr(image, "n_frames", 1))
    if pages > 1 and image.format == "TIFF":
        planes = []
        for page in range(pages):
            image.seek(page)
            planes.append(np.asarray(image))
        return np.stack(planes)
    image.load()
    deep = deep_values(file, image)
    return np.asarray(upright(image)) if deep is None else deep


def _reason(error: Exception) -> str:
    return error.sentence if isinstance(error, PoiseError) else reason_of(error)


def _no_fields(name: str, refused: dict[str, str], suffixes: Counter[str]) -> PoiseError:
    if refused:
        few = [f"{shown(file)} ({reason})" for file, reason in sorted(refused.items())]
        what = f"None of the {counted(len(refused), 'file')} in '{name}' can be used: {first_few(few)}"
        return PoiseError(what, code="data.fields-unusable", hint="save them again", details=few)
    there = ", ".join(f"{count:,} {suffix or 'without suffix'}" for suffix, count in suffixes.most_common(4))
    what = f"'{name}' holds no field" + (f", only other files ({there})" if there else "")
    hint = "name a folder with .npy, .npz, .pt, .h5, TIFF or PNG files"
    return PoiseError(what, code="data.no-fields", hint=hint)


def _different(name: str, found: dict[str, tuple[tuple[int, ...], str]]) -> PoiseError:
    counts = Counter(found.values()).most_common()
    shapes = [
        f"{count:,} of {np.dtype(dtype).name} {'x'.join(map(str, shape))}"
        for (shape, dtype), count in counts[:_SHAPES]
    ]
    rarest = [shown(file) for file, one in found.items() if one == counts[-1][0]]
    return PoiseError(
        f"The files in '{name}' differ in shape or type: {', '.join(shapes)}",
        code="data.fields-differ",
        why=f"of the rarest are {first_few(rarest)}",
        hint="bring them to one shape and type; fields are not resized, since that would change their values",
        details=rarest,
    )
