"""What networks are told of the data, the sizes of images, and the kinds of conditions."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

SpanKind = Literal["real", "bounded", "around", "one-hot", "flag", "ordered"]

Fit = Literal["crop", "pad", "stretch"]
"""What becomes of images of other proportions: their middle, the whole with white margins, or stretched."""

Resolution = int | tuple[int, int]
"""Pixels a side of square images, or height and width, as in the shape of an array."""


@dataclass(frozen=True)
class Span:
    """A stretch of the numbers of a sample that belong together.

    Attributes:
        name: The column or the feature that it encodes.
        kind: `"real"`, `"bounded"` and `"around"` are numbers, the latter two within [-1, 1], and those
            around the middle of a mode mostly near 0; `"one-hot"` is one choice of `size`; `"flag"` is 0 or
            1; `"ordered"` is one of `size` steps in order.
        size: How many numbers.
    """

    name: str
    kind: SpanKind
    size: int

    @property
    def chooses(self) -> bool:
        """Whether one of its numbers is 1 and the others are 0."""
        return self.kind in ("one-hot", "ordered")


ATTRIBUTE = "attribute"
"""How the names of spans begin that hold for a whole series: the same at all of its steps."""


def is_attribute(span: Span) -> bool:
    """Whether a span holds for a whole series."""
    return span.name.startswith(ATTRIBUTE)


PRESENT, NODE, EDGE = "present", "node", "edge"
"""How the names of spans of graphs begin: whether a node is there, its type, and what joins two nodes."""


@dataclass(frozen=True)
class DataSpec:
    """What the data look like to networks.

    Attributes:
        kind: The name of a kind of data, of `poise.data.KINDS`.
        shape: The shape of one sample: `(C, H, W)`, `(d,)`.
        condition: The shape of one condition; `None` where there are none.
        spans: How the numbers of a vector, or the channels of other samples, fall into columns, in order;
            empty where they are all alike.
        rate: Values a second, of sounds; `None` for other data.

    Example:
        >>> DataSpec("image", (3, 32, 32)).numbers
        3072
    """

    kind: str
    shape: tuple[int, ...]
    condition: tuple[int, ...] | None = None
    spans: tuple[Span, ...] = ()
    rate: int | None = None

    @property
    def numbers(self) -> int:
        """How many numbers a sample has."""
        return math.prod(self.shape)

    @property
    def bounded(self) -> bool:
        """Whether samples lie within [-1, 1]: those that are no vector, unless spans say otherwise."""
        if self.spans:
            return all(span.kind == "bounded" for span in self.spans)
        return len(self.shape) > 1

    @property
    def condition_numbers(self) -> int:
        """How many numbers a condition has; 0 if there are none."""
        return 0 if self.condition is None else math.prod(self.condition)

    def to_json(self) -> dict[str, Any]:
        """The specification as JSON, for a generator's folder."""
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "condition": None if self.condition is None else list(self.condition),
            "spans": [[span.name, span.kind, span.size] for span in self.spans],
        }


LEAST_SIDE, MOST_SIDE = 8, 1024
"""The pixels of a side that networks of convolutions serve."""


def sides_of(resolution: Resolution) -> tuple[int, int]:
    """Height and width.

    Example:
        >>> sides_of(64), sides_of((48, 64))
        ((64, 64), (48, 64))
    """
    return (resolution, resolution) if isinstance(resolution, int) else resolution


def resolution_of(height: int, width: int) -> Resolution:
    """One number for a square, else height and width."""
    return height if height == width else (height, width)


def size_text(height: int, width: int) -> str:
    """A size for people, and as it is typed: the width comes first, as that of screens and cameras.

    Example:
        >>> size_text(3024, 4032)
        '4032x3024'
    """
    return f"{width}x{height}"


def read_resolution(given: Any) -> Resolution:
    """A resolution as people give it: 64, "64", "64x48" (width and height), or (height, width).

    Raises:
        ValueError: It is none.

    Example:
        >>> read_resolution("64x48"), read_resolution([48, 64]), read_resolution("64x64")
        ((48, 64), (48, 64), 64)
    """
    parts: list[Any] = given.lower().split("x")[::-1] if isinstance(given, str) else [given]
    if isinstance(given, list | tuple):
        parts = list(given)
    try:
        numbers = [int(part) if isinstance(part, str) else operator.index(part) for part in parts]
    except TypeError:
        raise ValueError(given) from None
    if not 1 <= len(numbers) <= 2 or min(numbers) < 1 or any(isinstance(part, bool) for part in parts):
        raise ValueError(given)
    return resolution_of(numbers[0], numbers[-1])


@dataclass(frozen=True)
class ConditionKind:
    """A kind of condition; nothing else compares the name of one.

    Attributes:
        name: What `data.json` and `generator.json` call it.
        classes: Whether a condition is one of several classes, stored as an integer and seen as one-hot.
        tags: Whether a condition is a list of tags, stored and seen as 0 or 1 for each of all tags.
        images: Whether a condition is an image, which the generator translates.
        sounds: Whether a condition is a mel spectrogram, of which the generator makes a wave.
    """

    name: str
    classes: bool = False
    tags: bool = False
    images: bool = False
    sounds: bool = False


MOST_TAGS = 12
"""Tags that have a row in a picture."""

CONDITION_KINDS: Mapping[str, ConditionKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            ConditionKind("label", classes=True),
            ConditionKind("tags", tags=True),
            ConditionKind("vector"),
            ConditionKind("image", images=True),
            ConditionKind("mel", sounds=True),
        )
    }
)


def condition_kind(condition: Any) -> ConditionKind:
    """The kind of a condition that a run folder describes; one of neither classes nor images if it has none.

    Args:
        condition: The entry `condition` of a `data.json` or a `generator.json`.

    Example:
        >>> condition_kind({"kind": "label", "shape": [10]}).classes, condition_kind(None).classes
        (True, False)
    """
    name = str(condition.get("kind")) if isinstance(condition, Mapping) else ""
    return CONDITION_KINDS.get(name, ConditionKind(name))


# What a generator makes: samples of noise, images of images, the tags of an image, or waves of recordings
Makes = Literal["samples", "images", "tags", "waves"]


def makes(data: Mapping[str, Any]) -> Makes:
    """What a run's generator makes.

    Example:
        >>> makes({"condition": None}), makes({"condition": {"kind": "image"}})
        ('samples', 'images')
    """
    condition = data.get("condition") or {}
    if condition_kind(condition).images:
        return "images"
    if condition_kind(condition).sounds:
        return "waves"
    return "tags" if "tags" in condition else "samples"


def shown_names(condition: Any) -> tuple[str, ...]:
    """What has a row in a picture of samples: every class, or the most frequent tags, the first first.

    Args:
        condition: The entry `condition` of a `data.json` or a `generator.json`.

    Example:
        >>> shown_names({"kind": "tags", "names": ["blond", "smile"], "counts": [3, 9]})
        ('smile', 'blond')
    """
    kind = condition_kind(condition)
    if not (kind.classes or kind.tags):
        return ()
    names = [str(name) for name in condition.get("names") or []]
    if kind.classes:
        return tuple(names)
    often = dict(zip(names, condition["counts"], strict=True))
    return tuple(sorted(names, key=lambda name: -often[name])[:MOST_TAGS])
