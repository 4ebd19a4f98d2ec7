"""Arrays and tensors in memory or mapped from disk, as sources; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from poise.data.dataset import JSON, Array, Dataset, Survey, blocks, fingerprint, survey
from poise.data.image_arrays import dimensions, image_layout, image_plan, image_transform
from poise.data.stored_rows import Experiment, stored_rows
from poise.data.transform import Transform
from poise.errors import PoiseError


def from_tensor(tensor: torch.Tensor) -> Array:
    """The values of a tensor as an array, without a copy where that can be.

    Raises:
        PoiseError: The tensor is sparse, quantised or complex.
    """
    if tensor.layout != torch.strided or tensor.is_quantized:
        raise PoiseError(
            "The tensor is sparse or quantised", hint="give a dense one, as from tensor.to_dense()"
        )
    plain = tensor.detach().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    array: Array = plain.resolve_neg().resolve_conj().numpy()
    return array


def from_array(
    array: Array,
    *,
    name: str,
    cache: Path,
    origin: str,
    resolution: int | None = None,
    channels: int | None = None,
    transform: Transform | None = None,
) -> Dataset:
    """A source from an array: images of three or four axes, vectors of two.

    Args:
        array: (N, H, W), (N, H, W, C), (N, C, H, W) or (N, d). uint8 and floating point are taken; bool
            becomes 0 and 255 (0 and 1 in vectors); other integers are taken where images lie in 0..255.
        name: What the person named.
        cache: Where rows of a memory-mapped array go that must be converted.
        origin: `"npy"`, `"array"`, `"tensor"`, ... for the summary.
        resolution: Centre-crop and resize images to this size.
        channels: 1 or 3, where images are to have another number than they have.
        transform: Where it is known; else it is found from the values.

    Raises:
        PoiseError: The array cannot be trained on; with what is wrong and how to mend it.
    """
    check_basics(array, name)
    if array.ndim == 2:
        if resolution is not None or channels is not None:
            raise PoiseError(
                f"'{name}' holds vectors, which have no resolution and no channels", hint="leave them out"
            )
        return _vectors(array, name=name, cache=cache, origin=origin, transform=transform)
    return _images(array, name=name, cache=cache, origin=origin, resolution=resolution, channels=channels)


def check_basics(array: Array, name: str) -> None:
    """Raises PoiseError where the type or the shape is none that can be trained on."""
    if isinstance(array, np.ma.MaskedArray):
        raise PoiseError(f"'{name}' is a masked array", hint="fill it, as with array.filled(0)")
    if array.dtype.kind not in "buif":
        raise PoiseError(
            f"'{name}' holds values of type {array.dtype}",
            why="only numbers can be trained on",
            hint="give uint8 or floating-point values",
        )
    if array.ndim < 2:
        raise PoiseError(
            f"'{name}' has the shape {array.shape}, one axis too few or more",
            hint="give (N, d) for vectors, (N, H, W) or (N, H, W, C) for images",
        )
    if array.ndim > 4:
        raise PoiseError(
            f"'{name}' has {array.ndim} axes", hint="give images as (N, H, W, C) or (N, C, H, W)"
        )
    if array.size == 0:
        raise PoiseError(f"'{name}' is empty, with the shape {array.shape}", hint="give at least one row")


def check_finite(found: Survey, name: str) -> None:
    """Raises PoiseError where a value is NaN or infinite, with how many and the first row."""
    if found.bad_values:
        values = "one value that is" if found.bad_values == 1 else f"{found.bad_values:,} values that are"
        raise PoiseError(
            f"'{name}' holds {values} NaN or infinite, the first in row {found.first_bad_row:,}",
            hint="remove or fill them before training",
        )


def _vectors(array: Array, *, name: str, cache: Path, origin: str, transform: Transform | None) -> Dataset:
    first = survey(array)
    check_finite(first, name)
    notices: list[str] = []
    convert: Callable[[Array], Array] | None = None
    if array.dtype != np.float32 or not array.dtype.isnative:
        convert = _to_float32
        if array.dtype.kind in "bui":
            notices.append(f"The {array.dtype} columns of '{name}' are taken as plain numbers.")
    plan = Experiment(array.shape[1:], "float32", convert, ("float32",))
    stored, found = stored_rows(array, plan, first, cache)
    if found.bad_values:
        raise PoiseError(
            f"'{name}' holds values up to {max(abs(first.low), abs(first.high)):g}",
            why="32-bit floats end at 3.4e38",
            hint="scale the columns down",
        )
    if transform is None:
        transform = standardised(stored)
    constant = _constant_columns(stored)
    if constant:
        notices.append(f"{constant} of {array.shape[1]} columns of '{name}' hold one value throughout.")
    summary: dict[str, JSON] = {
        "origin": origin,
        "count": len(stored),
        "dtype": str(array.dtype),
        "range": [found.low, found.high],
        "constant_columns": constant,
        "policy": "columns to mean 0 and standard deviation 1" if transform.center else "values as they are",
    }
    return _source(stored, found, name=name, transform=transform, summary=summary, notices=notices)


def _to_float32(block: Array) -> Array:
    with np.errstate(over="ignore"):  # what overflows is found, and refused, by the survey that follows
        return block.astype(np.float32)


def standardised(array: Array) -> Transform:
    """Mean and standard deviation of each column, summed block by block in double precision."""
    columns = array.shape[1]
    count, mean, squares = 0, np.zeros(columns), np.zeros(columns)
    for rows in blocks(array):
        block = np.asarray(array[rows], dtype=np.float64)
        block_mean = block.mean(axis=0)
        shift, total = block_mean - mean, count + len(block)
        # merging two sets of moments: Chan, Golub, LeVeque 1983, equation 2.1
        squares += ((block - block_mean) ** 2).sum(axis=0) + shift**2 * (count * len(block) / total)
        mean += shift * (len(block) / total)
        count = total
    deviation = np.sqrt(squares / count)
    # below the rounding error of the stored values a column has no spread that means anything
    flat = deviation <= np.finfo(np.float32).eps * np.abs(mean)
    scale = np.where(flat, 1.0, deviation)
    return Transform("standardised", center=tuple(mean.tolist()), scale=tuple(scale.tolist()))


def _constant_columns(array: Array) -> int:
    same = np.ones(array.shape[1], dtype=bool)
    for rows in blocks(array):
        same &= (array[rows] == array[0]).all(axis=0)
        if not same.any():
            break
    return int(same.sum())


def _images(
    array: Array, *, name: str, cache: Path, origin: str, resolution: int | None, channels: int | None
) -> Dataset:
    layout = image_layout(array.shape[1:], channels=channels, name=name)
    # the fingerprint is one of (N, C, H, W), however the values are laid out
    view = array[:, None] if layout == "HW" else np.moveaxis(array, 3, 1) if layout == "HWC" else array
    first = survey(view)
    check_finite(first, name)
    transform, notices = image_transform(first, array.dtype, name)
    plan = image_plan(view.shape[1:], array.dtype, resolution=resolution, channels=channels, name=name)
    if resolution is not None and min(view.shape[2:]) < resolution:
        notices.append(
            f"The images of '{name}' are {dimensions(view.shape[2:])} and were enlarged to {resolution}."
        )
    stored, found = stored_rows(view, plan, first, cache)
    summary: dict[str, JSON] = {
        "origin": origin,
        "count": len(stored),
        "dtype": str(array.dtype),
        "range": [first.low, first.high],
        "layout": f"N{layout}",
        "original_size": list(view.shape[2:]),
        "resolution": plan.shape[1],
        "channels": plan.shape[0],
        "policy": "; ".join(plan.steps) or "values as they are",
    }
    return _source(stored, found, name=name, transform=transform, summary=summary, notices=notices)


def _source(
    stored: Array,
    found: Survey,
    *,
    name: str,
    transform: Transform,
    summary: dict[str, JSON],
    notices: list[str],
) -> Dataset:
    return Dataset(
        name=name,
        kind="vector" if stored.ndim == 2 else "image",
        shape=stored.shape[1:],
        transform=transform,
        fingerprint=fingerprint(
            found.digest, shape=stored.shape, dtype=str(stored.dtype), transform=transform
        ),
        summary=summary,
        notices=tuple(notices),
        array=stored,
    )
