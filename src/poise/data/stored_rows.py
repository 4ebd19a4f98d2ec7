"""What has to be done to the rows of an array before they can be stored, and doing it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poise.data.cache import RowWriter, keep, kept
from poise.data.dataset import Array, Survey, blocks, survey

_VERSION = 1


@dataclass(frozen=True)
class Experiment:
    """What has to be done to rows before they can be stored.

    Args:
        shape: Of one row afterwards.
        dtype: `"uint8"` or `"float32"`.
        convert: Maps a block of rows; None where rows are taken as they are.
        steps: What is done, in words; with the rows they decide the result.
    """

    shape: tuple[int, ...]
    dtype: str
    convert: Callable[[Array], Array] | None
    steps: tuple[str, ...]


def stored_rows(array: Array, plan: Experiment, first: Survey, cache: Path) -> tuple[Array, Survey]:
    """The rows as planned: as they are, or converted; in memory, or into the cache where they are mapped."""
    convert = plan.convert
    if convert is None:
        return array, first
    if not _is_mapped(array):
        result = np.empty((len(array), *plan.shape), dtype=plan.dtype)
        for rows in blocks(array):
            result[rows] = convert(array[rows])
        return result, survey(result)
    facts = [
        _VERSION,
        first.digest,
        list(array.shape),
        str(array.dtype),
        list(plan.shape),
        plan.dtype,
        plan.steps,
    ]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def fill(store: RowWriter) -> None:
        for rows in blocks(array):
            store.write(convert(array[rows]))

    found = kept(cache, "arrays", key)
    if found is None:
        found = keep(cache, "arrays", key, fill, shape=plan.shape, dtype=plan.dtype)
    return found.array, found.survey


def _is_mapped(array: Array) -> bool:
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False
