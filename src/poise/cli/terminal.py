"""A person watches: three lines that change in place."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from poise.cli.plain import loss_words, right_words
from poise.cli.telling import tell_end, tell_finding, tell_notice, tell_start
from poise.cli.view import Beginning, Ending, Measurement, Status
from poise.cli.wording import clock, percent

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class TerminalView:
    """A display that is redrawn when there is news, by the thread that trains: nothing flickers or races.

    Args:
        console: The terminal.
    """

    every = 0.25

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._drawn = 0.0

    @contextmanager
    def opening(self, name: str) -> Iterator[Measurement]:
        """One line that counts while the data are read."""
        shown_at = 0.0
        with self._display(Text(f"reading {name} ...", "dim")) as live:

            def measurement(done: int, total: int) -> None:
                nonlocal shown_at
                now = time.monotonic()
                if done >= total:
                    live.update(Text("preparing ...", "dim"), refresh=True)
                elif now - shown_at >= self.every:
                    shown_at = now
                    live.update(_reading(name, done, total), refresh=True)

            yield measurement

    def start(self, beginning: Beginning) -> None:
        """What is trained."""
        tell_start(self.console, beginning)
        self.console.print()

    @contextmanager
    def training(self, steps: int) -> Iterator[None]:
        """The display, gone when training ends."""
        waiting = Status(0, steps, 0.0, None, None, {})
        with self._display(_training(waiting)) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def progress(self, status: Status, *, fresh: bool, last: bool) -> None:
        """Redraw, but not more often than eyes can follow; after the last step say that it is being saved."""
        if self._live is not None and (last or status.seconds - self._drawn >= self.every):
            self._drawn = status.seconds
            saving = Text("  saving ...", "dim") if last else Text()
            self._live.update(Group(_training(status), saving) if last else _training(status), refresh=True)

    def notice(self, sentence: str) -> None:
        """A sentence above the display."""
        tell_notice(self.console, sentence)

    def finding(self, finding: Mapping[str, Any]) -> None:
        """What was found, above the display."""
        tell_finding(self.console, finding)

    def end(self, ending: Ending) -> None:
        """What there is now."""
        tell_end(self.console, ending)

    @contextmanager
    def _display(self, first: RenderableType) -> Iterator[Live]:
        with Live(first, console=self.console, auto_refresh=False, transient=True) as live:
            # The cursor stays: a second Ctrl-C ends the process at once and would leave the terminal without.
            self.console.show_cursor(True)
            yield live


def _reading(name: str, done: int, total: int) -> RenderableType:
    return Group(_bar(done, total, Text(percent(done / max(total, 1)))), Text(f"  reading {name}", "dim"))


def _training(status: Status) -> RenderableType:
    left = "" if status.seconds_left is None else f"{clock(status.seconds_left)} left"
    pace = [f"{status.images_per_second:,.0f} images/s"] if status.images_per_second else []
    counts = [f"step {status.step:,} of {status.steps:,}", f"{clock(status.seconds)} trained", *pace]
    losses, right = loss_words(status.line), right_words(status.line)
    measured = [f"loss: {', '.join(losses)}"] if losses else []
    measured += [f"right: {', '.join(right)}"] if right else []
    measured += [f"doctor: {status.doctor}"] if status.doctor else []
    return Group(
        _bar(status.step, status.steps, Text(f"{percent(status.share)}  {left}")),
        Text("  " + " · ".join(counts), "dim", no_wrap=True, overflow="ellipsis"),
        Text("  " + " · ".join(measured), no_wrap=True, overflow="ellipsis"),
    )


def _bar(done: int, total: int, words: Text) -> RenderableType:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=1)
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True, justify="right", min_width=19)
    grid.add_row(
        "",
        ProgressBar(total=max(total, 1), completed=done, complete_style="cyan", finished_style="green"),
        words,
    )
    return grid
