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
    """The position of a run."""

    step: int = 0  # Updates of the game done
    images_seen: int = 0  # Reals that the discriminator has been shown
    drawn: int = 0  # Batches drawn
    seconds: float = 0.0  # Time trained, over all sessions


@dataclass(frozen=True)
class StepEvent:
    """A step that was just made."""

    position: Position
    seconds: float  # Time trained, over all sessions
    line: dict[str, Any] | None  # Of the history, at steps that write one
    last: bool  # Whether no step follows in this session


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

        A device that is not waited for anyway need not be waited for. Raises `NonFiniteError` if the only
        game came to a value that is not finite.
        """
        ...

    def write_history(self, common: dict[str, Any], write: Write, *, keep: bool) -> dict[str, Any]:
        """Append a line to the history of every game, and return the one that is shown.

        A new interval begins then, unless it is kept for the next session, since a stop has cut it.
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
