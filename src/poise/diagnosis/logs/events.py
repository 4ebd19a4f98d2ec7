"""TensorBoard's event files: the scalars in them, read without its package.

A file is a row of records: eight bytes of length, four of checksum, the content, four of checksum. The
content is a protocol buffer, `Event` in `tensorboard/compat/proto/event.proto`, read for its scalars.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

Field = tuple[int, int | bytes]

_STEP, _SUMMARY = 2, 5  # of an event
_VALUE = 1  # of a summary
_TAG, _SIMPLE, _TENSOR = 1, 2, 8  # of a value
_CONTENT = 4  # of a tensor
# The types of a tensor that are numbers: float, double, 32 and 64 bits
_FORMATS = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}
_NUMBERS = {5: "<f", 6: "<d"}  # Fields in which a tensor of one number may hold it instead of its content


def read_events(path: Path) -> Iterator[tuple[int, str, float]]:
    """The scalars of an event file, in the order of writing; what is cut off at its end is left out."""
    content = path.read_bytes()
    place = 0
    while place + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        end = place + 12 + length
        if end + 4 > len(content):
            if place == 0:
                raise ValueError("its first record is longer than the file")
            return
        yield from _scalars(content[place + 12 : end])
        place = end + 4


def _scalars(event: bytes) -> Iterator[tuple[int, str, float]]:
    step, summaries = 0, []
    for field, value in _fields(event):
        if field == _STEP and isinstance(value, int):
            step = value
        elif field == _SUMMARY and isinstance(value, bytes):
            summaries.append(value)
    for summary in summaries:
        for field, inner in _fields(summary):
            if field == _VALUE and isinstance(inner, bytes):
                tag, number = _value(inner)
                if number is not None:
                    yield step, tag, number


def _value(content: bytes) -> tuple[str, float | None]:
    tag, number = "", None
    for field, value in _fields(content):
        if not isinstance(value, bytes):
            continue
        if field == _TAG:
            tag = value.decode("utf-8", errors="replace")
        elif field == _SIMPLE and len(value) == 4:
            number = struct.unpack("<f", value)[0]
        elif field == _TENSOR:
            number = _number(value)
    return tag, number


def _number(tensor: bytes) -> float | None:
    """The number of a tensor that holds a single one."""
    fields = list(_fields(tensor))
    kind = next((value for field, value in fields if field == 1), 1)
    for field, value in fields:
        form = _FORMATS.get(kind) if field == _CONTENT and isinstance(kind, int) else _NUMBERS.get(field)
        if form is not None and isinstance(value, bytes) and len(value) == struct.calcsize(form):
            return float(struct.unpack(form, value)[0])
    return None


def _fields(content: bytes) -> Iterator[Field]:
    """The fields of a protocol buffer: their numbers, and varints as integers, all else as bytes."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        field, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(content, place)
            yield field, value
            continue
        if kind == 2:
            size, place = _varint(content, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if place + size > len(content):
            raise ValueError("a field is longer than its record")
        yield field, content[place : place + size]
        place += size


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            break
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number does not end")
