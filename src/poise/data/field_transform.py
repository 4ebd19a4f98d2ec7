"""Fields as networks see them: each channel by an encoding of its own, and back in the type of the data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from poise.data.channels import Channel, channel_from_json, channel_to_json, fitted_channel
from poise.data.rows import Array, blocks
from poise.data.transform import Transform, damaged_transform
from poise.errors import PoiseError
from poise.text import counted

_FITTED_ON = 200_000  # Values of a channel that its encoding is fitted to


@dataclass(frozen=True)
class Channels:
    """Each channel by an encoding of its own; nothing is ever cut off.

    Args:
        parts: The encoding of each channel.
        dtype: The type that the data came in: `"uint16"`.
        suffix: The suffix of the files that samples are written to.
    """

    parts: tuple[Channel, ...]
    dtype: str
    suffix: str = ".npy"
    name: ClassVar[str] = "channels"
    bounded: ClassVar[bool] = False

    def encode(self, stored: Tensor) -> Tensor:
        """`(B, C, *axes)` in the units of the data to mean 0 and deviation 1, or to about [-1, 1]."""
        values = stored.to(torch.float32)
        return torch.stack([part.encode(one) for part, one in self._each(values)], 1)

    def decode(self, value: Tensor) -> Tensor:
        """float32 in the units of the data, rounded if these are whole numbers."""
        values = value.to(torch.float32)
        made = torch.stack([part.decode(one) for part, one in self._each(values)], 1)
        return made.round() if np.dtype(self.dtype).kind in "bui" else made

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain numbers."""
        parts = [channel_to_json(part) for part in self.parts]
        return {"name": self.name, "parts": parts, "dtype": self.dtype, "suffix": self.suffix}

    def _each(self, values: Tensor) -> Iterable[tuple[Channel, Tensor]]:
        return zip(self.parts, values.unbind(1), strict=True)

    @cached_property
    def like(self) -> np.dtype[Any]:
        """The type that the data came in."""
        return np.dtype(self.dtype)


def load_channels(written: Mapping[str, Any]) -> Transform:
    """The encodings that `data.json` describes."""
    try:
        parts = tuple(channel_from_json(part) for part in written["parts"])
        made = Channels(parts, str(written["dtype"]), str(written["suffix"]))
        _ = made.like
    except (KeyError, TypeError, AttributeError):
        raise damaged_transform("fields") from None
    return made


def channels_of(transform: Transform) -> Channels:
    """The transform of a field."""
    assert isinstance(transform, Channels)
    return transform


def fitted_channels(stored: Array, encoding: str | None, name: str) -> tuple[Channel, ...]:
    """An encoding for each channel of stored rows `(N, C, *axes)`.

    Args:
        stored: The rows.
        encoding: One name for all, or one for each with commas between; `None` chooses by the values.
        name: What to call the data.

    Raises:
        PoiseError: There is no such encoding, or not one for each channel.
    """
    count = stored.shape[1]
    names = [None] * count if encoding is None else [one.strip() for one in encoding.split(",")]
    if len(names) == 1:
        names *= count
    if len(names) != count:
        what = f"{len(names)} encodings were named for the {counted(count, 'channel')} of '{name}'"
        raise PoiseError(what, code="data.encodings-count", hint="name one, or one for each channel")
    lows, highs = np.full(count, np.inf), np.full(count, -np.inf)
    together = (0, *range(2, stored.ndim))
    for rows in blocks(stored):
        lows = np.minimum(lows, stored[rows].min(axis=together))
        highs = np.maximum(highs, stored[rows].max(axis=together))
    places = math.prod(stored.shape[2:])
    rows_needed = max(1, _FITTED_ON // places)
    drawn = np.unique(np.linspace(0, len(stored) - 1, min(rows_needed, len(stored))).astype(np.int64))
    sample = np.asarray(stored[drawn], dtype=np.float64)
    return tuple(
        fitted_channel(
            names[channel], sample[:, channel].ravel(), float(lows[channel]), float(highs[channel])
        )
        for channel in range(count)
    )


def in_type(samples: Tensor, transform: Transform) -> Array:
    """Samples in units and type of the data; whole numbers end at the ends of their type."""
    like, values = channels_of(transform).like, samples.numpy()
    if like.kind == "b":
        return values > 0.5
    if like.kind in "ui":
        ends = np.iinfo(like)
        values = np.clip(values.astype(np.float64), ends.min, ends.max)
    return values.astype(like)
