from __future__ import annotations

import os
from collections.abc import Callable

import pytest


@pytest.fixture
def room_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Say how many more files find room on the disk; the one after that is refused."""
    real, left = os.fsync, [0]

    def full_after(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        real(descriptor)

    def room_for(files: int) -> None:
        left[0] = files
        monkeypatch.setattr(os, "fsync", full_after)

    return room_for
