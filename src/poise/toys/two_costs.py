"""A game of two numbers with a cost function for each, of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from poise.dynamics import DYNAMICS, Batch, Players
from poise.errors import PoiseError
from poise.games.adversarial import AdversarialGame, Term
from poise.games.view import View
from poise.registry import checked_settings
from poise.toys.lab import Trial, two_players

CostFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class TwoCosts:
    """The game of x, who minimises `first(x, y)`, and y, who minimises `second(x, y)`; x is updated first.

    Attributes:
        first: From numbers `(copies,)`, `(copies,)` to the cost of x in each copy, `(copies,)`.
        second: The same for the cost of y.

    Example:
        A bilinear game with a slope of its own, under two dynamics.

        >>> from poise.toys import TwoCosts, judge, two_costs_trial
        >>> game = TwoCosts(
        ...     first=lambda x, y: 2 * x * y,
        ...     second=lambda x, y: -2 * x * y,
        ... )
        >>> for dynamics in ("simultaneous", "extragradient"):
        ...     (row,) = judge(two_costs_trial(game, dynamics, rate=0.2), start=(1, 1), steps=200)
        ...     print(dynamics, row.verdict, f"{row.spectral_radius:.3f}")
        simultaneous diverges 1.077
        extragradient converges 0.930
    """

    first: CostFunction
    second: CostFunction


def two_costs_trial(
    game: TwoCosts,
    dynamics: str = "simultaneous",
    *,
    rate: float = 0.1,
    limits: Mapping[str, float] | None = None,
    name: str = "",
    **settings: Any,
) -> Trial:
    """A game of two costs under one dynamics, ready for `judge`.

    Args:
        game: The game; its equilibrium is (0, 0).
        dynamics: The name of the dynamics.
        rate: The size of plain gradient steps.
        limits: `{"y": 1.0}` keeps y within plus or minus 1.
        name: The name of the method; that of the dynamics by default.
        settings: The settings of the dynamics.

    Raises:
        PoiseError: The dynamics or a setting of it does not exist, or a cost cannot be differentiated.
    """
    step = DYNAMICS.named(dynamics).step
    checked = checked_settings(settings, step, owner=f"dynamics '{dynamics}'")
    for one in inspect.signature(step).parameters.values():
        if one.kind is one.KEYWORD_ONLY and one.name not in checked:
            what = f"A game of two costs cannot use the dynamics '{dynamics}'"
            why = f"it needs '{one.name}', and the game has no data"
            hint = "choose another dynamics, such as 'alternating'"
            raise PoiseError(what, code="toys.needs-data", why=why, hint=hint)
    costs = {"x": game.first, "y": game.second}
    for player, cost in costs.items():
        _check_cost(player, cost)
    terms = [Term(f"{player}_cost", player, partial(_summed, cost)) for player, cost in costs.items()]
    played = AdversarialGame(lambda networks, batch: {}, tuple(terms), players=("x", "y"))
    clamps = {player: torch.tensor(limit, dtype=torch.float64) for player, limit in (limits or {}).items()}

    def begin(starts: Tensor) -> tuple[Players, Batch]:
        empty = torch.zeros(1, 1, dtype=torch.float64)
        players = two_players(
            played, dict.fromkeys(costs, lambda number: number), starts, rate=rate, limits=clamps
        )
        return players, Batch(real=empty, latent=empty, step=0, generator=torch.Generator())

    return Trial((name or dynamics,), dynamics, begin, partial(step, **checked))


def _summed(cost: CostFunction, view: View) -> Tensor:
    """The sum over copies, so that each number's gradient is that of its own copy."""
    return cost(view.networks["x"](), view.networks["y"]()).sum()


def _check_cost(player: str, cost: CostFunction) -> None:
    """Compute and differentiate a cost at a point, so that the error names the player."""
    point = {
        name: torch.full((2,), value, dtype=torch.float64, requires_grad=True)
        for name, value in (("x", 0.5), ("y", 0.25))
    }
    try:
        value = cost(point["x"], point["y"])
    except Exception as error:
        what, why = f"The cost of {player} cannot be computed", f"{type(error).__name__}: {error}"
        hint = "write it in torch's functions of the tensors x and y"
        raise PoiseError(what, code="toys.cost-fails", why=why, hint=hint) from None
    if not isinstance(value, Tensor) or value.shape not in ((), (2,)):
        what = f"The cost of {player} is not a tensor of the shape of x and y"
        found = f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        why, hint = (
            f"for numbers of shape (2,) it is {found}",
            "compute it from x and y alone, number by number",
        )
        raise PoiseError(what, code="toys.cost-shape", why=why, hint=hint)
    grads = (
        torch.autograd.grad(value.sum(), point[player], allow_unused=True) if value.requires_grad else [None]
    )
    if grads[0] is None:
        what = f"The cost of {player} does not depend on {player}"
        why = "a player is updated along the gradient of its cost by its own number"
        hint = f"let {player} enter it, and do not detach anything"
        raise PoiseError(what, code="toys.cost-constant", why=why, hint=hint)
