"""What the loop trains: the protocol of one game or many, and its state as tensors and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

import torch
from torch import Tensor

from poise.dynamics import Players
from poise.dynamics.game import Logs
from poise.dynamics.players import targets_of
from poise.errors import PoiseError
from poise.games.view import own_part
from poise.recipes import Recipe
from poise.run_folder import Checkpoint, RunFolder
from poise.training.callbacks.callback import Request, StepContext
from poise.training.components import Components

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

    def of(
        self, run: RunFolder, components: Components, logs: Logs, line: dict[str, Any] | None
    ) -> StepContext:
        """What the callbacks of one game are given; `line` is that of its own history."""
        return StepContext(
            step=self.position.step,
            images_seen=self.position.images_seen,
            seconds=self.seconds,
            run=run,
            recipe=components.recipe,
            components=components,
            logs=logs,
            line=line,
            last=self.last,
        )


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


def position_of(checkpoint: Checkpoint) -> Position:
    """The position of a checkpoint."""
    known = {field.name for field in fields(Position)}
    return Position(**{name: value for name, value in checkpoint.state.items() if name in known})


def pack(components: Components, position: Position) -> Checkpoint:
    """Everything that the rest of the run depends on.

    Randomness is not among it: every draw is derived from the seed and the position. The tensors are the live
    ones; each is copied to the CPU when its turn to be written has come.
    """
    return Checkpoint(position.step, tensors_of(components), asdict(position))


def unpack(checkpoint: Checkpoint, components: Components, *, other_terms: bool = False) -> Position:
    """Restore a saved state of networks, average, optimisers and game.

    Args:
        checkpoint: The state.
        components: Where it goes.
        other_terms: Whether the game may have other terms and augmentations than the saved one: the numbers
            of those that are new begin as they are.

    Raises:
        PoiseError: The checkpoint is of other networks.
    """
    saved = dict(checkpoint.trained)
    if other_terms:
        own = {f"game/{name}": value for name, value in components.players.state.items()}
        saved = own | {
            name: value for name, value in saved.items() if name in own or not name.startswith("game/")
        }
    for player, optimiser in components.players.optimisers.items():
        _restore_optimiser(optimiser, components.players.parameters[player], player, saved)
    _restore_memory(components.players, saved)
    wanted = tensors_of(components)
    differing = sorted(set(saved) ^ set(wanted)) or [
        name for name, tensor in wanted.items() if saved[name].shape != tensor.shape
    ]
    if differing:
        raise PoiseError(
            f"The checkpoint of step {checkpoint.step} is of other networks",
            code="training.checkpoint-of-other-networks",
            why=f"they differ in '{differing[0]}'"
            + (f" and {len(differing) - 1} more" if differing[1:] else ""),
            hint="resume with the modules that the run began with",
        )
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(saved[name])
    return position_of(checkpoint)


def tensors_of(components: Components) -> dict[str, Tensor]:
    """Every tensor of the state by its full name, the live ones."""
    found: dict[str, Tensor] = {}
    for player, module in components.modules.items():
        found |= {f"network/{player}/{name}": value for name, value in module.state_dict().items()}
    ema = components.ema.module.state_dict()
    found |= {f"ema/generator/{name}": value for name, value in ema.items()}
    found |= {f"game/{name}": value for name, value in components.players.state.items()}
    found |= {f"dynamics/{name}": value for name, value in components.players.memory.items()}
    for player, parameters in components.players.parameters.items():
        for name, slots in zip(parameters, components.players.slots(player), strict=True):
            found |= {f"optimiser/{player}/{name}/{key}": value for key, value in slots.items()}
    return {name: value.detach() for name, value in found.items()}


def _restore_optimiser(
    optimiser: torch.optim.Optimizer,
    parameters: Mapping[str, Tensor],
    player: str,
    saved: Mapping[str, Tensor],
) -> None:
    """Make the slots that a fresh optimiser lacks, each in the order of its parameters."""
    for (name, parameter), target in zip(parameters.items(), targets_of(optimiser), strict=True):
        slots = own_part(saved, f"optimiser/{player}/{name}")
        if slots:
            optimiser.state[target] = {key: _like(value, parameter, target) for key, value in slots.items()}


def _restore_memory(players: Players, saved: Mapping[str, Tensor]) -> None:
    """Make room for the memory of the dynamics, which is empty in fresh players."""
    players.memory = {}
    for name, value in own_part(saved, "dynamics").items():
        player, _, parameter_name = name.partition("/")[2].partition("/")
        parameter = players.parameters.get(player, {}).get(parameter_name)
        if parameter is not None:
            players.memory[name] = _like(value, parameter, parameter)


def _like(value: Tensor, parameter: Tensor, target: Tensor) -> Tensor:
    """Room for a value, laid out as the target if the value has the shape of its parameter."""
    if value.shape == parameter.shape:
        return torch.empty_like(target, dtype=value.dtype)
    return torch.empty_like(value, device=parameter.device)


def summarise(window: Sequence[Logs], boundary: float | None) -> dict[str, float]:
    """The means of an interval; the only point at which training waits for the device.

    Args:
        window: What each step measured, still on the device.
        boundary: The score that separates real from fake; `None` takes the middle of the two means.

    Returns:
        Means by name; scores as `real_score` and `fake_score`, and the shares of each that the discriminator
        gets right as `real_right` and `fake_right`. What is not finite is left out.

    Example:
        >>> scores = {"real_scores": torch.tensor([1.0, 3.0]), "fake_scores": torch.tensor([-1.0, 1.0])}
        >>> summarise([scores], 0.0)
        {'real_score': 2.0, 'fake_score': 0.0, 'real_right': 1.0, 'fake_right': 0.5}
    """
    means = interval_means(window, boundary)
    if not means:
        return {}
    values = torch.stack(list(means.values())).tolist()
    return {name: value for name, value in zip(means, values, strict=True) if math.isfinite(value)}


def interval_means(window: Sequence[Logs], boundary: float | None) -> dict[str, Tensor]:
    """The means of an interval, still on the device: what `summarise` reads."""
    columns: dict[str, list[Tensor]] = {}
    for measured in window:
        for name, value in measured.items():
            columns.setdefault(name, []).append(value)
    real, fake = columns.pop("real_scores", None), columns.pop("fake_scores", None)
    means = {name: torch.stack(values).float().mean() for name, values in columns.items()}
    if real and fake:
        reals, fakes = (torch.cat([scores.flatten() for scores in side]).float() for side in (real, fake))
        means["real_score"], means["fake_score"] = reals.mean(), fakes.mean()
        middle = (means["real_score"] + means["fake_score"]) / 2 if boundary is None else boundary
        means["real_right"] = (reals > middle).float().mean()
        means["fake_right"] = (fakes < middle).float().mean()
    return means


def window_tensors(window: Sequence[Logs]) -> dict[str, Tensor]:
    """The logs of the open interval, for a checkpoint."""
    return {
        f"window/{number}/{name}": value.detach()
        for number, logs in enumerate(window)
        for name, value in logs.items()
    }


def window_from_tensors(
    names: Sequence[Sequence[str]], tensors: Logs, device: torch.device
) -> list[dict[str, Tensor]]:
    """The logs that `window_tensors` returned, names in the order of measurement."""
    return [
        {name: tensors[f"{number}/{name}"].to(device) for name in own} for number, own in enumerate(names)
    ]
