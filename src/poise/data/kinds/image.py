"""Images: of any size, grey or in colour, from folders, archives, arrays and data sets that are read live."""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from poise.data.cache import converted
from poise.data.dataset import Dataset, array_dataset
from poise.data.kinds.kind import DataKind, Defaults, Given, Request
from poise.data.rows import JSON, Array, survey
from poise.data.sources.arrays import check_finite
from poise.data.sources.image_arrays import (
    fitted_text,
    image_layout,
    image_plan,
    image_transform,
    to_channels_first,
)
from poise.data.sources.image_folders import from_collection
from poise.data.sources.live import live_dataset
from poise.data.transform import Pixels, Transform, transform_from_json
from poise.errors import PoiseError
from poise.spec import LEAST_SIDE, MOST_SIDE, DataSpec, resolution_of, size_text
from poise.text import counted

NAME = "image"
_CELL = 48
_MOST_COLOURS = 4  # More channels are bands
_GAP = 2
_FEW = 10  # A generator can only learn so many images by heart
_DEFAULTS = (
    (8, Defaults(64, 6e-4, 3_000)),
    (16, Defaults(64, 4e-4, 10_000)),
    (32, Defaults(64, 4e-4, 25_000)),
    (64, Defaults(64, 4e-4, 50_000)),
    (math.inf, Defaults(32, 2e-4, 100_000)),
)
"""The largest side, and what `auto` and null become up to it."""


def _open(given: Given, request: Request) -> Dataset:
    if given.files is not None:
        return from_collection(given.files, given.name, request)
    name, target, channels, items = given.name, request.target, request.channels, given.items
    array = given.array if items is None else items.probed
    assert array is not None
    layout = image_layout(array.shape[1:], channels=channels, name=name)
    # the fingerprint is one of (N, C, H, W), however the values are laid out
    view = to_channels_first(array, layout)
    first = survey(view)
    check_finite(first, name)
    transform, notices = image_transform(first, array.dtype, name, request.scale)
    plan = image_plan(view.shape[1:], array.dtype, transform, target=target, channels=channels, name=name)
    height, width = view.shape[2:]
    facts: dict[str, JSON] = {"resolution": resolution_of(*plan.shape[1:]), "channels": plan.shape[0]}
    if target is not None:
        facts["fitted"] = fitted_text([(width, height)], target)
        facts |= {} if target.fit == "crop" else {"fit": target.fit}
    if items is not None:

        def to_rows(block: Array) -> Array:
            moved = to_channels_first(block, layout)
            return moved if plan.convert is None else plan.convert(moved)

        return live_dataset(
            items, NAME, to_rows=to_rows, transform=transform, found=first, notices=notices, **facts
        )
    if target is not None and target.enlarges(width, height):
        notices.append(
            f"The images of '{name}' are {size_text(height, width)} and were enlarged to {target.text}."
        )
    stored, found = converted(view, plan, first, request.cache)
    summary: dict[str, JSON] = {
        "origin": given.origin,
        "count": len(stored),
        "dtype": str(array.dtype),
        "range": [first.low, first.high],
        "layout": f"N{layout}",
        "original_size": list(view.shape[2:]),
        **facts,
        "policy": "; ".join(plan.steps) or "values as they are",
    }
    return array_dataset(stored, found.digest, NAME, name, transform, summary, notices)


def _advice(dataset: Dataset) -> tuple[str, ...]:
    found = []
    if _network(DataSpec(NAME, dataset.shape)) == "mlp":
        height, width = dataset.shape[1:]
        larger = size_text(*(max(side, LEAST_SIDE) for side in (height, width)))
        square = str(LEAST_SIDE) if larger == size_text(LEAST_SIDE, LEAST_SIDE) else larger
        found.append(
            f"No network for images serves {size_text(height, width)}, so that an MLP is trained; "
            f"those have sides from {LEAST_SIDE} to {MOST_SIDE:,}, as with --resolution {square}."
        )
    if len(dataset) <= _FEW:
        found.append(
            f"Too few to learn from: {counted(len(dataset), 'image')}, which a generator can only repeat; "
            "some hundreds are the least."
        )
    return tuple(found)


def _network(spec: DataSpec) -> str:
    return "dcgan" if min(spec.shape[1:]) >= LEAST_SIDE else "mlp"


def to_pixels(samples: Tensor, transform: Transform) -> Array:
    """Images `(N, C, H, W)` as bytes: -1 becomes 0 and 1 becomes 255; what lies beyond is clamped."""
    if not transform.bounded:
        what = f"Values with the transform '{transform.name}' are not pixels"
        raise PoiseError(what, code="data.not-pixels")
    # a generator that has diverged makes NaN, and its picture is to be seen all the same: as mid-grey
    pixels: Array = Pixels().decode(samples.detach().clamp(-1.0, 1.0).nan_to_num(nan=0.0).cpu()).numpy()
    return pixels


def _to_data(samples: Tensor, transform: Transform) -> Tensor:
    return torch.from_numpy(to_pixels(samples, transform))


def _draw(
    samples: Tensor, transform: Transform, *, columns: int | None = None, real: Tensor | None = None
) -> Image.Image:
    return to_pillow(to_pixels(samples, transform), columns=columns)


def _written(count: int, transform: Transform) -> list[str]:
    digits = max(5, len(str(count - 1)))
    return [f"sample-{number:0{digits}}.png" for number in range(count)]


def _write(folder: Path, pieces: Iterable[Tensor], count: int, transform: Transform) -> None:
    images = (pixels for piece in pieces for pixels in to_pixels(piece, Pixels()))
    for name, pixels in zip(_written(count, transform), images, strict=True):
        save_image(pixels, folder / name)


def save_image(pixels: Array, path: Path) -> None:
    """One image `(C, H, W)`, uint8, as a file in the format of its suffix; bands lie in it side by side."""
    if len(pixels) > _MOST_COLOURS:
        pixels = np.concatenate(list(pixels), axis=1)[None]
    values = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    Image.fromarray(values).save(path)


def _describe(shape: tuple[int, ...], count: int) -> str:
    channels, height, width = shape
    colours = {1: "grey", 3: "colour", 4: "colour with alpha"}.get(channels, f"{channels} channels")
    return f"{count:,} image{'' if count == 1 else 's'} of {size_text(height, width)}, {colours}"


def to_pillow(pixels: Array | torch.Tensor, *, columns: int | None = None) -> Image.Image:
    """Images side by side, small ones enlarged by whole factors without smoothing.

    Args:
        pixels: (N, C, H, W) uint8: grey, two channels shown as red and green, colour, colour with alpha; of
            more channels the first three are shown.
        columns: Images in a row; the square root of N, rounded up, when none is given.

    Returns:
        An image in mode L or RGB with thin grey lines between the cells; in mode RGBA with transparent lines
        if the images have alpha.

    Raises:
        PoiseError: There is no image, or the values are not of that shape and type.

    Example:
        >>> to_pillow(np.zeros((4, 1, 8, 8), np.uint8)).size
        (102, 102)
    """
    values = pixels.detach().cpu().numpy() if isinstance(pixels, torch.Tensor) else np.asarray(pixels)
    if values.ndim != 4 or values.dtype != np.uint8 or 0 in values.shape:
        what = f"A picture cannot be made of {values.dtype} values of shape {values.shape}"
        hint = "give uint8 images of shape (N, C, H, W)"
        raise PoiseError(what, code="data.no-picture", hint=hint)
    values = _displayable(values)
    count, channels, height, width = values.shape
    columns = math.ceil(math.sqrt(count)) if columns is None else max(1, columns)
    rows = math.ceil(count / columns)
    factor = max(1, math.ceil(_CELL / max(height, width)))
    cells = values.repeat(factor, axis=2).repeat(factor, axis=3).transpose(0, 2, 3, 1)
    tall, wide = height * factor + _GAP, width * factor + _GAP
    line = 0 if channels == 4 else 128
    canvas = np.full((rows * tall + _GAP, columns * wide + _GAP, channels), line, dtype=np.uint8)
    for index, cell in enumerate(cells):
        top, left = _GAP + index // columns * tall, _GAP + index % columns * wide
        canvas[top : top + tall - _GAP, left : left + wide - _GAP] = cell
    return Image.fromarray(canvas[..., 0] if channels == 1 else canvas)


def _displayable(values: Array) -> Array:
    channels = values.shape[1]
    if channels == 2:
        return np.concatenate([values, np.zeros_like(values[:, :1])], axis=1)
    return values if channels <= _MOST_COLOURS else values[:, :3]


IMAGE = DataKind(
    name=NAME,
    singular="image",
    plural="images",
    describe=_describe,
    recognises=lambda given: given.files is not None or given.axes in (3, 4),
    open=_open,
    advice=_advice,
    load_transform=transform_from_json,
    spec=lambda shape, transform: DataSpec(NAME, shape),
    network=_network,
    defaults=lambda spec: next(values for largest, values in _DEFAULTS if max(spec.shape) <= largest),
    # Gamma in proportion to the pixels, as in Karras et al. 2020 (ADA), appendix B. The factor is ours: 0.1
    # at 8x8 took the digits to the level of real ones fastest among 0.02 to 1.
    gradient_weight=lambda spec: min(10.0, 0.1 * spec.shape[-1] * spec.shape[-2] / 64),
    settings=lambda spec: {"resolution": resolution_of(*spec.shape[1:])},
    augmentations=frozenset({"horizontal_flips", "jitter"}),
    draw=_draw,
    preview=64,
    gridded=True,
    pictorial=True,
    sample=lambda samples, transform: samples.clamp(-1.0, 1.0),
    to_data=_to_data,
    stored_data=lambda stored, transform: _to_data(transform.encode(stored), transform),
    written=_written,
    write=_write,
    lead="Each position shows the sample of one latent. The latents are the same in every picture.",
    as_picture="in a grid",
    as_files="as PNG files",
    features="random-convolutions",
    metrics=("frechet-distance", "kernel-distance", "precision-recall-density-coverage", "memorisation"),
    value_range="0..255",
    measured=_to_data,
    comparable=lambda data, transform: data,
    preparation=lambda shape, transform: f"bytes of {shape[2]} x {shape[1]}",
)
