"""Map-style PyTorch data sets, read live so that their own augmentation keeps working."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from poise.data.arrays import check_basics, check_finite, from_tensor, standardised
from poise.data.conversion import RefusedError, as_channels, eight_bits, fitted
from poise.data.dataset import JSON, Array, Dataset, fingerprint, survey
from poise.data.image_arrays import image_layout, image_plan, image_transform
from poise.data.transform import Transform
from poise.errors import PoiseError

_PROBED = 128
_KEYS = ("image", "images", "img", "pixel_values", "x", "data")


@dataclass(frozen=True, eq=False)
class DatasetRows:
    """Rows of a data set, converted as they are read.

    Args:
        items: Gives the items of some indices, stacked, as the data set has them.
        count: How many there are.
        to_rows: Maps stacked items to stored rows.
        transform: Decided when the data set was opened; what is read later must fit.
        name: What to call it in messages.
    """

    items: Items
    count: int
    to_rows: Callable[[Array], Array]
    transform: Transform
    name: str

    def __len__(self) -> int:
        return self.count

    def gather(self, indices: Array) -> torch.Tensor:
        """The stored values of those rows, read now: shape (B, *shape), uint8 or float32.

        Raises:
            PoiseError: An item cannot be read, differs from the first in shape or type, or is out of range.
        """
        flat = np.asarray(indices).reshape(-1)
        rows = self.to_rows(self.items.stacked(flat))
        if rows.dtype == np.float32 and len(rows):
            self._check(rows, flat)
        return torch.from_numpy(np.ascontiguousarray(rows))

    def _check(self, rows: Array, indices: Array) -> None:
        low, high = float(rows.min()), float(rows.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            bad = ~np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
            raise PoiseError(
                f"Item {int(indices[int(np.argmax(bad))])} of '{self.name}' holds NaN or infinity",
                hint="remove or fill it in the data set",
            )
        if self.transform.name != "range":
            return
        slack = 1e-3 * (self.transform.high - self.transform.low)
        if low < self.transform.low - slack or high > self.transform.high + slack:
            raise PoiseError(
                f"Items of '{self.name}' have values from {low:g} to {high:g}",
                why=f"those read when it was opened lay in {self.transform.low:g} to {self.transform.high:g}",
                hint="let the data set's own transform keep to one range",
            )


class Items:
    """Reads items of a data set as arrays of one shape and type, that of the first.

    Args:
        dataset: The data set.
        name: What to call it in messages.
        resolution: PIL images are cropped and resized to it; None leaves their size.
        channels: PIL images are given that many; None leaves theirs.
    """

    def __init__(self, dataset: Any, name: str, resolution: int | None, channels: int | None) -> None:
        self.dataset = dataset
        self.name = name
        self.resolution = resolution
        self.channels = channels
        self.first = self._array(0)

    def stacked(self, indices: Array) -> Array:
        """The items (B, *item shape), all like the first in shape and kind of type."""
        items = [self._array(int(index)) for index in indices]
        for index, item in zip(indices, items, strict=True):
            if item.shape != self.first.shape or item.dtype != self.first.dtype:
                raise PoiseError(
                    f"Item {int(index)} of '{self.name}' is {item.dtype} of shape {item.shape}",
                    why=f"the first one is {self.first.dtype} of shape {self.first.shape}",
                    hint="resize them in the data set's own transform (PIL images: give a resolution)",
                )
        return np.stack(items) if items else np.empty((0, *self.first.shape), self.first.dtype)

    def _array(self, index: int) -> Array:
        try:
            item = self.dataset[index]
        except Exception as error:
            raise PoiseError(
                f"Item {index} of '{self.name}' cannot be read", why=f"{type(error).__name__}: {error}"
            ) from error
        if isinstance(item, tuple | list) and item:
            item = item[0]
        if isinstance(item, Mapping):
            item = next((item[key] for key in _KEYS if key in item), item)
        if isinstance(item, Image.Image):
            return self._from_pillow(item, index)
        if isinstance(item, torch.Tensor):
            return from_tensor(item)
        if isinstance(item, np.ndarray):
            return item
        raise PoiseError(
            f"Item {index} of '{self.name}' is a {type(item).__name__}",
            hint="let __getitem__ give a tensor, an array or a PIL image, or a tuple that begins with one",
        )

    def _from_pillow(self, image: Image.Image, index: int) -> Array:
        try:
            plain = eight_bits(image)
        except RefusedError as refused:
            raise PoiseError(f"Item {index} of '{self.name}' cannot be used", why=str(refused)) from None
        if self.resolution is not None:
            plain = fitted(plain, self.resolution)
        return as_channels(plain, self.channels or (1 if plain.mode == "L" else 3))


def from_dataset(dataset: Any, *, name: str, resolution: int | None, channels: int | None) -> Dataset:
    """A source that reads a map-style data set live.

    Args:
        dataset: Has `__len__` and `__getitem__`; an item is a tensor, an array or a PIL image, a tuple or
            list that begins with one, or a mapping with one under image, img, pixel_values, x or data.
        name: What to call it in messages.
        resolution: Centre-crop and resize images to this size.
        channels: 1 or 3, where images are to have another number than they have.

    Raises:
        PoiseError: The data set is iterable-style or empty, or its items cannot be trained on.
    """
    count = _length(dataset, name)
    items = Items(dataset, name, resolution, channels)
    first = items.first
    check_basics(first[None], name)
    probed = np.unique(np.linspace(0, count - 1, num=min(_PROBED, count)).astype(np.int64))
    batch = items.stacked(probed)
    steady = bool(np.array_equal(batch, items.stacked(probed)))
    notices: list[str] = []
    if first.ndim == 1:
        to_rows: Callable[[Array], Array] = _vector_rows
        found = survey(_vector_rows(batch))
        check_finite(found, name)
        transform = standardised(_vector_rows(batch))
    else:
        layout = image_layout(first.shape, channels=channels, name=name)
        to_chw = _axes_mover(layout)
        found = survey(to_chw(batch))
        check_finite(found, name)
        transform, notices = image_transform(found, first.dtype, name)
        plan = image_plan(
            to_chw(batch).shape[1:], first.dtype, resolution=resolution, channels=channels, name=name
        )
        convert = plan.convert

        def to_rows(block: Array) -> Array:
            return to_chw(block) if convert is None else convert(to_chw(block))

    rows = np.ascontiguousarray(to_rows(batch))
    if steady:
        covered = f"the stored values of {len(probed):,} of {count:,} items, evenly spaced"
        facts = survey(rows).digest
        print_of = fingerprint(
            facts, shape=(count, *rows.shape[1:]), dtype=str(rows.dtype), transform=transform
        )
    else:
        covered = "count, shape and type alone, since items differ from one reading to the next"
        notices.append(
            f"Items of '{name}' differ each time they are read; a changed data set may go unnoticed."
        )
        kinds = [count, list(rows.shape[1:]), str(rows.dtype), transform.name]
        print_of = hashlib.sha256(json.dumps(kinds).encode()).hexdigest()
    summary: dict[str, JSON] = {
        "origin": "dataset",
        "count": count,
        "dtype": str(first.dtype),
        "range": [found.low, found.high],
        "items_read_to_find_the_range": len(probed),
        "fingerprint_covers": covered,
        "policy": "read live, with the data set's own transform",
    }
    if first.ndim > 1:
        summary |= {"resolution": rows.shape[2], "channels": rows.shape[1]}
    return Dataset(
        name=name,
        kind="vector" if first.ndim == 1 else "image",
        shape=rows.shape[1:],
        transform=transform,
        fingerprint=print_of,
        summary=summary,
        notices=tuple(notices),
        array=None,
        live=DatasetRows(items, count, to_rows, transform, name),
    )


def _length(dataset: Any, name: str) -> int:
    if hasattr(dataset, "to_numpy") or isinstance(dataset, list | tuple | dict):
        raise PoiseError(
            f"A {name} is no data that is read as it is",
            hint="give one array: its to_numpy(), or numpy.stack of its parts",
        )
    if isinstance(dataset, torch.utils.data.IterableDataset | torch.utils.data.DataLoader):
        raise PoiseError(
            f"'{name}' gives its items in a row",
            why="training reads them by number, so that a run can be resumed at the exact one",
            hint="give a map-style data set with __len__ and __getitem__, not an iterable one and no loader",
        )
    if not hasattr(dataset, "__getitem__"):
        raise PoiseError(
            f"A {name} is no data that can be opened",
            hint="give a path, the name of a built-in set, an array, a tensor or a map-style data set",
        )
    try:
        count = len(dataset)
    except (TypeError, NotImplementedError):
        raise PoiseError(f"'{name}' does not say how many items it has", hint="give it a __len__") from None
    if count < 1:
        raise PoiseError(f"'{name}' is empty", hint="give at least one item")
    return count


def _vector_rows(batch: Array) -> Array:
    return batch.astype(np.float32, copy=False)


def _axes_mover(layout: str) -> Callable[[Array], Array]:
    if layout == "HW":
        return lambda batch: batch[:, None]
    if layout == "HWC":
        return lambda batch: np.moveaxis(batch, 3, 1)
    return lambda batch: batch
