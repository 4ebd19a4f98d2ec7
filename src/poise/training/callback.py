"""What watches a run while it trains: it is handed what the loop has, and may ask for little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from poise.recipes import Recipe
from poise.run_folder import RunFolder
from poise.training.components import Components

Request = Literal["keep-best", "save", "stop"]


@dataclass(frozen=True)
class StepContext:
    """A run just after a step.

    Attributes:
        step: Updates done, from 1.
        images_seen: Reals shown so far.
        seconds: Time trained, over all sittings.
        run: The folder.
        recipe: The resolved recipe.
        components: Networks, game and optimisers; to be looked at, not changed.
        logs: What the step measured, detached, on the device.
        line: The line of the history, on steps that write one.
        last: Whether no step follows in this sitting.
    """

    step: int
    images_seen: int
    seconds: float
    run: RunFolder
    recipe: Recipe
    components: Components
    logs: dict[str, Tensor]
    line: dict[str, Any] | None
    last: bool

    def generator(self) -> nn.Module:
        """The averaged generator, in eval mode."""
        return self.components.ema.current()


class Callback(Protocol):
    """Anything that watches; it is called after every step and must be quick on most."""

    def __call__(self, context: StepContext, /) -> Request | None:
        """Look; perhaps ask the loop to keep this state as the best, to save it, or to stop."""
        ...


Notify = Callable[[str], None]
"""Tells a person one sentence."""
