"""Files of features and weights: computed ones in a cache, published ones fetched and checked."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.metrics.arrays import hash_of_file

Tensors = dict[str, Tensor]
Network = TypeVar("Network", bound=nn.Module)
TIMEOUT_SECONDS = 30


def cached(cache: Path | None, kind: str, parts: Sequence[str], compute: Callable[[], Tensors]) -> Tensors:
    """Tensors from the cache, where their parts name them, or computed and stored there.

    A file that cannot be read is computed again. A full or read-only disk is no error: a cache only helps.
    """
    if cache is None:
        return compute()
    path = cache / kind / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}.safetensors"
    with suppress(OSError, SafetensorError):
        return load_file(path)
    found = compute()
    with suppress(OSError, SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        os.close(handle)
        try:
            save_file({name: tensor.cpu().contiguous() for name, tensor in found.items()}, partial)
            Path(partial).replace(path)
        finally:
            Path(partial).unlink(missing_ok=True)
    return found


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


def weights_of(name: str, weights: Path | None, cache: Path | None, url: str, sha256: str) -> Path:
    """The file that the user gives, or the published one, fetched into the cache."""
    if weights is None and cache is None:
        raise PoiseError(
            f"{name} needs its weights",
            code="metrics.no-weights",
            hint=f"give weights= (from {url}) or a cache= to fetch them into",
        )
    return weights or fetched(url, cache or Path(), sha256)


def with_weights(module: Network, tensors: Tensors, path: Path) -> Network:
    """The network with these tensors, which must be exactly its own; in eval mode and frozen."""
    own = module.state_dict()
    differing = [
        name
        for name in {**own, **tensors}
        # Counters of batch normalisation came after some files were written, and are not used.
        if not name.endswith("num_batches_tracked")
        and (name not in own or name not in tensors or own[name].shape != tensors[name].shape)
    ]
    if differing:
        raise PoiseError(
            f"The weights '{path}' are of another network",
            code="metrics.weights-do-not-fit",
            why=f"{len(differing)} tensors differ, '{differing[0]}' first",
            hint="give the weights that belong to this extractor",
        )
    module.load_state_dict(tensors, strict=False)
    module.eval().requires_grad_(False)
    return module
