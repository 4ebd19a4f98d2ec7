"""The header and the hash of each file, from an index while the file is unchanged."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from poise.data.kinds.kind import Request
from poise.data.rows import JSON, digest_of, in_order
from poise.data.sources.decoding import (
    MOST_BYTES,
    VERSION,
    format_of,
    is_animated,
    is_transparent,
    open_checked,
    reason_of,
    upright_size,
)
from poise.data.sources.files import Collection, Listing, looks_like_image
from poise.data.sources.pictures import bands_of, deep_values, is_deep, span_of

_SETTLED_SECONDS = 2.0
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")


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
    alpha: bool = False
    bands: int = 0  # Of a TIFF whose samples are no colours
    deep: bool = False  # Whether values have more than 8 bits; then their span, and whether they are whole
    low: float = 0.0
    high: float = 0.0
    whole: bool = True


_Index = dict[str, tuple[list[JSON], Facts]]


def examined(collection: Collection, listing: Listing, request: Request) -> dict[str, Facts]:
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
        return _header(io.BytesIO(content), digest, len(content))
    except Exception as error:
        if not claims and content.startswith(b"BM"):  # two letters that a text may begin with as well
            return Facts(ignored=True)
        return Facts(digest=digest, bytes=len(content), reason=reason_of(error))


def _header(file: io.BytesIO, digest: str, size: int) -> Facts:
    """What the header says; values of more than 8 bits are decoded, for their span."""
    bands = bands_of(file)
    file.seek(0)
    image = bands[0] if bands else open_checked(file)
    width, height = upright_size(image)
    facts = Facts(
        digest=digest,
        bytes=size,
        format="TIFF" if bands else format_of(image),
        mode=image.mode,
        width=width,
        height=height,
        animated=is_animated(image),
        profile="icc_profile" in image.info,
        alpha=is_transparent(image),
        bands=len(bands or ()),
    )
    if not is_deep(image):
        return facts
    if bands:
        values = np.stack([np.asarray(band) for band in bands])
    else:
        image.load()
        found = deep_values(file, image)
        assert found is not None
        values = found[..., :3] if found.ndim == 3 else found
    low, high = span_of(values)
    return dataclasses.replace(facts, deep=True, low=low, high=high, whole=values.dtype.kind in "ui")
