"""Encodings of a channel: to numbers that networks learn well, and back, beyond the ends of the data, too."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from poise.data.rows import Array
from poise.errors import PoiseError, unknown_name

_TAIL = 40.0  # Spreads beyond the median from which a channel has long tails
_KNOTS = 257  # Places of the quantile encoding
_FARTHEST = 3.2  # Deviations of its outermost places


class Channel(Protocol):
    """How the values of a channel become what networks see, and back; both ways without an end."""

    name: ClassVar[str]

    def encode(self, values: Tensor) -> Tensor:
        """Values in the units of the data, float32, to about [-1, 1] or mean 0 and deviation 1."""

    def decode(self, encoded: Tensor) -> Tensor:
        """The values again, in the units of the data."""


@dataclass(frozen=True)
class Linear:
    """`low` to -1 and `high` to 1; what lies beyond goes on along the same line."""

    low: float
    high: float
    name: ClassVar[str] = "linear"

    def encode(self, values: Tensor) -> Tensor:
        """Values to about [-1, 1]."""
        return (values - (self.low + self.high) / 2) / ((self.high - self.low) / 2)

    def decode(self, encoded: Tensor) -> Tensor:
        """The values again."""
        return encoded * ((self.high - self.low) / 2) + (self.low + self.high) / 2


@dataclass(frozen=True)
class Standard:
    """Mean 0 and standard deviation 1."""

    mean: float
    deviation: float
    name: ClassVar[str] = "standard"

    def encode(self, values: Tensor) -> Tensor:
        """Values to mean 0 and deviation 1."""
        return (values - self.mean) / self.deviation

    def decode(self, encoded: Tensor) -> Tensor:
        """The values again."""
        return encoded * self.deviation + self.mean


@dataclass(frozen=True)
class Asinh:
    """The inverse hyperbolic sine, linear near the median and logarithmic far from it; then standardised.

    Source: Lupton, Gunn and Szalay 1999, equation 3.
    """

    middle: float
    softening: float
    mean: float
    deviation: float
    name: ClassVar[str] = "asinh"

    def encode(self, values: Tensor) -> Tensor:
        """Values with long tails to mean 0 and deviation 1."""
        bent = ((_wide(values) - self.middle) / self.softening).asinh()
        return ((bent - self.mean) / self.deviation).to(values.dtype)

    def decode(self, encoded: Tensor) -> Tensor:
        """The values again."""
        bent = _wide(encoded) * self.deviation + self.mean
        return (bent.sinh() * self.softening + self.middle).to(encoded.dtype)


@dataclass(frozen=True)
class Quantile:
    """Each value to the number with the same share of a normal distribution below it, linear between knots.

    Beyond the first and the last knot it goes on with the slope of the outermost pieces.
    """

    values: tuple[float, ...]
    normals: tuple[float, ...]
    name: ClassVar[str] = "quantile"

    def encode(self, values: Tensor) -> Tensor:
        """Values to a normal distribution."""
        return _piecewise(values, self.values, self.normals)

    def decode(self, encoded: Tensor) -> Tensor:
        """The values again."""
        return _piecewise(encoded, self.normals, self.values)


def _wide(values: Tensor) -> Tensor:
    """In double precision, if the device has it: steep encodings lose digits otherwise."""
    return values if values.device.type == "mps" else values.double()


def _piecewise(points: Tensor, starts: Sequence[float], ends: Sequence[float]) -> Tensor:
    """The line through knots, evaluated."""
    wide = _wide(points).contiguous()
    xs, ys = (torch.tensor(knots, dtype=wide.dtype, device=points.device) for knots in (starts, ends))
    place = torch.searchsorted(xs, wide).clamp(1, len(xs) - 1)
    share = (wide - xs[place - 1]) / (xs[place] - xs[place - 1])
    return (ys[place - 1] + share * (ys[place] - ys[place - 1])).to(points.dtype)


def _linear(sample: Array, low: float, high: float) -> Channel:
    return Linear(low, high) if low < high else Linear(low - 0.5, low + 0.5)


def _standard(sample: Array, low: float, high: float) -> Channel:
    return Standard(float(sample.mean()), _spread(sample))


def _asinh(sample: Array, low: float, high: float) -> Channel:
    middle = float(np.median(sample))
    softening = _softening(sample, middle)
    bent = np.arcsinh((sample - middle) / softening)
    return Asinh(middle, softening, float(bent.mean()), _spread(bent))


def _quantile(sample: Array, low: float, high: float) -> Channel:
    normals = np.linspace(-_FARTHEST, _FARTHEST, _KNOTS)
    places = np.quantile(sample, torch.special.ndtr(torch.from_numpy(normals)).numpy())
    places[0], places[-1] = low, high
    values, of_knot, knots = np.unique(places, return_inverse=True, return_counts=True)
    if len(values) < 2:
        return _linear(sample, low, high)
    # a value that is frequent has many knots, and their mean is its place
    middles = np.bincount(of_knot, weights=normals) / knots
    return Quantile(tuple(values.tolist()), tuple(middles.tolist()))


def _spread(sample: Array) -> float:
    deviation = float(sample.std())
    # below the rounding error of the stored values there is no spread that means anything
    return deviation if deviation > np.finfo(np.float32).eps * abs(float(sample.mean())) else 1.0


def _softening(sample: Array, middle: float) -> float:
    """The median distance from the median, on the scale of a standard deviation."""
    return 1.4826 * float(np.median(np.abs(sample - middle))) or _spread(sample)


FITS: Mapping[str, Callable[[Array, float, float], Channel]] = {
    "linear": _linear,
    "standard": _standard,
    "asinh": _asinh,
    "quantile": _quantile,
}
"""`(a sample of the values, their least, their greatest)` to an encoding, by its name."""


def fitted_channel(name: str | None, sample: Array, low: float, high: float) -> Channel:
    """The encoding of a channel that is fitted to its values.

    Args:
        name: Which; `None` for asinh if the values have long tails, else standard.
        sample: Values of the channel, `(n,)` float64, drawn from all rows.
        low: The least of all values.
        high: The greatest.

    Example:
        >>> fitted_channel("linear", np.array([0.0, 4.0]), 0.0, 4.0)
        Linear(low=0.0, high=4.0)
    """
    if name is None:
        middle = float(np.median(sample))
        tail = max(high - middle, middle - low) / _softening(sample, middle)
        name = Asinh.name if tail > _TAIL else Standard.name
    if name not in FITS:
        raise unknown_name("encoding of a channel", name, FITS)
    return FITS[name](sample, low, high)


def channel_to_json(channel: Channel) -> dict[str, Any]:
    """An encoding as plain numbers."""
    return {"name": channel.name, **asdict(channel)}  # type: ignore[call-overload]  # every one is a dataclass


def channel_from_json(written: Mapping[str, Any]) -> Channel:
    """The encoding that `channel_to_json` wrote.

    Raises:
        PoiseError: It is none.

    Example:
        >>> channel_from_json(channel_to_json(Standard(1.0, 2.0)))
        Standard(mean=1.0, deviation=2.0)
    """
    made = {kind.name: kind for kind in (Linear, Standard, Asinh, Quantile)}
    name, numbers = written.get("name"), {key: item for key, item in written.items() if key != "name"}
    if name not in made:
        raise unknown_name("encoding of a channel", str(name), made)
    plain = {key: tuple(item) if isinstance(item, list) else item for key, item in numbers.items()}
    try:
        make: Callable[..., Channel] = made[name]
        found = make(**plain)
        probe = found.decode(found.encode(torch.ones(1)))
    except (TypeError, ValueError, IndexError, RuntimeError):
        probe = torch.full((1,), math.nan)
    if not bool(torch.isfinite(probe).all()):
        what = f"The encoding '{name}' of a channel has not the numbers that it needs"
        raise PoiseError(what, code="data.channel-damaged", hint="give the file that Poise wrote")
    return found
