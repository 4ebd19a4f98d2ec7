"""What the loop trains: the position of a run, and the protocol of one game or many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from poise.recipes import Recipe
from poise.training.callbacks.callback import Request

Write = Callable[[Callable[[], object], str], bool]
"""`(action, what)`: does something that writes; what the disk refuses is reported and tried again later."""


@dataclass
class Position:
    """The position of a run.

    Attributes:
        step: Updates of the game done.
        images_seen: Reals that the discriminator has been shown.
        drawn: Batches drawn.
        seconds: Time trained, over all sessions.
    """

    step: int = 0
    images_seen: int = 0
    drawn: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class StepEvent:
    """A step that was just made.

    Attributes:
        position: Where the run stands.
        seconds: Time trained, over all sessions.
        line: The line of the history, at steps that write one.
        last: Whether no step follows in this session.
    """

    position: Position
    seconds: float
    line: dict[str, Any] | None
    last: bool


class TrainState(Protocol):
    """What is trained: one game, or many that are stacked. The loop is the same for both."""

    @property
    def recipe(self) -> Recipe:
        """The recipe; of many games, what they have in common."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        ...

    def step(self, position: Position) -> int:
        """Make one update of every game, and move `position.drawn`; how many reals each was shown."""
        ...

    def check_sound(self, step: int, *, waits: bool) -> bool:
        """Whether anything is left to train once games that are not finite have been taken out.

        Args:
            step: The step that was just made.
            waits: Whether the device is waited for anyway.

        Raises:
            NonFiniteError: The only game came to a value that is not finite.
        """
        ...

    def write_history(self, common: dict[str, Any], write: Write, *, keep: bool) -> dict[str, Any]:
        """Append a line to the history of every game, and begin a new interval.

        Args:
            common: Step, images, seconds and speed.
            write: Does what writes.
            keep: Whether the interval goes on in the next session: it was cut by a stop.

        Returns:
            The line that is shown.
        """
        ...

    def after_step(self, event: StepEvent, write: Write) -> set[Request]:
        """Call the callbacks; returns what they request."""
        ...

    def save(self, position: Position, *, best: bool) -> None:
        """Write a checkpoint, and what people use beside it."""
        ...

    def non_finite(self) -> str | None:
        """The name of the first tensor of the state that is not finite; `None` if all are."""
        ...
