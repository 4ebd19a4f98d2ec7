"""The kinds of data. Nothing outside this package compares the name of one; it asks the kind's record."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from poise.data.dataset import Dataset
from poise.data.kinds.image import IMAGE
from poise.data.kinds.kind import DataKind, Defaults, Given, Request
from poise.data.kinds.vector import VECTOR
from poise.registry import Registry
from poise.spec import DataSpec

KINDS: Registry[DataKind] = Registry("kind of data", [IMAGE, VECTOR])


class OfKind(Protocol):
    """Anything that names its kind: a `Dataset`, a `DataSpec`."""

    @property
    def kind(self) -> str:
        """The name of its kind."""


def kind_of(what: OfKind | Mapping[str, Any]) -> DataKind:
    """The kind of data, of a specification, or of what a `data.json` or a `generator.json` describes.

    Example:
        >>> kind_of(DataSpec("vector", (2,))).plural
        'vectors'
    """
    # The first runs were of images, and did not record their kind.
    return KINDS.named(str(what.get("kind", "image") if isinstance(what, Mapping) else what.kind))


def spec_of(dataset: Dataset) -> DataSpec:
    """What the data look like to networks."""
    spec = kind_of(dataset).spec(dataset.shape, dataset.transform)
    condition = None if dataset.condition is None else dataset.condition.shape
    return dataclasses.replace(spec, condition=condition)


def described_spec(description: Mapping[str, Any]) -> DataSpec:
    """What the data of a run looked like to networks.

    Args:
        description: What `data.json` or `generator.json` says.

    Example:
        >>> described_spec({"kind": "vector", "shape": [2], "encoding": {"name": "identity"}}).numbers
        2
    """
    kind, condition = kind_of(description), description.get("condition")
    spec = kind.spec(tuple(description["shape"]), kind.load_transform(description["encoding"]))
    return dataclasses.replace(spec, condition=None if condition is None else tuple(condition["shape"]))


__all__ = ["KINDS", "DataKind", "Defaults", "Given", "Request", "described_spec", "kind_of", "spec_of"]
