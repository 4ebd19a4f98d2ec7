"""Folders and archives of images: each file is decoded once, and what cannot be used is listed."""

import contextlib
import dataclasses
import hashlib
import io
import statistics
import warnings
from collections import Counter
from collections.abc import Iterator

from PIL import ImageFile

from poise.data.cache import RowWriter, cached, read_entry
from poise.data.dataset import JSON, Array, Dataset, Progress, array_dataset, digest_of
from poise.data.kinds.kind import Request
from poise.data.sources.decoding import GREY_MODES, VERSION, as_channels, read_image, reason_of
from poise.data.sources.files import Collection, Listing, suffix_of
from poise.data.sources.image_files import Facts, examined
from poise.data.sources.labels import folder_labels
from poise.data.threads import in_order
from poise.data.transform import Pixels
from poise.errors import PoiseError
from poise.text import first_few

_LARGEST_DEFAULT = 64


def from_collection(collection: Collection, name: str, request: Request) -> Dataset:
    """A data set from a folder or an archive of images."""
    cache, channels, progress = request.cache, request.channels, request.progress
    if channels not in (None, 1, 3):
        what = f"Images in '{name}' cannot be given {channels} channels"
        raise PoiseError(what, code="data.channels", hint="give 1 or 3")
    with _strict_pillow():
        listing = collection.listing()
        facts = examined(collection, listing, cache, progress)
        usable = [file for file, fact in facts.items() if not fact.reason and not fact.ignored]
        refused = dict(listing.refused) | {file: fact.reason for file, fact in facts.items() if fact.reason}
        if not usable:
            raise nothing_usable(name, facts, refused, listing)
        short = statistics.median(min(facts[file].width, facts[file].height) for file in usable)
        size = request.resolution or min(_LARGEST_DEFAULT, 1 << (int(short).bit_length() - 1))
        found_as = [[file, fact.bytes, fact.digest] for file, fact in facts.items() if not fact.ignored]
        key = digest_of([VERSION, size, channels, found_as])

        def fill(store: RowWriter) -> dict[str, JSON]:
            return _decoded(collection, facts, usable, size, channels, store, progress)

        there = read_entry(cache, "images", key)
        depth = channels or (1 if all(facts[file].mode in GREY_MODES for file in usable) else 3)
        try:
            entry = there or cached(cache, "images", key, fill, shape=(depth, size, size), dtype="uint8")
        except _NoneDecodedError as failed:
            raise nothing_usable(name, facts, refused | failed.refused, listing) from None
        if there is not None and progress is not None:
            progress(2 * len(facts), 2 * len(facts))
    refused |= entry.about["refused"]
    files = tuple(file for file in usable if file not in refused)
    good = [facts[file] for file in files]
    check_share(name, refused, len(good), request.refuse_above)
    labels, label_names = folder_labels(files) or (None, ())
    summary = summary_of(collection, listing, facts, good, refused, entry.array.shape)
    notices = notices_of(name, summary, given=request.resolution is not None)
    dataset = array_dataset(entry.array, entry.survey.digest, "image", name, Pixels(), summary, notices)
    sizes = tuple((fact.width, fact.height) for fact in good)
    return dataclasses.replace(dataset, labels=labels, label_names=label_names, files=files, sizes=sizes)


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


def _shown(file: str) -> str:
    return file.encode("utf-8", "replace").decode("utf-8")


def _reasons(refused: dict[str, str]) -> list[str]:
    return [f"{_shown(file)} ({reason})" for file, reason in sorted(refused.items())]


def nothing_usable(
    name: str, facts: dict[str, Facts], refused: dict[str, str], listing: Listing
) -> PoiseError:
    """The error that there is no image to train on, with what was found instead."""
    if refused:
        few = first_few(_reasons(refused))
        what = f"None of the {len(refused):,} image files in '{name}' can be used: {few}"
        hint = "name a folder with whole PNG, JPEG, WEBP, BMP, GIF or TIFF files"
        return PoiseError(what, code="data.images-unusable", hint=hint, details=_reasons(refused))
    others = Counter(suffix_of(file) or "no suffix" for file in [*facts, *listing.ignored])
    there = ", ".join(f"{count:,} {suffix}" for suffix, count in others.most_common(4))
    what = f"'{name}' holds no image" + (f", only other files ({there})" if there else "")
    hint = "name a folder with PNG, JPEG, WEBP, BMP, GIF or TIFF files"
    return PoiseError(what, code="data.no-images", hint=hint)


def check_share(name: str, refused: dict[str, str], good: int, refuse_above: float) -> None:
    """Raises PoiseError if more of the image files are refused than may be."""
    count = len(refused) + good
    if len(refused) > refuse_above * count:
        share, few = 100 * len(refused) / count, first_few(_reasons(refused))
        raise PoiseError(
            f"{len(refused):,} of {count:,} image files in '{name}' cannot be used ({share:.1f} %, "
            f"and {100 * refuse_above:g} % are tolerated): {few}",
            code="data.too-many-refused",
            hint=f"list them all with `poise inspect {name}`, then repair or remove them",
        )


def summary_of(
    collection: Collection,
    listing: Listing,
    facts: dict[str, Facts],
    good: list[Facts],
    refused: dict[str, str],
    shape: tuple[int, ...],
) -> dict[str, JSON]:
    """What the data set's summary says."""
    size = shape[2]
    ignored = [*listing.ignored, *(file for file, fact in facts.items() if fact.ignored)]
    return {
        "origin": collection.origin,
        "count": shape[0],
        "dtype": "uint8",
        "range": [0, 255],
        "resolution": size,
        "channels": shape[1],
        "formats": dict(Counter(fact.format for fact in good).most_common()),
        "modes": dict(Counter(fact.mode for fact in good).most_common()),
        "width": _spread([fact.width for fact in good]),
        "height": _spread([fact.height for fact in good]),
        "aspect_ratio": _spread([fact.width / fact.height for fact in good]),
        "cropped": sum(fact.width != fact.height for fact in good),
        "enlarged": sum(min(fact.width, fact.height) < size for fact in good),
        "animated": sum(fact.animated for fact in good),
        "colour_profiles": sum(fact.profile for fact in good),
        "duplicates": len(good) - len({fact.digest for fact in good}),
        "refused_count": len(refused),
        "refused": [{"file": _shown(file), "reason": why} for file, why in sorted(refused.items())],
        "ignored_count": len(ignored),
        "ignored": dict(Counter(suffix_of(file) or "no suffix" for file in ignored).most_common(20)),
        "hidden_count": listing.hidden,
        "policy": f"centre crop to a square, antialiased bicubic resize to {size}; transparency on white; "
        "16 bits scaled to 8; EXIF orientation applied; first frame of animations; colour profiles ignored",
    }


def _spread(values: list[int] | list[float]) -> dict[str, float]:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def notices_of(name: str, summary: dict[str, JSON], *, given: bool) -> tuple[str, ...]:
    """What a person should know of their images, in sentences; less if they asked for a resolution."""
    size, count = summary["resolution"], f"{summary['count']:,}"
    native = all(set(summary[side].values()) == {size} for side in ("width", "height"))
    chosen = [f"Images are brought to {size}x{size}; give a resolution to have another."]
    facts = [
        ("enlarged", f"of {count} images is smaller than {size} and was enlarged.",
         f"of {count} images are smaller than {size} and were enlarged."),
        ("cropped", f"of {count} images is not square: its centre is used.",
         f"of {count} images are not square: their centre is used."),
        ("animated", "file is an animation: its first frame is used.",
         "files are animations: their first frame is used."),
        ("colour_profiles", "image carries a colour profile, which is ignored.",
         "images carry a colour profile, which is ignored."),
        ("duplicates", "file is an exact copy of another.", "files are exact copies of others."),
        ("refused_count", f"file was refused; see why with `poise inspect {name}`.",
         f"files were refused; see why with `poise inspect {name}`."),
        ("ignored_count", "file that is no image was ignored.", "files that are no images were ignored."),
    ]  # fmt: skip
    sentences = [
        f"{summary[key]:,} {one if summary[key] == 1 else many}" for key, one, many in facts if summary[key]
    ]
    return tuple(([] if given or native else chosen) + sentences)
