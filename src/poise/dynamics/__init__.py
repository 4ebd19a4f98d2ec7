"""Dynamics: how two players are updated at once, for any game."""

from poise.dynamics.alternating import ALTERNATING, ALTERNATING_BY_EPOCH
from poise.dynamics.game import Batch, Dynamics, Game, PlayerLoss
from poise.dynamics.joint import SIMULTANEOUS
from poise.dynamics.look_ahead import EXTRAGRADIENT, EXTRAPOLATION_FROM_THE_PAST, OPTIMISTIC
from poise.dynamics.players import NonFiniteError, Players
from poise.dynamics.second_order import CONSENSUS, SYMPLECTIC_GRADIENT_ADJUSTMENT
from poise.dynamics.unrolled import UNROLLED
from poise.registry import Registry

DYNAMICS: Registry[Dynamics] = Registry(
    "dynamics",
    [
        ALTERNATING,
        ALTERNATING_BY_EPOCH,
        SIMULTANEOUS,
        CONSENSUS,
        EXTRAGRADIENT,
        EXTRAPOLATION_FROM_THE_PAST,
        OPTIMISTIC,
        SYMPLECTIC_GRADIENT_ADJUSTMENT,
        UNROLLED,
    ],
)

__all__ = ["DYNAMICS", "Batch", "Dynamics", "Game", "NonFiniteError", "PlayerLoss", "Players"]
