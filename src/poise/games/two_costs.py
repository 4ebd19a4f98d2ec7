"""Two costs: a game between two numbers, each with a cost function of anybody's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from poise.dynamics import DYNAMICS, Batch, Players
from poise.errors import PoiseError
from poise.games.adversarial import AdversarialGame
from poise.games.lab import Trial
from poise.games.plain_steps import plain_steps
from poise.games.term import Term
from poise.registry import checked_settings

AXES = ("x", "y")
CostFunction = Callable[[Tensor, Tensor], Tensor]


class Number(nn.Module):
    """A network that is one number, or one for each copy of the game.

    Args:
        value: `(copies,)`.
    """

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value)

    def forward(self) -> Tensor:
        """The number."""
        return self.value


@dataclass(frozen=True)
class TwoCosts:
    """The game of x, who pays `first(x, y)`, and y, who pays `second(x, y)`; x moves first.

    Attributes:
        first: From numbers `(copies,)`, `(copies,)` to what x pays in each copy, `(copies,)`.
        second: What y pays.

    Example:
        A bilinear game with a slope of its own, under two dynamics.

        >>> from poise.games import TwoCosts, judge, two_costs_trial
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

    @property
    def game(self) -> AdversarialGame:
        """The game as dynamics see it; losses are summed over copies, so that each has its own gradient."""

        def term(player: str, function: CostFunction) -> Term:
            return Term(
                f"{player}_cost",
                player,
                lambda view: function(view.networks["x"](), view.networks["y"]()).sum(),
            )

        return AdversarialGame(
            lambda networks, batch: {}, (term("x", self.first), term("y", self.second)), players=("x", "y")
        )


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
        dynamics: The dynamics' name.
        rate: The size of plain gradient steps.
        limits: `{"y": 1.0}` keeps y within plus or minus 1.
        name: What the method is called; the dynamics' name where none is given.
        settings: The dynamics' settings.

    Raises:
        PoiseError: The dynamics or a setting of it does not exist, or a cost cannot be differentiated.
    """
    _check_costs(game)
    part = DYNAMICS.named(dynamics)
    checked = checked_settings(settings, part.step, owner=f"dynamics '{dynamics}'")

    def players(starts: Tensor) -> Players:
        modules = {player: Number(starts[..., place].flatten()) for place, player in enumerate(AXES)}
        return Players(
            game=game.game,
            networks=modules,
            parameters={player: dict(module.named_parameters()) for player, module in modules.items()},
            optimisers={player: plain_steps(module.parameters(), rate) for player, module in modules.items()},
            projections={
                player: partial(_keep_within, modules[player].value, limit)
                for player, limit in (limits or {}).items()
            },
        )

    return Trial(
        methods=(name or dynamics,),
        dynamics=dynamics,
        players=players,
        step=partial(part.step, **checked),
        batch=nothing,
        axes=AXES,
        labels=AXES,
    )


def _check_costs(game: TwoCosts) -> None:
    """Try both costs at a point, so that what cannot be played is told by the player's name."""
    numbers = {
        player: torch.full((2,), value, dtype=torch.float64, requires_grad=True)
        for player, value in zip(AXES, (0.5, 0.25), strict=True)
    }
    for player, function in zip(AXES, (game.first, game.second), strict=True):
        try:
            value = function(numbers["x"], numbers["y"])
        except Exception as error:
            raise PoiseError(
                f"The cost of {player} cannot be computed",
                why=f"{type(error).__name__}: {error}",
                hint="write it in torch's functions of the tensors x and y",
            ) from None
        if not isinstance(value, Tensor) or value.shape not in ((), (2,)):
            kind = f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise PoiseError(
                f"The cost of {player} is no tensor of the shape of x and y",
                why=f"for numbers of shape (2,) it is {kind}",
                hint="compute it from x and y alone, number by number",
            )
        own = numbers[player]
        if not value.requires_grad or torch.autograd.grad(value.sum(), own, allow_unused=True)[0] is None:
            raise PoiseError(
                f"The cost of {player} does not depend on {player}",
                why="a player moves down the gradient of its cost by its own number",
                hint=f"let {player} enter it, and nothing be detached",
            )


def nothing(copies: int) -> Batch:
    """A batch of a game that has no data."""
    empty = torch.zeros(copies, 1, dtype=torch.float64)
    return Batch(real=empty, latent=empty, step=0, generator=torch.Generator())


@torch.no_grad()
def _keep_within(number: Tensor, limit: float) -> None:
    number.clamp_(-limit, limit)
