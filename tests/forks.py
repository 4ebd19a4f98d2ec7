"""A function in a process of its own, without the seconds that another start of Python and PyTorch takes."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from signal import SIGKILL
from typing import TextIO


@dataclass
class Fork:
    """A running process, and what it writes."""

    pid: int
    out: TextIO
    err: TextIO
    status: int | None = None

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    @property
    def running(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def wait(self) -> tuple[str, str]:
        """Its output and its errors; `status` is negative if a signal has ended it."""
        written = self.out.read(), self.err.read()
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return written


@contextmanager
def forked(function: Callable[[], int]) -> Iterator[Fork]:
    """The function in a fork of this process, whose exit status it returns."""
    pipes = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 3
        try:
            sys.stdout, sys.stderr = (os.fdopen(writer, "w") for _, writer in pipes)
            status = function()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    for _, writer in pipes:
        os.close(writer)
    with os.fdopen(pipes[0][0]) as out, os.fdopen(pipes[1][0]) as err:
        fork = Fork(pid, out, err)
        try:
            yield fork
        finally:
            if fork.status is None:
                with suppress(ProcessLookupError):
                    fork.send_signal(SIGKILL)
                os.waitpid(pid, 0)
