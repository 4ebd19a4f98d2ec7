"""The protocol of a callback, which is called after every step and may request an action."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from poise.data import Dataset
from poise.games.view import own_part
from poise.recipes import Recipe
from poise.run_folder import RunFolder
from poise.tasks import TASKS
from poise.training.components import Components

Request = Literal["keep-best", "save", "stop"]

DoctorMode = Literal["off", "watch", "suggest", "apply"]
"""No doctor; findings; findings with remedies; remedies tried in branches of the run."""

Notify = Callable[[str], None]
"""Gives a user one sentence."""


@dataclass(frozen=True)
class StepContext:
    """A run just after a step; of many games that are trained together, one of them.

    Attributes:
        step: Updates done, from 1.
        images_seen: Reals shown so far.
        seconds: Time trained, over all sessions.
        run: The folder.
        recipe: The resolved recipe.
        components: Networks, game and optimisers; to be read, not changed.
        logs: What the step measured, detached, on the device.
        line: The line of the history, at steps that write one.
        last: Whether no step follows in this session.
    """

    step: int
    images_seen: int
    seconds: float
    run: RunFolder
    recipe: Recipe
    components: Components
    logs: Mapping[str, Tensor]
    line: dict[str, Any] | None
    last: bool

    def generator(self) -> nn.Module:
        """The averaged generator, in eval mode."""
        return self.components.ema.current()


class Callback(Protocol):
    """It is called after every step and must be quick at most of them.

    A callback of a row may have `state() -> dict` of tensors and of values that JSON takes, and
    `load(state)`: they are saved with every checkpoint and restored before the first step of the next
    session. It may have `finish(context)`, which is called if a requested stop has just made
    this step the last. It may have `status`, `"OK"`, `"WATCH"` or `"TROUBLE"`, which is shown while many
    games are trained.
    """

    def __call__(self, context: StepContext, /) -> Request | None:
        """Observe the step; may ask the loop to keep this state as the best, to save it, or to stop."""
        ...


@dataclass(frozen=True)
class CallbackContext:
    """What callbacks are made from.

    Attributes:
        components: What is trained.
        dataset: The data, with their conditions.
        run: Where to.
        notify: Called with a sentence for the user.
        doctor: What the doctor does.
        games: How many games are trained together, each with callbacks of its own.
    """

    components: Components
    dataset: Dataset
    run: RunFolder
    notify: Notify
    doctor: DoctorMode = "suggest"
    games: int = 1

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return self.components.recipe

    @property
    def has_targets(self) -> bool:
        """Whether each sample has a target, so that callbacks of their own draw and measure them."""
        condition = self.dataset.condition
        of_sounds = condition is not None and condition.of_sounds
        return of_sounds or TASKS.named(self.recipe.game.name).directions is not None


@dataclass(frozen=True)
class CallbackRow:
    """A callback by name.

    Attributes:
        name: What people type: `--set callbacks.NAME.every=10`.
        make: `(context, **settings)` to the callback; `None` if it has nothing to do in this run. Its
            keyword-only parameters are the settings.
        summary: One sentence on what it does.
        sees_rows: Whether it looks at the rows of the data, which a private run may not.
        default: Whether it is on unless a recipe switches it off: `--set callbacks.NAME.on=false`.
    """

    name: str
    make: Callable[..., Callback | None]
    summary: str
    default: bool = False
    sees_rows: bool = True


Named = Mapping[str, Callback]
"""The callbacks of a run by their names in the table."""


def requests_of(callbacks: Iterable[Callback], context: StepContext) -> set[Request]:
    """Call callbacks in turn; what they request."""
    asked = [callback(context) for callback in callbacks]
    return {request for request in asked if request is not None}


def finish(named: Named, context: StepContext) -> None:
    """Let those that finish something do that at a step that has become the last."""
    context = replace(context, last=True)
    for callback in named.values():
        end: Callable[[StepContext], None] | None = getattr(callback, "finish", None)
        if end is not None:
            end(context)


def saved_states(named: Named) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    """The states of callbacks: tensors as `callback/NAME/KEY`, and values for JSON by name and key."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, dict[str, Any]] = {}
    for name, callback in named.items():
        state: Callable[[], Mapping[str, Any]] | None = getattr(callback, "state", None)
        for key, value in ({} if state is None else state()).items():
            if isinstance(value, Tensor):
                tensors[f"callback/{name}/{key}"] = value
            else:
                values.setdefault(name, {})[key] = value
    return tensors, values


def load_states(named: Named, tensors: Mapping[str, Tensor], values: Mapping[str, Mapping[str, Any]]) -> None:
    """Restore what `saved_states` returned."""
    for name, callback in named.items():
        state = {**values.get(name, {}), **own_part(tensors, f"callback/{name}")}
        load: Callable[[Mapping[str, Any]], None] | None = getattr(callback, "load", None)
        if state and load is not None:
            load(state)
