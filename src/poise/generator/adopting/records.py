"""What the objects of a pickle were: tensors, and records of names and attributes, which cannot be run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass
class Storage:
    """The numbers of tensors, which may come later in the file than the tensors."""

    dtype: torch.dtype
    count: int
    content: bytes | None = None


@dataclass
class Stored:
    """A tensor: a view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def tensor(self) -> Tensor:
        """The tensor, with numbers of its own."""
        storage = self.storage
        sizes = (*self.shape, *self.stride, self.offset)
        sound = all(isinstance(size, int) and size >= 0 for size in sizes)
        if not sound or len(self.shape) != len(self.stride):
            raise DamagedError("a tensor has no shape")
        if 0 in self.shape:
            return torch.zeros(self.shape, dtype=storage.dtype)
        last = self.offset + sum(
            (size - 1) * step for size, step in zip(self.shape, self.stride, strict=True)
        )
        # A stride of 0 would make a tensor of any size out of one number.
        if storage.content is None or last >= storage.count or math.prod(self.shape) > storage.count:
            raise DamagedError("a tensor lies beyond its numbers")
        flat = torch.frombuffer(bytearray(storage.content), dtype=storage.dtype)
        return flat.as_strided(self.shape, self.stride, self.offset).clone()


class DamagedError(Exception):
    """What a file holds is no pickle of tensors."""


@dataclass
class Record:
    """What an object was: the name of its class and its attributes."""

    name: str = ""
    state: dict[str, Any] = field(default_factory=dict)

    def __setstate__(self, state: Any) -> None:
        """Take attributes, as the pickle gives them to its object."""
        self.state = dict(state) if isinstance(state, Mapping) else {}


def tensors_of(record: Any, *, prefix: str = "") -> dict[str, Tensor]:
    """The weights and buffers of a module's record, or of a mapping from names to tensors, by full name."""
    if isinstance(record, Mapping):
        return {str(name): one.tensor() for name, one in record.items() if isinstance(one, Stored)}
    state = record.state if isinstance(record, Record) else {}
    found = {}
    for part in ("_parameters", "_buffers"):
        for name, one in dict(state.get(part) or {}).items():
            if isinstance(one, Stored):
                found[f"{prefix}{name}"] = one.tensor()
    for name, module in dict(state.get("_modules") or {}).items():
        found |= tensors_of(module, prefix=f"{prefix}{name}.") if isinstance(module, Record) else {}
    return found


def attributes_of(record: Any, name: str) -> set[Any]:
    """The plain values of an attribute of this name anywhere in a module's record."""
    state = record.state if isinstance(record, Record) else {}
    found = {state[name]} if isinstance(state.get(name), str | int | float | bool) else set()
    for module in dict(state.get("_modules") or {}).values():
        found |= attributes_of(module, name)
    return found
