"""Names for data and weights that change whenever their content does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.metrics.arrays import as_tensor


def fingerprint(data: Any) -> str:
    """SHA-256 over type, shape and bytes of an array or a tensor; one changed pixel changes it."""
    tensor = as_tensor(data, "given")
    digest = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
    digest.update(_bytes_of(tensor))
    return digest.hexdigest()


def hash_of_weights(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of a `state_dict`."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(_bytes_of(tensor))
    return digest.hexdigest()


def hash_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_rows(rows: Tensor, before: Any = None) -> Any:
    """A SHA-256 over rows `(n, d)` in float64, after the rows of `before`, which does not change.

    It does not depend on where batches end.

    Example:
        >>> import torch
        >>> rows = torch.arange(6.0).reshape(3, 2)
        >>> batches = digest_of_rows(rows[1:], digest_of_rows(rows[:1]))
        >>> batches.hexdigest() == fingerprint_of_features(rows)
        True
    """
    digest = hashlib.sha256(f"{rows.shape[1]}".encode()) if before is None else before.copy()
    digest.update(_bytes_of(rows.to(torch.float64)))
    return digest


def fingerprint_of_features(features: Tensor) -> str:
    """The fingerprint of features `(N, d)`, the same for any float type and any batches."""
    return str(digest_of_rows(features).hexdigest())


def _bytes_of(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy().data) if flat.numel() else memoryview(b"")
