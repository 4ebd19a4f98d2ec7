"""Dynamics: how two players move at once, for any game."""

from poise.dynamics.alternating import ALTERNATING
from poise.dynamics.alternating_by_epoch import ALTERNATING_BY_EPOCH
from poise.dynamics.dynamics import Dynamics
from poise.dynamics.game import Batch, Cost, Game
from poise.dynamics.match import Match, NonFiniteError
from poise.dynamics.simultaneous import SIMULTANEOUS
from poise.registry import Registry

DYNAMICS: Registry[Dynamics] = Registry("dynamics", [ALTERNATING, ALTERNATING_BY_EPOCH, SIMULTANEOUS])

__all__ = ["DYNAMICS", "Batch", "Cost", "Dynamics", "Game", "Match", "NonFiniteError"]
