"""Vectors: rows of numbers, from arrays and from data sets that are read live."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from poise.data.cache import Conversion, converted
from poise.data.dataset import Dataset, array_dataset
from poise.data.kinds.kind import DataKind, Defaults, Given, Request
from poise.data.kinds.points import points_picture
from poise.data.rows import JSON, Array, blocks, survey
from poise.data.sources.arrays import check_finite
from poise.data.sources.live import live_dataset
from poise.data.transform import Standardised, Transform, transform_from_json
from poise.errors import PoiseError
from poise.spec import DataSpec

NAME = "vector"
_TABLE = "samples.csv"


def _open(given: Given, request: Request) -> Dataset:
    if given.items is not None:
        rows = given.items.probed.astype(np.float32, copy=False)
        found = survey(rows)
        check_finite(found, given.name)
        return live_dataset(given.items, NAME, _to_float32, standardised(rows), found, [])
    if request.sides is not None or request.channels is not None or request.fit != "crop":
        what = f"'{given.name}' holds vectors, which have no resolution and no channels"
        raise PoiseError(what, code="data.vectors-are-no-images", hint="leave them out")
    assert given.array is not None
    return _open_array(given.array, given, request)


def _open_array(array: Array, given: Given, request: Request) -> Dataset:
    name = given.name
    first = survey(array)
    check_finite(first, name)
    notices: list[str] = []
    convert: Callable[[Array], Array] | None = None
    if array.dtype != np.float32 or not array.dtype.isnative:
        convert = _to_float32
        if array.dtype.kind in "bui":
            notices.append(f"The {array.dtype} columns of '{name}' are taken as plain numbers.")
    plan = Conversion(array.shape[1:], "float32", convert, ("float32",))
    stored, found = converted(array, plan, first, request.cache)
    if found.bad_values:
        what = f"'{name}' holds values up to {max(abs(first.low), abs(first.high)):g}"
        why = "32-bit floats end at 3.4e38"
        raise PoiseError(what, code="data.too-large", why=why, hint="scale the columns down")
    transform = given.transform or standardised(stored)
    constant = int((stored.min(axis=0) == stored.max(axis=0)).sum())
    if constant:
        notices.append(f"{constant} of {array.shape[1]} columns of '{name}' hold one value throughout.")
    scaled = isinstance(transform, Standardised)
    summary: dict[str, JSON] = {
        "origin": given.origin,
        "count": len(stored),
        "dtype": str(array.dtype),
        "range": [found.low, found.high],
        "constant_columns": constant,
        "policy": "columns to mean 0 and standard deviation 1" if scaled else "values as they are",
    }
    return array_dataset(stored, found.digest, NAME, name, transform, summary, notices)


def _to_float32(block: Array) -> Array:
    with np.errstate(over="ignore"):  # what overflows is found, and refused, by the survey that follows
        return block.astype(np.float32, copy=False)


def standardised(array: Array) -> Standardised:
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
    return Standardised(tuple(mean.tolist()), tuple(scale.tolist()))


def _draw(
    samples: Tensor, transform: Transform, *, columns: int | None = None, real: Tensor | None = None
) -> Image.Image:
    """The first two columns as points, with the real ones in grey beneath; a single column as a histogram."""

    def data(values: Tensor) -> Array:
        plain: Array = transform.decode(values.detach()).cpu().numpy()
        return plain

    return points_picture(data(samples), None if real is None else data(real))


def _write(folder: Path, pieces: Iterable[Tensor], count: int, transform: Transform) -> None:
    rows = np.concatenate([piece.numpy() for piece in pieces])
    header = ",".join(f"column_{number}" for number in range(rows.shape[1]))
    np.savetxt(folder / _TABLE, rows, fmt="%.9g", delimiter=",", header=header, comments="")


def _describe(shape: tuple[int, ...], count: int) -> str:
    rows, numbers = "row" if count == 1 else "rows", "number" if shape[0] == 1 else "numbers"
    return f"{count:,} {rows} of {shape[0]:,} {numbers}"


VECTOR = DataKind(
    name=NAME,
    singular="vector",
    plural="vectors",
    describe=_describe,
    recognises=lambda given: given.axes == 2,
    open=_open,
    load_transform=transform_from_json,
    spec=lambda shape, transform: DataSpec(NAME, shape),
    network=lambda spec: "mlp",
    defaults=lambda spec: Defaults(128, 1e-3, 10_000),
    # Ours: R1 at 0.001 found the eight clouds of the ring, and 0.1 smears them.
    gradient_weight=lambda spec: 0.001,
    settings=lambda spec: {},
    augmentations=frozenset(),
    draw=_draw,
    preview=2_000,
    gridded=False,
    pictorial=False,
    sample=lambda samples, transform: transform.decode(samples),
    to_data=lambda samples, transform: transform.decode(samples),
    stored_data=lambda stored, transform: stored.float(),
    written=lambda count, transform: [_TABLE],
    write=_write,
    lead="All pictures show the samples of the same latents, drawn over the data.",
    as_picture="in a scatter",
    as_files="in a table",
    features="identity",
    metrics=(
        "frechet-distance",
        "kernel-distance",
        "sliced-wasserstein-distance",
        "precision-recall-density-coverage",
    ),
    value_range=None,
    measured=lambda samples, transform: samples,
    comparable=lambda data, transform: transform.encode(data),
    preparation=lambda shape, transform: (
        "columns standardised by the reference" if isinstance(transform, Standardised) else ""
    ),
)
