"""Losses: pairs of pure functions from scores to the cost of each player."""

from poise.losses.began import BEGAN
from poise.losses.hinge import HINGE
from poise.losses.least_squares import LEAST_SQUARES
from poise.losses.loss import Loss
from poise.losses.minimax import MINIMAX
from poise.losses.non_saturating import NON_SATURATING
from poise.losses.relativistic_average import RELATIVISTIC_AVERAGE
from poise.losses.relativistic_pairing import RELATIVISTIC_PAIRING
from poise.losses.wasserstein import WASSERSTEIN
from poise.registry import Registry

LOSSES: Registry[Loss] = Registry(
    "loss",
    [
        MINIMAX,
        NON_SATURATING,
        LEAST_SQUARES,
        WASSERSTEIN,
        HINGE,
        RELATIVISTIC_PAIRING,
        RELATIVISTIC_AVERAGE,
        BEGAN,
    ],
)

__all__ = ["LOSSES", "Loss"]
