"""One process trains a run: the lock is on an open descriptor, and goes with the process however it ends."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from poise.errors import PoiseError

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
