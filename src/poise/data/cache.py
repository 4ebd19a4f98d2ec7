"""Rows cached on disk under the hash of what they were made from; an entry that exists is complete."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poise.data.rows import JSON, Array, RowWriter, Survey, blocks, digest_of, survey
from poise.errors import PoiseError, system_reason

_PARTIAL = ".partial"
_VERSION = 1
_STALE_SECONDS = 7 * 24 * 3600
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True, eq=False)
class Cached:
    """An entry of the cache: its rows, memory-mapped for reading, and what was written about them."""

    array: Array
    survey: Survey
    about: dict[str, JSON]


def default_cache() -> Path:
    """The folder of the cache: `$POISE_CACHE`, or `~/.cache/poise`."""
    named = os.environ.get("POISE_CACHE")
    if named:
        return Path(named).expanduser()
    try:
        return Path.home() / ".cache" / "poise"
    except RuntimeError:
        what = "There is no home folder for the cache of decoded data"
        raise PoiseError(what, code="data.no-home-folder", hint="set POISE_CACHE to a folder") from None


def cached(
    cache: Path,
    kind: str,
    key: str,
    fill: Callable[[RowWriter], dict[str, JSON] | None],
    *,
    shape: tuple[int, ...],
    dtype: str,
) -> Cached:
    """An entry, built first if there is none that is whole."""
    if (found := read_entry(cache, kind, key)) is not None:
        return found
    folder = cache / kind
    partial = folder / f"{key}.{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}{_PARTIAL}"
    with _disk_errors(cache):
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        partial.mkdir()
    try:
        with _disk_errors(cache):
            with contextlib.closing(RowWriter(partial / "rows.npy", shape, dtype)) as store:
                filled = dict(fill(store) or {})
                store.finish()
            written = np.load(store.path, mmap_mode="r", allow_pickle=False)
            about = {"rows": store.count, "survey": asdict(survey(written)), "about": filled}
            with (partial / "about.json").open("w", encoding="utf-8") as file:
                json.dump(about, file)
                file.flush()
                os.fsync(file.fileno())
            _publish(partial, folder / key, cache, kind, key)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    found = read_entry(cache, kind, key)
    if found is None:
        what = f"The cache entry {folder / key} cannot be read back"
        hint = "check the disk, or set POISE_CACHE to a folder on another one"
        raise PoiseError(what, code="data.cache-damaged", hint=hint)
    return found


def read_entry(cache: Path, kind: str, key: str) -> Cached | None:
    """The entry, or None if there is none that is whole."""
    entry = cache / kind / key
    try:
        about = json.loads((entry / "about.json").read_text(encoding="utf-8"))
        array = np.load(entry / "rows.npy", mmap_mode="r", allow_pickle=False)
        whole = about["rows"] == len(array)
        return Cached(array, Survey(**about["survey"]), about["about"]) if whole else None
    except (OSError, ValueError, EOFError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class Conversion:
    """What has to be done to rows before they can be stored."""

    shape: tuple[int, ...]
    dtype: str
    convert: Callable[[Array], Array] | None
    steps: tuple[str, ...]


def converted(array: Array, plan: Conversion, first: Survey, cache: Path) -> tuple[Array, Survey]:
    """The rows as planned, converted in memory, or in the cache if they are memory-mapped."""
    convert = plan.convert
    if convert is None:
        return array, first
    if not _is_mapped(array):
        result = np.empty((len(array), *plan.shape), dtype=plan.dtype)
        for rows in blocks(array):
            result[rows] = convert(array[rows])
        return result, survey(result)
    what = [first.digest, list(array.shape), str(array.dtype), list(plan.shape), plan.dtype, plan.steps]

    def fill(store: RowWriter) -> None:
        for rows in blocks(array):
            store.write(convert(array[rows]))

    key = digest_of([_VERSION, *what])
    entry = cached(cache, "arrays", key, fill, shape=plan.shape, dtype=plan.dtype)
    return entry.array, entry.survey


def _is_mapped(array: Array) -> bool:
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def _publish(partial: Path, entry: Path, cache: Path, kind: str, key: str) -> None:
    try:
        partial.rename(entry)
        return
    except OSError:
        # somebody else was faster, which is as good, or a damaged entry is in the way
        if read_entry(cache, kind, key) is not None:
            return
    aside = entry.with_name(partial.name.removesuffix(_PARTIAL) + ".damaged" + _PARTIAL)
    entry.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
    partial.rename(entry)


@contextlib.contextmanager
def _disk_errors(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            what, code = f"There is no room left for decoded data in {cache}", "data.cache-full"
            hint = "free some, or set POISE_CACHE to a folder on another disk"
        else:
            what, code = f"Decoded data cannot be cached in {cache}", "data.cache-unwritable"
            hint = "set POISE_CACHE to a folder that can be written"
        raise PoiseError(what, code=code, why=system_reason(error), hint=hint, exit_status=1) from error


def _sweep(folder: Path) -> None:
    """Takes away what killed builds have left."""
    for left in folder.glob(f"*{_PARTIAL}"):
        with contextlib.suppress(OSError):
            stem, process, *_ = left.name.rsplit(".", 3)
            here = stem.partition(".")[2] == socket.gethostname() and process.isdigit()
            if (here and not _alive(int(process))) or time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        if os.name == "posix":  # elsewhere signal 0 would end the process
            os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
