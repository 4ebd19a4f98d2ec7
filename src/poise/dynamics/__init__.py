"""Dynamics: how two players are updated at once, for any game."""

from poise.dynamics.alternating import ALTERNATING
from poise.dynamics.alternating_by_epoch import ALTERNATING_BY_EPOCH
from poise.dynamics.consensus import CONSENSUS
from poise.dynamics.dynamics import Dynamics
from poise.dynamics.extragradient import EXTRAGRADIENT
from poise.dynamics.extrapolation_from_the_past import EXTRAPOLATION_FROM_THE_PAST
from poise.dynamics.game import Batch, Game, PlayerLoss
from poise.dynamics.optimistic import OPTIMISTIC
from poise.dynamics.players import NonFiniteError, Players
from poise.dynamics.simultaneous import SIMULTANEOUS
from poise.dynamics.symplectic_gradient_adjustment import SYMPLECTIC_GRADIENT_ADJUSTMENT
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
