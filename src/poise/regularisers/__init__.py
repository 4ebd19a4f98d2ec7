"""Regularisers: what either player pays besides its adversarial loss, and the projection of weights."""

from poise.registry import Registry
from poise.regularisers.drift import DRIFT, drift
from poise.regularisers.gradient_penalties import (
    DRAGAN,
    R1,
    R2,
    WGAN_GP,
    dragan,
    of_critic,
    r1,
    r2,
    squared_gradient_norm,
    wgan_gp,
)
from poise.regularisers.path_length import PATH_LENGTH, path_length
from poise.regularisers.reconstruction import RECONSTRUCTION, reconstruction
from poise.regularisers.regulariser import Critic, Regulariser
from poise.regularisers.spectrum import SPECTRUM, spectrum
from poise.regularisers.weight_clipping import clip_weights

REGULARISERS: Registry[Regulariser] = Registry(
    "regulariser", [R1, R2, WGAN_GP, DRAGAN, PATH_LENGTH, RECONSTRUCTION, DRIFT, SPECTRUM]
)

__all__ = [
    "REGULARISERS",
    "Critic",
    "Regulariser",
    "clip_weights",
    "dragan",
    "drift",
    "of_critic",
    "path_length",
    "r1",
    "r2",
    "reconstruction",
    "spectrum",
    "squared_gradient_norm",
    "wgan_gp",
]
