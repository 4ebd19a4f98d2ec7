"""Between stored values, the networks' space and data units.

A transform is a small frozen record that goes to JSON and back, so that a generator can be sampled on a
machine that has never seen the data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, Literal, get_args

import torch

from poise.errors import PoiseError, unknown_name

EncodingName = Literal["pixels", "range", "identity", "standardised"]

_HALF = 127.5
_KINDS: dict[str, str] = {"pixels": "image", "range": "image", "identity": "vector", "standardised": "vector"}


@dataclass(frozen=True)
class Transform:
    """How stored values become what the networks see, and how what they make becomes data again.

    | name | stored | networks' space |
    |---|---|---|
    | `pixels` | uint8, 0 to 255 | [-1, 1], 0 at -1 and 255 at 1 exactly |
    | `range` | float32, `low` to `high` | [-1, 1] |
    | `identity` | float32 | the same |
    | `standardised` | float32, one `center` and one `scale` a column | mean 0 and standard deviation 1 |

    Args:
        name: One of the four.
        low: The stored value that becomes -1; `range` only.
        high: The stored value that becomes 1; `range` only.
        center: What is taken off each column; `standardised` only.
        scale: What each column is divided by, above 0; `standardised` only.

    Raises:
        PoiseError: The name or a number is not one that a transform can have.

    Example:
        >>> Transform("pixels").encode(torch.tensor([0, 255], dtype=torch.uint8))
        tensor([-1.,  1.])
    """

    name: EncodingName
    low: float = -1.0
    high: float = 1.0
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in get_args(EncodingName):
            raise unknown_name("encoding", str(self.name), get_args(EncodingName))
        numbers = (self.low, self.high, *self.center, *self.scale)
        if not all(math.isfinite(number) for number in numbers):
            raise PoiseError(
                f"The transform '{self.name}' holds a number that is not finite", hint="give finite ones"
            )
        if not self.low < self.high:
            raise PoiseError(f"The encoding's low, {self.low:g}, is not below its high, {self.high:g}")
        if len(self.center) != len(self.scale) or any(scale <= 0 for scale in self.scale):
            raise PoiseError("The transform needs one scale above 0 for each center")
        if (self.name == "standardised") != bool(self.center):
            raise PoiseError("A transform has centers and scales where it is 'standardised', and only there")

    @property
    def kind(self) -> str:
        """`"image"` where the networks' space is [-1, 1], else `"vector"`."""
        return _KINDS[self.name]

    def encode(self, stored: torch.Tensor) -> torch.Tensor:
        """Stored values to the networks' space.

        Args:
            stored: Shape (B, ...), uint8 for `pixels`, else floating point; on any device.

        Returns:
            float32 of the same shape on the same device, a tensor of its own but for `identity` on float32.
        """
        value = stored.to(torch.float32)
        if self.name == "identity":
            return value
        offset: float | torch.Tensor
        divisor: float | torch.Tensor
        if self.name == "standardised":
            offset, divisor = _row(self.center, value.device), _row(self.scale, value.device)
        elif self.name == "range":
            offset, divisor = (self.low + self.high) / 2, (self.high - self.low) / 2
        else:
            offset, divisor = _HALF, _HALF
        # (x - 127.5) / 127.5 is rounded once and symmetric about 0; x * (2 / 255) - 1 is neither
        shifted = value.sub(offset) if value is stored else value.sub_(offset)
        return shifted.div_(divisor)

    def decode(self, value: torch.Tensor) -> torch.Tensor:
        """What a network made, for a person to use.

        Args:
            value: Shape (B, ...) in the networks' space.

        Returns:
            float32: images clamped to [-1, 1]; vectors in the units of the data.
        """
        value = value.to(torch.float32)
        if self.kind == "image":
            return value.clamp(-1.0, 1.0)
        if self.name == "identity":
            return value
        return value * _row(self.scale, value.device) + _row(self.center, value.device)

    def restore(self, value: torch.Tensor) -> torch.Tensor:
        """The inverse of `encode`: stored values again, in the type they were stored in.

        Args:
            value: Shape (B, ...) in the networks' space; for images, what lies beyond [-1, 1] is clamped.

        Returns:
            uint8 for `pixels`, rounded to the nearest; else float32.

        Example:
            >>> Transform("pixels").restore(torch.tensor([-1.0, 0.5, 3.0]))
            tensor([  0, 191, 255], dtype=torch.uint8)
        """
        data = self.decode(value)
        if self.name == "pixels":
            return data.add(1.0).mul_(_HALF).round_().to(torch.uint8)
        if self.name == "range":
            return data * ((self.high - self.low) / 2) + (self.low + self.high) / 2
        return data

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain numbers, every field spelled out."""
        return {key: list(item) if isinstance(item, tuple) else item for key, item in asdict(self).items()}

    @staticmethod
    def from_json(written: Mapping[str, Any]) -> Transform:
        """The record that `to_json` wrote.

        Raises:
            PoiseError: A field is unknown, missing or not of its type; nothing is guessed.

        Example:
            >>> Transform.from_json(Transform("pixels").to_json()) == Transform("pixels")
            True
        """
        known = {field.name for field in fields(Transform)}
        for key in written:
            if key not in known:
                raise unknown_name("field of an encoding", str(key), known)
        if not isinstance(written.get("name"), str):
            raise PoiseError("The transform has no name", hint="give the file that Poise wrote")
        values: dict[str, Any] = {}
        for key, item in written.items():
            numbers = item if key in ("center", "scale") else [item]
            plain = isinstance(numbers, list | tuple) and all(
                isinstance(number, int | float) and not isinstance(number, bool) for number in numbers
            )
            if key != "name" and not plain:
                raise PoiseError(
                    f"The encoding's '{key}' is not made of numbers", hint="give the file that Poise wrote"
                )
            values[key] = tuple(float(number) for number in item) if key in ("center", "scale") else item
        return Transform(**values)


@lru_cache(maxsize=64)
def _row(numbers: tuple[float, ...], device: torch.device) -> torch.Tensor:
    with torch.inference_mode(False):  # what is kept must serve a later call that needs gradients, too
        return torch.tensor(numbers, dtype=torch.float32, device=device)
