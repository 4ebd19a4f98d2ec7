"""The record that every kind of data becomes: rows of one shape, their conditions, and their fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch

from poise.data.rows import JSON, Array, digest_of
from poise.data.transform import Transform
from poise.spec import CONDITION_KINDS

Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Condition:
    """A condition for each row of a data set, or, unpaired, the rows of another domain.

    Args:
        kind: The name of one of `poise.spec.CONDITION_KINDS`: `"label"`, `"tags"`, `"vector"`, `"image"` or
            `"mel"`.
        shape: Of one condition as the networks see it: `(classes,)`, `(tags,)`, `(d,)`, `(C, H, W)` or
            `(bands, frames)`.
        array: `(N,)` integers for labels, else `(N, *shape)`, uint8 or float32, perhaps memory-mapped.
        transform: From stored values to the networks' space; labels have none and become rows of one 1.
        names: What the classes, the tags or the numbers are called.
        paired: Whether row i belongs to row i of the data set.
        rows: If several rows share one: `(M,)` integers, the index in `array` of each row's condition.
        about: What else a generator needs to be asked for something.

    Example:
        >>> labels = Condition("label", (3,), np.array([2, 0]), names=("sun", "moon", "star"))
        >>> labels.encode(labels.gather(np.array([0])))
        tensor([[0., 0., 1.]])
    """

    kind: str
    shape: tuple[int, ...]
    array: Array
    transform: Transform | None = None
    names: tuple[str, ...] = ()
    paired: bool = True
    rows: Array | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.of_classes != (self.transform is None):
            raise ValueError("labels have no transform, and other conditions have one")

    def __len__(self) -> int:
        return len(self.array if self.rows is None else self.rows)

    @property
    def of_classes(self) -> bool:
        """Whether a condition is one of several classes."""
        return CONDITION_KINDS[self.kind].classes

    @property
    def of_tags(self) -> bool:
        """Whether a condition is a list of tags."""
        return CONDITION_KINDS[self.kind].tags

    @property
    def of_images(self) -> bool:
        """Whether a condition is an image."""
        return CONDITION_KINDS[self.kind].images

    @property
    def of_sounds(self) -> bool:
        """Whether a condition is a mel spectrogram."""
        return CONDITION_KINDS[self.kind].sounds

    @property
    def counts(self) -> list[int]:
        """How many rows each class, or each tag, has; empty if conditions are neither."""
        if not (self.of_classes or self.of_tags):
            return []
        shown = self.array if self.rows is None else self.array[self.rows]
        if self.of_tags:
            return [int(count) for count in shown.sum(0, dtype=np.int64)]
        return [int(count) for count in np.bincount(shown, minlength=self.shape[0])]

    def gather(self, indices: Array) -> torch.Tensor:
        """The stored conditions of those rows: `(B,)` int64 for labels, else `(B, *shape)`; a copy."""
        places = np.asarray(indices) if self.rows is None else self.rows[np.asarray(indices)]
        return torch.from_numpy(_taken(np.asarray(self.array), places))

    def encode(self, stored: torch.Tensor) -> torch.Tensor:
        """Stored conditions as the networks see them, `(B, *shape)` float32 on the same device."""
        if self.transform is not None:
            return self.transform.encode(stored)
        return torch.nn.functional.one_hot(stored.long(), self.shape[0]).to(torch.float32)

    def to_json(self) -> dict[str, Any]:
        """All but the rows: what a generator needs to be asked for something."""
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "encoding": None if self.transform is None else self.transform.to_json(),
            "names": list(self.names),
            "counts": self.counts,
            "paired": self.paired,
            **self.about,
        }


class LiveRows(Protocol):
    """Rows that are made again whenever they are asked for, as a data set with its own augmentation does."""

    def __len__(self) -> int:
        """How many rows there are."""

    def gather(self, indices: Array) -> torch.Tensor:
        """The stored values of those rows: shape (B, *shape), uint8 or float32."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Data, opened and checked.

    Args:
        name: What the person named: `"digits"`, `"photos/"`, `"array"`.
        kind: The name of a kind of data, of `poise.data.KINDS`.
        shape: Of one row: (C, H, W) or (d,).
        transform: From stored values to the networks' space.
        fingerprint: SHA-256 of the content: values, shape, type and transform; no names, no times.
        summary: What `data.json`, the report and `poise inspect` show.
        notices: Sentences to show a person before training.
        array: (N, *shape), uint8 or float32, often memory-mapped; None if rows are read live.
        live: The rows if there is no array.
        labels: (N,) integers, if the data came with them.
        label_names: What the integers stand for.
        files: The file of each row, as paths from the folder on; empty if rows are no files.
        condition: What each row is made from, in a conditional game.
        sizes: The width and height of each file as it came.
        rows: The index in `array` of each row; None for its own order.
        held_out: Rows that are never trained on, if some are kept apart.
        secret: Of private rows, what chance is derived from that nobody may know who sees what was learnt.

    Example:
        >>> from poise.data import open_data
        >>> open_data("digits").gather(np.array([0, 5])).shape
        torch.Size([2, 1, 8, 8])
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    transform: Transform
    fingerprint: str
    summary: dict[str, JSON]
    notices: tuple[str, ...]
    array: Array | None
    live: LiveRows | None = None
    labels: Array | None = None
    label_names: tuple[str, ...] = ()
    condition: Condition | None = None
    files: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    rows: Array | None = None
    held_out: Dataset | None = None
    secret: int | None = None

    def __post_init__(self) -> None:
        if (self.array is None) == (self.live is None):
            raise ValueError("a data set has either an array or live rows")
        if self.condition is not None and self.condition.paired and len(self.condition) != len(self):
            raise ValueError("a data set has one condition for each row")

    def __len__(self) -> int:
        rows = self.live if self.array is None else self.array
        assert rows is not None
        return len(rows) if self.rows is None else len(self.rows)

    @property
    def class_counts(self) -> dict[str, int]:
        """How many rows each class has, by its name; empty if there are no labels."""
        counts = [] if self.labels is None else np.bincount(self.labels).tolist()
        names = self.label_names or tuple(str(label) for label in range(len(counts)))
        return dict(zip(names, counts + [0] * (len(names) - len(counts)), strict=True))

    def gather(self, indices: Array) -> torch.Tensor:
        """The stored values of those rows: `(B, *shape)`, uint8 or float32, on the CPU, a copy."""
        rows = np.asarray(indices) if self.rows is None else self.rows[np.asarray(indices)]
        if self.live is not None:
            return self.live.gather(rows)
        return torch.from_numpy(_taken(np.asarray(self.array), rows))


def _taken(array: Array, indices: Array) -> Array:
    """Rows of an array, copied."""
    # np.take first copies the whole of an array that is not contiguous, such as one whose axes were moved
    if array.flags.c_contiguous:
        return np.take(array, indices, axis=0)
    return np.ascontiguousarray(array[indices])


def fingerprint(digest: str, *, shape: tuple[int, ...], dtype: str, transform: Transform) -> str:
    """The SHA-256 of data: the digest of its stored values with their shape, type and transform."""
    facts = {"values": digest, "shape": list(shape), "dtype": dtype, "encoding": transform.to_json()}
    return digest_of(facts)


def array_dataset(
    stored: Array,
    digest: str,
    kind: str,
    name: str,
    transform: Transform,
    summary: dict[str, JSON],
    notices: Sequence[str],
) -> Dataset:
    """A data set of stored rows."""
    shape = stored.shape
    return Dataset(
        name=name,
        kind=kind,
        shape=shape[1:],
        transform=transform,
        fingerprint=fingerprint(digest, shape=shape, dtype=str(stored.dtype), transform=transform),
        summary=summary,
        notices=tuple(notices),
        array=stored,
    )
