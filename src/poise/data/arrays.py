"""Arrays in memory and in `.npy` and `.npz` files: which axis is what, which range, and what is refused."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from poise.data.cache import RowWriter, keep, kept
from poise.data.conversion import fitted
from poise.data.encoding import Encoding
from poise.data.source import JSON, Array, Source, Survey, blocks, fingerprint, survey
from poise.errors import PoiseError

_MEMBERS = ("images", "data", "x", "samples")
_LABELS = ("labels", "y")
_LUMINANCE = np.array([0.299, 0.587, 0.114])
_VERSION = 1

Layout = Literal["HW", "HWC", "CHW"]


def read_array(path: Path) -> Array:
    """The array of a `.npy` file, memory-mapped, or of a `.npz` file.

    A `.npz` file is to hold one array besides labels, or one named images, data, x or samples.

    Raises:
        PoiseError: The file cannot be read as one array of numbers.
    """
    try:
        loaded: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        if any(word in str(error) for word in ("pickle", "Object arrays", "Python objects")):
            raise PoiseError(
                f"'{path}' holds Python objects or is no array file",
                why="loading such objects could run any code",
                mend="save an array of numbers of one shape with numpy.save",
            ) from None
        raise PoiseError(
            f"'{path}' cannot be read as an array",
            why=str(error).rstrip(".") or "it is empty",
            mend="save it anew",
        ) from None
    if isinstance(loaded, np.lib.npyio.NpzFile):
        with loaded:
            return _member(loaded, path)
    array: Array = loaded
    return array


def read_labels(path: Path) -> Array | None:
    """The array named labels or y of a `.npz` file; `None` where there is none, or it is no such file.

    Raises:
        PoiseError: It cannot be read.
    """
    if path.suffix.lower() != ".npz":
        return None
    with np.load(path, allow_pickle=False) as archive:
        named = [name for name in archive.files if name.lower() in _LABELS]
        try:
            return archive[named[0]] if named else None
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise PoiseError(
                f"The labels in '{path}' cannot be read",
                why=str(error).rstrip(".").lower(),
                mend="save whole numbers or texts of one length, not objects",
            ) from None


def _member(archive: Any, path: Path) -> Array:
    names = [name for name in archive.files if name.lower() not in _LABELS]
    chosen = names if len(names) == 1 else [name for name in names if name.lower() in _MEMBERS]
    if len(chosen) != 1:
        raise PoiseError(
            f"'{path}' holds " + (f"the arrays {', '.join(names)}" if names else "no array"),
            why="it is not clear which one to train on" if names else "",
            mend="keep one of them, or name it images, data, x or samples",
        )
    try:
        array: Array = archive[chosen[0]]
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise PoiseError(
            f"The array '{chosen[0]}' in '{path}' cannot be read",
            why=str(error).rstrip("."),
            mend="save an array of numbers of one shape, as .npy where it is large",
        ) from None
    return array


def from_tensor(tensor: torch.Tensor) -> Array:
    """The values of a tensor as an array, without a copy where that can be.

    Raises:
        PoiseError: The tensor is sparse, quantised or complex.
    """
    if tensor.layout != torch.strided or tensor.is_quantized:
        raise PoiseError(
            "The tensor is sparse or quantised", mend="give a dense one, as from tensor.to_dense()"
        )
    plain = tensor.detach().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    array: Array = plain.resolve_neg().resolve_conj().numpy()
    return array


def image_layout(shape: tuple[int, ...], *, channels: int | None, name: str) -> Layout:
    """Which axis of one image is which.

    Args:
        shape: Of one image, two or three numbers.
        channels: How many channels the person says there are; None where they did not say.
        name: What the person named, for messages.

    Raises:
        PoiseError: It cannot be told.

    Example:
        >>> image_layout((32, 32, 3), channels=None, name="array")
        'HWC'
    """
    if len(shape) == 2:
        return "HW"
    sizes: dict[Layout, tuple[int, bool]] = {
        "CHW": (shape[0], shape[1] == shape[2]),
        "HWC": (shape[2], shape[0] == shape[1]),
    }
    possible = [layout for layout, (depth, _) in sizes.items() if 1 <= depth <= 4]
    chosen = possible
    if len(possible) == 2:
        named = [layout for layout in possible if sizes[layout][0] == channels]
        chosen = named if len(named) == 1 else [layout for layout in possible if sizes[layout][1]]
    if len(chosen) == 1:
        return chosen[0]
    raise PoiseError(
        f"In '{name}' images have the shape {_by(shape)}",
        why="two axes could be the 1 to 4 channels" if possible else "no axis is one of 1 to 4 channels",
        mend="give (N, height, width, channels), (N, channels, height, width) or (N, height, width)"
        + (", or say how many channels there are" if possible else ""),
    )


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)


@dataclass(frozen=True)
class Plan:
    """What has to be done to rows before they can be stored.

    Args:
        shape: Of one row afterwards.
        dtype: `"uint8"` or `"float32"`.
        convert: Maps a block of rows; None where rows are taken as they are.
        steps: What is done, in words; with the rows they decide the result.
    """

    shape: tuple[int, ...]
    dtype: str
    convert: Callable[[Array], Array] | None
    steps: tuple[str, ...]


def from_array(
    array: Array,
    *,
    name: str,
    cache: Path,
    origin: str,
    resolution: int | None = None,
    channels: int | None = None,
    encoding: Encoding | None = None,
) -> Source:
    """A source from an array: images of three or four axes, vectors of two.

    Args:
        array: (N, H, W), (N, H, W, C), (N, C, H, W) or (N, d). uint8 and floating point are taken; bool
            becomes 0 and 255 (0 and 1 in vectors); other integers are taken where images lie in 0..255.
        name: What the person named.
        cache: Where rows of a memory-mapped array go that must be converted.
        origin: `"npy"`, `"array"`, `"tensor"`, ... for the summary.
        resolution: Centre-crop and resize images to this size.
        channels: 1 or 3, where images are to have another number than they have.
        encoding: Where it is known; else it is found from the values.

    Raises:
        PoiseError: The array cannot be trained on; with what is wrong and how to mend it.
    """
    check_basics(array, name)
    if array.ndim == 2:
        if resolution is not None or channels is not None:
            raise PoiseError(
                f"'{name}' holds vectors, which have no resolution and no channels", mend="leave them out"
            )
        return _vectors(array, name=name, cache=cache, origin=origin, encoding=encoding)
    return _images(array, name=name, cache=cache, origin=origin, resolution=resolution, channels=channels)


def check_basics(array: Array, name: str) -> None:
    """Raises PoiseError where the type or the shape is none that can be trained on."""
    if isinstance(array, np.ma.MaskedArray):
        raise PoiseError(f"'{name}' is a masked array", mend="fill it, as with array.filled(0)")
    if array.dtype.kind not in "buif":
        raise PoiseError(
            f"'{name}' holds values of type {array.dtype}",
            why="only numbers can be trained on",
            mend="give uint8 or floating-point values",
        )
    if array.ndim < 2:
        raise PoiseError(
            f"'{name}' has the shape {array.shape}, one axis too few or more",
            mend="give (N, d) for vectors, (N, H, W) or (N, H, W, C) for images",
        )
    if array.ndim > 4:
        raise PoiseError(
            f"'{name}' has {array.ndim} axes", mend="give images as (N, H, W, C) or (N, C, H, W)"
        )
    if array.size == 0:
        raise PoiseError(f"'{name}' is empty, with the shape {array.shape}", mend="give at least one row")


def check_finite(found: Survey, name: str) -> None:
    """Raises PoiseError where a value is NaN or infinite, with how many and the first row."""
    if found.bad_values:
        raise PoiseError(
            f"'{name}' holds {found.bad_values:,} values that are NaN or infinite, the first in row "
            f"{found.first_bad_row:,}",
            mend="remove or fill them before training",
        )


def _stored(array: Array, plan: Plan, first: Survey, cache: Path) -> tuple[Array, Survey]:
    """The rows as planned: as they are, or converted; in memory, or into the cache where they are mapped."""
    convert = plan.convert
    if convert is None:
        return array, first
    if not _is_mapped(array):
        result = np.empty((len(array), *plan.shape), dtype=plan.dtype)
        for rows in blocks(array):
            result[rows] = convert(array[rows])
        return result, survey(result)
    facts = [
        _VERSION,
        first.digest,
        list(array.shape),
        str(array.dtype),
        list(plan.shape),
        plan.dtype,
        plan.steps,
    ]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def fill(store: RowWriter) -> None:
        for rows in blocks(array):
            store.write(convert(array[rows]))

    found = kept(cache, "arrays", key)
    if found is None:
        found = keep(cache, "arrays", key, fill, shape=plan.shape, dtype=plan.dtype)
    return found.array, found.survey


def _is_mapped(array: Array) -> bool:
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def _vectors(array: Array, *, name: str, cache: Path, origin: str, encoding: Encoding | None) -> Source:
    first = survey(array)
    check_finite(first, name)
    notices: list[str] = []
    convert: Callable[[Array], Array] | None = None
    if array.dtype != np.float32 or not array.dtype.isnative:
        convert = _to_float32
        if array.dtype.kind in "bui":
            notices.append(f"The {array.dtype} columns of '{name}' are taken as plain numbers.")
    plan = Plan(array.shape[1:], "float32", convert, ("float32",))
    stored, found = _stored(array, plan, first, cache)
    if found.bad_values:
        raise PoiseError(
            f"'{name}' holds values up to {max(abs(first.low), abs(first.high)):g}",
            why="32-bit floats end at 3.4e38",
            mend="scale the columns down",
        )
    if encoding is None:
        encoding = standardised(stored)
    constant = _constant_columns(stored)
    if constant:
        notices.append(f"{constant} of {array.shape[1]} columns of '{name}' hold one value throughout.")
    summary: dict[str, JSON] = {
        "origin": origin,
        "count": len(stored),
        "dtype": str(array.dtype),
        "range": [found.low, found.high],
        "constant_columns": constant,
        "policy": "columns to mean 0 and standard deviation 1" if encoding.center else "values as they are",
    }
    return _source(stored, found, name=name, encoding=encoding, summary=summary, notices=notices)


def _to_float32(block: Array) -> Array:
    with np.errstate(over="ignore"):  # what overflows is found, and refused, by the survey that follows
        return block.astype(np.float32)


def standardised(array: Array) -> Encoding:
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
    return Encoding("standardised", center=tuple(mean.tolist()), scale=tuple(scale.tolist()))


def _constant_columns(array: Array) -> int:
    same = np.ones(array.shape[1], dtype=bool)
    for rows in blocks(array):
        same &= (array[rows] == array[0]).all(axis=0)
        if not same.any():
            break
    return int(same.sum())


def _images(
    array: Array, *, name: str, cache: Path, origin: str, resolution: int | None, channels: int | None
) -> Source:
    layout = image_layout(array.shape[1:], channels=channels, name=name)
    # the fingerprint is one of (N, C, H, W), however the values are laid out
    view = array[:, None] if layout == "HW" else np.moveaxis(array, 3, 1) if layout == "HWC" else array
    first = survey(view)
    check_finite(first, name)
    encoding, notices = image_encoding(first, array.dtype, name)
    plan = image_plan(view.shape[1:], array.dtype, resolution=resolution, channels=channels, name=name)
    if resolution is not None and min(view.shape[2:]) < resolution:
        notices.append(f"The images of '{name}' are {_by(view.shape[2:])} and were enlarged to {resolution}.")
    stored, found = _stored(view, plan, first, cache)
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
    return _source(stored, found, name=name, encoding=encoding, summary=summary, notices=notices)


def image_encoding(found: Survey, dtype: np.dtype[Any], name: str) -> tuple[Encoding, list[str]]:
    """The encoding of images from the type and range of their values, with what to tell the person.

    Floats are recognised as [0, 1], [-1, 1] or 0..255, the last only where the brightest is 128 or more:
    values up to 1.3 or to 16 are far more likely a mistake of scale than dark pictures.

    Raises:
        PoiseError: The range is none of these.
    """
    low, high = found.low, found.high
    if dtype.kind == "b":
        return Encoding("pixels"), [f"The truth values of '{name}' are taken as black and white."]
    if dtype.kind in "ui":
        if low < 0 or high > 255:
            raise PoiseError(
                f"The {dtype} images of '{name}' have values from {low:g} to {high:g}",
                why="integers are taken as 0 to 255",
                mend="divide them by their largest possible value and give floats in [0, 1]",
            )
        notices = [] if dtype == np.uint8 else [f"The {dtype} images of '{name}' are taken as 0 to 255."]
        if 0 < high < 64:
            notices.append(
                f"The brightest value of '{name}' is {high:g} of 255: the images are dark or not scaled."
            )
        return Encoding("pixels"), notices
    slack = 1e-4
    if low >= -slack and high <= 1 + slack:
        bounds = (0.0, 1.0)
    elif low >= -1 - slack and high <= 1 + slack:
        bounds = (-1.0, 1.0)
    elif low >= 0 and 128 <= high <= 255:
        bounds = (0.0, 255.0)
    else:
        raise PoiseError(
            f"The images of '{name}' have values from {low:g} to {high:g}",
            why="floats are taken as 0 to 1, as -1 to 1, or as 0 to 255",
            mend="scale them to one of these, or give uint8",
        )
    sentence = f"The float images of '{name}' are taken as {bounds[0]:g} to {bounds[1]:g}."
    return Encoding("range", low=bounds[0], high=bounds[1]), [sentence]


def image_plan(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    *,
    resolution: int | None,
    channels: int | None,
    name: str,
) -> Plan:
    """What has to be done to images of shape (C, H, W) to train on them.

    Raises:
        PoiseError: They are not square and no resolution is given, or their channels cannot be converted.
    """
    depth, height, width = shape
    if height != width and resolution is None:
        raise PoiseError(
            f"The images of '{name}' are {height} high and {width} wide",
            why="images are to be square",
            mend="give a resolution to crop and resize them (or, for a single image, add a first axis)",
        )
    if channels is not None and channels != depth and {channels, depth} != {1, 3}:
        raise PoiseError(
            f"The images of '{name}' have {depth} channels and cannot be given {channels}",
            mend="only 1 to 3 and 3 to 1 can be converted",
        )
    target = "float32" if dtype.kind == "f" else "uint8"
    steps: list[str] = []
    jobs: list[Callable[[Array], Array]] = []
    if dtype.kind == "b":
        steps.append("truth values to 0 and 255")
        jobs.append(lambda block: block.astype(np.uint8) * np.uint8(255))
    elif dtype != np.dtype(target) or not dtype.isnative:
        steps.append(f"{dtype} to {target}")
        jobs.append(lambda block: block.astype(target))
    if channels is not None and channels != depth:
        steps.append("luminance" if channels == 1 else "grey repeated as colour")
        jobs.append(_to_grey if channels == 1 else (lambda block: np.repeat(block, 3, axis=1)))
    side = height if resolution is None else resolution
    if (height, width) != (side, side):
        steps.append(f"centre crop to a square, antialiased bicubic resize to {side}")
        jobs.append(lambda block: resized(block, side))

    def convert(block: Array) -> Array:
        for job in jobs:
            block = job(block)
        return block

    return Plan((channels or depth, side, side), target, convert if jobs else None, tuple(steps))


def _to_grey(block: Array) -> Array:
    grey: Array = np.tensordot(block, _LUMINANCE, axes=([1], [0]))[:, None]
    return np.rint(grey).astype(np.uint8) if block.dtype == np.uint8 else grey.astype(np.float32)


def resized(block: Array, resolution: int) -> Array:
    """Images (n, C, H, W), uint8 or float32, centre-cropped to squares and resized, channel by channel."""
    result = np.empty((*block.shape[:2], resolution, resolution), dtype=block.dtype)
    for index in np.ndindex(*block.shape[:2]):
        plane = np.ascontiguousarray(block[index])
        fit = np.asarray(fitted(Image.fromarray(plane), resolution))
        # bicubic overshoots at edges: Pillow clips bytes, floats are kept within their plane's own range here
        result[index] = fit if plane.dtype == np.uint8 else np.clip(fit, plane.min(), plane.max())
    return result


def _source(
    stored: Array,
    found: Survey,
    *,
    name: str,
    encoding: Encoding,
    summary: dict[str, JSON],
    notices: list[str],
) -> Source:
    return Source(
        name=name,
        kind="vector" if stored.ndim == 2 else "image",
        shape=stored.shape[1:],
        encoding=encoding,
        fingerprint=fingerprint(found.digest, shape=stored.shape, dtype=str(stored.dtype), encoding=encoding),
        summary=summary,
        notices=tuple(notices),
        array=stored,
    )
