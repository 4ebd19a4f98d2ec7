"""Folders of tensors and JSON that appear whole or not at all, and are checked against a manifest when read.

Only the process that holds the run's lock writes or repairs such a folder. Readers change nothing: they check
what they read against the manifest that they saw first, and begin again if the folder was replaced meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from poise.errors import PoiseError
from poise.run_folder.checkpoints import DamagedError, HashedFile, read_tensors, write_tensors
from poise.run_folder.files import from_json, sync_folder, to_json

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1  # The version of the run folder's layout; a run of a newer one is refused
TRIES = 200  # How often a reader begins again while a folder is replaced under it


@dataclass(frozen=True)
class Contents:
    """What a folder holds."""

    step: int  # The step that the manifest names
    tensors: dict[str, Tensor] = field(default_factory=dict)  # All tensors by name
    # The JSON objects by the names of their files without the ending
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)


@contextlib.contextmanager
def damage_reported(
    folder: Path, *, none: PoiseError, damaged: Callable[[str], PoiseError]
) -> Iterator[None]:
    """Turn what fails while a folder is read and understood into an error for people.

    Args:
        folder: The folder that is read within the block.
        none: The error if there is no such folder.
        damaged: From the reason to the error if its contents are not what was written.
    """
    try:
        yield
        return
    except DamagedError as error:
        if not is_there(folder):
            raise none from None
        why = str(error)
    except (KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
    raise damaged(why)


# Writing --------------------------------------------------------------------------------------------------


def write_tensors_folder(
    folder: Path,
    name: str,
    tensors: Mapping[str, Tensor],
    objects: Mapping[str, Mapping[str, Any]],
    step: int,
    *,
    card: str = "",
) -> None:
    """Write tensors, JSON files and their manifest into a folder that appears whole or not at all.

    All of the new folder is on the disk before it gets its name, and its name is on the disk before the
    folder that it replaces is removed.
    """
    partial = folder.with_name(f".partial-{folder.name}")
    texts = {f"{key}.json": to_json(value, indent=1) + "\n" for key, value in objects.items()}
    texts |= {"card.md": card} if card else {}
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        weights = partial / f"{name}.safetensors"
        files = {weights.name: write_file(weights, lambda file: write_tensors(file, tensors))}
        for file_name, text in texts.items():
            files[file_name] = _write_text(partial / file_name, text)
        manifest: dict[str, Any] = {"format": FORMAT, "step": step, "files": files}
        manifest["sha256"] = _seal(manifest)
        _write_text(partial / "manifest.json", to_json(manifest, indent=1))
        sync_folder(partial)
        finish_replacement(folder)
        if folder.exists():
            folder.rename(_old(folder))
        partial.rename(folder)
        sync_folder(folder.parent)
        shutil.rmtree(_old(folder), ignore_errors=True)
    except (OSError, PoiseError):
        shutil.rmtree(partial, ignore_errors=True)
        if not folder.exists():
            finish_replacement(folder)
        raise


def write_file(path: Path, fill: Callable[[HashedFile], object]) -> dict[str, Any]:
    """Write a new file through to the disk, and return its size and its SHA-256."""
    with path.open("wb") as opened:
        file = HashedFile(opened)
        fill(file)
        opened.flush()
        os.fsync(opened.fileno())
    return {"size": file.size, "sha256": file.sha256}


def _write_text(path: Path, text: str) -> dict[str, Any]:
    return write_file(path, lambda file: file.write(text.encode()))


def finish_replacement(folder: Path) -> None:
    """Finish a replacement of a folder that a process began before it died."""
    old = _old(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder as a whole: under its name it is never there in part, for readers and after a crash."""
    partial = folder.with_name(f".partial-{folder.name}")
    with contextlib.suppress(OSError):
        shutil.rmtree(partial, ignore_errors=True)
        folder.rename(partial)
        shutil.rmtree(partial, ignore_errors=True)


def repair(run: Path) -> None:
    """Finish or undo what a process that wrote to a run left unfinished; only for the holder of its lock."""
    for parent, pattern in ((run, "generator"), (run / "checkpoints", "*")):
        for unfinished in parent.glob(f".partial-{pattern}"):
            shutil.rmtree(unfinished, ignore_errors=True)
        for old in parent.glob(f".old-{pattern}"):
            finish_replacement(old.with_name(old.name.removeprefix(".old-")))


def _old(folder: Path) -> Path:
    return folder.with_name(f".old-{folder.name}")


def _seal(manifest: Mapping[str, Any]) -> str:
    """The SHA-256 of everything else in a manifest."""
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


# Reading --------------------------------------------------------------------------------------------------


def is_there(folder: Path) -> bool:
    """Whether there is such a folder, or one that is being replaced."""
    return folder.is_dir() or _old(folder).is_dir() or folder.is_dir()


def read_tensors_folder(folder: Path, *needed: str) -> Contents:
    """Read a folder and check all of it against its manifest, without a change to it."""
    for attempt in range(TRIES):
        now, replaced = manifests = _manifests(folder)
        place, manifest = (folder, now) if now is not None else (_old(folder), replaced)
        try:
            return _read(place, manifest, needed)
        except DamagedError:
            unchanged = _manifests(folder) == manifests
            if (unchanged and (manifest is not None or attempt > 3)) or attempt == TRIES - 1:
                raise
        time.sleep(0.001 * min(attempt, 10))
    raise AssertionError("the last attempt returns or raises")


def _manifests(folder: Path) -> tuple[bytes | None, bytes | None]:
    """The manifests of a folder and of the one that it replaces; `None` for one that is not there."""
    now, replaced = (_bytes_if_there(place / "manifest.json") for place in (folder, _old(folder)))
    return now, replaced


def _bytes_if_there(file: Path) -> bytes | None:
    try:
        return file.read_bytes() if file.is_file() else None
    except OSError:
        return None


def _read(folder: Path, manifest: bytes | None, needed: tuple[str, ...]) -> Contents:
    if manifest is None:
        raise DamagedError("its manifest.json is missing")
    try:
        found = _object(manifest)
    except DamagedError as error:
        raise DamagedError(f"manifest.json cannot be read: {error}") from None
    files = found.get("files")
    if not isinstance(files, dict) or found.get("format") != FORMAT:
        raise DamagedError("its manifest.json lists no files of this format")
    if found.get("sha256") != _seal(found) or not isinstance(found.get("step"), int):
        raise DamagedError("its manifest.json is not what was written")
    for name in needed:
        if name not in files:
            raise DamagedError(f"its manifest.json does not list {name}")
    contents = Contents(int(found["step"]))
    with ExitStack() as opened:
        # All are opened first: from then on a replacement of the folder cannot take them away.
        sizes = {name: _opened(folder, name, expected, opened) for name, expected in files.items()}
        for name, (file, size) in sizes.items():
            _take(file, name, size, files[name].get("sha256"), contents)
    return contents


def _opened(folder: Path, name: str, expected: Any, opened: ExitStack) -> tuple[BinaryIO, int]:
    """A file that a manifest lists, and its size."""
    if Path(name).name != name or not isinstance(expected, dict):
        raise DamagedError(f"its manifest.json names '{name}', which is not the name of a file")
    try:
        if not (folder / name).is_file():
            raise DamagedError(f"{name} is missing or is not a file")
        file = opened.enter_context((folder / name).open("rb"))
    except (OSError, ValueError) as error:
        raise DamagedError(f"{name} cannot be read: {error}") from None
    size = os.fstat(file.fileno()).st_size
    if size != expected.get("size"):
        raise DamagedError(f"{name} has {size} bytes, and the manifest says {expected.get('size')}")
    return file, size


def _take(opened: BinaryIO, name: str, size: int, sha256: Any, contents: Contents) -> None:
    """Read a file into what its folder holds; all that is returned has the SHA-256 of the manifest."""
    file = HashedFile(opened)
    try:
        if name.endswith(".safetensors"):
            contents.tensors.update(read_tensors(file, size))
        elif name.endswith(".json"):
            contents.objects[name.removesuffix(".json")] = _object(file.read())
        else:
            file.read()
    except (OSError, DamagedError) as error:
        raise DamagedError(f"{name} cannot be read: {error}") from None
    if file.sha256 != sha256:
        raise DamagedError(f"{name} is not what was written: its SHA-256 is not the manifest's")


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = from_json(content)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"it is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise DamagedError("it does not hold an object")
    return found
