"""The laboratory of games between two numbers: their paths, their update's eigenvalues, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from poise.dynamics import Batch, NonFiniteError, Players
from poise.dynamics.dynamics import Logs, NextBatch

Verdict = Literal["converges", "circles", "diverges"]
Array = np.ndarray[Any, np.dtype[np.float64]]

FAR = 1e4
"""A path that comes so far from the equilibrium is held there: it diverges, and no number overflows."""

FLOOR = 1e-13
"""Distances below this are rounding."""


@dataclass(frozen=True)
class Trial:
    """Methods that are played at once, each on numbers of its own.

    Every player has one parameter, which holds a number for each method and copy.

    Attributes:
        methods: Their names, in the order of the numbers.
        dynamics: What people call the dynamics.
        players: From starts `(methods, copies, 2)` to a match that stands there.
        step: The dynamics, settings bound.
        batch: From the number of copies to what a step sees.
        axes: The two players, that of the horizontal axis first.
        labels: What their numbers are called.
        steady: Whether every step is the same map; only then does it have eigenvalues.
        averaged: Whether what counts is the mean of all points so far.
    """

    methods: tuple[str, ...]
    dynamics: str
    players: Callable[[Tensor], Players]
    step: Callable[[Players, NextBatch, int], Logs]
    batch: Callable[[int], Batch]
    axes: tuple[str, str]
    labels: tuple[str, str]
    steady: bool = True
    averaged: bool = False


@dataclass(frozen=True)
class Row:
    """What came of one method.

    Attributes:
        method: The method.
        dynamics: How the players moved.
        path: Where they stood, `(steps + 1, 2)`.
        final_distance: From the equilibrium (0, 0) at the end; `FAR` where it was left for good.
        verdict: What the path does.
        eigenvalues: Of the update's Jacobian at the equilibrium, largest first; `None` where it has none.
        observed_rate: What the distance is multiplied with in a step, late in the path.
    """

    method: str
    dynamics: str
    path: Array
    final_distance: float
    verdict: Verdict
    eigenvalues: tuple[complex, ...] | None
    observed_rate: float

    @property
    def spectral_radius(self) -> float | None:
        """The largest modulus of an eigenvalue: the rate that theory predicts."""
        return None if self.eigenvalues is None else max(abs(value) for value in self.eigenvalues)

    def to_json(self) -> dict[str, Any]:
        """The row as plain numbers, without the path."""
        pairs = None if self.eigenvalues is None else [[one.real, one.imag] for one in self.eigenvalues]
        return {
            "method": self.method,
            "dynamics": self.dynamics,
            "steps": len(self.path) - 1,
            "final_distance": self.final_distance,
            "verdict": self.verdict,
            "spectral_radius": self.spectral_radius,
            "eigenvalues": pairs,
            "observed_rate": self.observed_rate,
        }


def judge(trial: Trial, start: tuple[float, float], steps: int) -> list[Row]:
    """Play a trial, and say of each of its methods what became of it.

    Args:
        trial: What is played; its equilibrium is (0, 0).
        start: Where all methods begin.
        steps: How many updates.
    """
    paths = play(trial, start, steps)
    eigenvalues = update_eigenvalues(trial) if trial.steady else [None] * len(trial.methods)
    rows = []
    for method, path, values in zip(trial.methods, paths, eigenvalues, strict=True):
        distances = np.hypot(path[:, 0], path[:, 1])
        rate = observed_rate(distances)
        rows.append(
            Row(
                method=method,
                dynamics=trial.dynamics,
                path=path,
                final_distance=float(distances[-1]),
                verdict=verdict(distances),
                eigenvalues=values,
                observed_rate=rate,
            )
        )
    return rows


def play(trial: Trial, start: tuple[float, float], steps: int) -> list[Array]:
    """Each method's path, `(steps + 1, 2)`; always finite."""
    begin = torch.tensor(start, dtype=torch.float64).expand(len(trial.methods), 1, 2)
    players, batch = trial.players(begin.clone()), trial.batch(1)
    # Views, which follow the parameters: most of a step of two numbers is the price of its calls.
    x, y = (_number(players, player).detach().numpy() for player in trial.axes)
    path = np.empty((steps + 1, len(trial.methods), 2))
    path[0, :, 0], path[0, :, 1] = x, y
    for step in range(1, steps + 1):
        try:
            trial.step(players, lambda: batch, step - 1)
        except NonFiniteError:
            path[step:] = _gone(path[step - 1])
            break
        path[step, :, 0], path[step, :, 1] = x, y
        if np.abs(path[step]).max() > FAR / 2:
            path[step] = _held(path[step])
            x[:], y[:] = path[step].T
    if trial.averaged:
        path = path.cumsum(0) / np.arange(1, steps + 2)[:, None, None]
    return list(path.transpose(1, 0, 2))


def numbers(trial: Trial, players: Players) -> Tensor:
    """Where the players stand, `(methods * copies, 2)`."""
    return torch.stack([_number(players, player).detach() for player in trial.axes], dim=-1)


def displacements(trial: Trial, points: Array) -> Array:
    """Where one step leads from each of some points.

    Args:
        trial: What is played.
        points: `(N, 2)`.

    Returns:
        `(methods, N, 2)`.
    """
    copies = len(points)
    starts = torch.as_tensor(points, dtype=torch.float64).expand(len(trial.methods), copies, 2)
    players, batch = trial.players(starts.clone()), trial.batch(copies)
    before = numbers(trial, players)
    trial.step(players, lambda: batch, 0)
    moved: Array = (numbers(trial, players) - before).reshape(len(trial.methods), copies, 2).numpy()
    return moved


def update_eigenvalues(trial: Trial) -> list[tuple[complex, ...] | None]:
    """The eigenvalues of one update at the equilibrium, for each method, the largest first.

    The map is that of the players' numbers and of all that the dynamics remembers; its Jacobian is taken by
    central differences in float64. `None` where two step sizes disagree, since the map has a kink there, and
    where it is not finite.
    """
    try:
        fine, coarse = (update_jacobians(trial, size) for size in (1e-5, 1e-4))
    except NonFiniteError:
        return [None] * len(trial.methods)
    found: list[tuple[complex, ...] | None] = []
    for one, other in zip(fine, coarse, strict=True):
        smooth = bool(np.abs(one - other).max() < 1e-4 * max(1.0, np.abs(one).max()))
        values = sorted(np.linalg.eigvals(one).tolist(), key=lambda value: (-abs(value), -value.imag))
        found.append(tuple(complex(value) for value in values) if smooth else None)
    return found


def update_jacobians(trial: Trial, size: float) -> Array:
    """The Jacobian of one update at (0, 0) by central differences, `(methods, d, d)`."""
    rows = len(trial.methods)
    players, batch = trial.players(torch.zeros(rows, 1, 2, dtype=torch.float64)), trial.batch(1)
    trial.step(players, lambda: batch, 0)  # from here on the dynamics has a past
    tensors = [*(_number(players, player) for player in trial.axes), *players.memory.values()]
    origin = [torch.zeros(rows, dtype=torch.float64) for _ in tensors]
    keys = list(players.memory)

    def after(place: int, shift: float) -> Tensor:
        start = [value + shift * (number == place) for number, value in enumerate(origin)]
        for player, value in zip(trial.axes, start[:2], strict=True):
            players.set_values(player, [value])
        players.memory |= dict(zip(keys, start[2:], strict=True))
        trial.step(players, lambda: batch, 1)
        end = [*(_number(players, player) for player in trial.axes), *(players.memory[key] for key in keys)]
        return torch.stack([value.detach().clone() for value in end], dim=-1)

    columns = [(after(place, size) - after(place, -size)) / (2 * size) for place in range(len(tensors))]
    jacobians: Array = torch.stack(columns, dim=-1).numpy()
    return jacobians


def observed_rate(distances: Array) -> float:
    """What the distance is multiplied with in a step, by least squares on its logarithm, late in the path.

    Example:
        >>> round(observed_rate(2.0 * 0.9 ** np.arange(100)), 6)
        0.9
    """
    over = np.flatnonzero((distances < FLOOR) | (distances >= FAR))
    end = int(over[0]) if len(over) else len(distances)
    begin = end // 2
    if end - begin < 2:
        return 0.0 if distances[-1] < FLOOR else math.inf
    slope = np.polynomial.Polynomial.fit(np.arange(begin, end), np.log(distances[begin:end]), 1)
    return float(np.exp(slope.convert().coef[1]))


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


def _number(players: Players, player: str) -> Tensor:
    (parameter,) = players.parameters[player].values()
    return parameter


def _held(points: Array) -> Array:
    """Points beyond `FAR` brought back to it."""
    distances = np.hypot(points[:, 0], points[:, 1])[:, None]
    held: Array = np.where(distances > FAR, points * (FAR / distances), points)
    return held


def _gone(points: Array) -> Array:
    """The point that is farthest out, put at `FAR`; the others as they are."""
    distances = np.hypot(points[:, 0], points[:, 1])[:, None]
    gone: Array = np.where(distances == distances.max(), points * (FAR / distances), points)
    return gone
