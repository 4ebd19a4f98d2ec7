"""Map-style PyTorch data sets, read live so that their own augmentation keeps working."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image

from poise.data.dataset import Dataset, fingerprint
from poise.data.rows import JSON, Array, Survey, digest_of, survey
from poise.data.sources.arrays import check_basics, from_tensor
from poise.data.sources.decoding import GREY_MODES, RefusedError, Target, as_channels, eight_bits, fitted
from poise.data.sources.labels import with_labels
from poise.data.transform import Range, Transform
from poise.errors import PoiseError
from poise.text import first_few

_PROBED = 128
_KEYS = ("image", "images", "img", "pixel_values", "x", "data")
_LABEL_KEYS = ("label", "labels", "target", "class", "fine_label", "y")


@dataclass(frozen=True, eq=False)
class DatasetRows:
    """Rows of a data set, converted as they are read."""

    items: Items
    to_rows: Callable[[Array], Array]
    transform: Transform
    name: str

    def __len__(self) -> int:
        return self.items.count

    def gather(self, indices: Array) -> torch.Tensor:
        """The stored values of those rows, read now: shape (B, *shape), uint8 or float32."""
        flat = np.asarray(indices).reshape(-1)
        rows = self.to_rows(self.items.stacked(flat))
        if rows.dtype == np.float32 and len(rows):
            self._check(rows, flat)
        return torch.from_numpy(np.ascontiguousarray(rows))

    def _check(self, rows: Array, indices: Array) -> None:
        low, high = float(rows.min()), float(rows.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            bad = ~np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
            what = f"Item {int(indices[int(np.argmax(bad))])} of '{self.name}' holds NaN or infinity"
            raise PoiseError(what, code="data.item-not-finite", hint="remove or fill it in the data set")
        if not isinstance(self.transform, Range):
            return
        slack = 1e-3 * (self.transform.high - self.transform.low)
        if low < self.transform.low - slack or high > self.transform.high + slack:
            what = f"Items of '{self.name}' have values from {low:g} to {high:g}"
            why = f"those read when it was opened lay in {self.transform.low:g} to {self.transform.high:g}"
            hint = "let the data set's own transform keep to one range"
            raise PoiseError(what, code="data.item-out-of-range", why=why, hint=hint)


class Items:
    """Reads items of a data set as arrays of one shape and type, that of the first."""

    def __init__(self, dataset: Any, name: str, target: Target | None, channels: int | None) -> None:
        self.count = _length(dataset, name)
        self.dataset = dataset
        self.name = name
        self.target = target
        self.channels = channels
        self._depth: int | None = None
        self.first = self._array(0)
        check_basics(self.first[None], name)

    @cached_property
    def probed(self) -> Array:
        """Items that are evenly spaced, as many as are read to find the range."""
        return self.stacked(self._spaced)

    @cached_property
    def steady(self) -> bool:
        """Whether items are the same at a second reading."""
        return bool(np.array_equal(self.probed, self.stacked(self._spaced)))

    @property
    def _spaced(self) -> Array:
        return np.unique(np.linspace(0, self.count - 1, num=min(_PROBED, self.count)).astype(np.int64))

    def stacked(self, indices: Array) -> Array:
        """The items (B, *item shape), all like the first in shape and kind of type."""
        items = [self._array(int(index)) for index in indices]
        for index, item in zip(indices, items, strict=True):
            if item.shape != self.first.shape or item.dtype != self.first.dtype:
                what = f"Item {int(index)} of '{self.name}' is {item.dtype} of shape {item.shape}"
                why = f"the first one is {self.first.dtype} of shape {self.first.shape}"
                hint = "resize them in the data set's own transform (PIL images: give a resolution)"
                raise PoiseError(what, code="data.item-differs", why=why, hint=hint)
        return np.stack(items) if items else np.empty((0, *self.first.shape), self.first.dtype)

    def labels_of_items(self) -> Sequence[Any] | None:
        """A label for each item, if items come with one: `(image, label)`, or a label beside an image."""
        first = self._item(0)
        pair = isinstance(first, tuple | list) and len(first) == 2
        keyed = [key for key in _LABEL_KEYS if isinstance(first, Mapping) and key in first]
        key: Any = 1 if pair else keyed[0] if keyed else None
        if key is None or not _is_label(first[key]):
            return None
        found = [self._item(index)[key] for index in range(self.count)]
        return [np.asarray(label).tolist() for label in found] if all(map(_is_label, found)) else None

    def labels_of_columns(self) -> Sequence[Any] | None:
        """Labels that are known without reading an item: `targets` and `classes`, or a column of a table."""
        targets = getattr(self.dataset, "targets", None)
        if targets is not None and len(targets) == self.count:
            names = getattr(self.dataset, "classes", None)
            return _named(np.asarray(targets).tolist(), names)
        column = next(
            (key for key in _LABEL_KEYS if key in (getattr(self.dataset, "column_names", None) or [])), ""
        )
        if not column:
            return None
        names = getattr((getattr(self.dataset, "features", None) or {}).get(column), "names", None)
        try:
            labels = [np.asarray(label).tolist() for label in self.dataset[column]]
        except Exception:  # a transform of the table's own hides the column
            return None
        return _named(labels, names) if all(map(_is_label, labels)) else None

    def _item(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            what = f"Item {index} of '{self.name}' cannot be read"
            why = f"{type(error).__name__}: {error}"
            raise PoiseError(what, code="data.item-unreadable", why=why) from error

    def _array(self, index: int) -> Array:
        item = self._item(index)
        if isinstance(item, tuple | list) and item:
            item = item[0]
        if isinstance(item, Mapping):
            known = [key for key in item if isinstance(item[key], Image.Image)]
            item = next((item[key] for key in (*_KEYS, *known) if key in item), item)
        if isinstance(item, Image.Image):
            return self._from_pillow(item, index)
        if isinstance(item, torch.Tensor):
            return from_tensor(item)
        if isinstance(item, np.ndarray):
            return item
        what = f"Item {index} of '{self.name}' is a {type(item).__name__}"
        hint = "let __getitem__ return a tensor, an array or a PIL image, or a tuple that begins with one"
        raise PoiseError(what, code="data.item-type", hint=hint)

    def _from_pillow(self, image: Image.Image, index: int) -> Array:
        try:
            plain = eight_bits(image, alpha=self.channels == 4)
        except RefusedError as refused:
            what = f"Item {index} of '{self.name}' cannot be used"
            raise PoiseError(what, code="data.item-refused", why=str(refused)) from None
        if self.target is not None:
            plain = fitted(plain, self.target)
        return as_channels(plain, self.channels or self.depth(plain))

    def depth(self, first: Image.Image) -> int:
        """The channels of all items: grey only if those that are probed are."""
        if self._depth is None:
            self._depth = 1 if first.mode == "L" else 3
            modes = {_mode(self._item(int(index))) for index in self._spaced}
            self._depth = 1 if modes <= GREY_MODES else 3
        return self._depth


def _mode(item: Any) -> str:
    """The mode of an item's image; that of colour if it is no PIL image."""
    parts = [
        item,
        *(item if isinstance(item, tuple | list) else item.values() if isinstance(item, Mapping) else ()),
    ]
    return next((part.mode for part in parts if isinstance(part, Image.Image)), "RGB")


def _is_label(value: Any) -> bool:
    """A whole number, a name, or a row of numbers: what stands for a class or a condition."""
    if isinstance(value, str | int | np.integer):
        return True
    return isinstance(value, torch.Tensor | np.ndarray | float) and np.asarray(value).ndim <= 1


def _named(labels: list[Any], names: Sequence[str] | None) -> list[Any]:
    whole = names is not None and all(isinstance(label, int) and 0 <= label < len(names) for label in labels)
    return [names[label] for label in labels] if whole and names is not None else labels


def live_dataset(
    items: Items,
    kind: str,
    to_rows: Callable[[Array], Array],
    transform: Transform,
    found: Survey,
    notices: list[str],
    **facts: JSON,
) -> Dataset:
    """A data set whose rows are read live; its summary has the facts, too."""
    count, rows = items.count, np.ascontiguousarray(to_rows(items.probed))
    if items.steady:
        covered = f"the stored values of {len(rows):,} of {count:,} items, evenly spaced"
        shape = (count, *rows.shape[1:])
        content = fingerprint(survey(rows).digest, shape=shape, dtype=str(rows.dtype), transform=transform)
    else:
        covered = "count, shape and type alone, since items differ from one reading to the next"
        differ = f"Items of '{items.name}' differ each time they are read; a change may go unnoticed."
        notices = [*notices, differ]
        content = digest_of([count, list(rows.shape[1:]), str(rows.dtype), transform.name])
    summary: dict[str, JSON] = {
        "origin": "dataset",
        "count": count,
        "dtype": str(items.first.dtype),
        "range": [found.low, found.high],
        "items_read_to_find_the_range": len(rows),
        "fingerprint_covers": covered,
        "policy": "read live, with the data set's own transform",
        **facts,
    }
    dataset = Dataset(
        name=items.name,
        kind=kind,
        shape=rows.shape[1:],
        transform=transform,
        fingerprint=content,
        summary=summary,
        notices=tuple(notices),
        array=None,
        live=DatasetRows(items, to_rows, transform, items.name),
    )
    labels = items.labels_of_columns()
    return dataset if labels is None else with_labels(dataset, labels)


def with_own_labels(dataset: Dataset) -> Dataset:
    """A data set that is read live with the labels of its items, all of which are read for them."""
    rows = dataset.live
    if dataset.labels is not None or dataset.condition is not None or not isinstance(rows, DatasetRows):
        return dataset
    labels = rows.items.labels_of_items()
    return dataset if labels is None else with_labels(dataset, labels)


def _length(dataset: Any, name: str) -> int:
    if isinstance(dataset, Mapping):
        first = next(iter(dataset), None)
        if first is not None and not isinstance(dataset[first], torch.Tensor | np.ndarray | list | tuple):
            few = first_few([repr(split) for split in dataset])
            hint = f"name one: data[{first!r}], or poise.Files(data, split={first!r})"
            raise PoiseError(f"A {name} holds the splits {few}", code="data.several-splits", hint=hint)
        hint = "give its images alone, and its labels as labels=data['labels']"
        raise PoiseError(f"A {name} cannot be opened as it is", code="data.mapping", hint=hint)
    of_samples = (
        isinstance(dataset, list) and dataset and not isinstance(dataset[0], str | int | float | list)
    )
    if hasattr(dataset, "to_numpy") or (isinstance(dataset, list | tuple) and not of_samples):
        hint = "give one array: its to_numpy(), or numpy.stack of its parts"
        raise PoiseError(f"A {name} cannot be opened as it is", code="data.not-an-array", hint=hint)
    if isinstance(dataset, torch.utils.data.IterableDataset | torch.utils.data.DataLoader):
        why = "training reads items by number, so that a run resumes at the exact one"
        whole = isinstance(dataset, torch.utils.data.DataLoader) and hasattr(dataset.dataset, "__getitem__")
        hint = (
            "give what it loads: loader.dataset; the recipe's batch_size divides it into batches"
            if whole
            else "give a map-style data set with __len__ and __getitem__"
        )
        raise PoiseError(f"'{name}' can only be read in order", code="data.iterable", why=why, hint=hint)
    if not hasattr(dataset, "__getitem__"):
        hint = "give a path, the name of a built-in set, an array, a tensor or a map-style data set"
        raise PoiseError(f"A {name} cannot be opened as data", code="data.unknown-type", hint=hint)
    try:
        count = len(dataset)
    except (TypeError, NotImplementedError):
        raise PoiseError(f"'{name}' has no length", code="data.no-length", hint="give it a __len__") from None
    if count < 1:
        raise PoiseError(f"'{name}' is empty", code="data.empty", hint="give at least one item")
    return count
