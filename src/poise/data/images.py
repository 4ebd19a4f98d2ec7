"""From files that may be images to rows on disk: each is decoded once, and what cannot be used is listed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
import statistics
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from PIL import ImageFile

from poise.data.cache import RowWriter, keep, kept
from poise.data.collection import Collection, Listing, looks_like_image, suffix_of
from poise.data.conversion import (
    GREY_MODES,
    MOST_BYTES,
    VERSION,
    as_channels,
    format_of,
    frame_count,
    open_checked,
    read_image,
    reason_of,
)
from poise.data.encoding import Encoding
from poise.data.labels import folder_labels
from poise.data.source import JSON, Array, Progress, Source, fingerprint, workers
from poise.errors import PoiseError

_LARGEST_DEFAULT = 64
_NAMED = 3
_SETTLED_SECONDS = 2.0
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Facts:
    """What the header of a file tells, and the hash of its bytes.

    Args:
        digest: SHA-256 of the bytes; empty where they could not be read.
        bytes: How many there are.
        reason: Why the file is refused; empty where it is not.
        ignored: Whether it is no image and does not claim to be one.
        format: By content.
        mode: Pillow's name for the kind of pixels.
        width: In pixels, before the orientation is applied.
        height: In pixels.
        animated: Whether there is more than one frame.
        profile: Whether there is a colour profile.
    """

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


def from_collection(
    collection: Collection,
    *,
    name: str,
    cache: Path,
    resolution: int | None,
    channels: int | None,
    refuse_above: float,
    progress: Progress | None,
) -> Source:
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
        raise PoiseError(f"Images in '{name}' cannot be given {channels} channels", mend="give 1 or 3")
    with _strict_pillow():
        listing = collection.listing()
        facts = _examined(collection, listing, cache, progress)
        usable = [file for file, fact in facts.items() if not fact.reason and not fact.ignored]
        refused = dict(listing.refused) | {file: fact.reason for file, fact in facts.items() if fact.reason}
        if not usable:
            raise _nothing(name, facts, refused, listing)
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
                raise _nothing(name, facts, refused | failed.refused, listing) from None
        elif progress is not None:
            progress(2 * len(facts), 2 * len(facts))
    refused |= entry.about["refused"]
    files = tuple(file for file in usable if file not in refused)
    good = [facts[file] for file in files]
    _check_share(name, refused, len(good), refuse_above)
    labels, label_names = folder_labels(files) or (None, ())
    shape = entry.array.shape
    encoding = Encoding("pixels")
    summary = _summary(collection, listing, facts, good, refused, shape)
    return Source(
        name=name,
        kind="image",
        shape=shape[1:],
        encoding=encoding,
        fingerprint=fingerprint(entry.survey.digest, shape=shape, dtype="uint8", encoding=encoding),
        summary=summary,
        notices=_notices(name, summary, given=resolution is not None),
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


def _in_order(
    function: Callable[[Given], Made], items: Iterable[Given], *, ahead: int = 64
) -> Iterator[Made]:
    """Results in the order of the items, made on every core, no more than some ahead of what is consumed."""
    with ThreadPoolExecutor(workers(), thread_name_prefix="poise-data") as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _examined(
    collection: Collection, listing: Listing, cache: Path, progress: Progress | None
) -> dict[str, Facts]:
    """The facts of every file, from the index where the file has not changed since they were noted."""
    location = hashlib.sha256(json.dumps([VERSION, collection.location]).encode()).hexdigest()
    path = cache / "index" / f"{location}.json"
    known = _read_index(path)
    names = list(listing.files)
    facts: dict[str, Facts] = {}

    def one(file: str) -> Facts:
        noted = known.get(file)
        if noted is not None and noted[0] == listing.files[file]:
            return noted[1]
        return examine(collection, file, size=listing.files[file][1])

    for file, fact in zip(names, _in_order(one, names), strict=True):
        facts[file] = fact
        if progress is not None:
            progress(len(facts), 2 * len(names))
    fresh = {file: (listing.files[file], fact) for file, fact in facts.items() if fact.digest}
    if fresh != known:
        _write_index(path, fresh)
    return facts


def _read_index(path: Path) -> dict[str, tuple[list[JSON], Facts]]:
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        return {file: (stamp, Facts(**fact)) for file, (stamp, fact) in written.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # an index only saves time


def _write_index(path: Path, entries: dict[str, tuple[list[JSON], Facts]]) -> None:
    # a file changed within the clock's grain of being read would keep its stamp: what is so young is left out
    before = time.time() - _SETTLED_SECONDS
    old = {
        file: (stamp, {key: item for key, item in asdict(fact).items() if item})
        for file, (stamp, fact) in entries.items()
        if stamp[0] / 1e9 < before
    }
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.partial")
    with contextlib.suppress(OSError):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(old), encoding="utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _begins_like_image(head: bytes) -> bool:
    return head.startswith(_BEGINNINGS) or head[8:12] == b"WEBP"


def examine(collection: Collection, file: str, *, size: int) -> Facts:
    """Reads a file, hashes its bytes and looks at its header; nothing is decoded."""
    claims = looks_like_image(file)
    content, digest = b"", ""
    try:
        if not claims and not _begins_like_image(collection.head(file)):
            return Facts(ignored=True)
        if size > MOST_BYTES:
            return Facts(bytes=size, reason=f"more than {MOST_BYTES:,} bytes")
        content = collection.read(file)
        digest = hashlib.sha256(content).hexdigest()
        stream = io.BytesIO(content)
        image = open_checked(stream)
        return Facts(
            digest=digest,
            bytes=len(content),
            format=format_of(image),
            mode=image.mode,
            width=image.width,
            height=image.height,
            animated=frame_count(image, stream) > 1,
            profile="icc_profile" in image.info,
        )
    except Exception as error:
        if not claims and content.startswith(b"BM"):  # two letters that a text may begin with as well
            return Facts(ignored=True)
        return Facts(digest=digest, bytes=len(content), reason=reason_of(error))


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
    for file, row in zip(usable, _in_order(one, usable), strict=True):
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


def _shown(file: str) -> str:
    return file.encode("utf-8", "replace").decode("utf-8")


def _first_few(refused: dict[str, str]) -> str:
    few = [f"{_shown(file)} ({reason})" for file, reason in sorted(refused.items())[:_NAMED]]
    more = len(refused) - len(few)
    return ", ".join(few) + (f" and {more:,} more" if more > 0 else "")


def _nothing(name: str, facts: dict[str, Facts], refused: dict[str, str], listing: Listing) -> PoiseError:
    if refused:
        return PoiseError(
            f"None of the {len(refused):,} image files in '{name}' can be used: {_first_few(refused)}",
            mend="name a folder with whole PNG, JPEG, WEBP, BMP, GIF or TIFF files",
            details=[f"{_shown(file)}: {reason}" for file, reason in sorted(refused.items())],
        )
    others = Counter(suffix_of(file) or "no suffix" for file in [*facts, *listing.ignored])
    there = ", ".join(f"{count:,} {suffix}" for suffix, count in others.most_common(4))
    return PoiseError(
        f"'{name}' holds no image" + (f", only other files ({there})" if there else ""),
        mend="name a folder with PNG, JPEG, WEBP, BMP, GIF or TIFF files",
    )


def _check_share(name: str, refused: dict[str, str], good: int, refuse_above: float) -> None:
    share = len(refused) / (len(refused) + good)
    if share > refuse_above:
        raise PoiseError(
            f"{len(refused):,} of {len(refused) + good:,} image files in '{name}' cannot be used "
            f"({100 * share:.1f} %, where {100 * refuse_above:g} % are tolerated): {_first_few(refused)}",
            mend=f"see them all with `poise inspect {name}`, then mend or remove them",
        )


def _summary(
    collection: Collection,
    listing: Listing,
    facts: dict[str, Facts],
    good: list[Facts],
    refused: dict[str, str],
    shape: tuple[int, ...],
) -> dict[str, JSON]:
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


def _notices(name: str, summary: dict[str, JSON], *, given: bool) -> tuple[str, ...]:
    size, count = summary["resolution"], f"{summary['count']:,}"
    native = all(set(summary[side].values()) == {size} for side in ("width", "height"))
    chosen = [f"Images are brought to {size}x{size}; give a resolution to have another."]
    told = [
        _told(
            summary["enlarged"],
            f"of {count} images is smaller than {size} and was enlarged.",
            f"of {count} images are smaller than {size} and were enlarged.",
        ),
        _told(
            summary["cropped"],
            f"of {count} images is not square: its centre is used.",
            f"of {count} images are not square: their centre is used.",
        ),
        _told(
            summary["animated"],
            "file is an animation: its first frame is used.",
            "files are animations: their first frame is used.",
        ),
        _told(
            summary["colour_profiles"],
            "image carries a colour profile, which is ignored.",
            "images carry a colour profile, which is ignored.",
        ),
        _told(
            summary["duplicates"],
            "file is an exact copy of another.",
            "files are exact copies of others.",
        ),
        _told(
            summary["refused_count"],
            f"file was refused; see why with `poise inspect {name}`.",
            f"files were refused; see why with `poise inspect {name}`.",
        ),
        _told(
            summary["ignored_count"],
            "file that is no image was ignored.",
            "files that are no images were ignored.",
        ),
    ]
    return tuple(([] if given or native else chosen) + [sentence for sentence in told if sentence])


def _told(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}" if count else ""
