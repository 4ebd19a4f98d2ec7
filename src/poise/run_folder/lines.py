"""Files that grow by a line: each is there whole or not at all, and half a line is nobody's."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poise.run_folder.tensors_folder import write_whole


def append_line(file: Path, line: Mapping[str, Any]) -> None:
    """Add a line whole or not at all.

    Raises:
        OSError: It could not be written.
    """
    content = (json.dumps(line) + "\n").encode()
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
    """The lines of a file, none where it is not there; what is no whole line is left out."""
    if not file.is_file():
        return []
    return [line for line in map(_parsed, file.read_bytes().split(b"\n")) if line is not None]


def forget_lines_after(file: Path, step: int) -> None:
    """Drop the lines beyond `step`, and a half-written last one."""
    if file.is_file():
        kept = [line for line in read_lines(file) if line.get("step", 0) <= step]
        write_whole(file, "".join(json.dumps(line) + "\n" for line in kept).encode())


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
