"""What a metric returns: a number, its interval, its floor and its protocol; and how two of them compare."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from poise.errors import PoiseError

Interval = tuple[float, float]
AS_GIVEN = "features as given"
Number = TypeVar("Number", float, Interval)


@dataclass(frozen=True)
class Result:
    """A measured number and its protocol.

    Attributes:
        metric: The metric's name in `METRICS`.
        value: The number, or the numbers by name if the metric has several.
        interval: The 95 % interval of each number, for its expectation at these sample sizes (a Fréchet
            distance is biased upwards, and so is its expectation); `None` if there is none.
        interval_method: How the interval was computed, or why there is none.
        floor: The value of two sets of reals at these sample sizes: no generator can be expected to be below
            it (above it, if higher is better). `None` if there is none.
        floor_method: How the floor was computed, or why there is none.
        samples: The number of samples on each side: `{"real": 5000, "fake": 5000}`.
        settings: All settings of the metric that change its value.
        extractor: The name of what made the features.
        weights_hash: SHA-256 of its weights; empty if it has none.
        preparation: Range and resizing of the images before the extractor.
        reference: Fingerprint of the reals, or of what else the fakes are measured against.
        seconds: How long the metric took, without the features.
        details: What else may be of interest: p-values, nearest pairs. Not part of the protocol.

    Example:
        >>> import torch
        >>> from poise.metrics import frechet_distance
        >>> a = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> float(frechet_distance(a, a)) < 1e-9
        True
    """

    metric: str
    value: float | Mapping[str, float]
    interval: Interval | Mapping[str, Interval] | None
    interval_method: str
    floor: float | Mapping[str, float] | None
    floor_method: str
    samples: Mapping[str, int]
    settings: Mapping[str, Any] = field(default_factory=dict)
    extractor: str = AS_GIVEN
    weights_hash: str = ""
    preparation: str = ""
    reference: str = ""
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float]:
        """The numbers by name; a single number goes by the metric's name."""
        return self._by_name(self.value)

    @property
    def intervals(self) -> dict[str, Interval]:
        """The intervals by the same names; empty if there are none."""
        return self._by_name(self.interval)

    @property
    def floors(self) -> dict[str, float]:
        """The floors by the same names; empty if there are none."""
        return self._by_name(self.floor)

    def _by_name(self, given: Number | Mapping[str, Number] | None) -> dict[str, Number]:
        if isinstance(given, Mapping):
            return dict(given)
        return {} if given is None else {self.metric: given}

    @property
    def protocol(self) -> dict[str, Any]:
        """All that must be equal for two results to be comparable."""
        return {
            "metric": self.metric,
            **{f"setting '{name}'": value for name, value in self.settings.items()},
            "extractor": self.extractor,
            "weights of the extractor": self.weights_hash,
            "preparation of the images": self.preparation,
            "reference": self.reference,
            **{f"number of {side} samples": count for side, count in self.samples.items()},
        }

    @property
    def protocol_digest(self) -> str:
        """12 hexadecimal digits that two results share exactly if they can be compared."""
        written = json.dumps(plain(self.protocol), sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()[:12]

    def __float__(self) -> float:
        if isinstance(self.value, Mapping):
            raise PoiseError(
                f"The result of '{self.metric}' is not a single number",
                code="metrics.several-numbers",
                why=f"it holds {', '.join(self.value)}",
                hint="take one of them from its 'value'",
            )
        return float(self.value)

    def __str__(self) -> str:
        """The result as one line: numbers, intervals, floors, and the protocol."""
        numbers = ", ".join(self._number(name) for name in self.values)
        head = f"{self.metric}: {numbers}" if isinstance(self.value, Mapping) else numbers
        parts = [head, ", ".join(f"{side} {count}" for side, count in self.samples.items())]
        if self.settings:
            parts.append(", ".join(f"{name} {_shown(value)}" for name, value in self.settings.items()))
        parts.append(self.extractor + (f" {self.weights_hash[:12]}" if self.weights_hash else ""))
        parts += [self.preparation] if self.preparation else []
        parts += [f"reference {self.reference[:12]}"] if self.reference else []
        parts.append(f"{self.seconds:.2g} s")
        return " · ".join(parts)

    def _number(self, name: str) -> str:
        text = f"{name} {self.values[name]:.4g}"
        if name in self.intervals:
            low, high = self.intervals[name]
            text += f" [{low:.4g}, {high:.4g}]"
        if name in self.floors:
            text += f" (floor {self.floors[name]:.4g})"
        return text

    def to_json(self) -> dict[str, Any]:
        """The whole record as an object of plain JSON values; numbers that are not finite become `None`."""
        return {part.name: plain(getattr(self, part.name)) for part in fields(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Result:
        """The result of a record that `to_json` wrote.

        Raises:
            PoiseError: A field is missing or unknown.
        """
        known = {part.name for part in fields(cls)}
        if set(record) != known:
            wrong = ", ".join(sorted(set(record) ^ known))
            raise PoiseError(
                f"This is not a result of a metric (missing or unknown: {wrong})",
                code="metrics.not-a-result",
                hint="read one that this version of Poise wrote",
            )
        value, bounds = record["value"], record["interval"]
        if isinstance(value, Mapping):
            value = {name: as_number(number) for name, number in value.items()}
            bounds = bounds and {name: as_interval(pair) for name, pair in bounds.items()}
        else:
            value, bounds = as_number(value), bounds and as_interval(bounds)
        return cls(**{**record, "value": value, "interval": bounds})


@dataclass(frozen=True)
class Comparison:
    """Two results of one protocol, side by side."""

    first: Result
    second: Result
    differences: Mapping[str, float]  # Second minus first, by name
    # The 95 % interval of each difference; the two are taken as independent, which is cautious if
    # they share their reals. Empty if a result has no interval
    intervals: Mapping[str, Interval]
    beyond: Mapping[str, bool | None]  # Whether each difference is beyond its interval; None if there is none

    def __str__(self) -> str:
        parts = []
        for name, difference in self.differences.items():
            before, after = self.first.values[name], self.second.values[name]
            text = f"{name} {before:.4g} -> {after:.4g} ({difference:+.3g}"
            if name in self.intervals:
                low, high = self.intervals[name]
                text += f" [{low:+.3g}, {high:+.3g}]"
            verdict = {True: "beyond", False: "within", None: "without"}[self.beyond[name]]
            parts.append(f"{text}, {verdict} the interval)")
        return "; ".join(parts)


def compare(first: Result, second: Result) -> Comparison:
    """The difference of two results, and whether it is more than chance.

    Raises:
        PoiseError: Their protocols differ; the message names what differs.

    Example:
        >>> import torch
        >>> from poise.metrics import compare, kernel_distance
        >>> stream = torch.Generator().manual_seed(0)
        >>> real, near, far = (torch.randn(200, 4, generator=stream) for _ in range(3))
        >>> compare(kernel_distance(real, near), kernel_distance(real, far + 1)).beyond
        {'kernel-distance': True}
    """
    one, two = first.protocol, second.protocol
    both = {name: (one.get(name, "none"), two.get(name, "none")) for name in {**one, **two}}
    differing = {name: sides for name, sides in both.items() if sides[0] != sides[1]}
    if differing:
        named = "; ".join(f"{name}: {_shown(a)} against {_shown(b)}" for name, (a, b) in differing.items())
        raise PoiseError(
            f"These two results cannot be compared ({named})",
            code="metrics.different-protocols",
            why="numbers of different protocols say nothing about which is better",
            hint="measure both with the same metric, settings, extractor, reals and number of samples",
        )
    differences = {
        name: 0.0 if value == second.values[name] else second.values[name] - value
        for name, value in first.values.items()  # two infinite numbers are equal
    }
    intervals: dict[str, Interval] = {}
    beyond: dict[str, bool | None] = dict.fromkeys(differences)
    for name, difference in differences.items():
        if name in first.intervals and name in second.intervals:
            low_1, high_1 = first.intervals[name]
            low_2, high_2 = second.intervals[name]
            down = math.hypot(second.values[name] - low_2, high_1 - first.values[name])
            up = math.hypot(high_2 - second.values[name], first.values[name] - low_1)
            low, high = difference - down, difference + up
            if not (math.isnan(low) or math.isnan(high)):
                intervals[name], beyond[name] = (low, high), not low <= 0.0 <= high
    return Comparison(first, second, differences, intervals, beyond)


def _shown(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text[:12] if len(text) == 64 and set(text) <= set("0123456789abcdef") else (text or "none")


def plain(value: Any) -> Any:
    """The value as plain JSON values; numbers that are not finite become `None`."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def as_number(value: Any) -> float:
    """The number that `to_json` wrote: one that was not finite is NaN."""
    return math.nan if value is None else float(value)


def as_interval(pair: Any) -> Interval:
    """The interval that `to_json` wrote."""
    low, high = pair
    return as_number(low), as_number(high)
