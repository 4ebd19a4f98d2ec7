"""Fields: numbers on a grid of one to three axes, in any number of channels, with all their bits."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from poise.data.cache import Conversion, converted
from poise.data.channels import FITS, Linear
from poise.data.dataset import Dataset, array_dataset
from poise.data.field_transform import Channels, channels_of, fitted_channels, in_type, load_channels
from poise.data.kinds.drawing import BEYOND, as_curves, in_colours
from poise.data.kinds.image import to_pillow
from poise.data.kinds.kind import DataKind, Defaults, Given, Request
from poise.data.rows import JSON, Array, survey
from poise.data.sources.arrays import check_finite
from poise.data.sources.field_files import read_fields
from poise.data.sources.files import ARRAY_SUFFIXES, suffix_of
from poise.data.sources.image_folders import labelled_by_folders
from poise.data.sources.image_texts import shown
from poise.data.transform import Transform
from poise.errors import PoiseError
from poise.spec import DataSpec, Span
from poise.text import counted

NAME = "field"
_MOST_AXES = 5
_FEW = 4  # Channels that need not be named
_EXACT = 2**24  # Whole numbers beyond it lose digits as 32-bit floats
_SHOWN = 4  # Channels that a picture shows
_PICTURES = {".tif": ("uint8", "uint16", "int32", "float32"), ".png": ("uint8", "uint16")}
_DEFAULTS = (
    (256, Defaults(64, 4e-4, 10_000)),
    (4_096, Defaults(32, 4e-4, 25_000)),
    (math.inf, Defaults(16, 2e-4, 50_000)),
)
"""The most places of a grid, and what `auto` and null become up to it."""


def _recognises(given: Given) -> bool:
    """Volumes, numbers that are no pixels, and folders of arrays."""
    if given.files is not None:
        return given.suffix in ARRAY_SUFFIXES
    if given.axes == _MOST_AXES:
        return True
    found = given.found if given.axes in (3, 4) and not given.scaled else None
    if found is None or given.array is None:
        return False
    low, high = found.low, found.high
    if given.array.dtype.kind == "f":
        within = -1.0001 <= low <= high <= 1.0001 or (low >= 0 and 128 <= high <= 255)
        return not within and bool(found.bad_values == 0)
    return low < 0 or high > 255


def _open(given: Given, request: Request) -> Dataset:
    if request.sides is not None or request.scale is not None or request.fit != "crop":
        what = f"'{given.name}' holds fields, whose values and sizes stay as they are"
        hint = "leave the resolution and the scale out, or name the kind: --kind image"
        raise PoiseError(what, code="data.fields-stay", hint=hint)
    if given.array is not None:
        return _of_array(given.array, given, request, ".npy")
    if given.files is None:
        what = f"'{given.name}' is no array and no folder, and fields are not read item by item"
        raise PoiseError(what, code="data.fields-not-live", hint="give all of it as one array, or a folder")
    read = read_fields(given.files, given.name, request)
    suffix = Counter(map(suffix_of, read.files)).most_common(1)[0][0]
    dataset = _of_array(read.array, given, request, suffix)
    refused: list[JSON] = [{"file": shown(file), "reason": why} for file, why in sorted(read.refused.items())]
    summary = {**dataset.summary, "refused_count": len(refused), "refused": refused}
    dataset = dataclasses.replace(dataset, files=read.files, summary=summary)
    return dataset if request.labelled else labelled_by_folders(dataset, given.files, read.listing)


def _of_array(array: Array, given: Given, request: Request, suffix: str) -> Dataset:
    name = given.name
    view = channels_first(array, request.channels, name)
    first = survey(view)
    check_finite(first, name)
    as_float = array.dtype != np.float32 or not array.dtype.isnative or not view.flags.c_contiguous
    convert = (lambda block: np.ascontiguousarray(block, dtype=np.float32)) if as_float else None
    plan = Conversion(view.shape[1:], "float32", convert, ("float32",))
    with np.errstate(over="ignore"):  # what overflows is found by the survey that follows
        stored, found = converted(view, plan, first, request.cache)
    if found.bad_values:
        what = f"'{name}' holds values up to {max(abs(first.low), abs(first.high)):g}"
        raise PoiseError(
            what, code="data.too-large", why="32-bit floats end at 3.4e38", hint="scale them down"
        )
    transform = Channels(
        fitted_channels(stored, request.encoding, name), _type_name(array.dtype), _suffix(suffix, view)
    )
    encodings = [part.name for part in transform.parts]
    text = encodings[0] if len(set(encodings)) == 1 else ", ".join(encodings)
    summary: dict[str, JSON] = {
        "origin": given.origin,
        "count": len(stored),
        "dtype": str(array.dtype),
        "range": [first.low, first.high],
        "channels": stored.shape[1],
        "encodings": text,
        "policy": "each channel by its encoding, and nothing is cut off; samples come back in the type and "
        "the units of the data",
    }
    notices = _notices(name, stored, array, first.low, first.high, text, given)
    return array_dataset(stored, found.digest, NAME, name, transform, summary, notices)


def _notices(
    name: str, stored: Array, array: Array, low: float, high: float, text: str, given: Given
) -> list[str]:
    axes = "x".join(map(str, stored.shape[2:]))
    notices = [
        f"The {array.dtype} values of '{name}', from {low:g} to {high:g}, are taken as fields of {axes} with "
        f"{counted(stored.shape[1], 'channel')}, encoded {text}."
    ]
    if given.files is None and stored.ndim == 4 and stored.shape[1] in (1, 3, 4):
        notices[0] += " If they are pictures, name the values that are black and white: --scale LOW,HIGH."
    wide = array.dtype.kind == "f" and array.dtype.itemsize > 4
    if wide or (array.dtype.kind in "ui" and max(abs(low), abs(high)) > _EXACT):
        notices.append(f"The {array.dtype} values are held as 32-bit floats: seven digits of each.")
    flat = sum(float(np.ptp(stored[:, channel])) == 0 for channel in range(stored.shape[1]))
    if flat:
        notices.append(f"{flat} of {counted(stored.shape[1], 'channel')} hold one value throughout.")
    return notices


def channels_first(array: Array, channels: int | None, name: str) -> Array:
    """Rows as `(N, C, *axes)`, a view.

    One axis of 1 to 4 is that of the channels; of more it is the one whose length is asked for, or the one
    beside equal lengths. Rows of one or two axes have one channel, unless the first of two has the length
    that is asked for.

    Raises:
        PoiseError: It is not clear which axis is that of the channels.

    Example:
        >>> channels_first(np.zeros((5, 16, 16, 3)), None, "array").shape
        (5, 3, 16, 16)
        >>> channels_first(np.zeros((5, 6, 100)), 6, "array").shape
        (5, 6, 100)
    """
    shape = array.shape[1:]
    if len(shape) < 3:
        if len(shape) == 2 and channels is not None and channels == shape[0] and channels > 1:
            return array
        return array[:, None]
    ends = {1: shape[0], array.ndim - 1: shape[-1]}
    rest = {1: shape[1:], array.ndim - 1: shape[:-1]}
    few = [axis for axis, size in ends.items() if size <= _FEW]
    named = [axis for axis, size in ends.items() if size == channels]
    equal = [axis for axis in few or ends if len(set(rest[axis])) == 1]
    for found in (named, few, equal):
        if len(found) == 1:
            if channels is not None and ends[found[0]] != channels:
                what = f"The fields of '{name}' have {ends[found[0]]} channels and cannot be given {channels}"
                raise PoiseError(what, code="data.channels", hint="leave the channels out")
            return np.moveaxis(array, found[0], 1)
    raise PoiseError(
        f"In '{name}' fields have the shape {'x'.join(map(str, shape))}",
        code="data.axes-unclear",
        why="two axes could be the channels",
        hint="give (N, channels, *axes), and the number of channels: --set channels=C",
    )


def _type_name(dtype: "np.dtype[Any]") -> str:
    return str(dtype.newbyteorder("="))


def _suffix(suffix: str, view: Array) -> str:
    """The suffix of files of samples: that of the data if it is a picture that can hold them."""
    short = {".tiff": ".tif"}.get(suffix, suffix)
    plain = view.shape[1] == 1 and view.ndim == 4 and _type_name(view.dtype) in _PICTURES.get(short, ())
    return short if plain else ".npy"


def _draw(
    samples: Tensor, transform: Transform, *, columns: int | None = None, real: Tensor | None = None
) -> Image.Image:
    """A cell for each sample: channels in colours side by side, of volumes three slices, of rows curves."""
    values = samples.detach().float().cpu().numpy()[:, :_SHOWN]
    narrow = all(isinstance(part, Linear) for part in channels_of(transform).parts)
    high = 1.0 if narrow else BEYOND
    if values.ndim == 3:
        return to_pillow(as_curves(values, low=-high, high=high), columns=columns)
    if values.ndim == 5:
        depth = values.shape[2]
        values = values[:, :, [depth // 4, depth // 2, 3 * depth // 4]].reshape(
            len(values), -1, *values.shape[3:]
        )
    planes = np.concatenate(list(np.moveaxis(values, 1, 0)), axis=2)
    return to_pillow(in_colours(planes, low=-high, high=high), columns=columns)


def _written(count: int, transform: Transform) -> list[str]:
    digits = max(5, len(str(count - 1)))
    return [f"sample-{number:0{digits}}{channels_of(transform).suffix}" for number in range(count)]


def _write(folder: Path, pieces: Iterable[Tensor], count: int, transform: Transform) -> None:
    fields = (values for piece in pieces for values in in_type(piece, transform))
    for name, values in zip(_written(count, transform), fields, strict=True):
        if name.endswith(".npy"):
            np.save(folder / name, values)
        else:
            Image.fromarray(values[0]).save(folder / name)


def flat_axes(samples: Tensor) -> Tensor:
    """Samples `(N, C, *axes)` with three axes, as extractors take fields; missing ones have length 1."""
    missing = 5 - samples.dim()
    return samples.reshape(*samples.shape[:2], *[1] * missing, *samples.shape[2:])


def _spec(shape: tuple[int, ...], transform: Transform) -> DataSpec:
    spans = tuple(Span(f"channel {number}", "real", 1) for number in range(shape[0]))
    return DataSpec(NAME, shape, spans=spans)


def _describe(shape: tuple[int, ...], count: int) -> str:
    channels = "" if shape[0] == 1 else f", {shape[0]} channels"
    return f"{counted(count, 'field')} of {'x'.join(map(str, shape[1:]))}{channels}"


FIELD = DataKind(
    name=NAME,
    singular="field",
    plural="fields",
    describe=_describe,
    recognises=_recognises,
    open=_open,
    load_transform=load_channels,
    spec=_spec,
    network=lambda spec: "dcgan",
    defaults=lambda spec: next(values for most, values in _DEFAULTS if spec.numbers // spec.shape[0] <= most),
    # as for images: in proportion to the places of the grid
    gradient_weight=lambda spec: min(10.0, 0.1 * math.prod(spec.shape[1:]) / 64),
    settings=lambda spec: {},
    augmentations=frozenset(),
    draw=_draw,
    preview=32,
    gridded=True,
    pictorial=False,
    sample=lambda samples, transform: transform.decode(samples),
    to_data=lambda samples, transform: transform.decode(samples),
    stored_data=lambda stored, transform: stored.float(),
    written=_written,
    write=_write,
    lead="Each cell is the sample of one latent, dark where its values are low. "
    "The latents are the same in every picture.",
    as_picture="in colours",
    as_files="in the type of the data",
    features="field-statistics",
    metrics=("frechet-distance", "power-spectrum", "value-distribution", "precision-recall-density-coverage"),
    value_range=None,
    measured=lambda samples, transform: flat_axes(samples),
    comparable=lambda data, transform: flat_axes(transform.encode(data)),
    preparation=lambda shape, transform: (
        "channels as they are encoded: "
        + ", ".join(dict.fromkeys(part.name for part in channels_of(transform).parts))
    ),
    recipe="field",
    encodings=tuple(FITS),
)
