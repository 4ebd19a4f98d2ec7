"""The three views of a session: for a person at a terminal, for a log, and for a program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from poise.cli.console import emit, is_watched, output
from poise.cli.events import Event, Notice, SessionStart, Status
from poise.text import percent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

OnRead = Callable[[int, int], None]  # Called while data are read, with `(done, total)`

SECONDS_BETWEEN_LINES = 10.0  # In a log


def view_for(*, json: bool) -> View:
    """The view that suits the reader of standard output; `json` for a program."""
    if json:
        return JsonView()
    console = output()
    return TerminalView(console) if is_watched(console) else LogView(console)


@contextmanager
def _reading(name: str) -> Iterator[OnRead]:
    """Nothing is shown while data are read."""
    yield lambda done, total: None


@contextmanager
def _training(steps: int) -> Iterator[None]:
    """Nothing is shown but what the view reports."""
    yield


class JsonView:
    """One JSON object a line, for each event and each line of the history."""

    every = float("inf")
    reading, training = staticmethod(_reading), staticmethod(_training)

    def update(self, status: Status, *, fresh: bool, last: bool) -> None:
        """A line of the history."""
        if fresh:
            self.report(status)

    def report(self, event: Event) -> None:
        """The event under its name; after a start, what people should know of the data."""
        emit({"event": event.event, **event.to_json()})
        if isinstance(event, SessionStart):
            for sentence in event.data.get("notices", []):
                self.report(Notice(sentence))


class LogView:
    """Plain lines; one on the progress every ten seconds."""

    every = 1.0
    reading, training = staticmethod(_reading), staticmethod(_training)

    def __init__(self, console: Console) -> None:
        self.console = console
        self._printed: float | None = None

    def update(self, status: Status, *, fresh: bool, last: bool) -> None:
        """A line if ten seconds have passed, and the last one."""
        if self._printed is None:
            self._printed = status.seconds
        if last or status.seconds - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = status.seconds
            self.report(status)

    def report(self, event: Event) -> None:
        """The event in words, at once."""
        event.print(self.console)
        self.console.file.flush()


class TerminalView:
    """A bar with two lines below it, redrawn by the thread that trains, so that nothing flickers or races."""

    every = 0.25

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._drawn = 0.0

    @contextmanager
    def reading(self, name: str) -> Iterator[OnRead]:
        """A bar while data are read."""
        drawn = 0.0

        def on_read(done: int, total: int) -> None:
            nonlocal drawn
            if done >= total:
                self._draw("preparing ...")
            elif time.monotonic() - drawn >= self.every:
                drawn = time.monotonic()
                self._draw(f"reading {name}", bar=(done, total, percent(done / total)))

        with self._display():
            self._draw(f"reading {name} ...")
            yield on_read

    @contextmanager
    def training(self, steps: int) -> Iterator[None]:
        """The display, which is gone when training ends."""
        self.console.print()
        self._drawn = -self.every
        with self._display():
            self.update(Status(0, steps, 0.0, None, None, {}), fresh=False, last=False)
            yield

    def update(self, status: Status, *, fresh: bool, last: bool) -> None:
        """Redraw, but not more often than eyes can follow."""
        if not last and status.seconds - self._drawn < self.every:
            return
        self._drawn = status.seconds
        counts = [f"step {status.step:,} of {status.steps:,}", *status.counts]
        below = [" · ".join(counts), " · ".join(status.measured)]
        below += ["saving ..."] if last else []
        self._draw(
            *below, bar=(status.step, status.steps, f"{percent(status.share)}  {status.left}".rstrip())
        )

    def report(self, event: Event) -> None:
        """The event in words, above the display."""
        event.print(self.console)

    def _draw(self, *lines: str, bar: tuple[int, int, str] | None = None) -> None:
        from rich.console import Group
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.text import Text

        if self._live is None:
            return
        shown: list[Any] = [Text(f"  {one}", "dim", no_wrap=True, overflow="ellipsis") for one in lines]
        if bar is not None:
            done, total, words = bar
            filled, text = BarColumn(None, "dim", "cyan"), TextColumn("{task.description:>19}", markup=False)
            progress = Progress(filled, text, expand=True, console=self.console, auto_refresh=False)
            progress.add_task(words, completed=done, total=max(total, 1))
            shown.insert(0, progress)
        self._live.update(Group(*shown), refresh=True)

    @contextmanager
    def _display(self) -> Iterator[None]:
        from rich.live import Live

        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            # The cursor stays: a second Ctrl-C ends the process at once and would leave the terminal without.
            self.console.show_cursor(True)
            self._live = live
            try:
                yield
            finally:
                self._live = None


View: TypeAlias = JsonView | LogView | TerminalView
"""What shows reading, training, a step's status and events; updated every so many seconds."""
