"""Folders of tensors and JSON that appear whole or not at all, and are held to a manifest when read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
"""The version of the run folder's layout; a run of a newer one is refused."""

HEADER_LIMIT = 10 * 2**20
"""Bytes that the header of a tensors file may have; a larger one is an attack or damage."""


class DamagedError(Exception):
    """A checkpoint's files do not agree with its manifest."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def write_tensors_folder(
    folder: Path,
    name: str,
    tensors: Mapping[str, Tensor],
    extra: Mapping[str, Mapping[str, Any]],
    step: int,
    *,
    card: str = "",
) -> None:
    """Write tensors, JSON files and their manifest into a folder that appears whole or not at all."""
    from safetensors.torch import save  # noqa: PLC0415 - brings torch, which readers of runs do without

    contents = {f"{name}.safetensors": save({key: value.contiguous() for key, value in tensors.items()})}
    contents |= {f"{key}.json": (json.dumps(value, indent=1) + "\n").encode() for key, value in extra.items()}
    if card:
        contents["card.md"] = card.encode()
    files = {
        key: {"size": len(value), "sha256": hashlib.sha256(value).hexdigest()}
        for key, value in contents.items()
    }
    manifest: dict[str, Any] = {"format": FORMAT, "step": step, "files": files}
    manifest["sha256"] = _sealed(manifest)
    contents["manifest.json"] = json.dumps(manifest, indent=1).encode()
    partial, old = folder.with_name(f".partial-{folder.name}"), _old(folder)
    recover(folder)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        for file_name, content in contents.items():
            write_whole(partial / file_name, content)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        _sync_folder(folder.parent)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def recover(folder: Path) -> None:
    """Finish a replacement that a dying process left between its two renames."""
    old = _old(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _old(folder: Path) -> Path:
    return folder.with_name(f".old-{folder.name}")


def verify(folder: Path, *needed: str) -> dict[str, Any]:
    """Hold a folder's files against its manifest, and the manifest against its own hash.

    Args:
        folder: The folder.
        needed: Names of files that the manifest must list.

    Returns:
        The manifest; its `step` is an integer.

    Raises:
        DamagedError: A file is missing, of another size, or of another SHA-256.
    """
    manifest = read_object(folder / "manifest.json")
    files = manifest.get("files")
    if not isinstance(files, dict) or manifest.get("format") != FORMAT:
        raise DamagedError("its manifest.json lists no files of this format")
    if manifest.get("sha256") != _sealed(manifest) or not isinstance(manifest.get("step"), int):
        raise DamagedError("its manifest.json is not what was written")
    for name in needed:
        if name not in files:
            raise DamagedError(f"its manifest.json does not list {name}")
    for name, expected in files.items():
        file = folder / name
        if Path(name).name != name or not isinstance(expected, dict):
            raise DamagedError(f"its manifest.json names '{name}', which is no file name")
        if not file.is_file():
            raise DamagedError(f"{name} is missing or is no file")
        try:
            size = file.stat().st_size
            if size != expected.get("size"):
                raise DamagedError(f"{name} has {size} bytes where the manifest says {expected.get('size')}")
            with file.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise DamagedError(f"{name} cannot be read: {error.strerror or error}") from None
        if found != expected.get("sha256"):
            raise DamagedError(f"{name} is not what was written: its SHA-256 differs from the manifest's")
    return manifest


def _sealed(manifest: Mapping[str, Any]) -> str:
    """The SHA-256 of everything else in a manifest."""
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file, whose header is held to a limit before anything is allocated.

    Raises:
        DamagedError: It is no such file.
    """
    from safetensors import SafetensorError  # noqa: PLC0415 - as above
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        with file.open("rb") as opened:
            header = int.from_bytes(opened.read(8), "little")
        if header > min(HEADER_LIMIT, file.stat().st_size):
            raise DamagedError(f"{file.name} claims a header of {header} bytes")
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise DamagedError(f"{file.name} cannot be read: {error}") from None


def read_object(file: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        DamagedError: It cannot be read, or holds something else.
    """
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedError(f"{file.name} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise DamagedError(f"{file.name} holds no object")
    return found


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
