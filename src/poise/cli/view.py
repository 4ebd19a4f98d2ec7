"""What a sitting of training tells, and to whom: a terminal, a log, or a program."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from poise.recipes import Recipe
    from poise.run_folder import Makes
    from poise.web.games import Reached

Measurement = Callable[[int, int], None]
"""Told how far reading the data has come: (done, total)."""


@dataclass(frozen=True)
class Beginning:
    """What a sitting starts from.

    Attributes:
        run: The run's folder.
        data: What `data.json` says.
        recipe: The resolved recipe.
        device: Where it trains, in words.
        step: Steps done before.
        parameters: Numbers in each player's network, where they are known.
        games: How many games are trained side by side.
        grid: The values that vary among them besides the seed, by path.
    """

    run: Path
    data: Mapping[str, Any]
    recipe: Recipe
    device: str
    step: int = 0
    parameters: Mapping[str, int] | None = None
    games: int = 1
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """How a run stands while it trains.

    Attributes:
        step: Steps done.
        steps: Steps to do.
        seconds: Time trained.
        seconds_left: Time left at the present pace; none before there is one.
        images_per_second: The present pace.
        line: The newest line of the history; empty before the first.
        doctor: `OK`, `WATCH` or `TROUBLE`; empty where no doctor looked.
    """

    step: int
    steps: int
    seconds: float
    seconds_left: float | None
    images_per_second: float | None
    line: Mapping[str, Any]
    doctor: str = ""

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1."""
        return self.step / self.steps if self.steps else 0.0


@dataclass(frozen=True)
class Ending:
    """How a sitting ended.

    Attributes:
        run: The run's folder.
        status: `finished` or `interrupted`; of a run that is only looked at, any other.
        step: Steps done.
        images_seen: Reals shown.
        seconds: Time trained.
        report: The report, where there is one.
        samples: The newest picture, where there is one.
        generator: The generator's folder, where it is saved.
        makes: What the generator makes.
        reached: What many games came to, by each metric.
        open_findings: What is wrong in some of many games: its name, in how many, in which.
    """

    run: Path
    status: str
    step: int
    images_seen: int
    seconds: float
    report: Path | None
    samples: Path | None
    generator: Path | None
    makes: Makes = "samples"
    reached: Sequence[Reached] = ()
    open_findings: Sequence[Sequence[str]] = ()


class View(Protocol):
    """Who is told.

    Attributes:
        every: Seconds after which it wants to look between two lines of the history.
    """

    every: float

    def opening(self, name: str) -> AbstractContextManager[Measurement]:
        """While the data are read."""
        ...

    def start(self, beginning: Beginning) -> None:
        """Before the first step."""
        ...

    def training(self, steps: int) -> AbstractContextManager[None]:
        """While it trains."""
        ...

    def progress(self, status: Status, *, fresh: bool, last: bool) -> None:
        """After a step; `fresh` where it wrote a line of the history."""
        ...

    def notice(self, sentence: str) -> None:
        """What a person should know."""
        ...

    def finding(self, finding: Mapping[str, Any]) -> None:
        """What was found wrong with the run."""
        ...

    def end(self, ending: Ending) -> None:
        """After the last step."""
        ...


def view_for(*, json: bool) -> View:
    """The view that fits who reads standard output.

    Args:
        json: Whether a program reads it.
    """
    if json:
        from poise.cli.machine import MachineView

        return MachineView()
    from poise.cli.console import output

    console = output()
    if console.is_interactive and console.file.isatty():
        from poise.cli.terminal import TerminalView

        return TerminalView(console)
    from poise.cli.plain import PlainView

    return PlainView(console)


class Pace:
    """How fast a run goes, over its last seconds.

    Args:
        window: Seconds that count.

    Example:
        >>> pace = Pace()
        >>> pace.note(0.0, 0, 0); pace.note(2.0, 10, 640); pace.steps_per_second, pace.images_per_second
        (5.0, 320.0)
    """

    def __init__(self, window: float = 20.0) -> None:
        self.window = window
        self._marks: deque[tuple[float, int, int]] = deque()

    def note(self, seconds: float, step: int, images_seen: int) -> None:
        """Take down where the run stands."""
        self._marks.append((seconds, step, images_seen))
        while len(self._marks) > 2 and self._marks[1][0] <= seconds - self.window:
            self._marks.popleft()

    @property
    def steps_per_second(self) -> float | None:
        """Steps a second; none before two marks."""
        return self._rate(1)

    @property
    def images_per_second(self) -> float | None:
        """Reals a second; none before two marks."""
        return self._rate(2)

    def seconds_left(self, steps: int) -> float | None:
        """Time until `steps` are done."""
        rate = self.steps_per_second
        return max(0.0, (steps - self._marks[-1][1]) / rate) if rate else None

    def _rate(self, column: int) -> float | None:
        if len(self._marks) < 2:
            return None
        first, last = self._marks[0], self._marks[-1]
        rate = (last[column] - first[column]) / max(last[0] - first[0], 1e-9)
        return rate if math.isfinite(rate) and rate > 0 else None
