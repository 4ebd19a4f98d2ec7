"""Between stored values and the networks' space: small frozen records that go to JSON and back."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from poise.errors import PoiseError, unknown_name

_HALF = 127.5
_DAMAGED = "give the file that Poise wrote"


class Transform(Protocol):
    """How stored values become what the networks see, and back: `decode(encode(x)) == x`."""

    @property
    def name(self) -> str:
        """What JSON calls it."""

    @property
    def bounded(self) -> bool:
        """Whether the networks' space is [-1, 1]; what lies beyond is clamped by `decode`."""

    def encode(self, stored: Tensor) -> Tensor:
        """Stored values `(B, ...)` on any device to float32 in the networks' space."""

    def decode(self, value: Tensor) -> Tensor:
        """What a network made `(B, ...)`, in the type and the units in which the data are stored."""

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain numbers."""


_FIELDS: dict[str, Any] = {"low": -1.0, "high": 1.0, "center": (), "scale": ()}
"""Every field of every transform: fingerprints of data cover this record, so its form must stay."""


def _to_json(transform: Transform) -> dict[str, Any]:
    """The record as an object of plain numbers."""
    found = {name: getattr(transform, name, missing) for name, missing in _FIELDS.items()}
    plain = {name: list(item) if isinstance(item, tuple) else item for name, item in found.items()}
    return {"name": transform.name, **plain}


def fields_to_json(transform: Any) -> dict[str, Any]:
    """The name and every field of a frozen record, as an object of plain numbers."""
    found = {field.name: getattr(transform, field.name) for field in fields(transform)}
    plain = {name: list(item) if isinstance(item, tuple) else item for name, item in found.items()}
    return {"name": transform.name, **plain}


def damaged_transform(samples: str) -> PoiseError:
    """The error for a record of the encoding of such samples that cannot be read."""
    what = f"The encoding of the {samples} is damaged"
    return PoiseError(what, code="data.transform-damaged", hint=_DAMAGED)


@dataclass(frozen=True)
class Pixels:
    """uint8, 0 to 255, to [-1, 1]: 0 at -1 and 255 at 1 exactly.

    Example:
        >>> Pixels().encode(torch.tensor([0, 255], dtype=torch.uint8))
        tensor([-1.,  1.])
        >>> Pixels().decode(torch.tensor([-1.0, 0.5, 3.0]))
        tensor([  0, 191, 255], dtype=torch.uint8)
    """

    name: ClassVar[str] = "pixels"
    bounded: ClassVar[bool] = True

    def encode(self, stored: Tensor) -> Tensor:
        """uint8 to float32 within [-1, 1]."""
        # (x - 127.5) / 127.5 is rounded once and symmetric about 0; x * (2 / 255) - 1 is neither
        return _standard(stored, _HALF, _HALF)

    def decode(self, value: Tensor) -> Tensor:
        """Clamped to [-1, 1] and rounded to the nearest of 256 levels: uint8."""
        return value.to(torch.float32).clamp(-1.0, 1.0).add(1.0).mul_(_HALF).round_().to(torch.uint8)

    to_json = _to_json


@dataclass(frozen=True)
class Range:
    """float32, `low` to `high`, to [-1, 1].

    Args:
        low: The stored value that becomes -1.
        high: The stored value that becomes 1.

    Raises:
        PoiseError: They are not finite, or in the wrong order.
    """

    low: float
    high: float
    name: ClassVar[str] = "range"
    bounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_finite(self.name, (self.low, self.high))
        if not self.low < self.high:
            what = f"The transform's low, {self.low:g}, is not below its high, {self.high:g}"
            raise PoiseError(what, code="data.transform-range")

    def encode(self, stored: Tensor) -> Tensor:
        """float32 within [low, high] to float32 within [-1, 1]."""
        return _standard(stored, (self.low + self.high) / 2, (self.high - self.low) / 2)

    def decode(self, value: Tensor) -> Tensor:
        """Clamped to [-1, 1] and stretched to [low, high]: float32."""
        unit = value.to(torch.float32).clamp(-1.0, 1.0)
        return unit * ((self.high - self.low) / 2) + (self.low + self.high) / 2

    to_json = _to_json


@dataclass(frozen=True)
class Identity:
    """float32 as it is."""

    name: ClassVar[str] = "identity"
    bounded: ClassVar[bool] = False

    def encode(self, stored: Tensor) -> Tensor:
        """The same values, float32; the same tensor if they are float32 already."""
        return stored.to(torch.float32)

    def decode(self, value: Tensor) -> Tensor:
        """The same values, float32."""
        return value.to(torch.float32)

    to_json = _to_json


@dataclass(frozen=True)
class Standardised:
    """float32 columns to mean 0 and standard deviation 1.

    Args:
        center: What is taken off each column.
        scale: What each column is divided by, above 0.

    Raises:
        PoiseError: A number is not finite, there is not one scale above 0 for each center, or there is none.
    """

    center: tuple[float, ...]
    scale: tuple[float, ...]
    name: ClassVar[str] = "standardised"
    bounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_finite(self.name, (*self.center, *self.scale))
        if len(self.center) != len(self.scale) or not self.center or any(one <= 0 for one in self.scale):
            what = "The transform needs a center and a scale above 0 for each column"
            raise PoiseError(what, code="data.transform-columns")

    def encode(self, stored: Tensor) -> Tensor:
        """Data units `(B, d)` to float32 with mean 0 and standard deviation 1 in each column."""
        return _standard(stored, _row(self.center, stored.device), _row(self.scale, stored.device))

    def decode(self, value: Tensor) -> Tensor:
        """float32 `(B, d)` in the units of the data."""
        return value.to(torch.float32) * _row(self.scale, value.device) + _row(self.center, value.device)

    to_json = _to_json


def transform_from_json(written: Mapping[str, Any]) -> Transform:
    """The transform of images or vectors that `to_json` wrote.

    Raises:
        PoiseError: A field is unknown, missing or not of its type; nothing is guessed.

    Example:
        >>> transform_from_json(Range(0.0, 1.0).to_json())
        Range(low=0.0, high=1.0)
    """
    for key in written:
        if key != "name" and key not in _FIELDS:
            raise unknown_name("field of a transform", str(key), ["name", *_FIELDS])
    name = written.get("name")
    if not isinstance(name, str):
        raise PoiseError("The transform has no name", code="data.transform-unnamed", hint=_DAMAGED)
    made = {kind.name: kind for kind in (Pixels, Range, Identity, Standardised)}
    if name not in made:
        raise unknown_name("transform", name, made)
    given = _FIELDS | {key: _numbers(key, item) for key, item in written.items() if key != "name"}
    if given["center"] and name != Standardised.name:
        what = f"The transform '{name}' has no columns, and centers are given"
        raise PoiseError(what, code="data.transform-columns", hint=_DAMAGED)
    made_of: dict[str, Any] = {field.name: given[field.name] for field in fields(made[name])}
    return made[name](**made_of)


def _numbers(key: str, item: Any) -> Any:
    kind = tuple[float, ...] if isinstance(_FIELDS[key], tuple) else float
    try:
        # strict, so that neither texts nor truth values pass for numbers
        return TypeAdapter(kind).validate_json(json.dumps(item), strict=True)
    except (ValidationError, TypeError):
        what = f"The transform's '{key}' is not made of numbers"
        raise PoiseError(what, code="data.transform-not-numbers", hint=_DAMAGED) from None


def _check_finite(name: str, numbers: tuple[float, ...]) -> None:
    if not all(math.isfinite(number) for number in numbers):
        what = f"The transform '{name}' holds a number that is not finite"
        raise PoiseError(what, code="data.transform-not-finite")


def _standard(stored: Tensor, offset: float | Tensor, divisor: float | Tensor) -> Tensor:
    value = stored.to(torch.float32)
    shifted = value.sub(offset) if value is stored else value.sub_(offset)
    return shifted.div_(divisor)


@lru_cache(maxsize=64)
def _row(numbers: tuple[float, ...], device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # a cached tensor must serve a later call that needs gradients, too
        return torch.tensor(numbers, dtype=torch.float32, device=device)
