"""How far a command is that works for a while: a bar on a terminal, lines in a log, events for a program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from poise.cli.verb import emit, is_watched, line, output
from poise.text import clock, percent

if TYPE_CHECKING:
    from rich.console import Console

SECONDS_BETWEEN = 10.0  # Between two lines in a log, and between two events


class Stages:
    """Several pieces of work in a row, each with the share that is done and the time that is left."""

    def __init__(
        self, console: Console, show: Callable[[str, float, float | None], None], *, every: float
    ) -> None:
        self.console = console  # Where other lines are printed meanwhile
        self._show, self._every = show, every
        self._words, self._began, self._shown = "", 0.0, 0.0

    def __call__(self, words: str, share: float) -> None:
        """Report the share of a piece of work, by its words."""
        now = time.monotonic()
        if words != self._words:
            self._words, self._began, self._shown = words, now, now
        if share < 1 and now - self._shown < self._every:
            return
        self._shown = now
        passed = now - self._began
        self._show(words, share, passed / share * (1 - share) if 0 < share < 1 and passed > 1 else None)


@contextmanager
def working(*, json: bool) -> Iterator[Stages]:
    """What shows the progress while the block runs."""
    console = output()
    if json:
        yield Stages(console, _event, every=SECONDS_BETWEEN)
    elif is_watched(console):
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (
            TextColumn("  {task.description}", style="dim", markup=False),
            BarColumn(None, "dim", "cyan"),
        )
        after = TextColumn("{task.fields[after]}", markup=False)
        with Progress(*columns, after, console=console, transient=True, expand=True) as progress:
            task = progress.add_task("starting", total=1, after="")

            def draw(words: str, share: float, left: float | None) -> None:
                after = percent(share) + ("" if left is None else f"  {clock(left)} left")
                progress.update(task, description=words, completed=share, after=after)

            yield Stages(console, draw, every=0.2)
    else:

        def write(words: str, share: float, left: float | None) -> None:
            if share < 1:
                line(console, f"{words}: {percent(share)}", "" if left is None else f", {clock(left)} left")

        yield Stages(console, write, every=SECONDS_BETWEEN)


def _event(words: str, share: float, left: float | None) -> None:
    seconds: dict[str, Any] = {} if left is None else {"seconds_left": round(left, 1)}
    emit({"event": "progress", "doing": words, "percent": round(100 * share, 1), **seconds})
