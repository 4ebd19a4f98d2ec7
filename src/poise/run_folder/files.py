"""Files that appear whole or not at all: JSON objects, lines of them, and the lock of a run.

JSON has no NaN and no infinity. Such a number is written as null, and beside it stands which one it is:
`{"value": null, "value_is": "nan"}`, or `"infinity"`, or `"-infinity"`; beside a list stands a list, with
null for its other elements. What is read holds the numbers again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import math
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from poise.errors import PoiseError

# The words for numbers that JSON does not have
WORDS = {"nan": math.nan, "infinity": math.inf, "-infinity": -math.inf}


# JSON -----------------------------------------------------------------------------------------------------


def to_json(value: Mapping[str, Any], *, indent: int | None = None) -> str:
    """An object as standard JSON, with words beside numbers that are not finite."""
    return json.dumps(_spelled(value), indent=indent, allow_nan=False)


def from_json(text: str | bytes) -> Any:
    """What a JSON text holds, with the numbers that `to_json` wrote as words."""
    text = text.decode() if isinstance(text, bytes) else text
    found = json.loads(text)
    return _restored(found) if '_is"' in text else found


def _word(value: Any) -> str | None:
    if not isinstance(value, float) or math.isfinite(value):
        return None
    return "nan" if math.isnan(value) else "infinity" if value > 0 else "-infinity"


def _words(value: Any) -> Any:
    """The word for a number, or the words for a list; `None` if all is finite."""
    if not isinstance(value, list | tuple):
        return _word(value)
    words = [_words(one) for one in value]
    return words if any(word is not None for word in words) else None


def _spelled(value: Any) -> Any:
    if isinstance(value, Mapping):
        spelled = {}
        for name, one in value.items():
            spelled[name] = _spelled(one)
            if (words := _words(one)) is not None:
                spelled[f"{name}_is"] = words
        return spelled
    if isinstance(value, list | tuple):
        return [_spelled(one) for one in value]
    return None if _word(value) else value


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(one) for one in value]
    if not isinstance(value, dict):
        return value
    restored = {name: _restored(one) for name, one in value.items()}
    for name, words in value.items():
        base = name.removesuffix("_is")
        if base != name and base in value:
            with contextlib.suppress(LookupError):
                restored[base] = _filled(restored[base], words)
                del restored[name]
    return restored


def _filled(value: Any, words: Any) -> Any:
    """A value with the numbers that `_words` gave; `LookupError` if the words do not belong to it."""
    if value is None and isinstance(words, str):
        return WORDS[words]
    if not (isinstance(value, list) and isinstance(words, list) and len(value) == len(words)):
        raise LookupError
    pairs = zip(value, words, strict=True)
    return [one if word is None else _filled(one, word) for one, word in pairs]


# Whole files ----------------------------------------------------------------------------------------------


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; file systems that cannot do that for folders are let be."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


# Lines ----------------------------------------------------------------------------------------------------


def append_line(file: Path, line: Mapping[str, Any]) -> None:
    """Add a line whole or not at all."""
    content = (to_json(line) + "\n").encode()
    with file.open("a+b", buffering=0) as opened:
        before = opened.tell()
        if before and os.pread(opened.fileno(), 1, before - 1) != b"\n":
            content = b"\n" + content  # a process died in the middle of the line before
        try:
            if opened.write(content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            opened.truncate(before)
            raise


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The objects of a file, one a line, without incomplete lines; none if there is no file."""
    if not file.is_file():
        return []
    return [line for line in map(_parsed, file.read_bytes().split(b"\n")) if line is not None]


def forget_lines_after(file: Path, step: int) -> None:
    """Drop the lines beyond `step`, and a last one that is incomplete."""
    if file.is_file():
        kept = [line for line in read_lines(file) if line.get("step", 0) <= step]
        write_whole(file, "".join(to_json(line) + "\n" for line in kept).encode())


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = from_json(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


# The lock, which is on an open descriptor and goes with the process however it ends -----------------------


_held: set[Path] = set()  # The runs whose lock this process holds


def holder_of(run: Path) -> str | None:
    """The process that holds a run's lock, as `pid 123 on host`; `None` if there is none."""
    try:
        # Shared, so that two processes that check at once do not take each other for a trainer.
        with (run / "lock").open(encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return lock.read().strip() or "another process"
    except OSError:
        pass
    return None


def is_held_here(run: Path) -> bool:
    """Whether this process holds a run's lock."""
    return run.resolve() in _held


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run's lock."""
    with (run / "lock").open("a+", encoding="utf-8") as lock:
        if not _taken(lock):
            lock.seek(0)
            raise PoiseError(
                f"The run '{run}' is being trained by {lock.read().strip() or 'another process'}",
                code="run-folder.locked",
                hint="wait for it, stop it, or train into another folder with --out",
            )
        lock.seek(0)
        lock.truncate()
        lock.write(f"pid {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        place = run.resolve()
        _held.add(place)
        try:
            yield
        finally:
            _held.discard(place)


def _taken(lock: TextIO) -> bool:
    """Whether the lock could be taken; one that only checks whether it is held keeps it for microseconds."""
    for attempt in range(5):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if attempt < 4:
                time.sleep(0.02)
        else:
            return True
    return False
