"""The header and the hash of each file, from an index while the file is unchanged."""

import contextlib
import hashlib
import io
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from poise.data.dataset import JSON, Progress, digest_of
from poise.data.sources.decoding import MOST_BYTES, VERSION, format_of, frame_count, open_checked, reason_of
from poise.data.sources.files import Collection, Listing, looks_like_image
from poise.data.threads import in_order

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


def examined(
    collection: Collection, listing: Listing, cache: Path, progress: Progress | None
) -> dict[str, Facts]:
    """The facts of every file, from the index if the file has not changed since they were noted."""
    location = digest_of([VERSION, collection.location])
    path = cache / "index" / f"{location}.json"
    known = _read_index(path)
    names = list(listing.files)
    facts: dict[str, Facts] = {}

    def one(file: str) -> Facts:
        noted = known.get(file)
        if noted is not None and noted[0] == listing.files[file]:
            return noted[1]
        return examine(collection, file, size=listing.files[file][1])

    for file, fact in zip(names, in_order(one, names), strict=True):
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
