"""How far a run is, and the three views of a session: for a person at a terminal, a log, and a program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from poise.cli.events import Found, Notice, SessionEnd, SessionStart
from poise.cli.verb import emit, is_watched, line, output
from poise.text import clock, percent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

OnRead = Callable[[int, int], None]  # Called while data are read, with `(done, total)`

PLAYERS, SIDES = ("discriminator", "generator"), ("real", "fake")
SECONDS_BETWEEN_LINES = 10.0  # In a log


@dataclass(frozen=True)
class Status:
    """How a run stands: speeds of the last seconds, if known, its newest line, and what the doctor says."""

    event: ClassVar[str] = "line"
    step: int
    steps: int
    seconds: float
    seconds_left: float | None
    images_per_second: float | None
    line: Mapping[str, Any]
    doctor: str = ""
    unit: str = "images"

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1."""
        return self.step / self.steps if self.steps else 0.0

    @property
    def left(self) -> str:
        """The time that is left, if it is known."""
        return "" if self.seconds_left is None else f"{clock(self.seconds_left)} left"

    @property
    def counts(self) -> list[str]:
        """The time trained, the speed, and what the doctor says."""
        speed = f"{self.images_per_second:.0f} {self.unit}/s" if self.images_per_second else ""
        doctor = f"doctor: {self.doctor}" if self.doctor else ""
        return [text for text in (f"{clock(self.seconds)} trained", speed, doctor) if text]

    @property
    def measured(self) -> list[str]:
        """The losses, and the shares that the discriminator gets right, as far as they are known."""
        of = self.line.get
        losses = [f"{one} {_loss(value)}" for one in PLAYERS if (value := of(f"{one}_loss")) is not None]
        right = [f"{one}s {percent(value)}" for one in SIDES if (value := of(f"{one}_right")) is not None]
        named = {"loss": ", ".join(losses), "right": ", ".join(right)}
        return [f"{name}: {text}" for name, text in named.items() if text]

    def to_json(self) -> Mapping[str, Any]:
        """The line of the history, with how far the run is."""
        left = None if self.seconds_left is None else round(self.seconds_left, 1)
        doctor = {"doctor": self.doctor} if self.doctor else {}
        return {**self.line, "percent": round(100 * self.share, 2), "seconds_left": left, **doctor}

    def print(self, console: Console) -> None:
        """Everything in one line."""
        line(console, str(self))

    def __str__(self) -> str:
        """Everything in one line.

        Example:
            >>> str(Status(50, 200, 4.0, 12.0, 800.0, {"generator_loss": 0.7}))
            'step 50/200, 25 %, 0:12 left, 0:04 trained, 800 images/s, loss: generator 0.700'
        """
        done = f"step {self.step}/{self.steps}", percent(self.share), self.left
        return ", ".join(filter(None, [*done, *self.counts, *self.measured]))


def _loss(value: float) -> str:
    """Always as many digits after the point, so that a display stays calm."""
    return f"{value:.3f}" if abs(value) < 1_000 else f"{value:.3g}"


Event: TypeAlias = Notice | Found | SessionStart | Status | SessionEnd
"""Each has a name for programs, `to_json`, whose paths are absolute, and `print` for people."""


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
