"""Losses: pairs of pure functions from scores to the loss of each player."""

from poise.losses.classic import HINGE, LEAST_SQUARES, MINIMAX, NON_SATURATING
from poise.losses.loss import Loss
from poise.losses.relativistic import RELATIVISTIC_AVERAGE, RELATIVISTIC_PAIRING
from poise.losses.wasserstein import BEGAN, WASSERSTEIN
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
