"""The laboratory of games of two numbers: paths, the eigenvalues of an update, and verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from poise.dynamics import Batch, Game, NonFiniteError, Players
from poise.dynamics.game import Logs, NextBatch

Verdict = Literal["converges", "circles", "diverges"]
Array = np.ndarray[Any, np.dtype[np.float64]]
Step = Callable[[Players, NextBatch, int], Logs]

FAR = 1e4  # A path that reaches this distance is held there, so that no number overflows
FLOOR = 1e-13  # Distances below this are rounding errors


@dataclass(frozen=True)
class Trial:
    """Methods that are run side by side; each player's one parameter holds a number for each of them."""

    methods: tuple[str, ...]  # Their names, in the order of the numbers
    dynamics: str
    # From starts `(methods, copies, 2)` to players at these points and the batch of every step
    begin: Callable[[Tensor], tuple[Players, Batch]]
    step: Step  # The dynamics, settings bound
    labels: tuple[str, str] = ("x", "y")  # The names of the two axes
    # Whether the result is the mean of all points so far, of steps whose size changes; such a method has no
    # eigenvalues
    averaged: bool = False


@dataclass(frozen=True)
class Row:
    """The result of one method."""

    method: str
    dynamics: str
    path: Array  # The point after each step, `(steps + 1, 2)`; always finite
    final_distance: float  # The last distance to the equilibrium (0, 0), at most `FAR`
    verdict: Verdict  # What the path does
    # Of the update's Jacobian at the equilibrium, largest first; `None` if it has none
    eigenvalues: tuple[complex, ...] | None
    observed_rate: float  # The factor by which a step multiplies the distance, late in the path

    @property
    def spectral_radius(self) -> float | None:
        """The largest modulus of an eigenvalue: the rate that theory predicts."""
        return None if self.eigenvalues is None else max(abs(value) for value in self.eigenvalues)

    def to_json(self) -> dict[str, Any]:
        """The row as plain numbers, without the path."""
        values = self.eigenvalues
        return {
            "method": self.method,
            "dynamics": self.dynamics,
            "steps": len(self.path) - 1,
            "final_distance": self.final_distance,
            "verdict": self.verdict,
            "spectral_radius": self.spectral_radius,
            "eigenvalues": None if values is None else [[one.real, one.imag] for one in values],
            "observed_rate": self.observed_rate,
        }


class Number(nn.Module):
    """A network with one parameter, which holds a number for each game that runs beside others."""

    def __init__(self, value: Tensor, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.value, self._function = nn.Parameter(value), function

    def forward(self, *inputs: Tensor) -> Tensor:
        """The function of the number and the inputs."""
        return self._function(self.value, *inputs)


class PlainSteps:
    """Gradient steps of a fixed size; to build one of torch's optimisers takes longer than a toy game."""

    def __init__(self, parameter: Tensor, rate: float) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": [parameter], "lr": rate}]
        self.defaults: dict[str, Any] = {}
        self.state: dict[Tensor, Any] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameter if it has a gradient."""
        (group,) = self.param_groups
        (parameter,) = group["params"]
        if parameter.grad is not None:
            parameter.sub_(parameter.grad, alpha=group["lr"])


def two_players(
    game: Game,
    networks: Mapping[str, Callable[..., Tensor]],
    starts: Tensor,
    *,
    rate: float,
    limits: Mapping[str, Tensor],
) -> Players:
    """Players with a number each.

    Args:
        game: The game.
        networks: For each player, in the order of the axes, `(number, *inputs) -> output`.
        starts: Where they begin, `(methods, copies, 2)`.
        rate: The size of a gradient step.
        limits: Each number of these players is kept within plus or minus this.
    """
    modules = {
        player: Number(starts[..., axis].flatten().clone(), function)
        for axis, (player, function) in enumerate(networks.items())
    }
    steps = {player: PlainSteps(module.value, rate) for player, module in modules.items()}
    return Players(
        game=game,
        networks=modules,
        parameters={player: {"value": module.value} for player, module in modules.items()},
        optimisers=cast("dict[str, torch.optim.Optimizer]", steps),
        projections={
            player: partial(_keep_within, modules[player].value, limit) for player, limit in limits.items()
        },
    )


@torch.no_grad()
def _keep_within(number: Tensor, limit: Tensor) -> None:
    number.clamp_(-limit, limit)


def judge(trial: Trial, start: tuple[float, float], steps: int) -> list[Row]:
    """Run a trial and judge each of its methods.

    Args:
        trial: What is run; its equilibrium is (0, 0).
        start: Where all methods begin.
        steps: How many updates.
    """
    eigenvalues = [None] * len(trial.methods) if trial.averaged else update_eigenvalues(trial)
    rows = []
    for method, path, values in zip(trial.methods, paths(trial, start, steps), eigenvalues, strict=True):
        far = np.hypot(*path.T)
        rows.append(
            Row(method, trial.dynamics, path, float(far[-1]), verdict(far), values, observed_rate(far))
        )
    return rows


def paths(trial: Trial, start: tuple[float, float], steps: int) -> Array:
    """Each method's path, `(methods, steps + 1, 2)`; always finite."""
    starts = torch.tensor(start, dtype=torch.float64).expand(len(trial.methods), 1, 2)
    players, batch = trial.begin(starts)
    # Views, which follow the parameters: most of the time of a step goes into calls.
    x, y = (number.numpy() for number in numbers(players))
    path = np.empty((steps + 1, len(trial.methods), 2))
    path[0] = start
    for step in range(1, steps + 1):
        try:
            trial.step(players, lambda: batch, step - 1)
        except NonFiniteError:
            path[step:] = _held(path[step - 1], beyond=np.hypot(*path[step - 1].T).max())
            break
        path[step, :, 0], path[step, :, 1] = x, y
        if np.abs(path[step]).max() > FAR / 2:
            path[step] = _held(path[step], beyond=FAR)
            x[:], y[:] = path[step].T
    if trial.averaged:
        path = path.cumsum(0) / np.arange(1, steps + 2)[:, None, None]
    return path.transpose(1, 0, 2)


def _held(points: Array, *, beyond: float) -> Array:
    """The points, those at or beyond a distance put at the distance `FAR`."""
    distances = np.hypot(*points.T)[:, None]
    return np.where(distances >= beyond, points * (FAR / np.maximum(distances, FLOOR)), points)


def numbers(players: Players) -> list[Tensor]:
    """The number of each axis, `(methods * copies,)`, detached; it follows the parameter."""
    return [number.detach() for own in players.parameters.values() for number in own.values()]


def displacements(trial: Trial, points: Array) -> Array:
    """The displacement of one step from each of some points `(N, 2)`, as `(methods, N, 2)`."""
    starts = torch.as_tensor(points).expand(len(trial.methods), *points.shape)
    players, batch = trial.begin(starts)
    trial.step(players, lambda: batch, 0)
    moved: Array = (torch.stack(numbers(players), dim=-1).view_as(starts) - starts).numpy()
    return moved


def update_eigenvalues(trial: Trial) -> list[tuple[complex, ...] | None]:
    """The eigenvalues of one update at the equilibrium, for each method, the largest first.

    The update maps the players' numbers and the memory of the dynamics; its Jacobian is computed by central
    differences in float64. `None` if two step sizes disagree, since the map has a kink there, or if it is
    not finite.
    """
    try:
        fine, coarse = (update_jacobians(trial, size) for size in (1e-5, 1e-4))
    except NonFiniteError:
        return [None] * len(trial.methods)
    found: list[tuple[complex, ...] | None] = []
    for one, other in zip(fine, coarse, strict=True):
        smooth = bool(np.abs(one - other).max() < 1e-4 * max(1.0, np.abs(one).max()))
        values = [complex(value) for value in np.linalg.eigvals(one)]
        found.append(tuple(sorted(values, key=lambda it: (-abs(it), -it.imag))) if smooth else None)
    return found


def update_jacobians(trial: Trial, size: float) -> Array:
    """The Jacobian of one update at (0, 0) by central differences, `(methods, d, d)`."""
    players, batch = trial.begin(torch.zeros(len(trial.methods), 1, 2, dtype=torch.float64))
    trial.step(players, lambda: batch, 0)  # the first step sets the memory of the dynamics up
    keys = list(players.memory)

    def after(point: Tensor) -> Tensor:
        first, second, *memory = point.expand(len(trial.methods), -1).unbind(-1)
        for player, value in zip(players.parameters, (first, second), strict=True):
            players.set_values(player, [value])
        players.memory.update(zip(keys, memory, strict=True))
        trial.step(players, lambda: batch, 1)
        return torch.stack([*numbers(players), *(players.memory[key] for key in keys)], dim=-1).detach()

    shifts = size * torch.eye(2 + len(keys), dtype=torch.float64)
    jacobians: Array = torch.stack([(after(h) - after(-h)) / (2 * size) for h in shifts], dim=-1).numpy()
    return jacobians


def observed_rate(distances: Array) -> float:
    """The factor by which a step multiplies the distance, by least squares on logarithms, late in the path.

    Example:
        >>> round(observed_rate(2.0 * 0.9 ** np.arange(100)), 6)
        0.9
    """
    over = np.flatnonzero((distances < FLOOR) | (distances >= FAR))
    end = int(over[0]) if len(over) else len(distances)
    begin = end // 2
    if end - begin < 2:
        return 0.0 if distances[-1] < FLOOR else math.inf
    return float(np.exp(np.polyfit(np.arange(begin, end), np.log(distances[begin:end]), 1)[0]))


def verdict(distances: Array) -> Verdict:
    """`diverges` beyond five times the first distance, `converges` within a tenth of it, else `circles`.

    Example:
        >>> verdict(1.1 ** np.arange(100)), verdict(np.ones(100)), verdict(0.9 ** np.arange(100))
        ('diverges', 'circles', 'converges')
    """
    if distances[-1] > 5 * distances[0]:
        return "diverges"
    last = distances[-max(1, len(distances) // 10) :]
    return "converges" if last.max() < distances[0] / 10 else "circles"
