"""Rows of an array in blocks: surveyed, hashed, written and worked on by every core."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np

JSON: TypeAlias = Any
Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Given = TypeVar("Given")
Made = TypeVar("Made")
_BLOCK_BYTES = 4 << 20


def workers() -> int:
    """How many threads to read and decode with: the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def in_order(function: Callable[[Given], Made], items: Iterable[Given], *, ahead: int = 64) -> Iterator[Made]:
    """Results in the order of the items, made on every core, no more than some ahead of what is consumed."""
    with ThreadPoolExecutor(workers(), thread_name_prefix="poise-data") as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def blocks(array: Array) -> Iterator[slice]:
    """Slices of rows that together cover the array, each of some megabytes.

    Their size depends on the shape and type alone, so that digests taken block by block agree everywhere.
    """
    row_bytes = max(1, array.dtype.itemsize * int(np.prod(array.shape[1:], dtype=np.int64)))
    rows = max(1, _BLOCK_BYTES // row_bytes)
    for start in range(0, len(array), rows):
        yield slice(start, min(start + rows, len(array)))


@dataclass(frozen=True)
class Survey:
    """What one pass over an array finds."""

    digest: str
    low: float
    high: float
    bad_values: int = 0
    first_bad_row: int = -1


def survey(array: Array) -> Survey:
    """One pass over the array, some megabytes at a time and on every core."""
    parts = list(in_order(lambda rows: _survey_block(array, rows), blocks(array)))
    good = [part for part in parts if part.low <= part.high]
    return Survey(
        digest=hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest(),
        low=min((part.low for part in good), default=0.0),
        high=max((part.high for part in good), default=0.0),
        bad_values=sum(part.bad_values for part in parts),
        first_bad_row=next((part.first_bad_row for part in parts if part.bad_values), -1),
    )


def _survey_block(array: Array, rows: slice) -> Survey:
    block = np.ascontiguousarray(array[rows])
    little = block.astype(block.dtype.newbyteorder("<"), copy=False)
    digest = hashlib.sha256(little.reshape(-1).view(np.uint8).data).hexdigest()
    low, high = block.min(), block.max()
    if np.isfinite(low) and np.isfinite(high):
        return Survey(digest, float(low), float(high))
    finite = np.isfinite(block)
    bad_rows = np.flatnonzero(~finite.reshape(len(block), -1).all(axis=1))
    return Survey(
        digest=digest,
        low=float(block.min(where=finite, initial=np.inf)),
        high=float(block.max(where=finite, initial=-np.inf)),
        bad_values=int(block.size - finite.sum()),
        first_bad_row=rows.start + int(bad_rows[0]),
    )


def digest_of(facts: JSON) -> str:
    """The SHA-256 of facts as JSON, the same whatever the order of names."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class RowWriter:
    """Writes rows one after another to a `.npy` file; how many there are need not be known before the end.

    Rows go through plain writes: on a full disk these fail with an error, whereas a write to mapped
    memory would end the process.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        self.path = path
        self.dtype = np.dtype(dtype)
        self._begin(shape)

    def _begin(self, shape: tuple[int, ...]) -> None:
        self.shape, self.count, self._file = shape, 0, self.path.open("wb+")
        self._write_header()

    def _write_header(self) -> None:
        self._file.seek(0)
        descr, shape = np.lib.format.dtype_to_descr(self.dtype), (self.count, *self.shape)
        # numpy pads this header so that the number of rows can grow without moving what follows it
        np.lib.format.write_array_header_1_0(
            self._file, {"descr": descr, "fortran_order": False, "shape": shape}
        )

    def write(self, rows: Array) -> None:
        """Appends rows of shape (n, *shape)."""
        if rows.shape[1:] != self.shape:
            raise ValueError(f"rows of shape {rows.shape[1:]} do not fit {self.shape}")
        self._file.write(np.ascontiguousarray(rows, dtype=self.dtype).data)
        self.count += len(rows)

    def rewrite(self, shape: tuple[int, ...], convert: Callable[[Array], Array]) -> None:
        """Puts every row written so far through `convert`, which maps (n, *old shape) to (n, *shape)."""
        self.finish()
        old = self.path.with_suffix(".old")
        self.path.rename(old)
        written = np.load(old, mmap_mode="r", allow_pickle=False)
        self._begin(shape)
        for rows in blocks(written):
            self.write(convert(written[rows]))
        old.unlink()

    def finish(self) -> None:
        """Writes how many rows there are, and waits for the disk."""
        self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self) -> None:
        """Closes the file, complete or not."""
        with contextlib.suppress(OSError):  # what could not be flushed goes with the folder
            self._file.close()
