"""Ctrl-C, SIGTERM, a closed terminal: the first asks the loop to finish and save, a second leaves at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Whether, and by which signal, the run was asked to stop."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def exit_status(self) -> int:
        """The status with which the command leaves: 128 and the signal's number, as shells count; or 0."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stop_on_signals(notify: Callable[[str], None]) -> Iterator[StopRequest]:
    """Turn the signals into a request for as long as the block lasts.

    Outside the main thread, where Python takes no signals, the request stays silent.

    Args:
        notify: Called at once, since a step may take long.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if request.signal is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        request.signal = number
        # A signal may come in the middle of a write to the stream that this goes to, which Python refuses.
        with suppress(OSError, RuntimeError):
            notify("Stopping after this step and saving; once more leaves at once and saves nothing.")

    before = {number: signal.signal(number, ask) for number in WATCHED}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
