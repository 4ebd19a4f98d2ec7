"""Features and labels as users give them, checked and in one form; and fingerprints of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poise.errors import PoiseError


def as_features(features: Any, name: str, *, least: int = 2) -> Tensor:
    """Features as a float64 tensor `(N, d)` on their device; the name is for messages."""
    given = as_tensor(features, name)
    if given.dim() != 2 or given.shape[1] == 0:
        raise PoiseError(
            f"The {name} features have the shape {tuple(given.shape)}",
            code="metrics.not-features",
            why="a metric takes one row of numbers for each sample, (N, d)",
            hint="run images through an extractor first, or flatten them",
        )
    if given.shape[0] < least:
        raise PoiseError(
            f"There are {given.shape[0]} {name} samples, and this metric needs at least {least}",
            code="metrics.too-few-samples",
            hint=f"give at least {least}",
        )
    # Apple's devices have no float64, and in float32 a Fréchet distance loses its last digits.
    given = given.cpu() if given.device.type == "mps" else given
    wide = given.to(torch.float64)
    if not bool(torch.isfinite(wide.sum())):
        wrong = int((~torch.isfinite(wide)).any(1).sum())
        if wrong:
            raise PoiseError(
                f"{wrong} of the {given.shape[0]} {name} samples hold NaN or infinite features",
                code="metrics.not-finite",
                why="every number computed from them would be NaN",
                hint="find out whether they come from the samples or from the extractor",
            )
    return wide


def as_pair(
    real: Any, fake: Any, *, least: int = 2, names: tuple[str, str] = ("real", "fake")
) -> tuple[Tensor, Tensor]:
    """Two sets of features that can be measured against one another, on the device of the first."""
    first, second = as_features(real, names[0], least=least), as_features(fake, names[1], least=least)
    if first.shape[1] != second.shape[1]:
        raise PoiseError(
            f"The {names[0]} features are {first.shape[1]} wide and the {names[1]} ones {second.shape[1]}",
            code="metrics.different-widths",
            hint="use one extractor, and samples of one size, for both",
        )
    for one, other, (its, others) in ((first, second, names), (second, first, names[::-1])):
        if _bytes_like(one) and _unit_like(other):
            raise PoiseError(
                f"The {its} values lie in 0..255 and the {others} values in -1..1",
                code="metrics.different-ranges",
                why="their distance would measure the scale and nothing else",
                hint="bring both to one range",
            )
    return first, second.to(first.device)


def as_tensor(thing: Any, name: str) -> Tensor:
    """A tensor of anything that holds numbers: a tensor, an array, nested lists."""
    if isinstance(thing, Tensor):
        given = thing.detach()
    else:
        try:
            array = np.asarray(thing)
            given = torch.from_numpy(np.ascontiguousarray(array))
        except (TypeError, ValueError):
            raise PoiseError(
                f"The {name} samples are a {type(thing).__name__} that holds no plain numbers",
                code="metrics.not-numbers",
                hint="give an array or a tensor",
            ) from None
    if given.is_complex():
        raise PoiseError(
            f"The {name} samples are complex numbers", code="metrics.not-numbers", hint="give real ones"
        )
    return given


def as_labels(labels: Any, name: str, count: int) -> Tensor:
    """Class numbers `(N,)` from 0, one for each of `count` samples."""
    given = as_tensor(labels, f"labels of the {name}")
    if given.dim() != 1 or given.shape[0] != count:
        raise PoiseError(
            f"There are {count} {name} samples and labels of shape {tuple(given.shape)}",
            code="metrics.labels-do-not-match",
            why="each sample needs one label",
            hint="give as many labels as samples, in the same order",
        )
    whole = given.to(torch.int64)
    if bool((whole != given).any()) or (count and int(whole.min()) < 0):
        raise PoiseError(
            f"The labels of the {name} samples are not class numbers",
            code="metrics.not-class-numbers",
            hint="give whole numbers from 0",
        )
    return whole


def _bytes_like(features: Tensor) -> bool:
    """Whether these are pixels of 0..255: whole numbers, and many of them large."""
    low, high = features.aminmax()
    return (
        float(low) >= 0 and 32 < float(high) <= 255 and bool((features[:64] == features[:64].round()).all())
    )


def _unit_like(features: Tensor) -> bool:
    low, high = features.aminmax()
    return float(low) >= -1.001 and float(high) <= 1.001 and float(low) < float(high)


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
    """A SHA-256 over rows `(n, d)` in float64, after the rows of `before`, which does not change."""
    digest = hashlib.sha256(f"{rows.shape[1]}".encode()) if before is None else before.copy()
    digest.update(_bytes_of(rows.to(torch.float64)))
    return digest


def fingerprint_of_features(features: Tensor) -> str:
    """The fingerprint of features `(N, d)`, the same for any float type and any batches."""
    return str(digest_of_rows(features).hexdigest())


def _bytes_of(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy().data) if flat.numel() else memoryview(b"")
