"""A log is read: plain lines, one every ten seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from poise.cli.console import line
from poise.cli.telling import tell_end, tell_finding, tell_notice, tell_start
from poise.cli.view import Beginning, Ending, Measurement, Status
from poise.cli.wording import clock, decimal, percent

if TYPE_CHECKING:
    from rich.console import Console

SECONDS_BETWEEN_LINES = 10.0


class PlainView:
    """Lines for a log.

    Args:
        console: Where they go.
    """

    every = 1.0

    def __init__(self, console: Console) -> None:
        self.console = console
        self._told: float | None = None

    @contextmanager
    def opening(self, name: str) -> Iterator[Measurement]:
        """Nothing is told while the data are read."""
        yield lambda done, total: None

    def start(self, beginning: Beginning) -> None:
        """What is trained."""
        tell_start(self.console, beginning)
        self.console.file.flush()

    @contextmanager
    def training(self, steps: int) -> Iterator[None]:
        """Nothing to prepare."""
        yield

    def progress(self, status: Status, *, fresh: bool, last: bool) -> None:
        """A line every ten seconds, and the last."""
        if self._told is None:
            self._told = status.seconds
        if last or status.seconds - self._told >= SECONDS_BETWEEN_LINES:
            self._told = status.seconds
            line(self.console, status_line(status))
            self.console.file.flush()

    def notice(self, sentence: str) -> None:
        """A sentence."""
        tell_notice(self.console, sentence)

    def finding(self, finding: Mapping[str, Any]) -> None:
        """What was found."""
        tell_finding(self.console, finding)

    def end(self, ending: Ending) -> None:
        """What there is now."""
        tell_end(self.console, ending)


def status_line(status: Status) -> str:
    """Everything that the terminal shows, in one line.

    Example:
        >>> status_line(Status(50, 200, 4.0, 12.0, 800.0, {"generator_loss": 0.7, "real_right": 0.5}))
        'step 50/200, 25 %, 0:12 left, 0:04 trained, 800 images/s, loss: generator 0.700, right: reals 50 %'
    """
    pieces = [f"step {status.step}/{status.steps}", percent(status.share)]
    pieces += [f"{clock(status.seconds_left)} left"] if status.seconds_left is not None else []
    pieces += [f"{clock(status.seconds)} trained"]
    pieces += [f"{status.images_per_second:.0f} images/s"] if status.images_per_second else []
    pieces += [f"loss: {losses}" for losses in [", ".join(loss_words(status.line))] if losses]
    pieces += [f"right: {shares}" for shares in [", ".join(right_words(status.line))] if shares]
    pieces += [f"doctor: {status.doctor}"] if status.doctor else []
    return ", ".join(pieces)


def loss_words(line: Mapping[str, Any]) -> list[str]:
    """Both losses, as far as the line has them."""
    losses = ((player, line.get(f"{player}_loss")) for player in ("discriminator", "generator"))
    return [f"{player} {decimal(value)}" for player, value in losses if value is not None]


def right_words(line: Mapping[str, Any]) -> list[str]:
    """The shares of reals and of fakes that the discriminator gets right, as far as the line has them."""
    shares = (("reals", line.get("real_right")), ("fakes", line.get("fake_right")))
    return [f"{side} {percent(value)}" for side, value in shares if value is not None]
