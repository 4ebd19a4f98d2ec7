"""Files of published weights: found, fetched, checked."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.fingerprint import hash_of_file

TIMEOUT_SECONDS = 30


def checked(path: Path, sha256: str | None) -> str:
    """The SHA-256 of a file, after comparing it with what it should be.

    Args:
        path: The file.
        sha256: The hash, or its first digits; `None` where none is known.

    Raises:
        PoiseError: There is no such file, or it is another one.
    """
    if not path.is_file():
        raise PoiseError(f"There is no file '{path}'", hint="give the path of the downloaded weights")
    found = hash_of_file(path)
    if sha256 is not None and not found.startswith(sha256.lower()):
        raise PoiseError(
            f"The weights '{path}' have the SHA-256 {found[:16]}..., not {sha256[:16]}...",
            why="they are damaged or not the ones that were asked for",
            hint="remove the file and fetch it again",
        )
    return found


def fetched(url: str, cache: Path, sha256: str) -> Path:
    """The file of that address, from the cache or the network, checked either way.

    Args:
        url: Where it is published.
        cache: The folder to keep it in.
        sha256: Its hash, or the first digits of it.

    Raises:
        PoiseError: It cannot be had (offline, say), or is not what was published.
    """
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
            hint=f"download them elsewhere and put the file at '{path}', or use other features",
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    return path


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors by name in a `.safetensors` or `.pth` file; of the latter nothing but tensors is read.

    Raises:
        PoiseError: The file cannot be read, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # weights_only refuses everything in a pickle but plain containers and tensors.
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, SafetensorError, UnpicklingError, EOFError, ValueError) as error:
        raise PoiseError(
            f"The weights '{path}' cannot be read ({type(error).__name__})", hint="fetch the file again"
        ) from None
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise PoiseError(f"The file '{path}' holds no plain weights", hint="give a file of tensors by name")
    return found


def load_into(module: torch.nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Put the tensors into the network, which must have exactly these.

    Raises:
        PoiseError: Names or shapes differ.
    """
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
            why=f"{len(differing)} tensors differ, '{differing[0]}' first",
            hint="give the weights that belong to this extractor",
        )
    module.load_state_dict(tensors, strict=False)
