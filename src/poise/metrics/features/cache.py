"""Things kept on disk under a hash of all that they depend on."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from poise.metrics.fingerprint import fingerprint

Tensors = dict[str, Tensor]


def cached_features(
    cache: Path, samples: Tensor, dependencies: Sequence[str], compute: Callable[[], Tensor]
) -> Tensor:
    """Features from the cache, or computed and kept.

    Args:
        cache: The folder.
        samples: What the features are of: its bytes are hashed, so that one changed pixel is another key.
        dependencies: What else they depend on: the extractor's name, weights and preparation.
        compute: Computes them.
    """
    key = key_of(fingerprint(samples), *dependencies)
    found = load(cache, "features", key)
    if found is not None and "features" in found[0]:
        return found[0]["features"]
    features = compute()
    store(cache, "features", key, {"features": features.cpu().contiguous()}, {})
    return features


def key_of(*parts: str) -> str:
    """SHA-256 over parts that are kept apart."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def load(cache: Path, kind: str, key: str) -> tuple[Tensors, dict[str, str]] | None:
    """What was kept under a key: tensors and notes; `None` where there is nothing, or nothing readable."""
    path = _path(cache, kind, key)
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (OSError, SafetensorError):
        return None


def store(cache: Path, kind: str, key: str, tensors: Tensors, notes: Mapping[str, str]) -> None:
    """Keep tensors and notes under a key; a full or read-only disk is no error: a cache only helps."""
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
