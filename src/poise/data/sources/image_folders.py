"""Folders and archives of images: each file is decoded once, and what cannot be used is listed."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import secrets
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import ImageFile

from poise.data.cache import cached, read_entry
from poise.data.dataset import Dataset, array_dataset
from poise.data.kinds.kind import Request
from poise.data.rows import JSON, Array, RowWriter, digest_of, in_order
from poise.data.sources.decoding import (
    GREY_MODES,
    MOST_BYTES,
    VERSION,
    as_channels,
    format_of,
    is_animated,
    open_checked,
    read_image,
    reason_of,
    upright_size,
)
from poise.data.sources.files import Collection, Listing, looks_like_image, suffix_of
from poise.data.sources.labels import folder_labels
from poise.data.transform import Pixels
from poise.errors import PoiseError
from poise.text import first_few

_LEAST_DEFAULT, _LARGEST_DEFAULT = 8, 64
_SETTLED_SECONDS = 2.0
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")


def from_collection(collection: Collection, name: str, request: Request) -> Dataset:
    """A data set from a folder or an archive of images."""
    channels, progress = request.channels, request.progress
    if channels not in (None, 1, 3):
        what = f"Images in '{name}' cannot be given {channels} channels"
        raise PoiseError(what, code="data.channels", hint="give 1 or 3")
    with _strict_pillow():
        listing = collection.listing()
        facts = _examined(collection, listing, request)
        usable = [file for file, fact in facts.items() if not fact.reason and not fact.ignored]
        refused = listing.refused | {file: fact.reason for file, fact in facts.items() if fact.reason}
        if not usable:
            raise _nothing_usable(name, facts, refused, listing)
        if request.half is not None:
            facts = {file: dataclasses.replace(fact, width=fact.width // 2) for file, fact in facts.items()}
        size = request.resolution or _side([facts[file] for file in usable], request)
        found_as = [[file, fact.bytes, fact.digest] for file, fact in facts.items() if not fact.ignored]
        key = digest_of([VERSION, size, channels, request.half, found_as])

        def fill(store: RowWriter) -> dict[str, JSON]:
            may_be_grey = channels is None and store.shape[0] == 3
            return _decoded(collection, facts, usable, store, request, may_be_grey=may_be_grey)

        there = read_entry(request.cache, "images", key)
        depth = channels or (1 if all(facts[file].mode in GREY_MODES for file in usable) else 3)
        shape = (depth, size, size)
        try:
            entry = there or cached(request.cache, "images", key, fill, shape=shape, dtype="uint8")
        except _NoneDecodedError as failed:
            raise _nothing_usable(name, facts, refused | failed.args[0], listing) from None
        if there is not None and progress is not None:
            progress(2 * len(facts), 2 * len(facts))
    refused |= entry.about["refused"]
    files = tuple(file for file in usable if file not in refused)
    good = [facts[file] for file in files]
    _check_share(name, refused, len(good), request.refuse_above)
    labels, label_names = folder_labels(files) or (None, ())
    ignored = [*listing.ignored, *(file for file, fact in facts.items() if fact.ignored)]
    summary = {
        "origin": collection.origin,
        **_summary(good, entry.array.shape),
        "refused_count": len(refused),
        "refused": [{"file": _shown(file), "reason": why} for file, why in sorted(refused.items())],
        "ignored_count": len(ignored),
        "ignored": dict(Counter(suffix_of(file) or "no suffix" for file in ignored).most_common(20)),
        "hidden_count": listing.hidden,
        "policy": f"centre crop to a square, antialiased bicubic resize to {size}; transparency on white; "
        "16 bits scaled to 8; EXIF orientation applied; first frame of animations; colour profiles ignored",
    }
    notices = _notices(name, summary, given=request.resolution is not None)
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


@dataclass(frozen=True)
class Facts:
    """What the header of a file says; `reason` is why it is refused, `ignored` that it is no image."""

    digest: str = ""
    bytes: int = 0
    reason: str = ""
    ignored: bool = False
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    animated: bool = False
    profile: bool = False


_Index = dict[str, tuple[list[JSON], Facts]]


def _examined(collection: Collection, listing: Listing, request: Request) -> dict[str, Facts]:
    """The facts of every file, from the index if the file has not changed since they were noted."""
    path = request.cache / "index" / f"{digest_of([VERSION, collection.location])}.json"
    known = _read_index(path)
    facts: dict[str, Facts] = {}

    def one(file: str) -> Facts:
        stamp, noted = known.get(file, (None, Facts()))
        return noted if stamp == listing.files[file] else _examine(collection, file, listing.files[file][1])

    for file, fact in zip(listing.files, in_order(one, listing.files), strict=True):
        facts[file] = fact
        if request.progress is not None:
            request.progress(len(facts), 2 * len(listing.files))
    fresh = {file: (listing.files[file], fact) for file, fact in facts.items() if fact.digest}
    if fresh != known:
        _write_index(path, fresh)
    return facts


def _read_index(path: Path) -> _Index:
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        return {file: (stamp, Facts(**fact)) for file, (stamp, fact) in written.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # an index only saves time


def _write_index(path: Path, entries: _Index) -> None:
    # a file changed within the clock's grain of being read would keep its stamp: what is so young is left out
    before = time.time() - _SETTLED_SECONDS
    old = {file: (stamp, asdict(fact)) for file, (stamp, fact) in entries.items() if stamp[0] / 1e9 < before}
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.partial")
    with contextlib.suppress(OSError):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(old), encoding="utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _examine(collection: Collection, file: str, size: int) -> Facts:
    """Reads a file, hashes its bytes and looks at its header; nothing is decoded."""
    claims = looks_like_image(file)
    content, digest = b"", ""
    try:
        if not claims:
            head = collection.read(file, 16)
            if not (head.startswith(_BEGINNINGS) or head[8:12] == b"WEBP"):
                return Facts(ignored=True)
        if size > MOST_BYTES:
            return Facts(bytes=size, reason=f"more than {MOST_BYTES:,} bytes")
        content = collection.read(file)
        digest = hashlib.sha256(content).hexdigest()
        image = open_checked(io.BytesIO(content))
        width, height = upright_size(image)
        return Facts(
            digest=digest,
            bytes=len(content),
            format=format_of(image),
            mode=image.mode,
            width=width,
            height=height,
            animated=is_animated(image),
            profile="icc_profile" in image.info,
        )
    except Exception as error:
        if not claims and content.startswith(b"BM"):  # two letters that a text may begin with as well
            return Facts(ignored=True)
        return Facts(digest=digest, bytes=len(content), reason=reason_of(error))


def _side(good: list[Facts], request: Request) -> int:
    """The side that images are brought to if a person asks for none."""
    sides = {side for fact in good for side in (fact.width, fact.height)}
    if len(sides) == 1 and _LEAST_DEFAULT <= min(sides) <= _LARGEST_DEFAULT and not request.powers_of_two:
        return sides.pop()
    short = statistics.median(min(fact.width, fact.height) for fact in good)
    return int(min(_LARGEST_DEFAULT, 1 << (int(short).bit_length() - 1)))


class _NoneDecodedError(Exception):
    """No file could be decoded; the argument is why, by file."""


def _decoded(
    collection: Collection,
    facts: dict[str, Facts],
    usable: list[str],
    store: RowWriter,
    request: Request,
    *,
    may_be_grey: bool,
) -> dict[str, JSON]:
    """Writes the rows of all usable files, and gives back which of them could not be decoded after all."""
    depth, size, _ = store.shape

    def one(file: str) -> Array | str:
        try:
            content = collection.read(file)
            if hashlib.sha256(content).hexdigest() != facts[file].digest:
                return "it changed while it was being read"
            return as_channels(read_image(io.BytesIO(content), resolution=size, half=request.half), depth)
        except Exception as error:
            return reason_of(error)

    refused: dict[str, str] = {}
    grey, total = may_be_grey, 2 * len(facts)
    before = total - len(usable)
    for done, (file, row) in enumerate(zip(usable, in_order(one, usable), strict=True), before + 1):
        if isinstance(row, str):
            refused[file] = row
        else:
            store.write(row[None])
            grey = grey and bool((row[0] == row[1]).all() and (row[0] == row[2]).all())
        if request.progress is not None:
            request.progress(done, total)
    if not store.count:
        raise _NoneDecodedError(refused)
    if grey:
        store.rewrite((1, size, size), lambda rows: rows[:, :1])
    return {"refused": refused}


def _shown(file: str) -> str:
    return file.encode("utf-8", "replace").decode("utf-8")


def _reasons(refused: dict[str, str]) -> list[str]:
    return [f"{_shown(file)} ({reason})" for file, reason in sorted(refused.items())]


def _nothing_usable(
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


def _check_share(name: str, refused: dict[str, str], good: int, refuse_above: float) -> None:
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


def _summary(good: list[Facts], shape: tuple[int, ...]) -> dict[str, JSON]:
    """What the summary of the data says of the usable files."""
    size = shape[2]
    return {
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
    }


def _spread(values: list[int] | list[float]) -> dict[str, float]:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


_NOTED = (
    ("enlarged", "of {all} images is smaller than {size} and was enlarged.",
     "of {all} images are smaller than {size} and were enlarged."),
    ("cropped", "of {all} images is not square: its centre is used.",
     "of {all} images are not square: their centre is used."),
    ("animated", "file is an animation: its first frame is used.",
     "files are animations: their first frame is used."),
    ("colour_profiles", "image carries a colour profile, which is ignored.",
     "images carry a colour profile, which is ignored."),
    ("duplicates", "file is an exact copy of another.", "files are exact copies of others."),
    ("refused_count", "file was refused; see why with `poise inspect {name}`.",
     "files were refused; see why with `poise inspect {name}`."),
    ("ignored_count", "file that is no image was ignored.", "files that are no images were ignored."),
)  # fmt: skip
"""What of the summary is told, of one file and of several."""


def _notices(name: str, summary: dict[str, JSON], *, given: bool) -> tuple[str, ...]:
    """What a person should know of their images, in sentences; less if they asked for a resolution."""
    size, count = summary["resolution"], f"{summary['count']:,}"
    native = all(set(summary[side].values()) == {size} for side in ("width", "height"))
    chosen = [f"Images are brought to {size}x{size}; give a resolution to have another."]
    sentences = [
        f"{summary[key]:,} " + (one if summary[key] == 1 else many).format(all=count, size=size, name=name)
        for key, one, many in _NOTED
        if summary[key]
    ]
    return tuple(([] if given or native else chosen) + sentences)
