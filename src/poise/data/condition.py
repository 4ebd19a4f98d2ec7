"""What samples are to be made from: a class, some numbers, an image, row by row beside the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from poise.data.transform import Transform

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

ConditionKind = Literal["label", "vector", "image"]


@dataclass(frozen=True, eq=False)
class Condition:
    """A condition for each row of a source, or, unpaired, the rows of another domain.

    Args:
        kind: `"label"`, `"vector"` or `"image"`.
        shape: Of one condition as the networks see it: `(classes,)`, `(d,)` or `(C, H, W)`.
        array: `(N,)` integers for labels, else `(N, *shape)`, uint8 or float32, perhaps memory-mapped.
        transform: From stored values to the networks' space; labels have none and become rows of one 1.
        names: What the classes, or the numbers, are called.
        paired: Whether row i belongs to row i of the source.
        rows: Where several rows share one: `(M,)` integers, the place in `array` of each row's condition.
        about: What else a generator needs to be asked for something.

    Example:
        >>> labels = Condition("label", (3,), np.array([2, 0]), names=("sun", "moon", "star"))
        >>> labels.encode(labels.gather(np.array([0])))
        tensor([[0., 0., 1.]])
    """

    kind: ConditionKind
    shape: tuple[int, ...]
    array: Array
    transform: Transform | None = None
    names: tuple[str, ...] = ()
    paired: bool = True
    rows: Array | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.kind == "label") != (self.transform is None):
            raise ValueError("labels have no transform, and other conditions have one")

    def __len__(self) -> int:
        return len(self.array if self.rows is None else self.rows)

    @property
    def counts(self) -> list[int]:
        """How many rows each class has; empty for what is no class."""
        if self.kind != "label":
            return []
        return [int(count) for count in np.bincount(self.array, minlength=self.shape[0])]

    def gather(self, indices: Array) -> torch.Tensor:
        """The stored conditions of those rows: `(B,)` int64 for labels, else `(B, *shape)`; a copy."""
        places = np.asarray(indices) if self.rows is None else self.rows[np.asarray(indices)]
        return torch.from_numpy(taken(np.asarray(self.array), places))

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


def taken(array: Array, indices: Array) -> Array:
    """Rows of an array, copied.

    Args:
        array: `(N, ...)`, perhaps memory-mapped.
        indices: `(B,)` integers in [0, N).
    """
    # np.take first copies the whole of an array that is not contiguous, such as one whose axes were moved
    if array.flags.c_contiguous:
        return np.take(array, indices, axis=0)
    return np.ascontiguousarray(array[indices])
