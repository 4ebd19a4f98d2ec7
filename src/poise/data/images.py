"""From files that may be images to rows on disk: each is decoded once, and what cannot be used is listed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import statistics
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import ImageFile

from poise.data.cache import RowWriter, keep, kept
from poise.data.collection import Collection
from poise.data.conversion import (
    GREY_MODES,
    VERSION,
    as_channels,
    read_image,
    reason_of,
)
from poise.data.dataset import JSON, Array, Dataset, Progress, fingerprint
from poise.data.image_files import Facts, examined
from poise.data.image_findings import check_share, nothing_usable, notices_of, summary_of
from poise.data.labels import folder_labels
from poise.data.threads import in_order
from poise.data.transform import Transform
from poise.errors import PoiseError

_LARGEST_DEFAULT = 64


def from_collection(
    collection: Collection,
    *,
    name: str,
    cache: Path,
    resolution: int | None,
    channels: int | None,
    refuse_above: float,
    progress: Progress | None,
) -> Dataset:
    """A source from a folder or an archive of images.

    Args:
        collection: Where the files lie.
        name: What the person named.
        cache: Folder of the cache.
        resolution: Pixels a side; None to take it from the files.
        channels: 1 or 3; None for grey where every image is grey, else colour.
        refuse_above: The share of image files that may be unusable.
        progress: Called with (done, total); a file counts once when it is read and once when it is decoded.

    Raises:
        PoiseError: There is no usable image, more are refused than may be, or there is no room to keep them.
    """
    if channels not in (None, 1, 3):
        raise PoiseError(f"Images in '{name}' cannot be given {channels} channels", hint="give 1 or 3")
    with _strict_pillow():
        listing = collection.listing()
        facts = examined(collection, listing, cache, progress)
        usable = [file for file, fact in facts.items() if not fact.reason and not fact.ignored]
        refused = dict(listing.refused) | {file: fact.reason for file, fact in facts.items() if fact.reason}
        if not usable:
            raise nothing_usable(name, facts, refused, listing)
        size = resolution or _default_resolution([facts[file] for file in usable])
        found_as = [
            [file, facts[file].bytes, facts[file].digest] for file in facts if not facts[file].ignored
        ]
        key = hashlib.sha256(json.dumps([VERSION, size, channels, found_as]).encode()).hexdigest()
        entry = kept(cache, "images", key)
        if entry is None:

            def fill(store: RowWriter) -> dict[str, JSON]:
                return _decoded(collection, facts, usable, size, channels, store, progress)

            depth = channels or (1 if all(facts[file].mode in GREY_MODES for file in usable) else 3)
            try:
                entry = keep(cache, "images", key, fill, shape=(depth, size, size), dtype="uint8")
            except _NoneDecodedError as failed:
                raise nothing_usable(name, facts, refused | failed.refused, listing) from None
        elif progress is not None:
            progress(2 * len(facts), 2 * len(facts))
    refused |= entry.about["refused"]
    files = tuple(file for file in usable if file not in refused)
    good = [facts[file] for file in files]
    check_share(name, refused, len(good), refuse_above)
    labels, label_names = folder_labels(files) or (None, ())
    shape = entry.array.shape
    transform = Transform("pixels")
    summary = summary_of(collection, listing, facts, good, refused, shape)
    return Dataset(
        name=name,
        kind="image",
        shape=shape[1:],
        transform=transform,
        fingerprint=fingerprint(entry.survey.digest, shape=shape, dtype="uint8", transform=transform),
        summary=summary,
        notices=notices_of(name, summary, given=resolution is not None),
        array=entry.array,
        labels=labels,
        label_names=label_names,
        files=files,
        sizes=tuple((fact.width, fact.height) for fact in good),
    )


@contextlib.contextmanager
def _strict_pillow() -> Iterator[None]:
    """Truncated images are errors, whatever the program around has set; large ones are our own affair."""
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


class _NoneDecodedError(Exception):
    def __init__(self, refused: dict[str, str]) -> None:
        super().__init__("none decoded")
        self.refused = refused


def _decoded(
    collection: Collection,
    facts: dict[str, Facts],
    usable: list[str],
    size: int,
    channels: int | None,
    store: RowWriter,
    progress: Progress | None,
) -> dict[str, JSON]:
    """Writes the rows of all usable files, and gives back which of them could not be decoded after all."""
    depth = store.shape[0]

    def one(file: str) -> Array | str:
        try:
            content = collection.read(file)
            if hashlib.sha256(content).hexdigest() != facts[file].digest:
                return "it changed while it was being read"
            return as_channels(read_image(io.BytesIO(content), resolution=size), depth)
        except Exception as error:
            return reason_of(error)

    refused: dict[str, str] = {}
    grey = channels is None and depth == 3
    total, done = 2 * len(facts), 2 * len(facts) - len(usable)
    for file, row in zip(usable, in_order(one, usable), strict=True):
        done += 1
        if isinstance(row, str):
            refused[file] = row
        else:
            store.write(row[None])
            grey = grey and bool((row[0] == row[1]).all() and (row[0] == row[2]).all())
        if progress is not None:
            progress(done, total)
    if not store.count:
        raise _NoneDecodedError(refused)
    if grey:
        store.rewrite((1, size, size), lambda rows: rows[:, :1])
    return {"refused": refused}


def _default_resolution(facts: list[Facts]) -> int:
    short = statistics.median(min(fact.width, fact.height) for fact in facts)
    return min(_LARGEST_DEFAULT, 1 << (int(short).bit_length() - 1))
