"""Series as networks see them: by a level and a spread, their own or common ones, with their ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from poise.data.levels import Levels, nearest
from poise.data.sources.series_columns import SeriesColumns
from poise.data.transform import Transform, damaged_transform, fields_to_json

_MOVES = 0.05  # Of how far middles lie apart: a series of a smaller half range is drawn flat


@dataclass(frozen=True)
class Courses:
    """Values by their own level and spread, these by those of all series; zeros after the end of a series.

    Stored rows are `(C + M + A, T)`: values; then, if lengths vary, 1 until the end of the series and 0 after
    it; then, if each series is scaled by its own, the middle and the logarithm of the half range of each
    channel, the same at all steps.

    Args:
        channels: How many channels of values there are.
        ends: Whether lengths vary.
        own: Whether each series is scaled by its own.
        center: The mean of values of each channel (if not `own`), or of each attribute.
        scale: Their standard deviation.
        dtype: The type that the data came in.
        full: Whether every series fills [-1, 1] by its own scale: lengths do not vary, and none stands still.
        levels: Of each channel whose values come in few; stored rows are spread between them.
        columns: How the series stood in a table; `None` if they came as an array.
    """

    channels: int
    ends: bool
    own: bool
    center: tuple[float, ...]
    scale: tuple[float, ...]
    dtype: str
    full: bool
    levels: tuple[Levels, ...]
    columns: SeriesColumns | None = None
    name: ClassVar[str] = "courses"
    bounded: ClassVar[bool] = False

    def encode(self, stored: Tensor) -> Tensor:
        """Stored rows `(B, C + M + A, T)` to the networks' space."""
        rows = stored.to(torch.float32)
        values, flag, attributes = self.parts(rows)
        center, scale = self._columns(rows)
        if self.own:
            middle, half = attributes.chunk(2, 1)
            values = (values - middle) / half.exp()
            attributes = (attributes - center) / scale
        else:
            values = (values - center) / scale
        return torch.cat([values * flag if self.ends else values, *self._flags(2 * flag - 1), attributes], 1)

    def decode(self, value: Tensor) -> Tensor:
        """Rows as they are stored; attributes are averaged over the steps."""
        rows = value.to(torch.float32)
        values, flag, attributes = self.parts(rows)
        center, scale = self._columns(rows)
        if self.own:
            attributes = (attributes * scale + center).mean(2, keepdim=True).expand_as(attributes)
            middle, half = attributes.chunk(2, 1)
            values = values * half.exp() + middle
        else:
            values = values * scale + center
        present = (flag > 0).cummin(2).values.to(rows.dtype)
        return torch.cat([values * present if self.ends else values, *self._flags(present), attributes], 1)

    def parts(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values, the flag of presence (all ones if lengths do not vary) and attributes of rows."""
        values, rest = rows[:, : self.channels], rows[:, self.channels :]
        if not self.ends:
            return values, torch.ones_like(rows[:, :1]), rest
        return values, rest[:, :1], rest[:, 1:]

    def series(self, stored: Tensor) -> Tensor:
        """Values alone `(B, C, T)`, the nearest level if they come in few; NaN after the end of a series."""
        values, flag, _ = self.parts(stored)
        values = values.round() if np.dtype(self.dtype).kind in "bui" else values
        if any(self.levels):
            each = zip(values.unbind(1), self.levels, strict=True)
            values = torch.stack([nearest(one, own) if own else one for one, own in each], 1)
        return torch.where(flag > 0, values, torch.nan) if self.ends else values

    def drawn(self, value: Tensor) -> Tensor:
        """Series `(B, C, T)` by the scale of pictures, at their levels; NaN after the end of each.

        That is the networks' scale, but if each series has its own: one that hardly moves is drawn flat, not
        stretched to full height.
        """
        rows = self.decode(value)
        series, (center, scale) = self.series(rows), self._columns(rows)
        if self.own:
            center, half = self.parts(rows)[2].chunk(2, 1)
            scale = torch.maximum(half.exp(), _MOVES * scale[: self.channels])
        return (series - center) / scale

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain values; without columns if there are none."""
        found = fields_to_json(self)
        del found["columns"]
        return found if self.columns is None else found | {"columns": self.columns.to_json()}

    def _flags(self, flag: Tensor) -> list[Tensor]:
        return [flag] if self.ends else []

    def _columns(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.tensor([self.center, self.scale], dtype=rows.dtype, device=rows.device)
        return both[0, :, None], both[1, :, None]


def load_courses(written: Mapping[str, Any]) -> Transform:
    """The transform whose record this is.

    Raises:
        PoiseError: It is damaged.
    """
    try:
        center, scale = (tuple(map(float, written[part])) for part in ("center", "scale"))
        made = Courses(
            int(written["channels"]),
            bool(written["ends"]),
            bool(written["own"]),
            center,
            scale,
            str(written["dtype"]),
            bool(written.get("full", False)),
            tuple(tuple(map(float, one)) for one in written.get("levels", [[]] * int(written["channels"]))),
            SeriesColumns.from_json(written["columns"]) if "columns" in written else None,
        )
        wanted = made.channels * (2 if made.own else 1)
        good = (
            len(made.levels) == made.channels
            and len(center) == len(scale) == wanted
            and min(scale) > 0
            and bool(np.dtype(made.dtype).kind)
        )
    except (KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise damaged_transform("series")
    return made
