"""Who is told how a session goes: a person at a terminal, the reader of a log, or a program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from poise.cli.console import emit, is_watched, line, output
from poise.cli.events import (
    SessionEnd,
    SessionStart,
    Status,
    print_end,
    print_finding,
    print_notice,
    print_start,
)
from poise.text import clock, percent

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.progress import Progress

OnRead = Callable[[int, int], None]
"""Called while the data are read, with `(done, total)`."""

SECONDS_BETWEEN_LINES = 10.0
"""In a log."""


class View(Protocol):
    """Who is told.

    Attributes:
        every: Seconds between two updates without a new line of the history.
    """

    every: float

    def reading(self, name: str) -> AbstractContextManager[OnRead]:
        """Show that data, or a run, are read."""
        ...

    def start(self, start: SessionStart) -> None:
        """Report what is trained, before the first step."""
        ...

    def training(self, steps: int) -> AbstractContextManager[None]:
        """Show that the session trains."""
        ...

    def update(self, status: Status, *, fresh: bool, last: bool) -> None:
        """Report how the run stands; `fresh` if its step wrote a line of the history."""
        ...

    def notify(self, sentence: str) -> None:
        """Report what people should know."""
        ...

    def finding(self, finding: Mapping[str, Any]) -> None:
        """Report what is wrong with the run."""
        ...

    def end(self, end: SessionEnd) -> None:
        """Report how the session ended."""
        ...


def view_for(*, json: bool) -> View:
    """The view that suits the reader of standard output.

    Args:
        json: Whether that is a program.
    """
    if json:
        return JsonView()
    console = output()
    return TextView(console, TerminalDisplay(console) if is_watched(console) else LogLines(console))


class JsonView:
    """One JSON object a line."""

    every = float("inf")

    @contextmanager
    def reading(self, name: str) -> Iterator[OnRead]:
        """No event."""
        yield lambda done, total: None

    def start(self, start: SessionStart) -> None:
        """A `start` event, then a `notice` for each of the data's."""
        emit({"event": "start", **start.to_json()})
        for sentence in start.data.get("notices", []):
            self.notify(sentence)

    @contextmanager
    def training(self, steps: int) -> Iterator[None]:
        """No event."""
        yield

    def update(self, status: Status, *, fresh: bool, last: bool) -> None:
        """A `line` event for each line of the history."""
        if fresh:
            emit({"event": "line", **status.to_json()})

    def notify(self, sentence: str) -> None:
        """A `notice` event."""
        emit({"event": "notice", "sentence": sentence})

    def finding(self, finding: Mapping[str, Any]) -> None:
        """A `finding` event."""
        emit({"event": "finding", **finding})

    def end(self, end: SessionEnd) -> None:
        """An `end` event."""
        emit({"event": "end", **end.to_json()})


class Display(Protocol):
    """How a text view shows progress; `every` is that of the view."""

    every: float

    def reading(self, name: str) -> AbstractContextManager[OnRead]:
        """Show how far the data are read."""
        ...

    def training(self, steps: int) -> AbstractContextManager[None]:
        """Show how far the run is, while the block lasts."""
        ...

    def update(self, status: Status, *, last: bool) -> None:
        """Show how the run stands."""
        ...


class TextView:
    """Sentences for people, above a display of the progress.

    Args:
        console: Where they are printed.
        display: Shows the progress.
    """

    def __init__(self, console: Console, display: Display) -> None:
        self.console, self.display, self.every = console, display, display.every

    def reading(self, name: str) -> AbstractContextManager[OnRead]:
        """Show how far the data are read."""
        return self.display.reading(name)

    def start(self, start: SessionStart) -> None:
        """Print what is trained."""
        print_start(self.console, start)
        if self.console.is_terminal:
            self.console.print()
        self.console.file.flush()

    def training(self, steps: int) -> AbstractContextManager[None]:
        """Show how far the run is."""
        return self.display.training(steps)

    def update(self, status: Status, *, fresh: bool, last: bool) -> None:
        """Show how the run stands."""
        self.display.update(status, last=last)

    def notify(self, sentence: str) -> None:
        """Print a sentence."""
        print_notice(self.console, sentence)

    def finding(self, finding: Mapping[str, Any]) -> None:
        """Print what was found."""
        print_finding(self.console, finding)

    def end(self, end: SessionEnd) -> None:
        """Print what there is now."""
        print_end(self.console, end)


class LogLines:
    """A line every ten seconds.

    Args:
        console: Where it is printed.
    """

    every = 1.0

    def __init__(self, console: Console) -> None:
        self.console = console
        self._printed: float | None = None

    @contextmanager
    def reading(self, name: str) -> Iterator[OnRead]:
        """Nothing is printed."""
        yield lambda done, total: None

    @contextmanager
    def training(self, steps: int) -> Iterator[None]:
        """Nothing to prepare."""
        yield

    def update(self, status: Status, *, last: bool) -> None:
        """Print a line if ten seconds have passed, and the last one."""
        if self._printed is None:
            self._printed = status.seconds
        if last or status.seconds - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = status.seconds
            line(self.console, str(status))
            self.console.file.flush()


class TerminalDisplay:
    """A bar with two lines below it, redrawn by the thread that trains: nothing flickers or races.

    Args:
        console: The terminal.
    """

    every = 0.25

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._bar: Progress | None = None
        self._drawn = 0.0

    @contextmanager
    def reading(self, name: str) -> Iterator[OnRead]:
        """One bar that counts while the data are read."""
        drawn = 0.0
        with self._display() as (live, bar):
            live.update(_dim(f"reading {name} ..."), refresh=True)

            def on_read(done: int, total: int) -> None:
                nonlocal drawn
                if done >= total:
                    live.update(_dim("preparing ..."), refresh=True)
                elif time.monotonic() - drawn >= self.every:
                    drawn = time.monotonic()
                    _draw(live, bar, done, total, percent(done / total), _dim(f"reading {name}"))

            yield on_read

    @contextmanager
    def training(self, steps: int) -> Iterator[None]:
        """The display; it is gone when training ends."""
        with self._display() as (live, bar):
            self._live, self._bar = live, bar
            self._draw(Status(0, steps, 0.0, None, None, {}), last=False)
            try:
                yield
            finally:
                self._live = self._bar = None

    def update(self, status: Status, *, last: bool) -> None:
        """Redraw, but not more often than eyes can follow."""
        if last or status.seconds - self._drawn >= self.every:
            self._drawn = status.seconds
            self._draw(status, last=last)

    def _draw(self, status: Status, *, last: bool) -> None:
        if self._live is None or self._bar is None:
            return
        left = "" if status.seconds_left is None else f"  {clock(status.seconds_left)} left"
        counts = [f"step {status.step:,} of {status.steps:,}", f"{clock(status.seconds)} trained"]
        counts += [f"{status.images_per_second:,.0f} images/s"] if status.images_per_second else []
        counts += [f"doctor: {status.doctor}"] if status.doctor else []
        below = [_dim(" · ".join(counts)), _text(" · ".join(status.measured))]
        below += [_dim("saving ...")] if last else []
        _draw(self._live, self._bar, status.step, status.steps, f"{percent(status.share)}{left}", *below)

    @contextmanager
    def _display(self) -> Iterator[tuple[Live, Progress]]:
        from rich.live import Live
        from rich.progress import BarColumn, Progress, TextColumn

        columns = BarColumn(None, complete_style="cyan"), TextColumn("{task.description:>19}", markup=False)
        bar = Progress(*columns, expand=True, console=self.console, auto_refresh=False)
        bar.add_task("", total=1)
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            # The cursor stays: a second Ctrl-C ends the process at once and would leave the terminal without.
            self.console.show_cursor(True)
            yield live, bar


def _draw(live: Live, bar: Progress, done: int, total: int, words: str, *below: RenderableType) -> None:
    from rich.console import Group

    bar.update(bar.task_ids[0], completed=done, total=max(total, 1), description=words)
    live.update(Group(bar, *below), refresh=True)


def _dim(text: str) -> RenderableType:
    return _text(text, "dim")


def _text(text: str, style: str = "") -> RenderableType:
    from rich.text import Text

    return Text(f"  {text}", style, no_wrap=True, overflow="ellipsis")
