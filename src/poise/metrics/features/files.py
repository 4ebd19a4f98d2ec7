"""Files of features and weights: computed ones in a cache, published ones fetched and checked."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import fingerprint, hash_of_file

Tensors = dict[str, Tensor]
TIMEOUT_SECONDS = 30


def cached_features(
    cache: Path, samples: Tensor, dependencies: Sequence[str], compute: Callable[[], Tensor]
) -> Tensor:
    """Features of samples from the cache, or computed and stored there."""
    key = key_of(fingerprint(samples), *dependencies)
    found = load(cache, "features", key)
    if found is not None and "features" in found[0]:
        return found[0]["features"]
    features = compute()
    store(cache, "features", key, {"features": features.cpu().contiguous()}, {})
    return features


def key_of(*parts: str) -> str:
    """SHA-256 over the parts with separators."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def load(cache: Path, kind: str, key: str) -> tuple[Tensors, dict[str, str]] | None:
    """Tensors and notes stored under a key; `None` if there are none, or they cannot be read."""
    path = _path(cache, kind, key)
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (OSError, SafetensorError):
        return None


def store(cache: Path, kind: str, key: str, tensors: Tensors, notes: Mapping[str, str]) -> None:
    """Store tensors and notes under a key; a full or read-only disk is no error: a cache only helps."""
    path = _path(cache, kind, key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        os.close(handle)
        try:
            save_file(tensors, partial, metadata=dict(notes))
            Path(partial).replace(path)
        finally:
            Path(partial).unlink(missing_ok=True)
    except (OSError, SafetensorError):
        return


def _path(cache: Path, kind: str, key: str) -> Path:
    return cache / kind / f"{key}.safetensors"


def checked(path: Path, sha256: str | None) -> str:
    """The SHA-256 of a file, compared with the one that it should have or with the first digits of it."""
    if not path.is_file():
        raise PoiseError(
            f"There is no file '{path}'",
            code="metrics.no-weights",
            hint="give the path of the downloaded weights",
        )
    found = hash_of_file(path)
    if sha256 is not None and not found.startswith(sha256.lower()):
        raise PoiseError(
            f"The weights '{path}' have the SHA-256 {found[:16]}..., not {sha256[:16]}...",
            code="metrics.other-weights",
            why="they are damaged or not the ones that were asked for",
            hint="remove the file and fetch it again",
        )
    return found


def fetched(url: str, cache: Path, sha256: str) -> Path:
    """The file of that address, from the cache or the network, checked either way."""
    path = cache / "weights" / url.rsplit("/", 1)[-1]
    if path.exists():
        checked(path, sha256)
        return path
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer, partial.open("wb") as file:
            shutil.copyfileobj(answer, file)
        checked(partial, sha256)
        partial.replace(path)
    except (OSError, urllib.error.URLError) as error:
        raise PoiseError(
            f"The weights could not be fetched from {url} ({error})",
            code="metrics.not-fetched",
            hint=f"download them elsewhere and put the file at '{path}', or use other features",
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    return path


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors by name in a `.safetensors` or `.pth` file; of the latter nothing but tensors is read."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # weights_only refuses everything in a pickle but plain containers and tensors.
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, SafetensorError, UnpicklingError, EOFError, ValueError) as error:
        raise PoiseError(
            f"The weights '{path}' cannot be read ({type(error).__name__})",
            code="metrics.unreadable-weights",
            hint="fetch the file again",
        ) from None
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise PoiseError(
            f"The file '{path}' does not hold plain weights",
            code="metrics.unreadable-weights",
            hint="give a file of tensors by name",
        )
    return found


def load_into(module: torch.nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Put the tensors into the network, which must have exactly these."""
    own = module.state_dict()
    differing = [
        name
        for name in {**own, **tensors}
        if name not in own or name not in tensors or own[name].shape != tensors[name].shape
    ]
    # Counters of batch normalisation came after some files were written, and are not used.
    differing = [name for name in differing if not name.endswith("num_batches_tracked")]
    if differing:
        raise PoiseError(
            f"The weights '{path}' are of another network",
            code="metrics.weights-do-not-fit",
            why=f"{len(differing)} tensors differ, '{differing[0]}' first",
            hint="give the weights that belong to this extractor",
        )
    module.load_state_dict(tensors, strict=False)
